"""How far the migration of all networks is, what is late, and what stands in the way."""

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from agent.facts import NETWORK_INFO, NETWORK_PHASE
from agent.phase_metrics import DOUBLE_COST, GATE, UNPROVEN
from agent.progress_metrics import (
    BANDWIDTH,
    DUE,
    FORECAST,
    MILESTONE_DUE,
    MILESTONE_GOAL,
    MILESTONE_MET,
    MILESTONE_REACHED,
    NETWORKS,
    OF_DEPARTMENT,
    OVERDUE,
    RATE,
    REGIONS,
    YUAN,
)
from collectors.base import Metric
from dashboards.board import NODES, board, chosen, variable
from dashboards.panels import (
    BITS_PER_SECOND,
    DATE,
    NUMBER,
    PERCENT,
    SECONDS,
    YES_NO,
    Column,
    bars,
    figure,
    rows,
)
from dashboards.panels import (
    YUAN as IN_YUAN,
)
from dashboards.promql import ON_NETWORK, is_declared

_NETWORK = 'network=~"$network"'
_DONE = 'state=~"migrated|interconnected"'
_IN_SCOPE = 'state!="exempt"'
_BITS = 8


def migration_overview() -> dict[str, Any]:
    """The board, as Grafana loads it."""
    return board(
        "netfold-migration-overview",
        "Netfold: migration overview",
        "How far the networks are, as declared where the data do not disprove it.",
        {
            "How far": _far(),
            "By department and region": _groups(),
            "Plan and milestones": _plan(),
            "What stands in the way": _in_the_way(),
        },
        variable("network", "Network", chosen(NETWORK_INFO, 'kind="dedicated"')),
    )


def _far() -> Iterator[Builder[Panel]]:
    done, scope = (f"sum({chosen(OF_DEPARTMENT, it)})" for it in (_DONE, _IN_SCOPE))
    yield figure(
        "Consolidated",
        "Networks that are migrated or interconnected, of all but the exempt ones.",
        f"{done} / {scope}",
        PERCENT,
    ).span(4)
    yield figure(
        "Saved a year",
        "Declared yearly cost of the networks whose lines were given back.",
        f"sum({chosen(YUAN['saved'])})",
        IN_YUAN,
    ).span(4)
    yield figure(
        "Reclaimable a year",
        "Declared yearly cost of what is idle or of low use in networks that are not being moved.",
        f"sum({chosen(YUAN['reclaimable'])})",
        IN_YUAN,
    ).span(4)
    yield figure(
        "Bandwidth given back",
        "Contracted bandwidth of the networks whose lines were given back.",
        f"{_BITS} * sum({chosen(BANDWIDTH['saved'])})",
        BITS_PER_SECOND,
    ).span(4)
    yield figure(
        "Networks overdue",
        "Networks with a planned day that passed without its phase.",
        f"sum({chosen(OVERDUE)})",
        NUMBER,
        bad_from=1,
    ).span(4)
    yield figure(
        "Not as far as declared",
        "Networks of which the data disprove the declared phase.",
        f"sum({chosen(UNPROVEN, _NETWORK)})",
        NUMBER,
        bad_from=1,
    ).span(4)
    yield rows(
        "Networks by phase",
        "How many networks are declared to be in each phase, and how many the data prove in it.",
        {"phase": "Phase"},
        [
            Column(heading, f"sum by (job, phase) ({chosen(NETWORKS, matcher)})", NUMBER)
            for heading, matcher in (
                ("Declared", 'source="declared"'),
                ("Observed", 'source="observed"'),
            )
        ],
        sort_by="Declared",
    )
    yield rows(
        "Consolidation rate",
        "Share of what is to be consolidated that is, by number, lines, bandwidth and cost: lines "
        "given back, and networks that are kept and joined.",
        {"instance": "Node", "measure": "Of the"},
        [
            Column(heading, chosen(RATE, f'outcome="{outcome}"'), PERCENT, is_bar=True)
            for heading, outcome in (("Migrated", "migrated"), ("Interconnected", "interconnected"))
        ],
        sort_by="Migrated",
    )


def _groups() -> Iterator[Builder[Panel]]:
    done, scope = (
        f"sum by (department) ({chosen(OF_DEPARTMENT, it)})" for it in (_DONE, _IN_SCOPE)
    )
    yield bars(
        "Consolidated, by department",
        "Share of each department's networks, but the exempt ones, that are migrated or "
        "interconnected.",
        f"{done} / ({scope} > 0)",
        "{{department}}",
    ).span(12)
    covered, named = (
        f"sum by (level) ({chosen(REGIONS, it)})" for it in ('state="covered"', 'state="named"')
    )
    yield bars(
        "Regions covered, by level",
        "Of the regions that a configuration or a network names, the share with a network that is "
        "connected or further.",
        f"{covered} / {named}",
        "{{level}}",
    ).span(12)


def _plan() -> Iterator[Builder[Panel]]:
    def of(metric: Metric, factor: str = "") -> str:
        return f"{factor}{chosen(metric)}"

    yield rows(
        "Milestones",
        "What each milestone asks of the networks, how far they are, and until when.",
        {"milestone": "Milestone", "instance": "Node"},
        [
            Column("Due", of(MILESTONE_DUE, "1000 * "), DATE),
            Column("Goal", of(MILESTONE_GOAL), PERCENT),
            Column("Reached", of(MILESTONE_REACHED), PERCENT, is_bar=True),
            Column("Met", of(MILESTONE_MET), YES_NO),
        ],
        sort_by="Due",
    )
    yield rows(
        "Forecast of completion",
        "When all is done at the rate of the last 90 days, and at the ends of its exact 90 % "
        "interval. A node where nothing was completed in that time has none.",
        {"instance": "Node", "bound": "Bound"},
        [Column("Done", of(FORECAST, "1000 * "), DATE)],
        sort_by="Done",
    )
    yield rows(
        "Overdue and due next",
        "Planned days of phases that are not reached, those that passed the longest ago first.",
        {"network": "Network", "milestone": "Phase", "instance": "Node"},
        [
            Column("Late by", f"time() - {chosen(DUE, _NETWORK)}", SECONDS),
            Column("Due", f"1000 * {chosen(DUE, _NETWORK)}", DATE),
        ],
        sort_by="Late by",
    )


def _in_the_way() -> Iterator[Builder[Panel]]:
    phases = f"{chosen(NETWORK_PHASE, _NETWORK)} == 1"
    yield rows(
        "Phases",
        "The phase that each network is declared to be in, and the one that the data prove.",
        {"network": "Network", "instance": "Node", "source": "Source", "phase": "Phase"},
        [Column("Is in it", phases, YES_NO)],
        sort_by="Network",
    )
    moving = is_declared("connected|dual_running|cut_over|observing", NODES, _NETWORK)
    yield rows(
        "Gates that do not hold",
        "Of networks that are being moved, as declared: the gates that the data disprove.",
        {"network": "Network", "instance": "Node", "gate": "Gate"},
        [Column("Holds", f"({chosen(GATE, _NETWORK)} == 0) and {ON_NETWORK} {moving}", YES_NO)],
        sort_by="Network",
    )
    yield rows(
        "Cost of double running",
        "What the old lines have cost since both ran, as declared, until the cutover or today.",
        {"network": "Network", "instance": "Node"},
        [Column("Cost", chosen(DOUBLE_COST, _NETWORK), IN_YUAN)],
        sort_by="Cost",
    )
