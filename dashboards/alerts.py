"""Eleven alerts. A line that nobody uses informs; what keeps Netfold from knowing warns."""

from typing import Any, Literal

from agent.app import JUDGE_EVERY_S
from agent.facts import LINK_INFO
from agent.keeper import WRITE_FAILURES
from agent.observe import BREACHED, FAILURES, PROBE_INFO, SUCCESS
from agent.phase_metrics import MISMATCH, RESIDUAL, RETURNING, UNPROVEN
from agent.progress_metrics import DUE, MILESTONE_DUE, MILESTONE_MET
from agent.verdict_metrics import CONFIRMED, LAST_RUN, SINCE, VERDICT
from collectors.base import Reason
from collectors.link import UP
from collectors.snmp_host import collect as snmp_host
from collectors.snmp_interfaces import collect as snmp_interfaces
from dashboards.promql import LOW, ON_LINK, ON_NETWORK, is_declared, is_leaving

RUNBOOKS = "docs/operating.md"

_DEVICE = f'kind=~"{snmp_interfaces.kind}|{snmp_host.kind}"'
_LATE_S = 3 * JUDGE_EVERY_S


def alerting_rules() -> dict[str, Any]:
    """Everything in a rule file."""
    alerts = [
        _link_low_use_confirmed(),
        _link_down(),
        _device_unreachable(),
        _isolation_breached(),
        _assessment_stale(),
        _history_not_writing(),
        _traffic_returned(),
        _residual_traffic(),
        _phase_mismatch(),
        _phase_overdue(),
        _milestone_overdue(),
    ]
    return {"groups": [{"name": "netfold-alerts", "rules": alerts}]}


def _link_low_use_confirmed() -> dict[str, Any]:
    """The value is when the verdict began; a network that is moving away is left out."""
    confirmed = f"{CONFIRMED['link'].name} == 1"
    leaving = f"{LINK_INFO.name} and {ON_NETWORK} {is_leaving()}"
    return _alert(
        "LinkLowUseConfirmed",
        f"{SINCE['link'].name} * {ON_LINK} group_right () "
        f'(({VERDICT["link"].name}{{status=~"{LOW}"}} == 1) and {ON_LINK} ({confirmed}) '
        f"unless {ON_LINK} ({leaving}))",
        severity="info",
        summary="Link {{ $labels.link }} is {{ $labels.status }}, and has been for long enough",
        description="The policy in force and the data prove it of link {{ $labels.link }} of "
        "{{ $labels.instance }}: it has been idle or of low use since "
        "{{ $value | humanizeTimestamp }}.",
    )


def _link_down() -> dict[str, Any]:
    return _alert(
        "LinkDown",
        f"({UP.name} == 0) * {ON_LINK} group_left (network) {LINK_INFO.name}",
        severity="warning",
        summary="Link {{ $labels.link }} of network {{ $labels.network }} is down",
        description="The interface of link {{ $labels.link }} of {{ $labels.instance }} has been "
        "down for 5 minutes, says its device, which itself answers.",
        lasting="5m",
    )


def _device_unreachable() -> dict[str, Any]:
    """A device that answers and lacks an interface is not unreachable."""
    lacking = f'{FAILURES.name}{{{_DEVICE},reason="{Reason.NO_SUCH_INTERFACE}"}}'
    return _alert(
        "DeviceUnreachable",
        f"{SUCCESS.name}{{{_DEVICE}}} == 0 "
        f"unless on (job, instance, target) (increase({lacking}[5m]) > 0)",
        severity="warning",
        summary="Device {{ $labels.target }} is not measured",
        description="Every poll of device {{ $labels.target }} by {{ $labels.instance }} has "
        f"failed for 10 minutes: nothing is known of its links or its load. {FAILURES.name} names "
        "the reason.",
        lasting="10m",
    )


def _isolation_breached() -> dict[str, Any]:
    """At once: one packet through is a way through."""
    return _alert(
        "IsolationBreached",
        f"({BREACHED.name} == 1) * on (job, instance, target) "
        f"group_left (network, purpose) {PROBE_INFO.name}",
        severity="warning",
        summary="{{ $labels.target }} is reached from {{ $labels.instance }}, and must not be",
        description="Target {{ $labels.target }} answered a probe of {{ $labels.instance }} though "
        "it is to be unreachable from there: what separates them has a way through.",
        lasting="0s",
    )


