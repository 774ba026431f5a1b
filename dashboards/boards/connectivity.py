"""Is each network there, how well, and only where it should be: what the probes say."""

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from agent.availability import NETWORK_AVAILABILITY, PROBE_AVAILABILITY, SLA_MET
from agent.facts import NETWORK_INFO
from agent.observe import BREACHED, LAST_SUCCESS, PROBE_INFO, PROBE_SUCCESS
from collectors.tls import VERIFIED
from collectors.tls_chain import EXPIRY
from dashboards.board import (
    EVERYTHING_OR_NOTHING,
    board,
    chosen,
    here,
    variable,
)
from dashboards.board_rules import FAILING, FAILURES_RATE, PROBES_ALL, PROBES_GOOD
from dashboards.boards.targets import TARGETS
from dashboards.links import to_board
from dashboards.panels import (
    DATE,
    NUMBER,
    PER_SECOND,
    PERCENT,
    YES_NO,
    Column,
    curves,
    figure,
    rows,
)
from dashboards.promql import ON_NETWORK, ON_TARGET

_NETWORK = 'network=~"$network"'
_INFO = here(chosen(PROBE_INFO, _NETWORK))
_LABELS = {"network": "Network", "target": "Target", "purpose": "Purpose", "instance": "Node"}
_DETAILS = {"target": to_board(TARGETS, "target")}
_MONTH_S = 30 * 86_400
"""What a certificate's renewal may take where it has to be applied for."""


def connectivity() -> dict[str, Any]:
    """The board, as Grafana loads it."""
    return board(
        "netfold-connectivity",
        "Netfold: connectivity and isolation",
        "Whether what should answer does, how well, and whether what must not answer does not.",
        {
            "Now": _now(),
            "Isolation": _isolation(),
            "Availability and service levels": _availability(),
            "Certificates": _certificates(),
            "Over time": _over_time(),
        },
        variable("network", "Network", chosen(PROBE_INFO), everything=EVERYTHING_OR_NOTHING),
    )


def of_target(series: str) -> str:
    """Series of targets with the network and the purpose of each, those of the chosen networks."""
    return f"{series} * {ON_TARGET} group_left (network, purpose) {_INFO}"


def _now() -> Iterator[Builder[Panel]]:
    yield figure(
        "Targets",
        "How many targets are probed.",
        f"count({_INFO})",
        NUMBER,
    ).span(4)
    failing = "Targets whose last round was not as it should be; a local fault is none of theirs."
    yield figure(
        "Targets that fail",
        failing,
        f"sum(1 - {of_target(chosen(PROBE_SUCCESS))})",
        NUMBER,
        bad_from=1,
    ).span(5)
    yield figure(
        "Breaches of isolation",
        "Targets that must not answer from here, and did.",
        f"sum({of_target(chosen(BREACHED))})",
        NUMBER,
        bad_from=1,
    ).span(5)
    yield figure(
        "Service levels missed",
        "Rules of SLA profiles that a target does not keep; what is not known yet is not counted.",
        f"sum(1 - {of_target(chosen(SLA_MET))})",
        NUMBER,
        bad_from=1,
    ).span(5)
    yield figure(
        "Certificates that end in 30 days",
        "Targets that show a certificate which ends within thirty days, or has ended.",
        f"sum({of_target(chosen(EXPIRY))} < bool (time() + {_MONTH_S}))",
        NUMBER,
        bad_from=1,
    ).span(5)
    down = here(chosen(FAILING, 'network=~"$network"'))

    def of_failing(series: str) -> str:
        return f"{series} * {ON_TARGET} group_right () {down}"

    last = f"max by (job, instance, target) ({chosen(LAST_SUCCESS)})"
    month = 'window="30d"', 'bound="lower"'
    yield rows(
        "Targets that fail now",
        failing
        + " By the recording rules. Without a last success there was none since the agent began. "
        "A target leads to its rounds.",
        _LABELS,
        [
            Column("Fails", down, YES_NO),
            Column("Last success", f"1000 * {of_failing(last)}", DATE),
            Column("30 days, at least", of_failing(chosen(PROBE_AVAILABILITY, *month)), PERCENT),
        ],
        sort_by="Target",
        rising=True,
        links=_DETAILS,
    )


def _isolation() -> Iterator[Builder[Panel]]:
    yield rows(
        "Targets that must not answer",
        "Each target that is to be unreachable from its node, and whether it was reached. Absent "
        "while a local fault keeps the node from trying.",
        _LABELS,
        [Column("Reached", of_target(chosen(BREACHED)), YES_NO)],
        sort_by="Reached",
        links=_DETAILS,
    ).height(7)


def _availability() -> Iterator[Builder[Panel]]:
    networks = here(chosen(NETWORK_INFO, _NETWORK))

    def of_network(window: str, bound: str) -> str:
        matchers = f'window="{window}"', f'bound="{bound}"'
        return f"{chosen(NETWORK_AVAILABILITY, *matchers)} * {ON_NETWORK} group_left () {networks}"

    yield rows(
        "Networks",
        "Share of the last day and month in which any target of the network answered: at least, "
        "and at most, had it answered whenever nobody looked.",
        {"network": "Network", "instance": "Node"},
        [
            Column("24 hours, at least", of_network("24h", "lower"), PERCENT),
            Column("24 hours, at most", of_network("24h", "upper"), PERCENT),
            Column("30 days, at least", of_network("30d", "lower"), PERCENT),
            Column("30 days, at most", of_network("30d", "upper"), PERCENT),
        ],
        sort_by="30 days, at most",
        rising=True,
    )
    yield rows(
        "Service levels that are missed",
        "Targets that do not keep a rule of their SLA profile, proven by what was seen.",
        _LABELS | {"profile": "Profile", "rule": "Rule"},
        [Column("Kept", f"{of_target(chosen(SLA_MET))} == 0", YES_NO)],
        sort_by="Network",
        rising=True,
        links=_DETAILS,
    )


def _certificates() -> Iterator[Builder[Panel]]:
    first = f"bottomk(100, {of_target(chosen(EXPIRY))})"
    verified = f"{of_target(chosen(VERIFIED))} and {ON_TARGET} {first}"
    yield rows(
        "Certificates",
        "When the first certificate of each target's chain ends, the hundred earliest; and whether "
        "the chain is trusted, valid and bears the server's name.",
        _LABELS,
        [
            Column("Ends", f"1000 * {first}", DATE),
            Column("Verified", verified, YES_NO),
        ],
        sort_by="Ends",
        rising=True,
        links=_DETAILS,
    )


def _over_time() -> Iterator[Builder[Panel]]:
    good, every = (f"sum({here(chosen(it))})" for it in (PROBES_GOOD, PROBES_ALL))
    yield curves(
        "Targets as they should be",
        "Share of all targets of the chosen nodes, by the recording rules.",
        f"{good} / {every}",
        "As they should be",
    ).span(12)
    yield curves(
        "Failures by reason",
        "Failed attempts a second at the chosen nodes, devices among them, by the recording rules. "
        "The operating manual has a section for each reason.",
        f"sum by (reason) ({here(chosen(FAILURES_RATE))})",
        "{{reason}}",
        unit=PER_SECOND,
    ).span(12)
