"""The migration overview's lower half: the networks one by one, what they wait for, their paths."""

from collections.abc import Iterator

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from agent.facts import EXEMPT_UNTIL
from agent.pairs import PAIR_INFO, PAIR_LOSS, PAIR_ROUNDS, PAIR_RTT, PAIR_TLS
from agent.phase_metrics import DOUBLE_COST, GATE
from collectors.base import Metric
from config.inventory import LEAVING
from dashboards.board import chosen, here
from dashboards.board_rules import PHASES
from dashboards.boards.dedicated_networks import UID
from dashboards.links import to_board
from dashboards.panels import DATE, NUMBER, PERCENT, SECONDS, YES_NO, YUAN, Column, rows
from dashboards.promql import ON_NETWORK

NETWORK = 'network=~"$network"'
OF_NETWORK = {"network": to_board(UID, "network")}


def of_chosen(metric: Metric | str, *matchers: str) -> str:
    """A metric's series of the chosen nodes, departments and regions, as PromQL."""
    return here(chosen(metric, *matchers))


def in_the_way() -> Iterator[Builder[Panel]]:
    """Each network's phase and gates, what two lines cost, and what is left out of it all."""
    yield rows(
        "Phases",
        "The phase that each network is declared to be in, and the one that the data prove, by the "
        "recording rules.",
        {"network": "Network", "instance": "Node", "source": "Source", "phase": "Phase"},
        [Column("Is in it", of_chosen(PHASES, NETWORK), YES_NO)],
        sort_by="Network",
        rising=True,
        links=OF_NETWORK,
    )
    moving = chosen(PHASES, NETWORK, 'source="declared"', f'phase=~"{"|".join(LEAVING)}"')
    yield rows(
        "Gates that do not hold",
        "Of networks that are being moved, as declared: the gates that the data disprove.",
        {"network": "Network", "instance": "Node", "gate": "Gate"},
        [Column("Holds", f"({of_chosen(GATE, NETWORK)} == 0) and {ON_NETWORK} {moving}", YES_NO)],
        sort_by="Network",
        rising=True,
        links=OF_NETWORK,
    )
    yield rows(
        "Cost of double running",
        "What the old lines have cost since both ran, as declared, until the cutover or today.",
        {"network": "Network", "instance": "Node"},
        [Column("Cost", of_chosen(DOUBLE_COST, NETWORK), YUAN)],
        sort_by="Cost",
    ).span(12)
    yield rows(
        "Exemptions",
        "What is left out of all this, and until when; what has ended is judged as any other.",
        {"kind": "Kind", "subject": "Name", "instance": "Node"},
        [Column("Until", f"1000 * {of_chosen(EXEMPT_UNTIL)}", DATE)],
        sort_by="Until",
        rising=True,
    ).span(12)


def pairs() -> Iterator[Builder[Panel]]:
    """What paired probes say of the new path."""
    followed = of_chosen(PAIR_INFO, NETWORK)
    labels = {"network": "Network", "pair": "Pair", "old": "Old path", "new": "New path"}
    labels["instance"] = "Node"

    def of_pair(metric: Metric, *matchers: str) -> str:
        on_pair = "on (job, instance, pair) group_left (network, old, new)"
        return f"{chosen(metric, *matchers)} * {on_pair} {followed}"

    slower = (
        ("Slower by", "median"),
        ("Slower by, at least", "lower"),
        ("Slower by, at most", "upper"),
    )
    yield rows(
        "Paired probes",
        "How much slower the new path is: the median of the last 60 rounds and its 95 % interval; "
        "negative where it is faster. How much more it loses, and the rounds known of both.",
        labels,
        [
            *(Column(name, of_pair(PAIR_RTT, f'stat="{stat}"'), SECONDS) for name, stat in slower),
            Column("Loses more", of_pair(PAIR_LOSS), PERCENT),
            Column("Rounds", of_pair(PAIR_ROUNDS), NUMBER),
        ],
        sort_by="Slower by",
    )
    yield rows(
        "TLS by both paths",
        "Whether both paths showed the same end, issuer or version in the last round.",
        labels | {"what": "What"},
        [Column("Same", of_pair(PAIR_TLS), YES_NO)],
        sort_by="Same",
        rising=True,
    )
