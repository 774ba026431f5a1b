"""The boards: every query answered by a real Prometheus over a real agent."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from agent.catalogue import catalogue
from agent.demo.stage import may_ping
from dashboards.alerts import alerting_rules
from dashboards.board_rules import board_rules
from dashboards.boards.connectivity import connectivity
from dashboards.boards.dedicated_networks import dedicated_networks
from dashboards.boards.lines import lines
from dashboards.boards.servers import servers
from dashboards.build import BOARDS
from dashboards.rules import recording_rules
from tests.agentproc import Agent
from tests.board_parts import METRIC, choices, every_board, filled, named, panels
from tests.boards_lab import lab
from tests.peers import Prometheus, prometheus, scraping
from tests.test_assessor import judged
from tests.testbed import eventually

NO_SWAP = "many hosts have no swap"
MAY_BE_EMPTY = {
    ("Systems that are not known to be in use", "Last used"): "no client came from another host",
    ("Verdicts of the chosen servers", "Swap"): NO_SWAP,
    ("Swap in use", "{{instance}} {{server}}"): NO_SWAP,
    ("Interfaces that nobody declared", "Interfaces"): "known after the second look, an hour later",
}
"""Panel, and the column or legend; why nothing is there over the lab of the tests."""

NO_PING = {
    ("Loss", "{{instance}} {{target}}"),
    ("Jitter", "{{instance}} {{target}}"),
    ("Hops left", "{{instance}} {{target}}"),
    ("Replies of pings lost here", "{{instance}}"),
}
"""What only pings tell: empty where this user may send none."""

RAW = {
    "netfold_probe_ip_version": "only of a target that may fall back to the other family",
}
"""On /metrics for whoever asks, on no board and in no rule; and why."""


class Lab(NamedTuple):
    agent: Agent
    server: Prometheus

    def query(self, expression: str) -> list[dict[str, Any]]:
        return self.server.query(filled(expression))

    def shown(self, board: dict[str, Any], title: str, *labels: str) -> dict[Any, float]:
        """What the first query of a panel gives: label values -> value."""
        found = next(it for it in panels(board) if it["title"] == title)
        series = self.query(found["targets"][0]["expr"])
        return {tuple(it["metric"][at] for at in labels): float(it["value"][1]) for it in series}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A Prometheus that scrapes the lab's agent every second, and records as often."""
    folder = tmp_path_factory.mktemp("boards")
    rules = board_rules()
    rules["groups"][0]["interval"] = "1s"
    (folder / "boards.yml").write_text(json.dumps(rules))
    with lab(folder) as agent:
        config = scraping(agent.address) | {"rule_files": [str(folder / "boards.yml")]}
        with prometheus(config, folder / "prometheus") as server:
            judged(agent)
            # The portal fails since its second round, and what failed has been recorded.
            failed = 'count_over_time(netfold_collect_failures_total{target="relapsing"}[1m]) >= 4'
            recorded = "instance:netfold_collect_failures:rate5m > 0"
            compared = 'netfold_pair_rtt_difference_seconds{stat="upper"}'
            judged_often = "count_over_time(netfold_link_verdict[1m]) >= 3"
            for fact in (judged_often, failed, recorded, compared):
                eventually(lambda fact=fact: server.query(fact), deadline_s=30)
            yield Lab(agent, server)


@every_board
def test_every_query_returns_data(asked: Lab, board: dict[str, Any]) -> None:
    may_be_empty = MAY_BE_EMPTY.keys() | (set() if may_ping() else NO_PING)
    empty = [
        (panel["title"], name, filled(expression))
        for panel in panels(board)
        for name, expression in named(panel)
        if (panel["title"], name) not in may_be_empty and not asked.query(expression)
    ]
    assert empty == []


def test_every_panel_that_may_be_empty_is_there() -> None:
    there = {
        (panel["title"], it[0])
        for make in BOARDS
        for panel in panels(make())
        for it in named(panel)
    }
    assert MAY_BE_EMPTY.keys() | NO_PING <= there


@every_board
def test_every_choice_finds_what_there_is(asked: Lab, board: dict[str, Any]) -> None:
    found = {}
    for one in choices(board):
        match = re.fullmatch(r"label_values\((.+), (\w+)\)", one["query"])
        assert match is not None, one["query"]
        series, label = match.groups()
        found[one["name"]] = {it["metric"].get(label, "") for it in asked.query(series)} - {""}
    known = {
        "job": {"netfold"},
        "department": {"市教育局"},
        "region": {"440300"},
        "network": {"edu", "tax", "old", "law", "ext"},
        "data_centre": {"市政务云"},
        "link": {"edu-a", "tax-a", "tax-b", "tax-c", "old-a", "law-a", "ext-a", "ext-b"},
        "server": {"this-host", "db1"},
    }
    assert len(found.pop("instance")) == 1
    for name, values in found.items():
        assert values, name
        assert values <= known.get(name, values), name


def test_the_first_screen_says_what_can_be_given_back_and_what_proves_it(asked: Lab) -> None:
    board = dedicated_networks()

    def shown(title: str, *labels: str) -> dict[Any, float]:
        return asked.shown(board, title, *labels)

    # Of edu 1,680,000; of old, which has left, 20,000.
    assert shown("Reclaimable a year") == {(): 1_700_000}
    counts = shown("Networks by verdict", "status")
    assert {k: v for k, v in counts.items() if v} == {
        ("idle",): 2,
        ("normal",): 1,
        ("unknown",): 1,
        ("exempt",): 1,
    }
    # The network that is cut over is idle on purpose: it is counted, and no finding.
    assert shown("Low-use networks", "network", "status") == {("edu", "idle"): 1_680_000}
    assert shown("Low-use lines", "link", "status") == {("edu-a", "idle"): 168_000}
    proof = shown("What proves the low-use lines", "link", "rule")
    assert proof["edu-a", "low_use: load >= 0.10 at most 0.05"] == 0
    assert {link for link, _ in proof} == {"edu-a"}
    assert shown("Not seen", "network")["tax",] < 1
    assert shown("Lines by verdict", "status")["idle",] == 2
    assert shown("Saved by smaller lines")[()] > 0


