"""The frame of a board: its variables, its panels in rows, and its text as Grafana loads it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from agent.facts import BUILD_INFO, NODE_INFO
from collectors.base import Metric
from dashboards.panels import SOURCE

NODES = 'job=~"$job", instance=~"$instance"'
"""Matches what the nodes that are chosen on the board expose."""

EVERYTHING = ".+"
EVERYTHING_OR_NOTHING = ".*"
"""Of a label that may be empty: a node without a department is shown among all."""

TAGS = ("netfold", "en")
"""The second is the language: boards lead to those of their own."""

_PLACE = 'department=~"$department", region=~"$region"'


def chosen(metric: Metric | str, *matchers: str) -> str:
    """A metric's series of the chosen nodes, or those that a rule records, as PromQL."""
    name = metric if isinstance(metric, str) else metric.name
    return f"{name}{{{', '.join((NODES, *matchers))}}}"


def rated(counter: Metric, *matchers: str) -> str:
    """What a counter of the chosen nodes rises by in a second; Grafana knows the scrapes."""
    return f"rate({chosen(counter, *matchers)}[$__rate_interval])"


def here(expression: str) -> str:
    """Only what the nodes of the chosen departments and regions say, as PromQL."""
    return f"({expression} and on (job, instance) {chosen(NODE_INFO, _PLACE)})"


def variable(name: str, label: str, series: str, *, everything: str | None = None) -> Any:
    """A choice of one or more values that label `name` has in `series`, all at first.

    All is the regular expression `everything`; without it, the values that were found.
    """
    found = (
        _choice(name, label, series)
        .include_all(include_all=True)
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )
    return found if everything is None else found.all_value(everything)


def few(name: str, label: str, series: str) -> Any:
    """A choice as `variable`, but without all: Grafana takes the first value until one is chosen.

    What is drawn of it over days would be some ten thousand curves at a centre.
    """
    return _choice(name, label, series).include_all(include_all=False)


def _choice(name: str, label: str, series: str) -> grafana.QueryVariable:
    return (
        grafana.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(f"label_values({series}, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
    )


def board(
    uid: str,
    title: str,
    description: str,
    sections: Mapping[str, Iterable[Builder[Panel]]],
    *variables: grafana.QueryVariable,
) -> dict[str, Any]:
    """A board of titled rows of panels; `variables` come after those of the nodes."""
    found = (
        grafana.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(list(TAGS))
        .readonly()
        .timezone("browser")
        .time("now-7d", "now")
        .refresh("5m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(_other_boards())
    )
    for one in (*_nodes(), *variables, _pages()):
        found.with_variable(one)
    for heading, panels in sections.items():
        found.with_row(grafana.Row(heading))
        for panel in panels:
            found.with_panel(panel)
    content = json.loads(json.dumps(found.build(), cls=JSONEncoder))
    for number, panel in enumerate(content["panels"], start=1):
        panel["id"] = number
    return dict(_without_nulls(content))


def _nodes() -> Iterator[Any]:
    """Which Prometheus is asked, and of which nodes; departments and regions narrow the nodes."""
    yield grafana.DatasourceVariable("datasource").label("Data source").type("prometheus")
    yield variable("job", "Job", BUILD_INFO.name, everything=EVERYTHING)
    nodes = f'{NODE_INFO.name}{{job=~"$job"'
    rest = EVERYTHING_OR_NOTHING
    yield variable("department", "Department", f"{nodes}}}", everything=rest)
    yield variable("region", "Region", f'{nodes}, department=~"$department"}}', everything=rest)
    yield variable("instance", "Node", f"{nodes}, {_PLACE}}}", everything=EVERYTHING)


def _pages() -> Any:
    """What stands before a node's name in the address of its agent's pages."""
    start = "http://"
    return (
        grafana.TextBoxVariable("pages")
        .label("Agents' pages")
        .default_value(start)
        .current(VariableOption(selected=True, text=start, value=start))
    )


def _other_boards() -> grafana.DashboardLink:
    return (
        grafana.DashboardLink("Netfold's boards")
        .type(DashboardLinkType.DASHBOARDS)
        .tags(list(TAGS))
        .as_dropdown(as_dropdown=True)
        .include_vars(include_vars=True)
        .keep_time(keep_time=True)
    )


def _without_nulls(content: Any) -> Any:
    """Grafana takes an absent key for its default, and not always a null."""
    if isinstance(content, dict):
        return {k: _without_nulls(v) for k, v in content.items() if v is not None}
    return [_without_nulls(it) for it in content] if isinstance(content, list) else content
