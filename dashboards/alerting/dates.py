"""What ends: certificates, contracts, and leave that was given for a time."""

from collections.abc import Iterator
from typing import Any

from agent.facts import EXEMPT_UNTIL, LINK_CONTRACT_END, LINK_INFO, LINK_NOTICE_BY, WAIVERS_EXPIRED
from collectors.tls_chain import EXPIRY
from dashboards.alerting.rule import Said, alert
from dashboards.alerting.thresholds import CERTIFICATE_AHEAD_S, NOTICE_AHEAD_S
from dashboards.promql import ON_LINK


def alerts() -> Iterator[dict[str, Any]]:
    """Where the value is a time, it is the day in question, past or to come."""
    yield _certificate_ends()
    yield _contract_ends()
    yield _waiver_expired()
    yield _exemption_expired()


def _certificate_ends() -> dict[str, Any]:
    return alert(
        "CertificateEnds",
        f"{EXPIRY.name} < time() + {CERTIFICATE_AHEAD_S}",
        "warning",
        english=Said(
            "A certificate of {{ $labels.target }} ends on {{ $value | humanizeTimestamp }}",
            "Of the certificates that {{ $labels.target }} shows to {{ $labels.instance }} the "
            "first one ends on {{ $value | humanizeTimestamp }}; then clients refuse it.",
        ),
        chinese=Said(
            "{{ $labels.target }} 的证书将于 {{ $value | humanizeTimestamp }} 到期",
            "{{ $labels.instance }} 看到的 {{ $labels.target }} 证书链中，最早的一张于 "
            "{{ $value | humanizeTimestamp }} 到期；此后客户端将拒绝连接。",
        ),
    )


def _contract_ends() -> dict[str, Any]:
    """Until the contract is over: a day for notice that was missed is not forgotten with it."""
    by = f"({LINK_NOTICE_BY.name} or {ON_LINK} {LINK_CONTRACT_END.name})"
    due = f"({by} < time() + {NOTICE_AHEAD_S}) and {ON_LINK} ({LINK_CONTRACT_END.name} > time())"
    return alert(
        "ContractEnds",
        f"({due}) * {ON_LINK} group_left (network, carrier) {LINK_INFO.name}",
        "info",
        english=Said(
            "Notice of the contract of link {{ $labels.link }} is due by "
            "{{ $value | humanizeTimestamp }}",
            "The contract of link {{ $labels.link }} of network {{ $labels.network }} of "
            "{{ $labels.instance }} ends, and notice is due by {{ $value | humanizeTimestamp }}: "
            "keep, resize or give back?",
        ),
        chinese=Said(
            "线路 {{ $labels.link }} 的合同须于 {{ $value | humanizeTimestamp }} 前通知续退",
            "{{ $labels.instance }} 专网 {{ $labels.network }} 的线路 {{ $labels.link }} "
            "合同即将到期，最迟通知时间为 {{ $value | humanizeTimestamp }}："
            "续租、调整带宽还是退租？",
        ),
    )


def _waiver_expired() -> dict[str, Any]:
    return alert(
        "WaiverExpired",
        f"{WAIVERS_EXPIRED.name} > 0",
        "warning",
        english=Said(
            "A waiver for a weaker SNMP of {{ $labels.instance }} has expired",
            "{{ $value }} devices of {{ $labels.instance }} are polled without encryption, and "
            "the waivers for that are over: netfold check names them.",
        ),
        chinese=Said(
            "{{ $labels.instance }} 的弱 SNMP 豁免已过期",
            "{{ $labels.instance }} 有 {{ $value }} 台设备仍以未加密方式采集，其豁免已过期："
            "netfold check 会列出设备。",
        ),
    )


def _exemption_expired() -> dict[str, Any]:
    return alert(
        "ExemptionExpired",
        f"{EXEMPT_UNTIL.name} < time()",
        "warning",
        english=Said(
            "The exemption of {{ $labels.kind }} {{ $labels.subject }} has expired",
            "The exemption of {{ $labels.kind }} {{ $labels.subject }} of {{ $labels.instance }} "
            "counted until {{ $value | humanizeTimestamp }}: it is judged as any other now.",
        ),
        chinese=Said(
            "{{ $labels.kind }} {{ $labels.subject }} 的例外批准已过期",
            "{{ $labels.instance }} 的 {{ $labels.kind }} {{ $labels.subject }} 的例外批准于 "
            "{{ $value | humanizeTimestamp }} 到期：现已与其他对象同样判定。",
        ),
    )
