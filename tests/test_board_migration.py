"""The migration overview over a department of which it is known how far each network is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.clock import now
from agent.history import Capacity, History, Record, SeriesKey
from agent.journal import opened
from agent.judge.rates import Tick
from dashboards.boards.migration_overview import migration_overview
from tests.agentproc import running
from tests.board_parts import filled, named, panels
from tests.peers import Prometheus, prometheus, scraping
from tests.test_assessor import judged
from tests.testbed import eventually

NETWORKS: dict[str, dict[str, Any]] = {
    "edu": {"annual_cost_yuan": "1680000", "plan": {"connected": "2020-01-01"}},
    "tax": {"annual_cost_yuan": "900000"},
    "old": {"annual_cost_yuan": "20000", "phase": "cut_over"},
    "past": {"annual_cost_yuan": "50000", "owner": "市水务局", "region": "440304"},
}
RATES = {"edu": 0.0, "tax": 2e7, "old": 0.0, "past": 0.0}
"""bit/s of each network's one line of 100M."""

STEPS = (("past", "surveyed", 60), ("old", "connected", 20), ("past", "funding_cut", 3))
"""What was declared before, and how many days ago."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes an agent which has seen thirty days."""
    folder = tmp_path_factory.mktemp("migration")
    with (
        running(folder / "agent", department(folder / "agent")) as agent,
        prometheus(scraping(agent.address), folder / "prometheus") as found,
    ):
        judged(agent)
        eventually(lambda: found.query("netfold_progress_networks"), deadline_s=30)
        yield found


def department(folder: Path) -> dict[str, Any]:
    """Four networks of one line each: one was connected and cut over, one is done."""
    (folder / "data").mkdir(parents=True)
    end = int(now().wall_s // 300)
    history = History(folder / "data" / "history.sqlite")
    for name, rate in RATES.items():
        ticks = [Tick(number, (rate, 0.0)) for number in range(end - 8645, end)]
        key = SeriesKey("link", f"{name}-a", "local/lo", "octets")
        history.write({key: Record(ticks)}, [Capacity("link", f"{name}-a", 0.0, 1e8)])
    history.close()
    with opened(folder / "data") as journal:
        for network, phase, days in STEPS:
            journal.append("phase", network, {"phase": phase}, "someone", end * 300 - days * 86400)
    line = {"bandwidth": "100M", "annual_cost_yuan": "168000"}
    ends = dict.fromkeys(NETWORKS, "2099-06-30") | {"past": "2020-06-30"}
    return {
        "networks": [{"name": it, "kind": "dedicated"} | NETWORKS[it] for it in NETWORKS],
        "links": [
            {"name": f"{name}-a", "network": name, "interface": {"local": nic}}
            | line
            | {"contract_end": ends[name]}
            for name, nic in zip(NETWORKS, ("lo", "none0", "none1", "none2"), strict=True)
        ],
        "milestones": [{"name": "half", "by": "2020-06-30", "share": "50%"}],
    }


def shown(server: Prometheus, title: str, *labels: str) -> dict[str, dict[tuple[str, ...], float]]:
    """What each query of a panel gives, by its column or legend: label values -> value."""
    panel = next(it for it in panels(migration_overview()) if it["title"] == title)
    return {
        name: {
            tuple(it["metric"].get(label, "") for label in labels): float(it["value"][1])
            for it in server.query(filled(expression))
        }
        for name, expression in named(panel)
    }


def test_how_far_all_are_and_what_is_late_is_shown(server: Prometheus) -> None:
    def figure(title: str) -> float:
        (found,) = shown(server, title).values()
        return found[()]

    assert figure("Consolidated") == 0.25
    assert figure("Saved a year") == 50_000
    assert figure("Reclaimable a year") == 1_680_000  # old is on its way, past is done
    assert figure("Bandwidth given back") == figure("Reclaimable bandwidth") == 1e8
    assert figure("Networks overdue") == 1
    assert figure("Milestones missed") == 1


def test_networks_and_lines_are_counted_by_phase_and_department(server: Prometheus) -> None:
    by_phase = shown(server, "Networks by phase", "phase")
    for column in ("Declared", "Lines declared"):
        assert {k: v for k, v in by_phase[column].items() if v} == {
            ("none",): 2,
            ("cut_over",): 1,
            ("funding_cut",): 1,
        }
    (departments,) = shown(server, "Consolidated, by department", "department").values()
    assert departments["市水务局",] == 1


def test_what_is_due_and_what_was_missed_is_named(server: Prometheus) -> None:
    overdue = shown(server, "Overdue and due next", "network", "milestone")
    assert overdue["Late by"].keys() == overdue["Due"].keys() == {("edu", "connected")}
    milestones = shown(server, "Milestones", "milestone")
    assert milestones["Goal"] == {("half",): 0.5}
    assert milestones["Met"] == {("half",): 0}
    assert set(shown(server, "Forecast of completion", "bound")["Done"]) == {
        *(("earliest",), ("likely",), ("latest",)),
    }
