"""Which dedicated networks can be given back, and what proves it."""

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from agent.facts import LINK_CONTRACT_END, LINK_COST, LINK_INFO, NETWORK_COST, NETWORK_INFO
from agent.judge.status import Status
from agent.observe import SUCCESS
from agent.recorder import LINK_CAPACITY, LINK_RECEIVE, LINK_TRANSMIT
from agent.verdict_metrics import (
    CONFIRMED,
    LAST_RUN,
    LOAD,
    RECLAIMABLE,
    SEEN,
    SINCE,
    TIME_ABOVE,
    VERDICT,
)
from collectors.base import Metric
from config.policy import load_policy
from dashboards.board import NODES, board, chosen, variable
from dashboards.panels import (
    BITS_PER_SECOND,
    DATE,
    NUMBER,
    PERCENT,
    SECONDS,
    STATUS_COLOURS,
    YES_NO,
    YUAN,
    Column,
    bars,
    count_by_status,
    curves,
    figure,
    rows,
)
from dashboards.promql import LOW, ON_LINK, ON_NETWORK, is_leaving

_NETWORK = 'network=~"$network"'
_LOW = f'status=~"{LOW}"'
_LINKS = chosen(LINK_INFO, _NETWORK)
_LEAVING = is_leaving(NODES, _NETWORK)
_LATE_S = 1800
"""The agent judges every 10 minutes."""


def dedicated_networks() -> dict[str, Any]:
    """The board, as Grafana loads it."""
    return board(
        "netfold-dedicated-networks",
        "Netfold: dedicated networks",
        "What can be given back, and what proves it, by each node's own policy.",
        {
            "What can be given back": _reclaimable(),
            "Load against capacity": _load(),
            "What proves it": _proof(),
        },
        variable("network", "Network", chosen(NETWORK_INFO, 'kind="dedicated"')),
    )


def _reclaimable() -> Iterator[Builder[Panel]]:
    yield figure(
        "Reclaimable a year",
        "Yearly cost of the networks that are idle or of low use, and of such lines of the others. "
        "What has no declared cost is not in it.",
        f"sum({chosen(RECLAIMABLE, _NETWORK)})",
        YUAN,
    ).span(4)
    yield count_by_status(
        "Networks by verdict",
        "How many dedicated networks have each verdict.",
        f"sum by (status) ({chosen(VERDICT['network'], _NETWORK)})",
    ).span(10)
    yield count_by_status(
        "Lines by verdict",
        "How many lines of dedicated networks have each verdict; a standby is judged in its group.",
        # The one verdict that each has, before the join: a seventh of the series.
        f"sum by (status) ({_with_network(_is(VERDICT['link']))})",
    ).span(10)
    networks = f"{chosen(VERDICT['network'], _NETWORK, _LOW)} == 1 unless {ON_NETWORK} {_LEAVING}"

    def of_network(metric: Metric) -> str:
        return f"{chosen(metric)} * {ON_NETWORK} group_right () ({networks})"

    yield rows(
        "Low-use networks",
        "Networks that the data prove idle or of low use, the most yuan first. Those that are "
        "moving away already (phases connected to observing) are left out.",
        {"network": "Network", "instance": "Node", "status": "Verdict"},
        [
            Column("Reclaimable a year", of_network(RECLAIMABLE), YUAN),
            Column("Yearly cost", of_network(NETWORK_COST), YUAN),
            Column("Since", f"1000 * {of_network(SINCE['network'])}", DATE),
            Column("Confirmed", of_network(CONFIRMED["network"]), YES_NO),
        ],
        sort_by="Reclaimable a year",
    )
    lines = _with_network(_is(VERDICT["link"], _LOW))
    lines = f"{lines} unless {ON_NETWORK} {_LEAVING}"

    def of_line(metric: Metric, *matchers: str) -> str:
        return f"{chosen(metric, *matchers)} * {ON_LINK} group_right () ({lines})"

    yield rows(
        "Low-use lines",
        "Lines that the data prove idle or of low use, the most yuan first; the networks that are "
        "moving away left out.",
        {"network": "Network", "link": "Line", "instance": "Node", "status": "Verdict"},
        [
            Column("Yearly cost", of_line(LINK_COST), YUAN),
            Column("Since", f"1000 * {of_line(SINCE['link'])}", DATE),
            Column("Confirmed", of_line(CONFIRMED["link"]), YES_NO),
            Column("Load, P95", of_line(LOAD, 'stat="p95"'), PERCENT),
            Column("Seen", of_line(SEEN), PERCENT),
            Column("Contract ends", f"1000 * {of_line(LINK_CONTRACT_END)}", DATE),
        ],
        sort_by="Yearly cost",
    )


