"""The demo's configuration, as its operator would have written it: YAML that `check` accepts."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from agent.demo.devices import port_of
from agent.demo.networks import NETWORKS, Facts
from agent.demo.town import DEVICES, LINES_OF_TOWN, MACHINES, PROBES, SYSTEMS, Device, Line, Probe
from config.fields import credit_check
from config.register import Phase
from config.writer import as_yaml

COMMUNITY, USER = "demo-community", "monitor"
SECRETS = {
    "community.key": COMMUNITY,
    "auth.key": "demo-auth-secret",
    "priv.key": "demo-priv-secret",
}
CERTIFICATE = "portal.crt"

_HEAD = """The demo's configuration, written by `netfold demo`: all of it is made up.
The devices answer on loopback for as long as the demo runs."""
_REGION = "440300"
_FLOOD, _WINTER = "06-01..06-20", "12-15..01-05"
"""Busy periods, of which the history has not seen one or the other."""

_SPRING, _AUTUMN = 4, 9
_PRICES = ((10, 24_000), (20, 36_000), (50, 60_000), (100, 96_000))


def written(listen: str, data_dir: str, ports: Mapping[str, int], today: date) -> str:
    """The file; `ports` are those of devices, probes and systems; `today` is in Asia/Shanghai."""
    rows: dict[str, Any] = {
        "node": {"name": "sz-demo-01", "department": "市政务服务数据管理局", "region": _REGION}
        | {"level": "city"},
        "listen": listen,
        "data_dir": data_dir,
        "credentials": list(_credentials()),
        "networks": [_network(it, today) for it in NETWORKS],
        "devices": [_device(it, ports[it.name], today) for it in DEVICES],
        "links": [_link(number, it, today) for number, it in enumerate(LINES_OF_TOWN, 1)],
        "servers": [
            {"name": it.name, "device": it.name, "data_centre": it.data_centre} for it in MACHINES
        ],
        "systems": [
            {"name": it.name, "title": it.title, "ports": [str(ports[it.name])]} for it in SYSTEMS
        ],
        "machine_rooms": [_ROOM | {"region": _REGION}],
        "probes": [_probe(it, ports.get(it.name, 0)) for it in PROBES],
        "prices": [
            {"bandwidth": f"{mbit}M", "annual_cost_yuan": str(yuan)} for mbit, yuan in _PRICES
        ],
    }
    return as_yaml(rows, _HEAD)


def phases_on(days_ago: float) -> dict[str, Phase]:
    """The phase that each network was declared to be in, so many days before the start."""
    found = {}
    for network in NETWORKS:
        declared = [phase for phase, since in network.phases.items() if since >= days_ago]
        found.update({network.name: declared[-1]} if declared else {})
    return found


_ROOM = {
    "name": "edu-room",
    "title": "市教育局机房",
    "owner": "市教育局",
    "racks": "12",
    "annual_cost_yuan": "360000",
    "data_centre": "市政务云",
    "phase": "surveyed",
}


def _credentials() -> Iterator[dict[str, Any]]:
    auth, priv = ({"file": it} for it in ("auth.key", "priv.key"))
    yield {
        "name": "v3",
        "version": "3",
        "user": USER,
        "auth": {"protocol": "SHA-256", "secret": auth},
        "priv": {"protocol": "AES-128", "secret": priv},
    }
    yield {"name": "old", "version": "2c", "community": {"file": "community.key"}}


def _network(facts: Facts, today: date) -> dict[str, Any]:
    row: dict[str, Any] = {"name": facts.name, "title": facts.title, "kind": facts.kind}
    row |= {"owner": facts.owner, "department_code": _code(facts.owner), "region": _REGION}
    row |= _protection(facts, today)
    if facts.uplinks:
        row["uplinks"] = list(facts.uplinks)
    if facts.kind == "dedicated":
        row |= _migration(facts, today)
    if facts.name == "flood":
        row["busy_periods"] = [_WINTER if _SPRING <= today.month <= _AUTUMN else _FLOOD]
    if facts.is_exempt:
        exempt = {"reason": "国家统一考试期间专用", "approver": "市教育局"}
        row["exempt"] = exempt | {"until": str(today + timedelta(days=200))}
    return row


def _migration(facts: Facts, today: date) -> dict[str, Any]:
    lines = [it for it in LINES_OF_TOWN if it.network == facts.name]
    cost = sum(it.annual_cost_yuan for it in lines) or 120_000
    row: dict[str, Any] = {"outcome": facts.outcome, "annual_cost_yuan": str(cost)}
    row |= {"destination": facts.destination} if facts.destination else {}
    row |= {"classified": "true"} if facts.is_classified else {}
    row |= {"phase": phases_on(0)[facts.name]}
    if facts.plan:
        days = {phase: str(today + timedelta(days=n)) for phase, n in facts.plan.items()}
        row["plan"] = days
    row["filing"] = {
        "project": f"{facts.title}建设项目",
        "builder": facts.owner,
        "investment_yuan": str(cost * 6),
        "operation_cost_yuan": str(cost // 3),
        "funding_channel": "市财政",
        "data_resources": f"{facts.owner}业务数据",
        "application_systems": "业务办理、公文交换",
    }
    if facts.probes:
        row["successor"] = {"probes": list(facts.probes)}
    return row


def _protection(facts: Facts, today: date) -> dict[str, Any]:
    dates = {"assessed_on": str(today - timedelta(days=300))}
    dates |= {"expires_on": str(today + timedelta(days=65))}
    if facts.is_classified:
        return {"protection": {"scheme": "classified", "level": "secret", **dates}}
    number = f"{_REGION}{sum(facts.name.encode()):05d}-00001"
    return {"protection": {"scheme": "graded", "level": facts.level, "number": number, **dates}}


def _device(device: Device, port: int, today: date) -> dict[str, Any]:
    row: dict[str, Any] = {"name": device.name, "address": f"127.0.0.1:{port}"}
    row |= {"credential": device.credential, "interval": "30s", "timeout": "2s"}
    if device.credential == "old":
        # One of them has been over for a while: that is said, and stops nothing.
        days = -30 if device.name == "finance-r1" else 220
        until = str(today + timedelta(days=days))
        row["waiver"] = {"until": until, "reason": "不支持 SNMPv3", "approver": "网络中心"}
    return row


def _link(number: int, line: Line, today: date) -> dict[str, Any]:
    row: dict[str, Any] = {"name": line.name, "network": line.network}
    row["interface"] = {"device": line.device, "name": port_of(line)}
    row |= {"bandwidth": line.bandwidth} if line.bandwidth else {}
    row |= {"role": line.role, "group": line.group} if line.group else {}
    row |= {"number": f"0755-{line.line_type}-{number:04d}", "carrier": line.carrier}
    row |= {"line_type": line.line_type, "annual_cost_yuan": str(line.annual_cost_yuan)}
    return row | {"contract_end": str(today + timedelta(days=line.contract_days))}


def _probe(probe: Probe, port: int) -> dict[str, Any]:
    row: dict[str, Any] = {"name": probe.name, "kind": probe.kind, "address": probe.host}
    row |= {"network": probe.network, "purpose": probe.purpose, "interval": "30s"}
    row |= {"timeout": "2s"}
    if probe.kind == "http":
        row |= {"url": f"http://{probe.host}:{port}/", "body_matches": ["一网通办"]}
    elif probe.kind != "icmp":
        row |= {"port": str(port)}
    row |= {"ca": CERTIFICATE} if probe.kind == "tls" else {}
    row |= {"query": "www.example.org"} if probe.kind == "dns" else {}
    return row | ({"expect": "unreachable"} if probe.network == "internet" else {})


def _code(owner: str) -> str:
    """A code of the form of GB 32100, with the check character that follows."""
    first = f"11{_REGION}MB2D0{sum(owner.encode()) % 10_000:04d}"
    return first + credit_check(first)
