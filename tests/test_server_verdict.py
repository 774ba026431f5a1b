"""Servers judged by the agent's own history: named cases, and what the words around them do."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.assessment import assess
from agent.history import History, Record, SeriesKey
from agent.history_reader import HistoryReader
from agent.judge.rates import Tick
from agent.verdict import Verdict
from config.load import load
from tests.agentproc import netfold, write

DAY = 288
TICKS = 14 * DAY
END = 6_000_000  # 2027-01-15T08:00 in UTC
FIRST = END - TICKS
TODAY = date(2027, 1, 16)
NUMBER = np.arange(TICKS)
GB = 2.0**30
IDLE = {"cpu": 0.01, "memory": 0.2, "cores": 4, "receive": 2e3, "transmit": 1e3}

Levels = Mapping[str, float | np.ndarray]


def remember(
    history: History, server: str, levels: Levels, first: int = FIRST, ticks: int = TICKS
) -> None:
    """Write what was read of a server, NaN where nothing was; rates in bit/s."""
    values = {it: np.broadcast_to(value, ticks) for it, value in levels.items()}
    records = {}
    if "receive" in values:
        pairs = zip(values.pop("receive"), values.pop("transmit"), strict=True)
        both = [Tick(first + n, (float(a), float(b))) for n, (a, b) in enumerate(pairs)]
        records[SeriesKey("server", server, "s/eth0", "octets")] = Record(both)
    for measure, all_of_it in values.items():
        seen = [(n, value) for n, value in enumerate(all_of_it.tolist()) if value == value]  # noqa: PLR0124 - NaN is not itself
        ticks_of_it = [Tick(first + n, (value,)) for n, value in seen]
        records[SeriesKey("server", server, "s", measure)] = Record(ticks_of_it)
    history.write(records)


def configured(folder: Path, *servers: dict[str, Any]) -> Path:
    """A configuration of servers that are devices, beside a history in `data`."""
    (folder / "data").mkdir(exist_ok=True)
    until = {"reason": "old", "approver": "网络中心", "until": "2099-01-01"}
    device = {"name": "s", "address": "198.51.100.1", "credential": "old", "waiver": until}
    (folder / "c.key").write_text("public")
    (folder / "c.key").chmod(0o600)
    credential = {"name": "old", "version": "2c", "community": {"file": "c.key"}}
    config = {"node": {"name": "test"}, "data_dir": "data", "credentials": [credential]}
    config |= {"devices": [device], "servers": [{"device": "s", **it} for it in servers]}
    write(folder / "netfold.yaml", config)
    return folder / "netfold.yaml"


def judged(folder: Path, *servers: dict[str, Any], **levels: Levels) -> dict[str, Verdict]:
    path = configured(folder, *servers)
    history = History(folder / "data" / "history.sqlite")
    for name, its in levels.items():
        remember(history, name, its)
    history.close()
    config = load(path)
    with HistoryReader(config.data_dir / "history.sqlite") as reader:
        return {it.subject: it for it in assess(config, reader, END, TODAY)}


HOUR_A_NIGHT = NUMBER % DAY < 12


@pytest.mark.parametrize(
    ("levels", "status"),
    [
        pytest.param(IDLE, "idle", id="nearly nothing"),
        pytest.param(IDLE | {"memory": 0.6}, "idle", id="idle, 60 % of its memory held"),
        pytest.param(IDLE | {"cpu": 0.05}, "low_use", id="steady 5 %"),
        pytest.param(IDLE | {"cpu": 0.05, "memory": 0.3}, "normal", id="5 %, memory 30 %"),
        pytest.param(
            IDLE | {"cpu": np.where(HOUR_A_NIGHT, 0.4, 0.01)},
            "low_use",
            id="a batch server, an hour a night at 40 %: 4.2 % of the time",
        ),
        pytest.param(
            IDLE | {"cpu": np.where(HOUR_A_NIGHT, 0.6, 0.01)},
            "normal",
            id="a batch server, an hour a night at 60 %",
        ),
        pytest.param(
            IDLE | {"cpu": 1 / 64, "cores": 64}, "low_use", id="one of 64 cores at 100 % all day"
        ),
        pytest.param(
            IDLE | {"cpu": 1 / 64, "cores": np.where(NUMBER < 9, 64.0, np.nan)},
            "low_use",
            id="the same, its cores told once",
        ),
        pytest.param(IDLE | {"receive": 2e6}, "low_use", id="2 Mbit/s received all day"),
        pytest.param(IDLE | {"transmit": 2e6}, "low_use", id="2 Mbit/s sent all day"),
        pytest.param(IDLE | {"cpu": 0.75}, "busy", id="steady 75 %"),
        pytest.param(IDLE | {"cpu": 0.10}, "normal", id="the limit itself is use"),
        pytest.param(
            IDLE | {"cpu": np.where(NUMBER < 3 * DAY, np.nan, 0.01)}, "unknown", id="3 days lost"
        ),
        pytest.param(
            IDLE | {"cpu": np.where(NUMBER % DAY < 3, np.nan, 0.01)},
            "low_use",
            id="a quarter of an hour lost each night: idle's 0.5 % is not proven",
        ),
        pytest.param({"memory": 0.2, "cores": 4}, "unknown", id="its CPU is not told"),
        pytest.param({"cpu": 0.01, "memory": 0.2}, "low_use", id="its NICs and cores are not told"),
        pytest.param({}, "unknown", id="never measured"),
    ],
)
def test_named_cases_of_a_server(tmp_path: Path, levels: Levels, status: str) -> None:
    assert judged(tmp_path, {"name": "db1"}, db1=levels)["db1"].status == status


def test_a_server_whose_data_tell_nothing_is_never_idle_nor_promised_to_be(tmp_path: Path) -> None:
    found = judged(tmp_path, {"name": "db1"}, db1={"cpu": 0.01})["db1"]
    assert (found.status, found.earliest_s) == ("unknown", None)  # low_use asks for its memory


def test_exempt_and_standby_servers_are_said_to_be_so(tmp_path: Path) -> None:
    until = {"reason": "灾备", "approver": "网络中心", "until": "2027-06-30"}
    over = until | {"until": "2027-01-15"}
    found = judged(
        tmp_path,
        {"name": "a", "role": "standby"},
        {"name": "b", "exempt": until},
        {"name": "c", "exempt": over},
        **dict.fromkeys("abc", IDLE),
    )
    assert [found[name].status for name in "abc"] == ["standby", "exempt", "idle"]
    assert found["a"].judgement.status == "idle"


def test_a_servers_busy_period_must_have_been_seen_to_be_quiet(tmp_path: Path) -> None:
    path = configured(tmp_path, {"name": "a", "busy_periods": ["06-01..06-10", "month_end"]})
    june = int(datetime(2026, 5, 31, 16, tzinfo=UTC).timestamp()) // 300
    december = int(datetime(2026, 12, 28, 16, tzinfo=UTC).timestamp()) // 300
    history = History(tmp_path / "data" / "history.sqlite")
    remember(history, "a", IDLE)
    remember(history, "a", IDLE, december, 3 * DAY)
    history.close()
    config = load(path)

    def found() -> Verdict:
        with HistoryReader(config.data_dir / "history.sqlite") as reader:
            return next(iter(assess(config, reader, END, TODAY)))

    assert (found().status, found().judgement.unproven) == ("unknown", ("06-01..06-10",))
    assert found().earliest_s == datetime(2027, 6, 10, 16, tzinfo=UTC).timestamp()
    history = History(tmp_path / "data" / "history.sqlite")
    remember(history, "a", IDLE, june, 10 * DAY)
    history.close()
    assert found().status == "idle"


def test_what_a_server_has_is_as_last_told(tmp_path: Path) -> None:
    grown = np.where(NUMBER < DAY, 4.0, 8.0)
    levels = IDLE | {"cores": grown, "memory_bytes": 16 * GB, "disk_bytes": 200 * GB}
    assert judged(tmp_path, {"name": "a"}, a=levels)["a"].sizes == (8, 16 * GB, 200 * GB)
    assert judged(tmp_path, {"name": "new"})["new"].sizes == (None, None, None)


def test_a_server_that_is_another_device_now_keeps_its_past(tmp_path: Path) -> None:
    path = configured(tmp_path, {"name": "a"})
    history = History(tmp_path / "data" / "history.sqlite")
    for at, (device, first) in enumerate((("old", FIRST), ("new", FIRST + 7 * DAY))):
        ticks = [Tick(number, (0.2 + at / 10,)) for number in range(first, first + 7 * DAY)]
        history.write({SeriesKey("server", "a", device, "cpu"): Record(ticks)})
    history.close()
    config = load(path)
    with HistoryReader(config.data_dir / "history.sqlite") as reader:
        (found,) = assess(config, reader, END, TODAY)
    assert found.main_evidence is not None
    assert found.main_evidence.seen_ratio == 1
    assert found.main_evidence.mean == pytest.approx(0.25)
    assert found.status == "normal"


def test_assess_and_explain_know_servers(tmp_path: Path) -> None:
    judged(tmp_path, {"name": "db1"}, db1=IDLE)
    at = datetime.fromtimestamp(END * 300, UTC).isoformat()
    path = tmp_path / "netfold.yaml"
    done = netfold("assess", "-c", path, "--at", at, "--json")
    assert done.returncode == 0, done.stderr
    (said,) = json.loads(done.stdout)
    assert (said["kind"], said["status"]) == ("server", "idle")
    assert list(said["evidence"]) == ["cpu", "memory", "cores", "network"]
    assert netfold("explain", "db1", "-c", path, "--at", at).stdout.startswith("server db1: idle\n")
