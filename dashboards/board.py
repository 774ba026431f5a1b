"""The frame of a board: its variables, its panels in rows, and its text as Grafana loads it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    Panel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from agent.facts import BUILD_INFO
from collectors.base import Metric
from dashboards.panels import SOURCE

NODES = 'job=~"$job", instance=~"$instance"'
"""Matches what the nodes that are chosen on the board expose."""

EVERYTHING = ".+"


def chosen(metric: Metric, *matchers: str) -> str:
    """A metric's series of the chosen nodes, as PromQL."""
    return f"{metric.name}{{{', '.join((NODES, *matchers))}}}"


def variable(name: str, label: str, series: str, *, everything: str | None = None) -> Any:
    """A choice of one or more values that label `name` has in `series`, all at first.

    All is the regular expression `everything`; without it, the values that were found.
    """
    found = (
        grafana.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(f"label_values({series}, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )
    return found if everything is None else found.all_value(everything)


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
        .tags(["netfold"])
        .readonly()
        .timezone("browser")
        .time("now-7d", "now")
        .refresh("5m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(
            grafana.DatasourceVariable("datasource").label("Data source").type("prometheus")
        )
        .with_variable(variable("job", "Job", BUILD_INFO.name, everything=EVERYTHING))
        .with_variable(
            variable("instance", "Node", f'{BUILD_INFO.name}{{job=~"$job"}}', everything=EVERYTHING)
        )
    )
    for one in variables:
        found.with_variable(one)
    for heading, panels in sections.items():
        found.with_row(grafana.Row(heading))
        for panel in panels:
            found.with_panel(panel)
    content = json.loads(json.dumps(found.build(), cls=JSONEncoder))
    for number, panel in enumerate(content["panels"], start=1):
        panel["id"] = number
    return dict(_without_nulls(content))


def _without_nulls(content: Any) -> Any:
    """Grafana takes an absent key for its default, and not always a null."""
    if isinstance(content, dict):
        return {k: _without_nulls(v) for k, v in content.items() if v is not None}
    return [_without_nulls(it) for it in content] if isinstance(content, list) else content
