"""Recording rules for the boards: what days of a whole centre are drawn from.

A curve over a week would read every sample of every line: of 500 nodes some hundred million. These
are a few series a node, every five minutes; boards read all else as the agents say it.
"""

from typing import Any

from agent.facts import LINK_INFO
from agent.observe import FAILURES, PROBE_SUCCESS, SUCCESS
from agent.verdict_metrics import RECLAIMABLE, VERDICT
from collectors.server import CPU
from dashboards.promql import ON_LINK

_NODE = "by (job, instance)"

RECLAIMABLE_SUM = f"instance:{RECLAIMABLE.name}:sum"
LINES_COUNT = f"network:{VERDICT['link'].name}:count"
PROBES_GOOD = f"instance:{PROBE_SUCCESS.name}:sum"
PROBES_ALL = f"instance:{PROBE_SUCCESS.name}:count"
CPU_MEAN = f"instance:{CPU.name}:avg"
MEASURED = f"instance:{SUCCESS.name}:avg"
FAILURES_RATE = f"instance:{FAILURES.name.removesuffix('_total')}:rate5m"


def board_rules() -> dict[str, Any]:
    """Everything in a rule file; the labels are what the boards' variables choose by."""
    verdict = f"({VERDICT['link'].name} == 1) * {ON_LINK} group_left (network) {LINK_INFO.name}"
    recorded = {
        RECLAIMABLE_SUM: f"sum {_NODE} ({RECLAIMABLE.name})",
        LINES_COUNT: f"count by (job, instance, network, status) ({verdict})",
        PROBES_GOOD: f"sum {_NODE} ({PROBE_SUCCESS.name})",
        PROBES_ALL: f"count {_NODE} ({PROBE_SUCCESS.name})",
        CPU_MEAN: f"avg {_NODE} ({CPU.name})",
        MEASURED: f"avg {_NODE} ({SUCCESS.name})",
        FAILURES_RATE: f"sum by (job, instance, reason) (rate({FAILURES.name}[5m]))",
    }
    rules = [{"record": name, "expr": expression} for name, expression in recorded.items()]
    return {"groups": [{"name": "netfold-boards", "interval": "1m", "rules": rules}]}
