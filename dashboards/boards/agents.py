"""Whether the agents themselves are well: what they measure, judge, keep and load."""

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from agent.app import RELOAD_SUCCESSFUL, RELOAD_TIME
from agent.declared import JOURNAL_HEAD, JOURNAL_WRITABLE
from agent.facts import BUILD_INFO, NODE_INFO, WAIVERS_EXPIRED
from agent.keeper import SET_ASIDE, TICKS, WRITE_FAILURES
from agent.observe import DURATION, LAST_SUCCESS
from agent.verdict_metrics import LAST_RUN, POLICY_INFO
from collectors import services
from collectors.base import Metric
from collectors.echo import DROPS
from collectors.snmp_interfaces import UNDECLARED
from dashboards.board import board, chosen, here, rated
from dashboards.board_rules import FAILURES_RATE, MEASURED, TO_MEASURE
from dashboards.panels import (
    DATE,
    NUMBER,
    PER_SECOND,
    SECONDS,
    YES_NO,
    Column,
    bars,
    curves,
    figure,
    rows,
)
from dashboards.promql import LATE_S

_ON_NODE = "on (job, instance)"
_NODE = {"instance": "Node"}
_MEASURED, _TARGETS = (chosen(it) for it in (MEASURED, TO_MEASURE))


def agents() -> dict[str, Any]:
    """The board, as Grafana loads it."""
    return board(
        "netfold-agents",
        "Netfold: agents",
        "Whether every agent measures, judges and keeps what it should.",
        {
            "Now": _now(),
            "Nodes": _nodes(),
            "Measuring": _measuring(),
            "History": _history(),
            "This host's own limits": _limits(),
        },
    )


def _now() -> Iterator[Builder[Panel]]:
    yield figure("Agents", "Agents that are scraped.", f"count({_each(BUILD_INFO)})", NUMBER).span(
        4
    )
    yield figure(
        "Targets not measured",
        "Devices and other targets whose last attempt failed, by the recording rules.",
        f"sum({here(f'{_TARGETS} - {_MEASURED}')})",
        NUMBER,
        bad_from=1,
    ).span(4)
    yield figure(
        "Last judged",
        "How long ago the node that is most behind last judged; each does every 10 minutes.",
        f"max(time() - {_each(LAST_RUN)})",
        SECONDS,
        bad_from=LATE_S,
    ).span(4)
    yield figure(
        "Configurations refused",
        "Agents whose configuration was not taken when last read; the one before is in force.",
        f"sum(1 - {_each(RELOAD_SUCCESSFUL)})",
        NUMBER,
        bad_from=1,
    ).span(4)
    yield figure(
        "Journals not written",
        "Agents whose log of decisions is not whole, or could not be written.",
        f"sum(1 - {_each(JOURNAL_WRITABLE)})",
        NUMBER,
        bad_from=1,
    ).span(4)
    yield figure(
        "Waivers expired",
        "Devices that are still asked by a weaker SNMP though their waiver is over.",
        f"sum({_each(WAIVERS_EXPIRED)})",
        NUMBER,
        bad_from=1,
    ).span(4)


def _each(metric: Metric) -> str:
    return here(chosen(metric))


