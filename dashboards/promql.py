"""PromQL that boards and alerts share: which series go together, and what low use is."""

from agent.app import JUDGE_EVERY_S
from agent.facts import NETWORK_PHASE
from agent.judge.status import Status
from config.inventory import LEAVING

LATE_S = 3 * JUDGE_EVERY_S
"""Two assessments were left out."""

ON_LINK = "on (job, instance, link)"
ON_NETWORK = "on (job, instance, network)"
ON_TARGET = "on (job, instance, target)"

LOW = "|".join(it for it in Status if it.is_low)
"""A regular expression of the statuses that name what may be given back."""


def is_leaving(*matchers: str) -> str:
    """1 for each network whose traffic is moving away, as it is declared."""
    return is_declared("|".join(LEAVING), *matchers)


def is_declared(phases: str, *matchers: str) -> str:
    """1 for each network that is declared to be in one of some phases, a regular expression."""
    selected = ", ".join((*matchers, 'source="declared"', f'phase=~"{phases}"'))
    return f"({NETWORK_PHASE.name}{{{selected}}} == 1)"
