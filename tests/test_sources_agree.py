"""The same thirty days by the agent's history, a CSV file, a Prometheus and a VictoriaMetrics.

The source is the synthetic one of test_shares_agree.py, without its outages: what each source then
saw, it saw whole. One CSV file is the history's own export, another one is made of the true rates.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from agent.judge.rates import TICK_S
from tests.agentproc import netfold, write
from tests.peers import KEEP_OLD, backfill, prometheus
from tests.test_shares_agree import (
    AGREEMENT,
    CAPACITY_BPS,
    END,
    START_S,
    STEP_S,
    TIMES_S,
    Line,
    department,
    lines,
    readings,
    recorded,
    scraped,
)
from tests.victoria import victoria

AT = END.strftime("%Y-%m-%dT%H:%M")


@dataclass(frozen=True, slots=True)
class Answers:
    """What `assess --json` says by each source: each link's row."""

    by: Mapping[str, Mapping[str, Any]]
    plans: Mapping[str, Mapping[str, Any]]
    """What `plan --json` says, the first line being the uplink of the others."""

    def shares(self, source: str) -> dict[tuple[str, str, int], float]:
        return {
            (link, rule["rule"], bound): rule["share"][bound]
            for link, row in self.by[source].items()
            for rule in row["rules"]
            for bound in (0, 1)
        }


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("sources")
    random = np.random.default_rng(6)
    seen_whole = [Line(it.name, it.receive, it.transmit) for it in lines(random)[:5]]
    read = {line.name: list(readings(line, random)) for line in seen_whole}
    config = department(folder, read)
    samples = list(scraped(recorded(read, config), config, random))
    path = folder / "netfold.yaml"
    found = {"history": assessed("-c", path)}
    (folder / "export.csv").write_text(netfold("history", "export", "-c", path).stdout)
    found["csv"] = assessed("--series", folder / "export.csv")
    found["truth"] = assessed("--series", table(folder, seen_whole))
    moving = with_an_uplink(path)
    plans = {"history": planned("-c", moving)}
    backfill(samples, folder / "prometheus")
    with prometheus({}, folder / "prometheus", *KEEP_OLD) as server:
        found["prometheus"] = assessed("-c", path, "--prometheus", server.url)
        plans["prometheus"] = planned("-c", moving, "--prometheus", server.url)
    with victoria(samples, folder / "victoria") as url:
        found["victoriametrics"] = assessed("-c", path, "--prometheus", url)
    return Answers(found, plans)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("source", ["csv", "truth", "prometheus", "victoriametrics"])
def test_each_source_gives_the_verdicts_and_shares_of_the_agents_own_history(
    answers: Answers, source: str
) -> None:
    own, other = answers.shares("history"), answers.shares(source)
    assert own.keys() == other.keys()
    assert len(own) == 5 * 6 * 2
    apart = {
        it: other[it] - share for it, share in own.items() if source != "truth" or is_smooth(it)
    }
    assert {it: by for it, by in apart.items() if abs(by) > AGREEMENT} == {}
    assert statuses(answers, source) == statuses(answers, "history")


def test_the_thirty_days_are_fully_seen_and_of_every_kind(answers: Answers) -> None:
    for rows in answers.by.values():
        assert min(it["evidence"]["seen_ratio"] for it in rows.values()) > 0.999
    assert len(set(statuses(answers, "history").values())) >= 3


def test_a_prometheus_gives_the_plan_of_the_agents_own_history(answers: Answers) -> None:
    own, other = answers.plans["history"], answers.plans["prometheus"]
    assert own["totals"] == other["totals"]
    assert own["waves"]
    for one, same in zip(own["waves"], other["waves"], strict=True):
        assert one["lines"] == same["lines"]
        for hold, held in zip(one["uplinks"][0]["rules"], same["uplinks"][0]["rules"], strict=True):
            assert held["share"] == pytest.approx(hold["share"], abs=AGREEMENT)


def is_smooth(share: tuple[str, str, int]) -> bool:
    """Whether it is of a line whose bursts do not start sharp on a tick.

    Of the nightly one a poll a minute spills some seconds into the tick before or after, true of
    all that poll; the true rates know nothing of polls.
    """
    return share[0] != "nightly"


def statuses(answers: Answers, source: str) -> dict[str, str]:
    return {link: row["status"] for link, row in answers.by[source].items()}


def assessed(*source: str | Path) -> dict[str, Any]:
    done = netfold("assess", *source, "--at", AT, "--json", timeout_s=200)
    assert (done.returncode, done.stderr) == (0, "")
    return {it["subject"]: it for it in json.loads(done.stdout) if it["kind"] == "link"}


def planned(*source: str | Path) -> dict[str, Any]:
    done = netfold("plan", *source, "--at", AT, "--json", timeout_s=200)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def with_an_uplink(config: Path) -> Path:
    """The same lines; all but the first may move, and that one is where to."""
    said = yaml.safe_load(config.read_text(encoding="utf-8"))
    first = said["links"][0]
    said["networks"] = [
        {"name": "edu", "kind": "dedicated", "destination": "extranet"},
        {"name": "extranet", "kind": "extranet", "uplinks": [first["name"]]},
    ]
    first["network"] = "extranet"
    path = config.with_name("moving.yaml")
    write(path, said)
    return path


def table(folder: Path, its: list[Line]) -> Path:
    path = folder / "true.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("subject,unix_time,receive_bps,transmit_bps,capacity_bps\n")
        for line in its:
            file.writelines(rows(line))
    return path


def rows(line: Line) -> Iterator[str]:
    steps = int(TICK_S // STEP_S)
    ticks = len(TIMES_S) // steps
    receive, transmit = (
        rate[: ticks * steps].reshape(ticks, steps).mean(axis=1).tolist()
        for rate in (line.receive, line.transmit)
    )
    for number, (one, other) in enumerate(zip(receive, transmit, strict=True)):
        yield f"{line.name},{START_S + number * TICK_S:.0f},{one},{other},{CAPACITY_BPS}\n"
