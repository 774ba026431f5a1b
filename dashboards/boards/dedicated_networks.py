"""Which dedicated networks can be given back, and what proves it: the board to begin with."""

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from agent.facts import (
    LINK_CONTRACT_END,
    LINK_COST,
    NETWORK_COMPLETE,
    NETWORK_COST,
    NETWORK_INFO,
    UPLINKS_SHARED,
)
from agent.phase_metrics import DOUBLE_COST, GATE, MISMATCH, RESIDUAL, RETURNING, UNPROVEN
from agent.verdict_metrics import (
    CONFIRMED,
    LAST_RUN,
    LOAD,
    RECLAIMABLE,
    SAVING,
    SEEN,
    SINCE,
    VERDICT,
)
from collectors.base import Metric
from config.inventory import LEAVING
from dashboards.board import board, chosen, here, variable
from dashboards.board_rules import (
    LEAST_SEEN,
    LINES_COUNT,
    LOW_RANK,
    LOW_SHARES,
    MEASURED,
    PHASES,
    RECLAIMABLE_SUM,
    TO_MEASURE,
)
from dashboards.boards.lines import LINES
from dashboards.links import to_board, to_page
from dashboards.panels import (
    DATE,
    NUMBER,
    PERCENT,
    SECONDS,
    YES_NO,
    YUAN,
    Column,
    bars,
    count_by_status,
    curves,
    figure,
    rows,
)
from dashboards.promql import LATE_S, LOW, ON_LINK, ON_NETWORK

UID = "netfold-dedicated-networks"

_NETWORK = 'network=~"$network"'
_LOW = f'status=~"{LOW}"'
_NETWORKS = here(chosen(NETWORK_INFO, _NETWORK))
_LEAVING = chosen(PHASES, _NETWORK, 'source="declared"', f'phase=~"{"|".join(LEAVING)}"')
_MOST = 200
_LISTED = f"topk({_MOST}, {here(chosen(LOW_RANK, _NETWORK))})"
"""Lines of low use; of 20,000 at a centre nobody reads all that are."""


def dedicated_networks() -> dict[str, Any]:
    """The board, as Grafana loads it."""
    return board(
        UID,
        "Netfold: dedicated networks",
        "What can be given back, and what proves it, by each node's own policy.",
        {
            "What can be given back": _reclaimable(),
            "What proves it": _proof(),
            "What else is open": _open(),
            "Over time": _over_time(),
        },
        variable("network", "Network", chosen(NETWORK_INFO, 'kind="dedicated"')),
    )


def _reclaimable() -> Iterator[Builder[Panel]]:
    yield figure(
        "Reclaimable a year",
        "Yearly cost of the networks that are idle or of low use, and of such lines of the others. "
        "What has no declared cost is not in it.",
        f"sum({here(chosen(RECLAIMABLE, _NETWORK))})",
        YUAN,
    ).span(4)
    yield count_by_status(
        "Networks by verdict",
        "How many dedicated networks have each verdict.",
        f"sum by (status) ({here(chosen(VERDICT['network'], _NETWORK))})",
    ).span(10)
    yield count_by_status(
        "Lines by verdict",
        "How many lines of dedicated networks have each verdict, by the recording rules; a standby "
        "is judged in its group.",
        f"sum by (status) ({here(chosen(LINES_COUNT, _NETWORK))})",
    ).span(10)
    networks = here(f"{chosen(VERDICT['network'], _NETWORK, _LOW)} == 1")
    networks = f"{networks} unless {ON_NETWORK} {_LEAVING}"

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
        links={"network": to_board(UID, "network")},
    )
    yield rows(
        "Low-use lines",
        "Lines that the data prove idle or of low use, the 200 with the most yuan first; the "
        "networks that are moving away left out. A line leads to its curve, a node to its agent's "
        "explanation.",
        {"network": "Network", "link": "Line", "instance": "Node", "status": "Verdict"},
        [
            Column("Yearly cost", _of_line(LINK_COST), YUAN),
            Column("Since", f"1000 * {_of_line(SINCE['link'])}", DATE),
            Column("Confirmed", _of_line(CONFIRMED["link"]), YES_NO),
            Column("Load, P95", _of_line(LOAD, 'stat="p95"'), PERCENT),
            Column("Seen", _of_line(SEEN), PERCENT),
            Column("Contract ends", f"1000 * {_of_line(LINK_CONTRACT_END)}", DATE),
        ],
        sort_by="Yearly cost",
        links={"link": to_board(LINES, "network", "link"), "instance": to_page("link")},
    )


