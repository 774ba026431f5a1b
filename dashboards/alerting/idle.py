"""What nobody uses informs, and never pages: nothing is broken."""

from collections.abc import Iterator
from typing import Any

from agent.facts import LINK_INFO
from agent.judge.status import Status
from agent.verdict_metrics import CONFIRMED, SINCE, VERDICT
from dashboards.alerting.rule import Said, alert
from dashboards.promql import LOW, ON_LINK, ON_NETWORK, is_leaving


def alerts() -> Iterator[dict[str, Any]]:
    """Each once its verdict is confirmed; the value is when the verdict began."""
    yield _link_low_use_confirmed()
    yield _server_idle_confirmed()
    yield _system_suspected_unused()


def _link_low_use_confirmed() -> dict[str, Any]:
    """A network that is moving away is left out: low use is then the plan."""
    leaving = f"{LINK_INFO.name} and {ON_NETWORK} {is_leaving()}"
    return alert(
        "LinkLowUseConfirmed",
        f"{_confirmed_since('link', LOW)} unless {ON_LINK} ({leaving})",
        "info",
        english=Said(
            "Link {{ $labels.link }} is {{ $labels.status }}, and has been for long enough",
            "The policy in force and the data prove it of link {{ $labels.link }} of "
            "{{ $labels.instance }}: it has been idle or of low use since "
            "{{ $value | humanizeTimestamp }}.",
        ),
        chinese=Said(
            "线路 {{ $labels.link }} 疑似低利用率（{{ $labels.status }}），已满确认期",
            "按现行判定策略和采样数据，{{ $labels.instance }} 的线路 {{ $labels.link }} 自 "
            "{{ $value | humanizeTimestamp }} 起一直闲置或低利用率。",
        ),
    )


def _server_idle_confirmed() -> dict[str, Any]:
    return alert(
        "ServerIdleConfirmed",
        _confirmed_since("server", Status.IDLE),
        "info",
        english=Said(
            "Server {{ $labels.server }} is idle, and has been for long enough",
            "The policy in force and the data prove it of server {{ $labels.server }} of "
            "{{ $labels.instance }}: it has been idle since {{ $value | humanizeTimestamp }}.",
        ),
        chinese=Said(
            "服务器 {{ $labels.server }} 疑似闲置，已满确认期",
            "按现行判定策略和采样数据，{{ $labels.instance }} 的服务器 {{ $labels.server }} 自 "
            "{{ $value | humanizeTimestamp }} 起一直闲置。",
        ),
    )


def _system_suspected_unused() -> dict[str, Any]:
    return alert(
        "SystemSuspectedUnused",
        _confirmed_since("system", Status.SUSPECTED_UNUSED),
        "info",
        english=Said(
            "System {{ $labels.system }} is suspected to be unused",
            "No client of system {{ $labels.system }} of {{ $labels.instance }} was seen in the "
            "policy's window; it is suspected to be unused since "
            "{{ $value | humanizeTimestamp }}.",
        ),
        chinese=Said(
            "信息系统 {{ $labels.system }} 疑似僵尸系统",
            "在判定窗口内未见 {{ $labels.instance }} 的信息系统 {{ $labels.system }} "
            "有任何用户连接；自 {{ $value | humanizeTimestamp }} 起列为疑似。",
        ),
    )


def _confirmed_since(kind: str, statuses: str) -> str:
    """When each subject's verdict began that is one of `statuses`, a regular expression."""
    on = f"on (job, instance, {kind})"
    verdict = f'({VERDICT[kind].name}{{status=~"{statuses}"}} == 1)'
    confirmed = f"({CONFIRMED[kind].name} == 1)"
    return f"{SINCE[kind].name} * {on} group_right () ({verdict} and {on} {confirmed})"
