"""How far the migration of all networks is, what is late, and what stands in the way."""

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from agent.facts import NETWORK_INFO
from agent.phase_metrics import UNPROVEN
from agent.progress_metrics import (
    BANDWIDTH,
    DUE,
    FORECAST,
    LINES,
    MILESTONE_DUE,
    MILESTONE_GOAL,
    MILESTONE_MET,
    MILESTONE_REACHED,
    NETWORKS,
    OF_DEPARTMENT,
    OF_LEVEL,
    OVERDUE,
    RATE,
    REGIONS,
    YUAN,
)
from collectors.base import Metric
from dashboards.board import board, chosen, variable
from dashboards.boards.in_the_way import NETWORK, OF_NETWORK, in_the_way, of_chosen, pairs
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
            "What stands in the way": in_the_way(),
            "The new path beside the old one": pairs(),
        },
        variable("network", "Network", chosen(NETWORK_INFO, 'kind="dedicated"')),
    )


def _far() -> Iterator[Builder[Panel]]:
    done, scope = (f"sum({of_chosen(OF_DEPARTMENT, it)})" for it in (_DONE, _IN_SCOPE))
    yield figure(
        "Consolidated",
        "Networks that are migrated or interconnected, of all but the exempt ones.",
        f"{done} / {scope}",
        PERCENT,
    ).span(3)
    yield figure(
        "Saved a year",
        "Declared yearly cost of the networks whose lines were given back.",
        f"sum({of_chosen(YUAN['saved'])})",
        IN_YUAN,
    ).span(3)
    yield figure(
        "Reclaimable a year",
        "Declared yearly cost of what is idle or of low use in networks that are not being moved.",
        f"sum({of_chosen(YUAN['reclaimable'])})",
        IN_YUAN,
    ).span(3)
    yield figure(
        "Bandwidth given back",
        "Contracted bandwidth of the networks whose lines were given back.",
        f"{_BITS} * sum({of_chosen(BANDWIDTH['saved'])})",
        BITS_PER_SECOND,
    ).span(3)
    yield figure(
        "Reclaimable bandwidth",
        "Contracted bandwidth of what is idle or of low use in networks that are not being moved.",
        f"{_BITS} * sum({of_chosen(BANDWIDTH['reclaimable'])})",
        BITS_PER_SECOND,
    ).span(3)
    yield figure(
        "Networks overdue",
        "Networks with a planned day that passed without its phase.",
        f"sum({of_chosen(OVERDUE)})",
        NUMBER,
        bad_from=1,
    ).span(3)
    yield figure(
        "Not as far as declared",
        "Networks of which the data disprove the declared phase.",
        f"sum({of_chosen(UNPROVEN, NETWORK)})",
        NUMBER,
        bad_from=1,
    ).span(3)
    late = f"{of_chosen(MILESTONE_DUE)} < bool time()"
    yield figure(
        "Milestones missed",
        "Milestones whose day passed, and of which the networks are not as far as they ask.",
        f"sum((1 - {of_chosen(MILESTONE_MET)}) * on (job, instance, milestone) ({late}))",
        NUMBER,
        bad_from=1,
    ).span(3)
    yield rows(
        "Networks by phase",
        "How many networks, and how many of their lines, are declared to be in each phase, and how "
        "many the data prove in it.",
        {"phase": "Phase"},
        [
            Column(heading, f"sum by (job, phase) ({of_chosen(metric, matcher)})", NUMBER)
            for heading, metric, matcher in (
                ("Declared", NETWORKS, 'source="declared"'),
                ("Observed", NETWORKS, 'source="observed"'),
                ("Lines declared", LINES, 'source="declared"'),
                ("Lines observed", LINES, 'source="observed"'),
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
            Column(heading, of_chosen(RATE, f'outcome="{outcome}"'), PERCENT, is_bar=True)
            for heading, outcome in (("Migrated", "migrated"), ("Interconnected", "interconnected"))
        ],
        sort_by="Migrated",
    )


def _groups() -> Iterator[Builder[Panel]]:
    yield bars(
        "Consolidated, by department",
        "Share of each department's networks, but the exempt ones, that are migrated or "
        "interconnected.",
        _consolidated(OF_DEPARTMENT, "department"),
        "{{department}}",
    ).span(8)
    yield bars(
        "Consolidated, by level",
        "Share of each level's networks, but the exempt ones, that are migrated or interconnected.",
        _consolidated(OF_LEVEL, "level"),
        "{{level}}",
    ).span(8)
    covered, named = (
        f"sum by (level) ({of_chosen(REGIONS, it)})" for it in ('state="covered"', 'state="named"')
    )
    yield bars(
        "Regions covered, by level",
        "Of the regions that a configuration or a network names, the share with a network that is "
        "connected or further.",
        f"{covered} / {named}",
        "{{level}}",
    ).span(8)


def _consolidated(metric: Metric, label: str) -> str:
    done, scope = (f"sum by ({label}) ({of_chosen(metric, it)})" for it in (_DONE, _IN_SCOPE))
    return f"{done} / ({scope} > 0)"


def _plan() -> Iterator[Builder[Panel]]:
    yield rows(
        "Milestones",
        "What each milestone asks of the networks, how far they are, and until when.",
        {"milestone": "Milestone", "instance": "Node"},
        [
            Column("Due", f"1000 * {of_chosen(MILESTONE_DUE)}", DATE),
            Column("Goal", of_chosen(MILESTONE_GOAL), PERCENT),
            Column("Reached", of_chosen(MILESTONE_REACHED), PERCENT, is_bar=True),
            Column("Met", of_chosen(MILESTONE_MET), YES_NO),
        ],
        sort_by="Due",
        rising=True,
    )
    yield rows(
        "Forecast of completion",
        "When all is done at the rate of the last 90 days, and at the ends of its exact 90 % "
        "interval. A node where nothing was completed in that time has none.",
        {"instance": "Node", "bound": "Bound"},
        [Column("Done", f"1000 * {of_chosen(FORECAST)}", DATE)],
        sort_by="Done",
        rising=True,
    )
    yield rows(
        "Overdue and due next",
        "Planned days of phases that are not reached, those that passed the longest ago first.",
        {"network": "Network", "milestone": "Phase", "instance": "Node"},
        [
            Column("Late by", f"time() - {of_chosen(DUE, NETWORK)}", SECONDS),
            Column("Due", f"1000 * {of_chosen(DUE, NETWORK)}", DATE),
        ],
        sort_by="Late by",
        links=OF_NETWORK,
    )
