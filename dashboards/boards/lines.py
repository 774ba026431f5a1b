"""One line, or a few: what they carry, what their interfaces say, what their verdict rests on."""

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from agent.facts import (
    LINK_CONTRACT_END,
    LINK_COST,
    LINK_INFO,
    LINK_INTERFACE,
    LINK_NOTICE_BY,
    NETWORK_INFO,
)
from agent.judge.status import Status
from agent.recorder import (
    LINK_CAPACITY,
    LINK_OVERSOLD,
    LINK_RATES_DROPPED,
    LINK_RECEIVE,
    LINK_SEEN_SINCE,
    LINK_TRANSMIT,
)
from agent.verdict_metrics import (
    CONFIRMED,
    LOAD,
    RIGHT_SIZE,
    SAVING,
    SEEN,
    SINCE,
    TIME_ABOVE,
    VERDICT,
)
from collectors import link
from collectors.base import Metric
from config.policy import load_policy
from dashboards.board import board, chosen, few, here, rated, variable
from dashboards.links import to_page
from dashboards.panels import (
    BITS_PER_SECOND,
    DATE,
    PER_SECOND,
    PERCENT,
    STATUS_COLOURS,
    YES_NO,
    YUAN,
    Column,
    curves,
    rows,
)
from dashboards.promql import ON_LINK

LINES = "netfold-lines"

_NETWORK = 'network=~"$network"'
_LINK = 'link=~"$link"'
_INFO = here(chosen(LINK_INFO, _NETWORK, _LINK))
_LABELS = {"network": "Network", "link": "Line", "instance": "Node"}
_EXPLAINED = {"instance": to_page("link")}


def lines() -> dict[str, Any]:
    """The board, as Grafana loads it."""
    return board(
        LINES,
        "Netfold: lines",
        "What the chosen lines carry, and what their verdict rests on.",
        {
            "Verdict": _verdict(),
            "Load against capacity": _load(),
            "What proves it": _proof(),
            "Interfaces": _interfaces(),
        },
        variable("network", "Network", chosen(NETWORK_INFO)),
        few("link", "Line", chosen(LINK_INFO, _NETWORK)),
    )


def _of_chosen(metric: Metric, *matchers: str) -> str:
    return _joined(chosen(metric, _LINK, *matchers))


def _joined(series: str) -> str:
    return f"{series} * {ON_LINK} group_left (network) {_INFO}"


def _verdict() -> Iterator[Builder[Panel]]:
    verdicts = _joined(f"({chosen(VERDICT['link'], _LINK)} == 1)")

    def of_line(metric: Metric) -> str:
        return f"{chosen(metric, _LINK)} * {ON_LINK} group_right () ({verdicts})"

    yield rows(
        "Verdicts of the chosen lines",
        "What each line is by its node's policy, since when, and what it costs; a smaller "
        "bandwidth stands where it would be enough. A node leads to its agent's explanation.",
        _LABELS | {"status": "Verdict"},
        [
            Column("Since", f"1000 * {of_line(SINCE['link'])}", DATE),
            Column("Confirmed", of_line(CONFIRMED["link"]), YES_NO),
            Column("Seen", of_line(SEEN), PERCENT),
            Column("Yearly cost", of_line(LINK_COST), YUAN),
            Column("Contract ends", f"1000 * {of_line(LINK_CONTRACT_END)}", DATE),
            Column("Notice by", f"1000 * {of_line(LINK_NOTICE_BY)}", DATE),
            Column("Enough", f"8 * {of_line(RIGHT_SIZE['link'])}", BITS_PER_SECOND),
            Column("Would save", of_line(SAVING["link"]), YUAN),
        ],
        sort_by="Yearly cost",
        links=_EXPLAINED,
    )
    groups = chosen(LINK_INFO, _NETWORK, _LINK, 'group!=""')
    groups = f"group by (job, instance, group, network) ({here(groups)})"
    on_group = "on (job, instance, group)"
    judged = f"({chosen(VERDICT['group'])} == 1) * {on_group} group_left (network) {groups}"

    def of_group(metric: Metric) -> str:
        return f"{chosen(metric)} * {on_group} group_right () ({judged})"

    yield rows(
        "Verdicts of their groups",
        "A primary line and its standby are judged together: the groups that the chosen lines "
        "are part of.",
        {"network": "Network", "group": "Group", "instance": "Node", "status": "Verdict"},
        [
            Column("Since", f"1000 * {of_group(SINCE['group'])}", DATE),
            Column("Confirmed", of_group(CONFIRMED["group"]), YES_NO),
            Column("Enough", f"8 * {of_group(RIGHT_SIZE['group'])}", BITS_PER_SECOND),
            Column("Would save", of_group(SAVING["group"]), YUAN),
        ],
        sort_by="Since",
    ).height(6)


