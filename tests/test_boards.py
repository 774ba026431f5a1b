"""The boards: every query answered by a real Prometheus, and the rules of Grafana's linter."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.catalogue import catalogue
from agent.clock import now
from agent.history import Capacity, History, Record, SeriesKey
from agent.journal import opened
from agent.judge.rates import Tick
from dashboards.boards.dedicated_networks import dedicated_networks
from dashboards.boards.migration_overview import migration_overview
from dashboards.build import GENERATED
from dashboards.rules import recording_rules
from tests.agentproc import running
from tests.peers import Prometheus, prometheus, scraping
from tests.test_assessor import judged
from tests.testbed import eventually

BOARDS = [pytest.param(it(), id=it.__name__) for it in (dedicated_networks, migration_overview)]
every_board = pytest.mark.parametrize("board", BOARDS)

CHOSEN = {
    "job": "netfold",
    "instance": ".+",
    "network": "edu|tax|old|past",
    "__rate_interval": "10s",
}
NETWORKS = {
    "edu": {"annual_cost_yuan": "1680000", "plan": {"connected": "2020-01-01"}},
    "tax": {"annual_cost_yuan": "900000"},
    "old": {"annual_cost_yuan": "20000", "phase": "cut_over"},
    "past": {"annual_cost_yuan": "50000", "owner": "市水务局", "region": "440304"},
}
RATES = {"edu": 0.0, "tax": 2e7, "old": 0.0, "past": 2e7}
"""bit/s of each network's one line of 100M."""

STEPS = (("past", "surveyed", 60), ("old", "connected", 20), ("past", "funding_cut", 3))
"""What was declared before, and how many days ago."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes an agent which has seen thirty days; one line is seen now."""
    folder = tmp_path_factory.mktemp("boards")
    with (
        running(folder / "agent", department(folder / "agent")) as agent,
        prometheus(scraping(agent.address), folder / "prometheus") as found,
    ):
        judged(agent)
        counted = "count_over_time(netfold_link_verdict[1m]) >= 3"
        eventually(lambda: found.query(counted), deadline_s=30)
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
    line = {
        "bandwidth": "100M",
        "annual_cost_yuan": "168000",
        "contract_end": "2099-06-30",
    }
    return {
        "networks": [{"name": it, "kind": "dedicated"} | NETWORKS[it] for it in NETWORKS],
        "links": [
            {"name": f"{name}-a", "network": name, "interface": {"local": nic}} | line
            for name, nic in zip(NETWORKS, ("lo", "none0", "none1", "none2"), strict=True)
        ],
        "milestones": [{"name": "half", "by": "2020-06-30", "share": "50%"}],
    }


@every_board
def test_every_query_returns_data(server: Prometheus, board: dict[str, Any]) -> None:
    empty = [
        (panel["title"], target["refId"], filled(target["expr"]))
        for panel in panels(board)
        for target in panel["targets"]
        if not server.query(filled(target["expr"]))
    ]
    assert empty == []


@every_board
def test_every_choice_finds_what_there_is(server: Prometheus, board: dict[str, Any]) -> None:
    found = {}
    for one in board["templating"]["list"][1:]:
        match = re.fullmatch(r"label_values\((.+), (\w+)\)", one["query"])
        assert match is not None, one["query"]
        series, label = match.groups()
        found[one["name"]] = {it["metric"][label] for it in server.query(filled(series))}
    assert found["job"] == {"netfold"}
    assert len(found["instance"]) == 1
    assert found["network"] == {"edu", "tax", "old", "past"}


def test_what_can_be_given_back_is_listed_with_its_yuan_and_proof(server: Prometheus) -> None:
    assert shown(server, "Reclaimable a year") == {(): 1_700_000}
    counts = shown(server, "Networks by verdict", "status")
    assert {k: v for k, v in counts.items() if v} == {("idle",): 2, ("normal",): 2}
    # The network that is cut over is idle on purpose: it is counted, and no finding.
    assert shown(server, "Low-use networks", "network", "status") == {("edu", "idle"): 1_680_000}
    assert shown(server, "Low-use lines", "link", "status") == {("edu-a", "idle"): 168_000}
    assert shown(server, "Load against capacity", "link")["tax-a",] == 1e8
    rule = "low_use: load >= 0.10 at most 0.05"
    assert shown(server, "Share of time above each threshold", "link", "rule")["tax-a", rule] == 1
    assert set(shown(server, "Load", "link")) == {("edu-a",)}
    assert shown(server, "Not seen", "link")["tax-a",] < 0.01


