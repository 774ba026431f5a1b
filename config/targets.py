"""What an agent measures: the targets that a configuration comes to."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from collectors.base import Target, find
from collectors.fields import join_address, split_address
from collectors.link import BoundLink
from config.agent import AgentConfig, Node
from config.inventory import Device, Interface, Link, Network, Server

_SNMP_PORT = 161


def targets(config: AgentConfig) -> list[Target]:
    """Return the probes, devices (with their links, if any), servers, this host and its systems."""
    return [
        *config.probes,
        *_devices(config),
        *_servers(config),
        *_host(config),
        *_services(config),
    ]


def local_config(node: str, nics: Sequence[str], data_dir: Path) -> AgentConfig:
    """Make the configuration of an agent that has none: it watches its own host."""
    icmp = find("icmp")
    loopback = icmp and icmp.target(
        name="loopback", kind="icmp", address="127.0.0.1", network="local"
    )
    return AgentConfig(
        node=Node(name=node),
        data_dir=data_dir,
        networks=(Network(name="local", kind="local"),),
        links=tuple(Link(name=it, network="local", interface=Interface(local=it)) for it in nics),
        servers=(Server(name="this-host", local=True),),
        probes=(loopback,) if loopback else (),
    )


def contracts(config: AgentConfig) -> tuple[dict[str, float | None], list[str]]:
    """Return each link's contracted bit/s, and the links that have their port's speed instead."""
    bandwidths = {link.name: link.bandwidth_bps for link in config.links}
    kinds = {network.name: network.kind for network in config.networks}
    local = [link.name for link in config.links if kinds[link.network] == "local"]
    return bandwidths, [name for name in local if bandwidths[name] is None]


def _devices(config: AgentConfig) -> Iterable[Target]:
    links = _links_of_devices(config.links)
    servers = {server.device for server in config.servers}
    # A device that is only a server is asked as one, and not for its uptime once more.
    devices = [it for it in config.devices if links[it.name] or it.name not in servers]
    if not devices:
        return
    # Imported only where a device is named: SNMP is the heaviest of the collectors.
    from collectors.snmp_interfaces import SnmpTarget  # noqa: PLC0415 - only what is configured

    for device in devices:
        yield SnmpTarget(
            name=device.name,
            kind="snmp_interfaces",
            address=_with_port(device),
            interval_s=device.interval_s,
            timeout_s=device.timeout_s,
            credential=config.credential(device.credential),
            source=device.source,
            links=tuple(links[device.name]),
        )


def _servers(config: AgentConfig) -> Iterable[Target]:
    devices = {device.name: device for device in config.devices}
    servers = [(it.name, devices[it.device]) for it in config.servers if it.device]
    if not servers:
        return
    # Imported only where a server is a device.
    from collectors.snmp_host import SnmpHostTarget  # noqa: PLC0415 - only what is configured

    for name, device in servers:
        yield SnmpHostTarget(
            name=name,
            kind="snmp_host",
            address=_with_port(device),
            interval_s=device.interval_s,
            timeout_s=device.timeout_s,
            device=device.name,
            credential=config.credential(device.credential),
            source=device.source,
        )


def _links_of_devices(links: Iterable[Link]) -> defaultdict[str, list[BoundLink]]:
    found: defaultdict[str, list[BoundLink]] = defaultdict(list)
    for link in links:
        if link.interface.device and link.interface.bound_by:
            by, value = link.interface.bound_by
            found[link.interface.device].append(BoundLink(link=link.name, by=by, value=value))
    return found


def _with_port(device: Device) -> str:
    host, port = split_address(device.address)
    return join_address(host, port or _SNMP_PORT)


def _host(config: AgentConfig) -> Iterable[Target]:
    nics = [(link.name, link.interface.local) for link in config.links if link.interface.local]
    server = next((server.name for server in config.servers if server.local), None)
    if not nics and server is None:
        return
    # Imported only where this host is watched.
    from collectors.host import BoundNic, HostTarget  # noqa: PLC0415 - only what is configured

    bound = tuple(BoundNic(link=link, nic=nic) for link, nic in nics)
    yield HostTarget(
        name="host", kind="host", address="localhost", interval_s=30.0, server=server, nics=bound
    )


def _services(config: AgentConfig) -> Iterable[Target]:
    systems = [it for it in config.systems if it.ports]
    if not systems:
        return
    # Imported only where a system is declared.
    from collectors.services import ServicesTarget  # noqa: PLC0415 - only what is configured
    from collectors.watch import WatchedSystem  # noqa: PLC0415 - only what is configured

    watched = (
        WatchedSystem(name=it.name, ports=it.ports, management=it.management) for it in systems
    )
    yield ServicesTarget(systems=tuple(watched))
