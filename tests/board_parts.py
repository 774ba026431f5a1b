"""The parts of a board, for the tests of boards."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.build import BOARDS

every_board = pytest.mark.parametrize(
    "board", [pytest.param(it(), id=it.__name__) for it in BOARDS]
)

METRIC = r"(?:\w+:)?netfold_\w+(?::\w+)?"


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


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that show something."""
    return [it for it in board["panels"] if it["type"] != "row"]


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
