"""A department whose report has something in every section, and names that mean to do harm."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.clock import now
from agent.history import History, Record, SeriesKey
from agent.journal import opened
from agent.judge.rates import Tick
from agent.judge.status import Status
from agent.judge.tenure import Tenure
from tests.agentproc import write
from tests.test_pages_in_chromium import busy_department

DAY_S = 86_400
HARMFUL = '=HYPERLINK("http://198.51.100.9/")'
SCRIPT = "<script>document.title = 'broken'</script>&"


def reported(folder: Path) -> Path:
    """Write the configuration, its history and its journal, and return where it is."""
    config = busy_department(folder)
    at_s = now().wall_s
    config["node"] |= {"region": "440300", "level": "city"}
    config["networks"][0]["phase"] = "surveyed"  # what moves is in no low-use list
    config["networks"] += _networks()
    config["links"][0] |= {"annual_cost_yuan": "96000", "carrier": HARMFUL, "line_type": SCRIPT}
    config["links"][0] |= {"contract_end": "2099-06-30", "notice_by": "2099-03-31"}
    config["probes"] = [
        {"name": name, "kind": "tcp", "address": "127.0.0.1", "port": 9, "network": "ext"}
        | {"purpose": "gateway"}
        for name in ("gw", "gone")
    ]
    config["milestones"] = [{"name": "half", "title": SCRIPT, "by": "2020-06-30", "share": "50%"}]
    with opened(folder / "data") as journal:
        for phase, days in (("surveyed", 60), ("funding_cut", 9)):
            journal.append("phase", "done", {"phase": phase}, "me", at_s - days * DAY_S)
        gates = [{"gate": "floor_held", "holds": False}]
        why = {"phase": "funding_cut", "reason": SCRIPT, "gates": gates}
        journal.append("override", "done", why, "me", at_s - 9 * DAY_S)
    _seen(folder, at_s)
    path = folder / "config.yaml"
    write(path, {"node": {"name": "test"}, **config, "data_dir": str(folder / "data")})
    return path


def minutes_ago(minutes: float) -> str:
    """A time for `--at`."""
    at = datetime.fromtimestamp(now().wall_s - 60 * minutes, UTC)
    return at.isoformat(timespec="minutes").removesuffix("+00:00")


def content_of(path: Path) -> dict[str, Any]:
    """What a JSON file holds."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _networks() -> list[dict[str, Any]]:
    left = {"name": "left", "kind": "dedicated", "title": SCRIPT}
    left["exempt"] = {"reason": HARMFUL, "approver": "网络中心", "until": "2099-12-31"}
    done = {"name": "done", "kind": "dedicated", "annual_cost_yuan": "50000", "owner": HARMFUL}
    return [left, done, {"name": "ext", "kind": "extranet"}]


def _seen(folder: Path, at_s: float) -> None:
    """Forty days of a gateway that was always there, and since when the silent line is idle."""
    history = History(folder / "data" / "history.sqlite")
    end = int(at_s // 300)
    levels = {"up": 1.0, "rtt": 0.02, "jitter": 0.001, "loss": 0.0}
    numbers = range(end - 40 * 288, end)
    history.write(
        {
            SeriesKey("probe", "gw", "tcp 127.0.0.1", measure): Record(
                [Tick(number, (level,)) for number in numbers]
            )
            for measure, level in levels.items()
        }
    )
    since_s = at_s - 8 * DAY_S
    tenure = Tenure(Status.IDLE, since_s, since_s, confirmed=True)
    history.keep({("link", "silent"): tenure})
    history.close()
