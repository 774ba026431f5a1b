"""All alerts. What nobody uses informs, what keeps Netfold from knowing warns, a breach pages."""

from typing import Any

from dashboards.alerting import agents, dates, idle, lines, migration


def alerting_rules() -> dict[str, Any]:
    """Everything in a rule file."""
    parts = (idle, lines, dates, agents, migration)
    rules = [rule for part in parts for rule in part.alerts()]
    return {"groups": [{"name": "netfold-alerts", "rules": rules}]}