def test_how_far_all_are_and_what_is_late_is_shown(server: Prometheus) -> None:
    def overview(title: str, *labels: str) -> dict[tuple[str, ...], float]:
        return shown(server, title, *labels, of=migration_overview)

    assert overview("Consolidated") == {(): 0.25}
    assert overview("Saved a year") == {(): 50_000}
    assert overview("Reclaimable a year") == {(): 1_680_000}  # old is on its way, past is done
    assert overview("Networks overdue") == {(): 1}
    by_phase = overview("Networks by phase", "phase")
    assert {k: v for k, v in by_phase.items() if v} == {
        ("none",): 2,
        ("cut_over",): 1,
        ("funding_cut",): 1,
    }
    assert overview("Consolidated, by department", "department")["市水务局",] == 1
    assert overview("Overdue and due next", "network", "milestone").keys() == {("edu", "connected")}
    assert set(overview("Forecast of completion", "bound")) == {
        *(("earliest",), ("likely",), ("latest",)),
    }


@every_board
def test_every_metric_is_one_that_the_agent_exposes_or_a_rule_records(
    board: dict[str, Any],
) -> None:
    rules = (rule for group in recording_rules()["groups"] for rule in group["rules"])
    known = {it.name for it in catalogue()} | {it["record"] for it in rules}
    named = set(re.findall(r"(?:link:)?netfold_\w+(?::\w+)?", json.dumps(board["panels"])))
    assert named
    assert named <= known


# What follows states the rules of Grafana's dashboard-linter.


@every_board
def test_rule_template_datasource_a_board_asks_which_prometheus(board: dict[str, Any]) -> None:
    first = board["templating"]["list"][0]
    assert (first["name"], first["type"]) == ("datasource", "datasource")
    assert (first["query"], first["label"]) == ("prometheus", "Data source")


@every_board
def test_rules_template_job_and_instance_a_board_asks_which_nodes(board: dict[str, Any]) -> None:
    by_name = {it["name"]: it for it in board["templating"]["list"]}
    for name in ("job", "instance"):
        assert by_name[name]["type"] == "query"
        assert by_name[name]["datasource"]["uid"] == "${datasource}"
        assert (by_name[name]["multi"], by_name[name]["allValue"]) == (True, ".+")
    assert {it.get("refresh", 2) for it in by_name.values()} == {2}  # on a new time range


@every_board
def test_rule_uneditable_a_board_is_changed_in_the_code(board: dict[str, Any]) -> None:
    assert board["editable"] is False


@every_board
def test_rules_panel_every_panel_has_a_source_a_title_a_text_and_a_unit(
    board: dict[str, Any],
) -> None:
    for panel in panels(board):
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"], panel["title"]
        units = {property_["value"] for property_ in properties(panel) if property_["id"] == "unit"}
        assert "unit" in panel["fieldConfig"]["defaults"] or units, panel["title"]


@every_board
def test_rules_target_every_series_is_of_the_chosen_nodes(board: dict[str, Any]) -> None:
    for panel in panels(board):
        for target in panel["targets"]:
            selectors = re.findall(r"netfold_\w+(\{[^}]*\})?", target["expr"])
            assert selectors
            for matchers in selectors:
                assert 'job=~"$job", instance=~"$instance"' in matchers, target["expr"]


@every_board
def test_rules_target_counters_are_rated_over_an_interval_that_follows_the_scrapes(
    board: dict[str, Any],
) -> None:
    for panel in panels(board):
        for target in panel["targets"]:
            counters = re.findall(r"netfold_\w+_total\{[^}]*\}", target["expr"])
            rated = re.findall(
                r"rate\(netfold_\w+_total\{[^}]*\}\[\$__rate_interval\]\)", target["expr"]
            )
            assert len(counters) == len(rated), target["expr"]


@every_board
def test_panels_do_not_overlap_and_each_has_a_number_of_its_own(board: dict[str, Any]) -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in board["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(numbers) == len(set(numbers))


def test_every_board_is_committed() -> None:
    committed = {json.loads(it.read_text())["uid"] for it in GENERATED.glob("*.json")}
    assert committed == {it.values[0]["uid"] for it in BOARDS}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that show something."""
    return [it for it in board["panels"] if it["type"] != "row"]


def properties(panel: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for override in panel["fieldConfig"]["overrides"]:
        yield from override["properties"]


def filled(expression: str) -> str:
    """As Grafana fills in what is chosen on the board."""
    for name, value in CHOSEN.items():
        expression = expression.replace(f"${name}", value)
    assert "$" not in expression, expression
    return expression


def shown(
    server: Prometheus,
    title: str,
    *labels: str,
    of: Callable[[], dict[str, Any]] = dedicated_networks,
) -> dict[tuple[str, ...], float]:
    """What the first query of a panel gives: label values -> value."""
    found = (it for it in panels(of()) if it["title"] == title)
    series = server.query(filled(next(found)["targets"][0]["expr"]))
    return {
        tuple(it["metric"].get(label, "") for label in labels): float(it["value"][1])
        for it in series
    }