def _load() -> Iterator[Builder[Panel]]:
    links = load_policy().links
    low = next(it.threshold for it in links.low_use if it.measure == "load")
    busy = next(it.threshold for it in links.busy if it.measure == "load")
    received, transmitted = (rated(it, _LINK) for it in (LINK_RECEIVE, LINK_TRANSMIT))
    larger = f"(({received} > {transmitted}) or ({transmitted} and {received}))"
    yield curves(
        "Load",
        "The busier direction, as a share of the contracted bandwidth. Dashed: the levels of low "
        "use and busy of the policy that Netfold brings.",
        _joined(f"{larger} / {ON_LINK} {chosen(LINK_CAPACITY, _LINK)}"),
        "{{instance}} {{link}}",
        {low: STATUS_COLOURS[Status.LOW_USE], busy: STATUS_COLOURS[Status.BUSY]},
    ).span(24)
    yield curves(
        "Traffic",
        "What each line receives (in) and transmits (out).",
        f"8 * {_joined(received)}",
        "{{instance}} {{link}} in",
        unit=BITS_PER_SECOND,
        more={"{{instance}} {{link}} out": f"8 * {_joined(transmitted)}"},
    ).span(24)
    shares = [("Mean", "mean"), ("P95", "p95"), ("P99", "p99"), ("Peak", "peak")]
    yield rows(
        "Load against capacity",
        "Load in the part of the policy's window that was seen.",
        _LABELS,
        [
            Column("Capacity", f"8 * {_of_chosen(LINK_CAPACITY)}", BITS_PER_SECOND),
            *(
                Column(heading, _of_chosen(LOAD, f'stat="{stat}"'), PERCENT, is_bar=True)
                for heading, stat in shares
            ),
        ],
        sort_by="P95",
        links=_EXPLAINED,
    ).height(6)


def _proof() -> Iterator[Builder[Panel]]:
    yield rows(
        "Share of time above each threshold",
        "Of the policy's window, the share of time at or above the threshold of each rule: at "
        "least, and at most, had every unseen tick been above. A rule is proven when both are on "
        "the same side of its limit.",
        _LABELS | {"rule": "Rule"},
        [
            Column(heading, _of_chosen(TIME_ABOVE, f'bound="{bound}"'), PERCENT, is_bar=True)
            for heading, bound in (("At least", "lower"), ("At most", "upper"))
        ],
        sort_by="At least",
        links=_EXPLAINED,
    )


def _interfaces() -> Iterator[Builder[Panel]]:
    bound = f"{ON_LINK} group_left (device, interface) {chosen(LINK_INTERFACE, _LINK)}"

    def of_port(metric: Metric) -> str:
        return f"{_of_chosen(metric)} * {bound}"

    yield rows(
        "Interfaces of the chosen lines",
        "Where each line is bound, whether its interface is up, its port's speed, whether the "
        "contract is more than the port can carry, and since when every rate is known without a "
        "gap. Without a device it is the node's own interface.",
        _LABELS | {"device": "Device", "interface": "Interface"},
        [
            Column("Up", of_port(link.UP), YES_NO),
            Column("Port's speed", f"8 * {of_port(link.PORT_SPEED)}", BITS_PER_SECOND),
            Column("Contract above port", of_port(LINK_OVERSOLD), YES_NO),
            Column("No gap since", f"1000 * {of_port(LINK_SEEN_SINCE)}", DATE),
        ],
        sort_by="Line",
        rising=True,
    ).height(6)
    yield curves(
        "Errors and discards",
        "Packets a second with errors (err) or dropped (drop), received (in) or to be sent (out).",
        _joined(rated(link.RECEIVE_ERRORS, _LINK)),
        "{{link}} err in",
        unit=PER_SECOND,
        more={
            "{{link}} err out": _joined(rated(link.TRANSMIT_ERRORS, _LINK)),
            "{{link}} drop in": _joined(rated(link.RECEIVE_DISCARDS, _LINK)),
            "{{link}} drop out": _joined(rated(link.TRANSMIT_DISCARDS, _LINK)),
        },
    ).span(12)
    yield curves(
        "Impossible rates",
        "Rates a second that were above what the port can carry, and left out of the history.",
        _joined(rated(LINK_RATES_DROPPED, _LINK)),
        "{{instance}} {{link}}",
        unit=PER_SECOND,
    ).span(12)
