"""The boards: every query answered by a real Prometheus over a real agent, and the rules of all."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import yaml

from agent.catalogue import catalogue
from dashboards.alerts import alerting_rules
from dashboards.board_rules import board_rules
from dashboards.boards.connectivity import connectivity
from dashboards.boards.dedicated_networks import dedicated_networks
from dashboards.boards.lines import lines
from dashboards.boards.servers import servers
from dashboards.build import BOARDS, GENERATED, main
from dashboards.language import LANGUAGES, chinese, in_language, texts
from dashboards.rules import recording_rules
from tests.agentproc import Agent
from tests.boards_lab import can_ping, lab
from tests.peers import Prometheus, prometheus, scraping
from tests.test_assessor import judged
from tests.testbed import eventually

every_board = pytest.mark.parametrize(
    "board", [pytest.param(it(), id=it.__name__) for it in BOARDS]
)

ALL = {
    "job": ".+",
    "instance": ".+",
    "department": ".*",
    "region": ".*",
    "network": ".*",
    "data_centre": ".*",
    "link": ".+",
    "target": ".+",
    "server": ".+",
    "__rate_interval": "10s",
}
"""What Grafana fills in where all is chosen."""

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

METRIC = r"(?:\w+:)?netfold_\w+(?::\w+)?"


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
            for fact in ("count_over_time(netfold_link_verdict[1m]) >= 3", failed, recorded):
                eventually(lambda fact=fact: server.query(fact), deadline_s=30)
            yield Lab(agent, server)


@every_board
def test_every_query_returns_data(asked: Lab, board: dict[str, Any]) -> None:
    may_be_empty = MAY_BE_EMPTY.keys() | (set() if can_ping() else NO_PING)
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
        "network": {"edu", "tax", "old", "ext"},
        "data_centre": {"市政务云"},
        "link": {"edu-a", "tax-a", "tax-b", "tax-c", "old-a", "ext-a", "ext-b"},
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
    assert {k: v for k, v in counts.items() if v} == {("idle",): 2, ("normal",): 1, ("unknown",): 1}
    # The network that is cut over is idle on purpose: it is counted, and no finding.
    assert shown("Low-use networks", "network", "status") == {("edu", "idle"): 1_680_000}
    assert shown("Low-use lines", "link", "status") == {("edu-a", "idle"): 168_000}
    proof = shown("What proves the low-use lines", "link", "rule")
    assert proof["edu-a", "low_use: load >= 0.10 at most 0.05"] == 0
    assert {link for link, _ in proof} == {"edu-a"}
    assert shown("Not seen", "link")["tax-a",] < 0.01
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
    assert asked.shown(board, "Targets") == {(): 7}
    assert asked.shown(board, "Certificates", "target").keys() == {("certificate",)}
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
def test_a_board_is_the_same_in_chinese_but_for_its_words(board: dict[str, Any]) -> None:
    said = in_language(board, "zh")
    assert [it.get("targets") for it in said["panels"]] == [
        _in_chinese(it.get("targets")) for it in board["panels"]
    ]
    assert said["uid"] == f"{board['uid']}-zh"
    assert said["tags"] == said["links"][0]["tags"] == ["netfold", "zh"]
    led = set(re.findall(r"/d/([\w-]+)\?", json.dumps(said)))
    assert led == {f"{it}-zh" for it in re.findall(r"/d/([\w-]+)\?", json.dumps(board))}


def _in_chinese(queries: Any) -> Any:
    """Queries as they are, but for legends that are words."""
    return [
        it | {"legendFormat": chinese().get(it["legendFormat"], it["legendFormat"])}
        if "legendFormat" in it
        else it
        for it in queries or ()
    ] or queries


def test_every_text_of_the_boards_is_in_chinese_and_nothing_else_is() -> None:
    used = {text for make in BOARDS for text in texts(make())}
    assert used == set(chinese())
    for english, text in chinese().items():
        assert re.search(r"[\u4e00-\u9fff]", text), english
        assert english.endswith(".") == text.endswith("。"), english


def test_a_text_that_nobody_translated_is_named() -> None:
    with pytest.raises(ValueError, match=r"^zh.yaml lacks: Brand new; Newer$"):
        in_language({"title": "Newer", "panels": [{"title": "Brand new"}]}, "zh")


@every_board
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_table_has_two_columns_of_one_name(board: dict[str, Any], language: Any) -> None:
    for panel in panels(in_language(board, language)):
        for step in panel.get("transformations", ()):
            headings = list(step["options"].get("renameByName", {}).values())
            assert len(headings) == len(set(headings)), panel["title"]


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
    assert led["lines"] == led["one_server"] == {"${pages"}
    for path in ("/link/edu-a?lang=en", "/server/this-host?lang=zh"):
        assert asked.agent.get(path).status == 200


def test_one_language_alone_can_be_built(tmp_path: Any) -> None:
    assert main(["--language", "zh", "--to", str(tmp_path)]) == 0
    assert {it.name for it in tmp_path.iterdir() if it.is_dir()} == {"zh"}
    board = json.loads((tmp_path / "zh" / "lines.json").read_text(encoding="utf-8"))
    assert board["title"] == "Netfold：线路"


def test_the_rules_for_boards_are_recorded_as_mixins_name_them() -> None:
    (group,) = yaml.safe_load((GENERATED / "boards.yml").read_text())["groups"]
    for rule in group["rules"]:
        level, _, _ = rule["record"].split(":")  # level:metric:operations
        assert level in {"instance", "network"}
        assert "by (job, instance" in rule["expr"]


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
    assert {it.get("refresh", 2) for it in choices(board)} == {2}  # on a new time range


@every_board
def test_a_board_asks_for_departments_and_regions_and_they_narrow_the_nodes(
    board: dict[str, Any],
) -> None:
    by_name = {it["name"]: it for it in choices(board)}
    assert list(by_name)[:4] == ["job", "department", "region", "instance"]
    assert 'department=~"$department"' in by_name["region"]["query"]
    assert 'department=~"$department", region=~"$region"' in by_name["instance"]["query"]
    for panel in panels(board):
        for target in panel["targets"]:
            # A node without a department has an empty one, which is among all.
            assert 'department=~"$department", region=~"$region"' in target["expr"], panel["title"]


@every_board
def test_what_is_drawn_one_by_one_is_chosen_first(board: dict[str, Any]) -> None:
    """Curves of all lines of five hundred nodes would take a server minutes."""
    few = {it["name"] for it in choices(board) if not it.get("includeAll")}
    for panel in panels(board):
        if panel["type"] == "timeseries":
            for target in panel["targets"]:
                chosen = any(f'{name}=~"${name}"' in target["expr"] for name in few)
                recorded = re.search(r"(instance|network):netfold_", target["expr"])
                assert chosen or recorded or "topk(20, " in target["expr"], panel["title"]


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
            selectors = re.findall(rf"{METRIC}(\{{[^}}]*\}})?", target["expr"])
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_board_is_committed_in_every_language(language: Any) -> None:
    committed = {json.loads(it.read_text())["uid"] for it in (GENERATED / language).iterdir()}
    assert committed == {in_language(make(), language)["uid"] for make in BOARDS}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that show something."""
    return [it for it in board["panels"] if it["type"] != "row"]


def properties(panel: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for override in panel["fieldConfig"]["overrides"]:
        yield from override["properties"]


def choices(board: dict[str, Any]) -> list[dict[str, Any]]:
    """The variables whose values are asked of Prometheus."""
    return [it for it in board["templating"]["list"] if it["type"] == "query"]


def named(panel: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each query of a panel, by its column in a table, else its legend."""
    headings: dict[str, str] = {}
    for step in panel.get("transformations", ()):
        headings |= step["options"].get("renameByName", {})
    for target in panel["targets"]:
        column = headings.get(f"Value #{target['refId']}")
        yield column or target.get("legendFormat", ""), target["expr"]


def filled(expression: str, **chosen: str) -> str:
    """As Grafana fills in what is chosen on the board."""
    values = ALL | chosen
    expression = re.sub(r"\$(\w+)", lambda it: values[it[1]], expression)
    assert "$" not in expression, expression
    return expression
