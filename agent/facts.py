"""What the configuration says, as samples: names, contracts and costs to join the others with."""

import platform
from collections.abc import Iterator
from datetime import date, datetime, time
from importlib.metadata import version
from pathlib import Path
from typing import get_args

from agent.judge.calendar import SHANGHAI
from agent.judge.completeness import completeness, links_of
from agent.judge.uplinks import shared_uplinks
from agent.recorder import LINK_CAPACITY
from collectors.base import Metric, Sample
from config.agent import AgentConfig
from config.inventory import Link, Network
from config.register import Phase

_DAY_S = 86_400

BUILD_INFO = Metric(
    "netfold_build_info",
    "info",
    "Which Netfold this is.",
    ("version", "revision", "pythonversion"),
)
NODE_INFO = Metric(
    "netfold_node_info", "info", "Whose node this is.", ("node", "department", "region", "level")
)
WAIVERS_EXPIRED = Metric(
    "netfold_waivers_expired", "gauge", "Devices whose waiver for a weaker SNMP has expired."
)
LINK_INFO = Metric(
    "netfold_link_info",
    "info",
    "What a link is part of and who provides it.",
    ("link", "network", "group", "role", "carrier", "line_type"),
)
LINK_COST = Metric(
    "netfold_link_annual_cost_yuan", "gauge", "Yearly cost of the link, as declared.", ("link",)
)
LINK_CONTRACT_END = Metric(
    "netfold_link_contract_end_timestamp_seconds",
    "gauge",
    "End of the last day of the link's contract (Asia/Shanghai).",
    ("link",),
)
LINK_NOTICE_BY = Metric(
    "netfold_link_notice_by_timestamp_seconds",
    "gauge",
    "End of the last day to give notice of the end of the link's contract (Asia/Shanghai).",
    ("link",),
)
LINK_INTERFACE = Metric(
    "netfold_link_interface_info",
    "info",
    "Which device's interface a link is bound to; without a device it is this host's own.",
    ("link", "device", "interface"),
)
EXEMPT_UNTIL = Metric(
    "netfold_exempt_until_timestamp_seconds",
    "gauge",
    "End of the last day that an exemption counts (Asia/Shanghai); kind: what is exempt.",
    ("kind", "subject"),
)
NETWORK_INFO = Metric(
    "netfold_network_info",
    "info",
    "What a network is, whose, and where it is to go.",
    ("network", "kind", "classified", "destination", "owner", "outcome"),
)
NETWORK_COST = Metric(
    "netfold_network_annual_cost_yuan",
    "gauge",
    "Yearly cost of the network, as declared.",
    ("network",),
)
NETWORK_PHASE = Metric(
    "netfold_network_phase",
    "gauge",
    "1 for the phase that the network is in, 0 for the others; absent if none is declared.",
    ("network", "phase", "source"),
)
NETWORK_COMPLETE = Metric(
    "netfold_network_register_complete_ratio",
    "gauge",
    "Share of what reports need to be declared of the network and its lines that is.",
    ("network",),
)
UPLINKS_SHARED = Metric(
    "netfold_network_uplinks_shared",
    "gauge",
    "Whether all uplinks of the network have the same device or carrier.",
    ("network", "what"),
)
SERVER_INFO = Metric(
    "netfold_server_info", "info", "Where a server stands.", ("server", "data_centre")
)
METRICS = (
    BUILD_INFO,
    NODE_INFO,
    WAIVERS_EXPIRED,
    LINK_INFO,
    LINK_COST,
    LINK_CONTRACT_END,
    LINK_NOTICE_BY,
    LINK_INTERFACE,
    EXEMPT_UNTIL,
    NETWORK_INFO,
    NETWORK_COST,
    NETWORK_PHASE,
    NETWORK_COMPLETE,
    UPLINKS_SHARED,
    SERVER_INFO,
)


def day(wall_s: float) -> date:
    """The date in Asia/Shanghai at a wall time."""
    return datetime.fromtimestamp(wall_s, SHANGHAI).date()


def samples(config: AgentConfig, today: date) -> list[Sample]:
    """Say all that the configuration declares; `today` is in Asia/Shanghai."""
    node = config.node
    found = [
        Sample(BUILD_INFO, 1, (version("netfold"), _revision(), platform.python_version())),
        Sample(
            NODE_INFO,
            1,
            (node.name, node.department or "", node.region or "", node.level or ""),
        ),
        Sample(WAIVERS_EXPIRED, len(config.expired_waivers(today))),
    ]
    for network in config.networks:
        found += _of_network(network)
    found += _of_register(config)
    for link in config.links:
        found += _of_link(link)
    for server in config.servers:
        found.append(Sample(SERVER_INFO, 1, (server.name, server.data_centre or "")))
    return [*found, *_exemptions(config)]


def _of_network(network: Network) -> Iterator[Sample]:
    facts = (
        network.kind,
        str(network.classified).lower(),
        network.destination or "",
        network.owner or "",
        network.outcome or "",
    )
    yield Sample(NETWORK_INFO, 1, (network.name, *facts))
    if network.annual_cost_yuan is not None:
        yield Sample(NETWORK_COST, network.annual_cost_yuan, (network.name,))
    if network.phase is not None:
        for phase in get_args(Phase):
            is_in = network.phase == phase
            yield Sample(NETWORK_PHASE, int(is_in), (network.name, phase, "declared"))


def _of_register(config: AgentConfig) -> Iterator[Sample]:
    links = {link.name: link for link in config.links}
    for network, its in links_of(config.networks, config.links):
        if network.kind != "local":
            yield Sample(NETWORK_COMPLETE, completeness(network, its).ratio, (network.name,))
        for what, name in shared_uplinks(network, links).items():
            yield Sample(UPLINKS_SHARED, int(name is not None), (network.name, what))


def _of_link(link: Link) -> Iterator[Sample]:
    name = (link.name,)
    facts = (link.network, link.group or "", link.role, link.carrier or "", link.line_type or "")
    yield Sample(LINK_INFO, 1, (link.name, *facts))
    if link.bandwidth_bps is not None:
        yield Sample(LINK_CAPACITY, link.bandwidth_bps / 8, name)
    if link.annual_cost_yuan is not None:
        yield Sample(LINK_COST, link.annual_cost_yuan, name)
    if link.contract_end is not None:
        yield Sample(LINK_CONTRACT_END, _end_s(link.contract_end), name)
    if link.notice_by is not None:
        yield Sample(LINK_NOTICE_BY, _end_s(link.notice_by), name)
    where = link.interface
    interface = where.bound_by[1] if where.bound_by else where.local or ""
    yield Sample(LINK_INTERFACE, 1, (link.name, where.device or "", interface))


def _exemptions(config: AgentConfig) -> Iterator[Sample]:
    for kind, name, exemption in config.exemptions:
        yield Sample(EXEMPT_UNTIL, _end_s(exemption.until), (kind, name))


def _end_s(last: date) -> float:
    """When a day is over in Asia/Shanghai; 9999-12-31 has no next one to begin."""
    return datetime.combine(last, time(), SHANGHAI).timestamp() + _DAY_S


def _revision() -> str:
    """The commit of a clone that runs in place; empty for an installed wheel."""
    git = Path(__file__).parents[1] / ".git"
    try:
        head = (git / "HEAD").read_text().strip()
        return (git / head[5:]).read_text().strip() if head.startswith("ref: ") else head
    except OSError:
        return ""
