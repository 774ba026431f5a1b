"""What the data say of networks that move away."""

from collections.abc import Iterator
from typing import Any

from agent.phase_metrics import MISMATCH, RESIDUAL, RETURNING, UNPROVEN
from agent.progress_metrics import DUE, MILESTONE_DUE, MILESTONE_MET
from dashboards.alerting.rule import Said, alert
from dashboards.alerting.thresholds import MIGRATION_FOR
from dashboards.promql import ON_NETWORK, is_declared


def alerts() -> Iterator[dict[str, Any]]:
    """The most urgent first."""
    yield _traffic_returned()
    yield _residual_traffic()
    yield _phase_mismatch()
    yield _phase_overdue()
    yield _milestone_overdue()


def _traffic_returned() -> dict[str, Any]:
    """At once: somebody works over a line that is about to be given back."""
    return alert(
        "TrafficReturned",
        f"({RETURNING.name} == 1) unless {ON_NETWORK} {is_declared('reverted')}",
        "warning",
        english=Said(
            "Traffic is back on the old lines of network {{ $labels.network }}",
            "Network {{ $labels.network }} of {{ $labels.instance }} was declared cut over "
            "and its old lines were quiet since; now one of them has been above its noise floor "
            "for more of the day than the policy allows.",
        ),
        chinese=Said(
            "专网 {{ $labels.network }} 的旧线路出现回流",
            "{{ $labels.instance }} 的专网 {{ $labels.network }} 已申报切换，其旧线路此后一直静默；"
            "今日有线路高于底噪的时间超过了策略允许的份额。",
        ),
        lasting="0s",
    )


def _residual_traffic() -> dict[str, Any]:
    return alert(
        "ResidualTraffic",
        f"({RESIDUAL.name} == 1) unless {ON_NETWORK} {is_declared('reverted')}",
        "warning",
        english=Said(
            "The old lines of network {{ $labels.network }} never became quiet",
            "Network {{ $labels.network }} of {{ $labels.instance }} was declared cut over "
            "on a day before this one, and its old lines have carried traffic every day since. "
            "It has been so for an hour.",
        ),
        chinese=Said(
            "专网 {{ $labels.network }} 的旧线路从未静默",
            "{{ $labels.instance }} 的专网 {{ $labels.network }} 在今日之前已申报切换，"
            "但其旧线路此后每天都有流量。已持续一小时。",
        ),
        lasting=MIGRATION_FOR,
    )


def _phase_mismatch() -> dict[str, Any]:
    """Only a phase that is ahead of the data: one behind them is a declaration to be made."""
    return alert(
        "PhaseMismatch",
        f"({MISMATCH.name} == 1) and {ON_NETWORK} ({UNPROVEN.name} == 1) "
        f"unless {ON_NETWORK} ({RETURNING.name} == 1 or {RESIDUAL.name} == 1)",
        "warning",
        english=Said(
            "Network {{ $labels.network }} is not as far as declared",
            "For an hour the data of {{ $labels.instance }} have disproved the phase that "
            "network {{ $labels.network }} is declared to be in: netfold phase show names the "
            "gates that do not hold.",
        ),
        chinese=Said(
            "专网 {{ $labels.network }} 的申报阶段与数据不符",
            "{{ $labels.instance }} 的数据已有一小时否定专网 {{ $labels.network }} 申报的迁移阶段："
            "netfold phase show 会列出不成立的条件。",
        ),
        lasting=MIGRATION_FOR,
    )


def _phase_overdue() -> dict[str, Any]:
    """A phase that is reached has no such time any more."""
    return alert(
        "PhaseOverdue",
        f"time() - {DUE.name} > 0",
        "warning",
        english=Said(
            "Network {{ $labels.network }} is not {{ $labels.milestone }}, and was to be",
            "The day that {{ $labels.instance }} has planned for phase {{ $labels.milestone }} of "
            "network {{ $labels.network }} is over for {{ $value | humanizeDuration }}, and its "
            "phase has not been reached for an hour since.",
        ),
        chinese=Said(
            "专网 {{ $labels.network }} 未按计划达到 {{ $labels.milestone }} 阶段",
            "{{ $labels.instance }} 的专网 {{ $labels.network }} 计划达到 {{ $labels.milestone }} "
            "阶段的日期已过 {{ $value | humanizeDuration }}，且已持续一小时未达到。",
        ),
        lasting=MIGRATION_FOR,
    )


def _milestone_overdue() -> dict[str, Any]:
    """Milestones of the past, that documents of the state set, are on no metric."""
    return alert(
        "MilestoneOverdue",
        f"(time() - {MILESTONE_DUE.name} > 0) and on (job, instance, milestone) "
        f"({MILESTONE_MET.name} == 0)",
        "warning",
        english=Said(
            "Milestone {{ $labels.milestone }} of {{ $labels.instance }} is not met",
            "The day of milestone {{ $labels.milestone }} of {{ $labels.instance }} is over for "
            "{{ $value | humanizeDuration }}, and fewer networks than it asks for are as far. It "
            "has been so for an hour.",
        ),
        chinese=Said(
            "{{ $labels.instance }} 未达成里程碑 {{ $labels.milestone }}",
            "{{ $labels.instance }} 的里程碑 {{ $labels.milestone }} 的期限已过 "
            "{{ $value | humanizeDuration }}，达到相应阶段的专网数量不足。已持续一小时。",
        ),
        lasting=MIGRATION_FOR,
    )
