"""Recording rules for the boards: what days of a whole centre are drawn from.

A curve over a week would read every sample of every line: of 500 nodes some hundred million; and
to find the lines of low use among 20,000 takes seconds. These are a few series a node and network,
one for each target that fails, and five for each line of low use; boards read all else as the
agents say it.
"""

from typing import Any

from agent.facts import LINK_COST, LINK_INFO, NETWORK_PHASE
from agent.observe import FAILURES, PROBE_INFO, PROBE_SUCCESS, SUCCESS
from agent.verdict_metrics import RECLAIMABLE, SEEN, TIME_ABOVE, VERDICT
from collectors.server import CPU
from dashboards.promql import LOW, ON_LINK, ON_NETWORK, ON_TARGET, is_leaving

_NODE = "by (job, instance)"

RECLAIMABLE_SUM = f"instance:{RECLAIMABLE.name}:sum"
LINES_COUNT = f"network:{VERDICT['link'].name}:count"
LOW_RANK = f"link:{VERDICT['link'].name}:low_rank"
"""Of each line of low use whose network does not leave already: its yearly cost, or 1 where none is
declared. Lists are ordered by it, and nothing else: it is no amount of money.
"""
LOW_SHARES = f"link:{TIME_ABOVE.name}:low_use"
"""Of each such line, the bounds of its shares of time by the rules of low use."""

PHASES = f"network:{NETWORK_PHASE.name}:in"
"""1 for the phase that each network is in, by source: as declared, and as observed."""

FAILING = f"target:{PROBE_SUCCESS.name}:failing"
"""1 for each target whose last round was not as it should be."""

PROBES_GOOD = f"instance:{PROBE_SUCCESS.name}:sum"
PROBES_ALL = f"instance:{PROBE_SUCCESS.name}:count"
CPU_MEAN = f"instance:{CPU.name}:avg"
MEASURED = f"instance:{SUCCESS.name}:sum"
TO_MEASURE = f"instance:{SUCCESS.name}:count"
LEAST_SEEN = f"network:{SEEN.name}:min"
FAILURES_RATE = f"instance:{FAILURES.name.removesuffix('_total')}:rate5m"


def board_rules() -> dict[str, Any]:
    """Everything in a rule file; the labels are what the boards' variables choose by."""
    verdict, network = VERDICT["link"].name, f"{ON_LINK} group_left (network) {LINK_INFO.name}"
    low = f'({verdict}{{status=~"{LOW}"}} == 1) * {network} unless {ON_NETWORK} {is_leaving()}'
    low_use = f'{TIME_ABOVE.name}{{rule=~"low_use:.*"}}'
    probe = f"{ON_TARGET} group_left (network, purpose) {PROBE_INFO.name}"
    costs = f"{LINK_COST.name} * {ON_LINK} group_right () ({low})"
    recorded = {
        RECLAIMABLE_SUM: f"sum {_NODE} ({RECLAIMABLE.name})",
        LINES_COUNT: f"count by (job, instance, network, status) (({verdict} == 1) * {network})",
        LOW_RANK: f"({costs}) or ({low})",
        LOW_SHARES: f"{low_use} * {ON_LINK} group_left (network) ({LOW_RANK} ^ 0)",
        PHASES: f"max by (job, instance, network, source, phase) ({NETWORK_PHASE.name} == 1)",
        FAILING: f"(({PROBE_SUCCESS.name} == 0) + 1) * {probe}",
        PROBES_GOOD: f"sum {_NODE} ({PROBE_SUCCESS.name})",
        PROBES_ALL: f"count {_NODE} ({PROBE_SUCCESS.name})",
        CPU_MEAN: f"avg {_NODE} ({CPU.name})",
        MEASURED: f"sum {_NODE} ({SUCCESS.name})",
        TO_MEASURE: f"count {_NODE} ({SUCCESS.name})",
        LEAST_SEEN: f"min by (job, instance, network) ({SEEN.name} * {network})",
        FAILURES_RATE: f"sum by (job, instance, reason) (rate({FAILURES.name}[5m]))",
    }
    rules = [{"record": name, "expr": expression} for name, expression in recorded.items()]
    return {"groups": [{"name": "netfold-boards", "interval": "2m", "rules": rules}]}
