"""What all boards obey: the rules of Grafana's dashboard-linter and of the monitoring mixins."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from dashboards.build import GENERATED
from tests.board_parts import METRIC, choices, every_board, panels


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


def test_the_rules_for_boards_are_recorded_as_mixins_name_them() -> None:
    (group,) = yaml.safe_load((GENERATED / "boards.yml").read_text())["groups"]
    for rule in group["rules"]:
        level, _, _ = rule["record"].split(":")  # level:metric:operations
        assert level in {"instance", "network", "link", "target"}
        # What a board chooses by is kept; all else is summed.
        assert "by (job, instance" in rule["expr"] or level in {"link", "target"}


def properties(panel: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for override in panel["fieldConfig"]["overrides"]:
        yield from override["properties"]