def _load() -> Iterator[Builder[Panel]]:
    links = load_policy().links
    low = next(it.threshold for it in links.low_use if it.measure == "load")
    busy = next(it.threshold for it in links.busy if it.measure == "load")
    received, transmitted = (
        f"rate({chosen(it)}[$__rate_interval])" for it in (LINK_RECEIVE, LINK_TRANSMIT)
    )
    larger = f"(({received} > {transmitted}) or ({transmitted} and {received}))"
    yield curves(
        "Load",
        "The busier direction, as a share of the contracted bandwidth. Dashed: the levels of the "
        f"policy that Netfold brings, of low use ({low:.0%}) and busy ({busy:.0%}).",
        _with_network(f"{larger} / {ON_LINK} {chosen(LINK_CAPACITY)}"),
        "{{instance}} {{link}}",
        {low: STATUS_COLOURS[Status.LOW_USE], busy: STATUS_COLOURS[Status.BUSY]},
    ).span(24)
    shares = [("Mean", "mean"), ("P95", "p95"), ("P99", "p99"), ("Peak", "peak")]
    yield rows(
        "Load against capacity",
        "Load in the part of the policy's window that was seen.",
        {"network": "Network", "link": "Line", "instance": "Node"},
        [
            Column("Capacity", _with_network(f"8 * {chosen(LINK_CAPACITY)}"), BITS_PER_SECOND),
            *(
                Column(heading, _with_network(chosen(LOAD, f'stat="{stat}"')), PERCENT, is_bar=True)
                for heading, stat in shares
            ),
        ],
        sort_by="P95",
    )


def _proof() -> Iterator[Builder[Panel]]:
    yield rows(
        "Share of time above each threshold",
        "Of the policy's window, the share of time at or above the threshold of each rule: at "
        "least, and at most, had every unseen tick been above. A rule is proven when both are on "
        "the same side of its limit.",
        {"network": "Network", "link": "Line", "instance": "Node", "rule": "Rule"},
        [
            Column(heading, _with_network(chosen(TIME_ABOVE, f'bound="{bound}"')), PERCENT, True)
            for heading, bound in (("At least", "lower"), ("At most", "upper"))
        ],
        sort_by="At least",
    )
    yield bars(
        "Not seen",
        "Share of the policy's window in which a line's traffic was not seen. What was not seen "
        "never makes a line look idler.",
        f"1 - {_with_network(chosen(SEEN))}",
        "{{instance}} {{link}}",
    ).span(16)
    yield figure(
        "Targets not measured",
        "Devices and other targets whose last attempt failed.",
        f"sum(1 - {chosen(SUCCESS)})",
        NUMBER,
        bad_from=1,
    ).span(4)
    yield figure(
        "Last judged",
        "How long ago the node that is most behind last judged; each does every 10 minutes.",
        f"max(time() - {chosen(LAST_RUN)})",
        SECONDS,
        bad_from=_LATE_S,
    ).span(4)


def _is(verdict: Metric, *matchers: str) -> str:
    """The verdict that each subject has, without those that it has not."""
    return f"({chosen(verdict, *matchers)} == 1)"


def _with_network(series: str) -> str:
    """Series of lines, those of the chosen networks only, and which network it is."""
    return f"{series} * {ON_LINK} group_left (network) {_LINKS}"
