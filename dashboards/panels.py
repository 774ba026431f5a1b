"""The panels that boards are made of: Grafana's builders with the manners that all boards share."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from agent.judge.status import Status
from dashboards.links import Link

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

PERCENT, YUAN, BITS_PER_SECOND = "percentunit", "currencyCNY", "bps"
DATE, SECONDS, NUMBER, YES_NO = "dateTimeAsIso", "s", "short", "bool_yes_no"
BYTES, BYTES_PER_SECOND, PER_SECOND = "bytes", "Bps", "cps"
"""Grafana's identifiers of units; a date is in milliseconds."""

GREY, GREEN, RED = "#8e8e8e", "#56a64b", "#e02f44"
STATUS_COLOURS = {
    Status.UNKNOWN: GREY,
    Status.EXEMPT: "#5794f2",
    Status.STANDBY: "#5794f2",
    Status.IDLE: "#ff780a",
    Status.LOW_USE: "#e0b400",
    Status.NORMAL: GREEN,
    Status.BUSY: "#a352cc",
    Status.IN_USE: GREEN,
    Status.SUSPECTED_UNUSED: "#ff780a",
}

WHOLE_WIDTH = 24


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of every row of a table: its heading, the query that gives it, and its unit."""

    heading: str
    expression: str
    unit: str
    is_bar: bool = False


def figure(
    title: str, description: str, expression: str, unit: str, *, bad_from: float | None = None
) -> stat.Panel:
    """One number; red from `bad_from` on."""
    steps = [Threshold(color=GREEN)]
    if bad_from is not None:
        steps.append(Threshold(value=bad_from, color=RED))
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .with_target(_now(expression))
        .unit(unit)
        .thresholds(_thresholds(steps))
        .graph_mode(options.BigValueGraphMode.NONE)
        .height(4)
    )


def count_by_status(title: str, description: str, expression: str) -> stat.Panel:
    """A number for every status that occurs, in its colour; the expression has a `status`."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .with_target(_now(expression).legend_format("{{status}}"))
        .unit(NUMBER)
        .graph_mode(options.BigValueGraphMode.NONE)
        .text_mode(options.BigValueTextMode.VALUE_AND_NAME)
        .height(4)
    )
    for status, colour in STATUS_COLOURS.items():
        fixed = {"mode": FieldColorModeId.FIXED, "fixedColor": colour}
        named = DynamicConfigValue("displayName", _spoken(status))
        panel.override_by_regexp(f"^{status}$", [DynamicConfigValue("color", fixed), named])
    return panel


def curves(
    title: str,
    description: str,
    expression: str,
    legend: str,
    levels: Mapping[float, str] | None = None,
    *,
    unit: str = PERCENT,
    more: Mapping[str, str] | None = None,
) -> timeseries.Panel:
    """What changes over time, a curve for each series; dashed lines at `levels`, in their colours.

    `more` are further expressions by their legends.
    """
    steps = [Threshold(color="transparent")]
    steps += [Threshold(value=level, color=colour) for level, colour in (levels or {}).items()]
    panel = timeseries.Panel().title(title).description(description).datasource(SOURCE)
    for ref_id, (name, asked) in zip(
        "ABCD", {legend: expression, **(more or {})}.items(), strict=False
    ):
        query = prometheus.Dataquery().expr(asked).range().ref_id(ref_id)
        panel.with_target(query.legend_format(name))
    return (
        panel.unit(unit)
        .min(0)
        .thresholds(_thresholds(steps))
        .thresholds_style(
            common.GraphThresholdsStyleConfig().mode(options.GraphTresholdsStyleMode.DASHED)
        )
        .legend(
            common.VizLegendOptions()
            .display_mode(options.LegendDisplayMode.TABLE)
            .placement(options.LegendPlacement.RIGHT)
            .calcs(["mean", "max"])
            .show_legend(show_legend=True)
        )
        .height(9)
    )


def bars(
    title: str, description: str, expression: str, legend: str, *, unit: str = PERCENT
) -> bargauge.Panel:
    """A bar for every series, the longest first; those of ratios from 0 to 1."""
    panel = (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .with_target(_now(f"sort_desc({expression})").legend_format(legend))
        .unit(unit)
        .min(0)
        .thresholds(_thresholds([Threshold(color=GREY)]))
        .orientation(options.VizOrientation.HORIZONTAL)
        .display_mode(options.BarGaugeDisplayMode.BASIC)
        .height(8)
    )
    return panel.max(1) if unit == PERCENT else panel


def rows(
    title: str,
    description: str,
    labels: Mapping[str, str],
    columns: Sequence[Column],
    *,
    sort_by: str,
    links: Mapping[str, Link] | None = None,
    rising: bool = False,
) -> table.Panel:
    """A table: the heading of each label, then the columns; the greatest `sort_by` stands first.

    The columns' expressions give the same labels, so that each subject is one row. With `rising`
    the least stands first. `links` are by the label that leads there.
    """
    series = f"max by (job, {', '.join(labels)})"
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .sort_by([common.TableSortByFieldState().display_name(sort_by).desc(desc=not rising)])
        .span(WHOLE_WIDTH)
        .height(9)
    )
    headings = dict(labels)
    for ref_id, column in zip("ABCDEFGHIJ", columns, strict=False):
        query = _now(f"{series} ({column.expression})").format(PromQueryFormat.TABLE)
        panel.with_target(query.ref_id(ref_id))
        panel.override_by_name(column.heading, list(_looks(column)))
        headings[f"Value #{ref_id}"] = column.heading
    if "status" in labels:
        panel.override_by_name(labels["status"], _COLOURED_STATUS)
    for label, link in (links or {}).items():
        panel.override_by_name(labels[label], [_leading(link)])
    arranged = {
        "excludeByName": {"Time": True, "job": True},
        "indexByName": {name: place for place, name in enumerate(headings)},
        "renameByName": headings,
    }
    panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    return panel.with_transformation(DataTransformerConfig(id_val="organize", options=arranged))


def _spoken(status: Status) -> str:
    return status.replace("_", " ")


def _leading(link: Link) -> DynamicConfigValue:
    return DynamicConfigValue("links", [{"title": link.title, "url": link.url}])


_COLOURED_STATUS = [
    DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
    DynamicConfigValue(
        "mappings",
        [
            {
                "type": "value",
                "options": {
                    status: {"text": _spoken(status), "color": colour}
                    for status, colour in STATUS_COLOURS.items()
                },
            }
        ],
    ),
]


def _looks(column: Column) -> Iterator[DynamicConfigValue]:
    yield DynamicConfigValue("unit", column.unit)
    if column.is_bar:
        yield DynamicConfigValue("custom.cellOptions", {"type": "gauge", "mode": "basic"})
        yield DynamicConfigValue("min", 0)
        yield DynamicConfigValue("max", 1)


def _now(expression: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expression).instant().ref_id("A")


def _thresholds(steps: list[Threshold]) -> grafana.ThresholdsConfig:
    return grafana.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
