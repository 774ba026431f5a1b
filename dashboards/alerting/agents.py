"""What keeps an agent from judging."""

from collections.abc import Iterator
from typing import Any

from agent.keeper import WRITE_FAILURES
from agent.verdict_metrics import LAST_RUN
from dashboards.alerting.rule import Said, alert
from dashboards.alerting.thresholds import LATE_S, WRITE_FAILING_FOR


def alerts() -> Iterator[dict[str, Any]]:
    """Of the agents themselves."""
    yield _assessment_stale()
    yield _history_not_writing()


def _assessment_stale() -> dict[str, Any]:
    """The last word of an agent that is gone counts for a day: it judges no more either."""
    return alert(
        "AssessmentStale",
        f"time() - last_over_time({LAST_RUN.name}[1d]) > {LATE_S:g}",
        "warning",
        english=Said(
            "The verdicts of {{ $labels.instance }} are out of date",
            "The agent {{ $labels.instance }} judges every 10 minutes, and last did "
            "{{ $value | humanizeDuration }} ago: its verdicts are of that time, or gone with it.",
        ),
        chinese=Said(
            "{{ $labels.instance }} 的判定已过时",
            "{{ $labels.instance }} 每 10 分钟判定一次，最近一次在 {{ $value | humanizeDuration }} "
            "之前：现有判定是那时的，或已随之消失。",
        ),
    )


def _history_not_writing() -> dict[str, Any]:
    return alert(
        "HistoryNotWriting",
        f"increase({WRITE_FAILURES.name}[5m]) > 0",
        "warning",
        english=Said(
            "The history of {{ $labels.instance }} is not written",
            "For 15 minutes writing the history of {{ $labels.instance }} has failed, "
            '{{ $value | printf "%.0f" }} times in the last 5; a day of ticks waits in memory, '
            "then the oldest are lost.",
        ),
        chinese=Said(
            "{{ $labels.instance }} 的历史数据无法写入",
            "{{ $labels.instance }} 的历史数据已连续 15 分钟写入失败，最近 5 分钟内 "
            '{{ $value | printf "%.0f" }} 次；内存中只保留一天的采样，此后最早的将丢失。',
        ),
        lasting=WRITE_FAILING_FOR,
    )
