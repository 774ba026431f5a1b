"""What is down, does not answer, or answers though it must not.

A probe's alert names the line that it goes over where its network has no other one: so a line that
is down, or a device that does not answer, silences the probes behind it (alertmanager.yml). Where
there are several, a probe that fails beside one that is down says that the others did not take
over: that is no echo of the first alert.
"""

from collections.abc import Iterator
from typing import Any

from agent.availability import SLA_MET
from agent.facts import LINK_INFO, LINK_INTERFACE
from agent.observe import BREACHED, FAILURES, PROBE_INFO, PROBE_SUCCESS, SUCCESS
from collectors.base import Reason
from collectors.link import UP
from collectors.snmp_host import collect as snmp_host
from collectors.snmp_interfaces import collect as snmp_interfaces
from dashboards.alerting.rule import Said, alert
from dashboards.alerting.thresholds import LINK_DOWN_FOR, SILENT_FOR
from dashboards.promql import ON_LINK, ON_NETWORK, ON_TARGET, is_declared

_DEVICE = f'kind=~"{snmp_interfaces.kind}|{snmp_host.kind}"'
_WITH_DEVICE = f"* {ON_LINK} group_left (device) {LINK_INTERFACE.name}"
_WITH_NETWORK = f"* {ON_TARGET} group_left (network, purpose) {PROBE_INFO.name}"


def alerts() -> Iterator[dict[str, Any]]:
    """Nearest to the cause first."""
    yield _link_down()
    yield _device_unreachable()
    yield _probe_failing()
    yield _sla_missed()
    yield _isolation_breached()


def _link_down() -> dict[str, Any]:
    """Who observes a cutover takes the old ports down: `retired` asks for that."""
    down = f"({UP.name} == 0) * {ON_LINK} group_left (network) {LINK_INFO.name} {_WITH_DEVICE}"
    return alert(
        "LinkDown",
        f"{down} unless {ON_NETWORK} {is_declared('observing|retired|funding_cut')}",
        "warning",
        english=Said(
            "Link {{ $labels.link }} of network {{ $labels.network }} is down",
            "The interface of link {{ $labels.link }} of {{ $labels.instance }} has been "
            "down for 5 minutes, says its device, which itself answers.",
        ),
        chinese=Said(
            "专网 {{ $labels.network }} 的线路 {{ $labels.link }} 中断",
            "{{ $labels.instance }} 的线路 {{ $labels.link }} 的端口已中断 5 分钟："
            "由设备报告，设备本身应答正常。",
        ),
        lasting=LINK_DOWN_FOR,
    )


def _device_unreachable() -> dict[str, Any]:
    """A device that answers and lacks an interface is not unreachable."""
    lacking = f'{FAILURES.name}{{{_DEVICE},reason="{Reason.NO_SUCH_INTERFACE}"}}'
    failing = f"{SUCCESS.name}{{{_DEVICE}}} == 0 unless {ON_TARGET} (increase({lacking}[5m]) > 0)"
    return alert(
        "DeviceUnreachable",
        f'label_replace({failing}, "device", "$1", "target", "(.+)")',
        "warning",
        english=Said(
            "Device {{ $labels.target }} is not measured",
            "Every poll of device {{ $labels.target }} by {{ $labels.instance }} has "
            f"failed for 10 minutes: nothing is known of its links or its load. {FAILURES.name} "
            "names the reason.",
        ),
        chinese=Said(
            "设备 {{ $labels.target }} 无法采集",
            "{{ $labels.instance }} 对设备 {{ $labels.target }} 的采集已连续失败 10 分钟："
            f"其线路和负载均无数据。原因见 {FAILURES.name}。",
        ),
        lasting=SILENT_FOR,
    )


def _probe_failing() -> dict[str, Any]:
    """What must not answer is IsolationBreached's."""
    failing = f"({PROBE_SUCCESS.name} == 0 unless {ON_TARGET} {BREACHED.name}) {_WITH_NETWORK}"
    return alert(
        "ProbeFailing",
        _over_its_line(failing),
        "warning",
        english=Said(
            "Probe {{ $labels.target }} fails",
            "Every round of probe {{ $labels.target }} of {{ $labels.instance }} has failed for "
            f"10 minutes. {FAILURES.name} names the reason.",
        ),
        chinese=Said(
            "探测目标 {{ $labels.target }} 不通",
            "{{ $labels.instance }} 对 {{ $labels.target }} 的探测已连续失败 10 分钟。原因见 "
            f"{FAILURES.name}。",
        ),
        lasting=SILENT_FOR,
    )


def _sla_missed() -> dict[str, Any]:
    """At once: a month's window has waited long enough."""
    return alert(
        "SlaMissed",
        _over_its_line(f"({SLA_MET.name} == 0) {_WITH_NETWORK}"),
        "warning",
        english=Said(
            "{{ $labels.target }} misses the {{ $labels.rule }} of its service level",
            "What was seen of {{ $labels.target }} by {{ $labels.instance }} proves that the rule "
            "{{ $labels.rule }} of profile {{ $labels.profile }} is not kept in its window.",
        ),
        chinese=Said(
            "{{ $labels.target }} 未达到服务水平要求（{{ $labels.rule }}）",
            "{{ $labels.instance }} 的采样证明：{{ $labels.target }} 在考核窗口内未满足 SLA "
            "{{ $labels.profile }} 的 {{ $labels.rule }} 要求。",
        ),
    )


def _isolation_breached() -> dict[str, Any]:
    """At once: one packet through is a way through."""
    return alert(
        "IsolationBreached",
        f"({BREACHED.name} == 1) {_WITH_NETWORK}",
        "critical",
        english=Said(
            "{{ $labels.target }} is reached from {{ $labels.instance }}, and must not be",
            "Target {{ $labels.target }} answered a probe of {{ $labels.instance }} though "
            "it is to be unreachable from there: what separates them has a way through.",
        ),
        chinese=Said(
            "隔离被突破：{{ $labels.instance }} 可以访问 {{ $labels.target }}",
            "{{ $labels.target }} 本应从 {{ $labels.instance }} 不可达，却应答了探测："
            "隔离措施存在通路。",
        ),
        lasting="0s",
    )


def _over_its_line(probes: str) -> str:
    """Probes' series, with the labels `link` and `device` where their network has one line only."""
    lines = f"count by (job, instance, network) ({LINK_INFO.name}) == 1"
    only = f"({LINK_INFO.name} and {ON_NETWORK} ({lines}))"
    named = f"({probes}) * {ON_NETWORK} group_left (link) {only} {_WITH_DEVICE}"
    return f"({named}) or {ON_TARGET} ({probes})"