def _assessment_stale() -> dict[str, Any]:
    """The last word of an agent that is gone counts for a day: it judges no more either."""
    return _alert(
        "AssessmentStale",
        f"time() - last_over_time({LAST_RUN.name}[1d]) > {_LATE_S:g}",
        severity="warning",
        summary="The verdicts of {{ $labels.instance }} are out of date",
        description="The agent {{ $labels.instance }} judges every 10 minutes, and last did "
        "{{ $value | humanizeDuration }} ago: its verdicts are of that time, or gone with it.",
    )


def _history_not_writing() -> dict[str, Any]:
    return _alert(
        "HistoryNotWriting",
        f"increase({WRITE_FAILURES.name}[5m]) > 0",
        severity="warning",
        summary="The history of {{ $labels.instance }} is not written",
        description="For 15 minutes writing the history of {{ $labels.instance }} has failed, "
        '{{ $value | printf "%.0f" }} times in the last 5; a day of ticks waits in memory, '
        "then the oldest are lost.",
        lasting="15m",
    )


def _traffic_returned() -> dict[str, Any]:
    """At once: somebody works over a line that is about to be given back."""
    return _alert(
        "TrafficReturned",
        f"({RETURNING.name} == 1) unless {ON_NETWORK} {is_declared('reverted')}",
        severity="warning",
        summary="Traffic is back on the old lines of network {{ $labels.network }}",
        description="Network {{ $labels.network }} of {{ $labels.instance }} was declared cut over "
        "and its old lines were quiet since; now one of them has been above its noise floor for "
        "more of the day than the policy allows.",
        lasting="0s",
    )


def _residual_traffic() -> dict[str, Any]:
    return _alert(
        "ResidualTraffic",
        f"({RESIDUAL.name} == 1) unless {ON_NETWORK} {is_declared('reverted')}",
        severity="warning",
        summary="The old lines of network {{ $labels.network }} never became quiet",
        description="Network {{ $labels.network }} of {{ $labels.instance }} was declared cut over "
        "on a day before this one, and its old lines have carried traffic every day since. It has "
        "been so for an hour.",
        lasting="1h",
    )


def _phase_mismatch() -> dict[str, Any]:
    """Only a phase that is ahead of the data: one behind them is a declaration to be made."""
    return _alert(
        "PhaseMismatch",
        f"({MISMATCH.name} == 1) and {ON_NETWORK} ({UNPROVEN.name} == 1) "
        f"unless {ON_NETWORK} ({RETURNING.name} == 1 or {RESIDUAL.name} == 1)",
        severity="warning",
        summary="Network {{ $labels.network }} is not as far as declared",
        description="For an hour the data of {{ $labels.instance }} have disproved the phase that "
        "network {{ $labels.network }} is declared to be in: netfold phase show names the gates "
        "that do not hold.",
        lasting="1h",
    )


def _phase_overdue() -> dict[str, Any]:
    """A phase that is reached has no such time any more."""
    return _alert(
        "PhaseOverdue",
        f"time() - {DUE.name} > 0",
        severity="warning",
        summary="Network {{ $labels.network }} is not {{ $labels.milestone }}, and was to be",
        description="The day that {{ $labels.instance }} has planned for phase "
        "{{ $labels.milestone }} of network {{ $labels.network }} is over for "
        "{{ $value | humanizeDuration }}.",
        lasting="1h",
    )


def _milestone_overdue() -> dict[str, Any]:
    """Milestones of the past, that documents of the state set, are on no metric."""
    return _alert(
        "MilestoneOverdue",
        f"(time() - {MILESTONE_DUE.name} > 0) and on (job, instance, milestone) "
        f"({MILESTONE_MET.name} == 0)",
        severity="warning",
        summary="Milestone {{ $labels.milestone }} of {{ $labels.instance }} is not met",
        description="The day of milestone {{ $labels.milestone }} of {{ $labels.instance }} is "
        "over for {{ $value | humanizeDuration }}, and fewer networks than it asks for are as far.",
        lasting="1h",
    )


def _alert(
    name: str,
    expression: str,
    *,
    severity: Literal["info", "warning"],
    summary: str,
    description: str,
    lasting: str | None = None,
) -> dict[str, Any]:
    """One rule; it fires once `expression` has held for `lasting`, at once without it."""
    annotations = {
        "summary": summary,
        "description": description,
        "runbook_url": f"{RUNBOOKS}#{name.lower()}",
    }
    return {
        "alert": name,
        "expr": expression,
        **({"for": lasting} if lasting else {}),
        "labels": {"severity": severity},
        "annotations": annotations,
    }