def _of_line(metric: Metric, *matchers: str) -> str:
    return f"{chosen(metric, *matchers)} * {ON_LINK} group_right () ({_LISTED} ^ 0)"


def _proof() -> Iterator[Builder[Panel]]:
    def share(bound: str) -> str:
        shares = chosen(LOW_SHARES, _NETWORK, f'bound="{bound}"')
        return f"{shares} and {ON_LINK} {_LISTED}"

    yield rows(
        "What proves the low-use lines",
        "Of the policy's window, the share of time at or above each threshold of low use: at "
        "least, and at most, had every unseen tick been above. Both are within the limit that the "
        "rule names. By the recording rules.",
        {"network": "Network", "link": "Line", "instance": "Node", "rule": "Rule"},
        [
            Column(heading, share(bound), PERCENT, is_bar=True)
            for heading, bound in (("At least", "lower"), ("At most", "upper"))
        ],
        sort_by="At most",
        links={"link": to_board(LINES, "network", "link"), "instance": to_page("link")},
    )
    yield bars(
        "Not seen",
        "The twenty networks with the line of which the most was not seen, as a share of the "
        "policy's window. What was not seen never makes a line look idler.",
        f"topk(20, 1 - {here(chosen(LEAST_SEEN, _NETWORK))})",
        "{{instance}} {{network}}",
    ).span(16)
    yield figure(
        "Targets not measured",
        "Devices and other targets whose last attempt failed, by the recording rules.",
        f"sum({here(f'{chosen(TO_MEASURE)} - {chosen(MEASURED)}')})",
        NUMBER,
        bad_from=1,
    ).span(4)
    yield figure(
        "Last judged",
        "How long ago the node that is most behind last judged; each does every 10 minutes.",
        f"max(time() - {here(chosen(LAST_RUN))})",
        SECONDS,
        bad_from=LATE_S,
    ).span(4)


def _open() -> Iterator[Builder[Panel]]:
    def of_network(metric: Metric) -> str:
        return f"{chosen(metric)} * {ON_NETWORK} group_left () {_NETWORKS}"

    yield rows(
        "What is open of each network",
        "Where the declared phase and the data differ, what runs twice, what the register lacks, "
        "and whether all uplinks have the same device or carrier. Empty: not known.",
        {"network": "Network", "instance": "Node"},
        [
            Column("Phase differs", of_network(MISMATCH), YES_NO),
            Column("Phase disproved", of_network(UNPROVEN), YES_NO),
            Column("Traffic returned", of_network(RETURNING), YES_NO),
            Column("Never became quiet", of_network(RESIDUAL), YES_NO),
            Column("Cost of running twice", of_network(DOUBLE_COST), YUAN),
            Column("Register complete", of_network(NETWORK_COMPLETE), PERCENT, is_bar=True),
            Column("Uplinks fail together", of_network(UPLINKS_SHARED), YES_NO),
        ],
        sort_by="Cost of running twice",
    )
    yield rows(
        "Gates that do not hold",
        "What the next phases of each network wait for; netfold phase show says what was seen.",
        {"network": "Network", "instance": "Node", "gate": "Gate"},
        [Column("Holds", f"{_gates()} == 0", YES_NO)],
        sort_by="Network",
        rising=True,
    ).span(16)
    savings = " or ".join(here(chosen(SAVING[kind])) for kind in ("link", "group"))
    yield figure(
        "Saved by smaller lines",
        "What lines and groups that must stay would save a year at the bandwidth that is enough, "
        "at the prices of the configuration. Empty where no price is declared.",
        f"sum({savings})",
        YUAN,
    ).span(8)


def _gates() -> str:
    return f"{chosen(GATE)} * {ON_NETWORK} group_left () {_NETWORKS}"


def _over_time() -> Iterator[Builder[Panel]]:
    yield curves(
        "Reclaimable a year, over time",
        "Yearly cost of what is idle or of low use at the chosen nodes, all their networks, by the "
        "recording rules.",
        f"sum({here(chosen(RECLAIMABLE_SUM))})",
        "Reclaimable a year",
        unit=YUAN,
    ).span(12)
    yield curves(
        "Lines by verdict, over time",
        "How many lines have each verdict, by the recording rules.",
        f"sum by (status) ({here(chosen(LINES_COUNT, _NETWORK))})",
        "{{status}}",
        unit=NUMBER,
    ).span(12)