def _nodes() -> Iterator[Builder[Panel]]:
    facts = "node, department, region, level"

    def of_node(series: str) -> str:
        versions = f"{_each(NODE_INFO)} * {_ON_NODE} group_left (version) {chosen(BUILD_INFO)}"
        return f"{series} * {_ON_NODE} group_right () ({versions})"

    labels = dict(zip(facts.split(", "), ("Name", "Department", "Region", "Level"), strict=True))
    yield rows(
        "Nodes",
        "Whose each node is, its version, and how it is: its targets and those not measured, "
        "when it last judged and took a configuration, and the ticks that its history holds.",
        _NODE | labels | {"version": "Version"},
        [
            Column("Targets", of_node(_TARGETS), NUMBER),
            Column("Not measured", of_node(f"({_TARGETS} - {_MEASURED})"), NUMBER),
            Column("Judged", f"1000 * {of_node(chosen(LAST_RUN))}", DATE),
            Column("Configured", f"1000 * {of_node(chosen(RELOAD_TIME))}", DATE),
            Column("Taken", of_node(chosen(RELOAD_SUCCESSFUL)), YES_NO),
            Column("Ticks", of_node(chosen(TICKS)), NUMBER),
        ],
        sort_by="Not measured",
    )
    yield rows(
        "Policies",
        "Which policy judges at each node, by its hash: verdicts of one policy can be compared.",
        _NODE | {"hash": "Policy"},
        [Column("In force", _each(POLICY_INFO), YES_NO)],
        sort_by="Node",
        rising=True,
    ).span(12)
    yield rows(
        "Journals",
        "The digest of each log's last entry. Noted elsewhere, it shows whether a log was cut or "
        "rewritten since (netfold journal verify).",
        _NODE | {"digest": "Digest"},
        [Column("Head", _each(JOURNAL_HEAD), YES_NO)],
        sort_by="Node",
        rising=True,
    ).span(12)


def _measuring() -> Iterator[Builder[Panel]]:
    yield curves(
        "Targets measured",
        "Share of all targets of the chosen nodes, by the recording rules.",
        f"sum({here(_MEASURED)}) / sum({here(_TARGETS)})",
        "Measured",
    ).span(12)
    yield curves(
        "Failures by reason",
        "Failed attempts a second, by the recording rules. The operating manual has a section for "
        "each reason.",
        f"sum by (reason) ({here(chosen(FAILURES_RATE))})",
        "{{reason}}",
        unit=PER_SECOND,
    ).span(12)
    yield bars(
        "Slowest targets",
        "The twenty targets whose last attempt took longest.",
        f"topk(20, {_each(DURATION)})",
        "{{instance}} {{kind}} {{target}}",
        unit=SECONDS,
    ).span(12)
    yield bars(
        "Longest not measured",
        "The twenty targets of which all that should be measured was measured longest ago.",
        f"topk(20, time() - {_each(LAST_SUCCESS)})",
        "{{instance}} {{kind}} {{target}}",
        unit=SECONDS,
    ).span(12)
    yield rows(
        "Interfaces that nobody declared",
        "Interfaces of each device that carried something within the last hour and belong to no "
        "link. Absent where the device is too large to be looked at.",
        _NODE | {"device": "Device"},
        [Column("Interfaces", _each(UNDECLARED), NUMBER)],
        sort_by="Interfaces",
    ).height(6)


def _history() -> Iterator[Builder[Panel]]:
    yield curves(
        "Failed writes of the history",
        "Attempts a second that failed, the twenty worst; a day of ticks waits in memory.",
        f"topk(20, {here(rated(WRITE_FAILURES))})",
        "{{instance}}",
        unit=PER_SECOND,
    ).span(12)
    yield curves(
        "Histories set aside",
        "Damaged files a second that were renamed and begun anew, the twenty worst.",
        f"topk(20, {here(rated(SET_ASIDE))})",
        "{{instance}}",
        unit=PER_SECOND,
    ).span(12)


def _limits() -> Iterator[Builder[Panel]]:
    yield curves(
        "Replies of pings lost here",
        "Replies a second lost in the host's own receive buffers, the twenty worst: no loss of any "
        "line.",
        f"topk(20, {here(rated(DROPS))})",
        "{{instance}}",
        unit=PER_SECOND,
    ).span(8)
    yield curves(
        "Connections missed",
        "Share of the accepted connections that stood in no look, the twenty worst.",
        f"topk(20, {here(rated(services.MISSED))} / {_ON_NODE} {rated(services.ACCEPTED)})",
        "{{instance}}",
    ).span(8)
    yield bars(
        "Time between two looks at connections",
        "The twenty nodes that look most rarely: 1 s, or what keeps to 1 % of a core.",
        f"topk(20, {_each(services.INTERVAL)})",
        "{{instance}}",
        unit=SECONDS,
    ).span(8)