def test_a_line_s_board_shows_its_load_its_verdict_and_all_its_rules(asked: Lab) -> None:
    board = lines()
    assert asked.shown(board, "Load against capacity", "link")["tax-a",] == 1e8
    rule = "low_use: load >= 0.10 at most 0.05"
    above = asked.shown(board, "Share of time above each threshold", "link", "rule")
    assert above["tax-a", rule] == 1
    assert ("edu-a",) in asked.shown(board, "Load", "link")
    assert asked.shown(board, "Interfaces of the chosen lines", "link")["ext-a",] == 1
    groups = asked.shown(board, "Verdicts of their groups", "group", "status")
    assert set(groups) == {("tax-core", "normal")}


def test_what_answers_and_must_not_is_told_from_what_does_not_and_must(asked: Lab) -> None:
    board = connectivity()
    assert asked.shown(board, "Targets that fail") == {(): 2}
    assert asked.shown(board, "Breaches of isolation") == {(): 1}
    assert asked.shown(board, "Targets that must not answer", "target") == {("no-way-out",): 1}
    failing = asked.shown(board, "Targets that fail now", "target")
    assert {("no-way-out",), ("relapsing",)} <= set(failing)
    assert asked.shown(board, "Targets") == {(): 8}
    assert asked.shown(board, "Certificates", "target").keys() == {
        *(("certificate",), ("other-way",))
    }
    assert asked.shown(board, "Networks", "network")["ext",] > 0


def test_a_data_centre_shows_what_its_idle_servers_have(asked: Lab) -> None:
    board = servers()
    counts = asked.shown(board, "Servers by verdict", "status")
    assert {k: v for k, v in counts.items() if v} == {("idle",): 1, ("normal",): 1}
    systems = asked.shown(board, "Systems by verdict", "status")
    assert {k: v for k, v in systems.items() if v} == {("suspected_unused",): 1}
    (panel,) = (it for it in panels(board) if it["title"] == "Idle capacity of data centres")
    capacity = {name: asked.query(expression)[0]["value"][1] for name, expression in named(panel)}
    assert (capacity["Servers"], capacity["Idle or low use"]) == ("2", "1")
    assert (capacity["Cores, at least"], capacity["Cores, at most"]) == ("4", "4")
    assert asked.shown(board, "Ports that nobody listens on") == {(): 1}


def test_a_place_that_has_no_node_shows_nothing(asked: Lab) -> None:
    panel = next(it for it in panels(dedicated_networks()) if it["title"] == "Reclaimable a year")
    elsewhere = filled(panel["targets"][0]["expr"], region="110000")
    assert asked.server.query(elsewhere) == []
    assert asked.server.query(filled(panel["targets"][0]["expr"], department="市教育局"))


def test_every_metric_is_one_that_the_agent_exposes_or_a_rule_records() -> None:
    for where, text in (*_boards_text(), ("boards.yml", json.dumps(board_rules()))):
        metrics = set(re.findall(METRIC, text))
        assert metrics, where
        assert metrics <= {it.name for it in catalogue()} | _recorded(), where


def test_every_metric_is_on_a_board_in_a_rule_or_raw_for_a_reason() -> None:
    texts_ = [text for _, text in _boards_text()]
    texts_ += [json.dumps(it()) for it in (board_rules, recording_rules, alerting_rules)]
    used = {name for text in texts_ for name in re.findall(r"netfold_\w+", text)}
    assert {it.name for it in catalogue()} - used == RAW.keys()


def _boards_text() -> Iterator[tuple[str, str]]:
    for make in BOARDS:
        yield make.__name__, json.dumps([it.get("targets") for it in make()["panels"]])


def _recorded() -> set[str]:
    groups = [*recording_rules()["groups"], *board_rules()["groups"]]
    return {rule["record"] for group in groups for rule in group["rules"]}


@every_board
def test_every_way_out_of_a_board_leads_to_one_that_there_is(board: dict[str, Any]) -> None:
    variables = {
        make()["uid"]: {it["name"] for it in make()["templating"]["list"]} for make in BOARDS
    }
    for url in re.findall(r'"url": "([^"]+)"', json.dumps(board)):
        if not url.startswith("/d/"):
            assert re.match(r"\$\{pages:raw\}\$\{__data\.fields\.instance\}/(link|server)/", url)
            continue
        match = re.match(r"/d/([\w-]+)\?", url)
        assert match, url
        assert set(re.findall(r"var-(\w+)=", url)) <= variables[match[1]], url


def test_an_overview_leads_to_the_detail_and_that_to_the_page_that_explains(asked: Lab) -> None:
    led = {
        make.__name__: set(re.findall(r'"url": "(/d/[\w-]+|\$\{pages)', json.dumps(make())))
        for make in BOARDS
    }
    assert "/d/netfold-lines" in led["dedicated_networks"]
    assert "/d/netfold-targets" in led["connectivity"]
    assert "/d/netfold-server" in led["servers"]
    assert led["migration_overview"] == {"/d/netfold-dedicated-networks"}
    assert led["lines"] == led["one_server"] == {"${pages"}
    for path in ("/link/edu-a?lang=en", "/server/this-host?lang=zh"):
        assert asked.agent.get(path).status == 200
