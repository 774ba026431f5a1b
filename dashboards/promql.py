"""PromQL that boards and alerts share: which series go together, and what low use is."""

from agent.facts import NETWORK_PHASE
from agent.judge.status import Status
from config.inventory import LEAVING

ON_LINK = "on (job, instance, link)"
ON_NETWORK = "on (job, instance, network)"

LOW = "|".join(it for it in Status if it.is_low)
"""A regular expression of the statuses that name what may be given back."""


def is_leaving(*matchers: str) -> str:
    """1 for each network whose traffic is moving away, as it declares itself."""
    phases = f'phase=~"{"|".join(LEAVING)}"'
    selected = ", ".join((*matchers, 'source="declared"', phases))
    return f"({NETWORK_PHASE.name}{{{selected}}} == 1)"
