"""Which interfaces of a server carry its traffic, and the octets that they counted together."""

from typing import Literal, NamedTuple

from collectors.snmp import ifmib
from collectors.snmp.ifmib import number
from collectors.snmp.text import text
from collectors.snmp.vendor import Cell, Tables

_PHYSICAL_ADDRESS = "1.3.6.1.2.1.2.2.1.6"  # ifPhysAddress
_CONNECTOR = "1.3.6.1.2.1.31.1.1.1.17"  # ifConnectorPresent; 2 is false
_NO_CONNECTOR = 2
_ETHERNET = {6, 117}  # IANAifType: ethernetCsmacd, gigabitEthernet
_VIRTUAL = (
    *("br-", "cali", "cni", "docker", "dummy", "flannel", "ifb", "lxc", "tap", "tun"),
    *("veth", "virbr", "vmnet", "vnet"),
)
"""Linux calls these Ethernet with a connector; what they carry is counted by the real NIC too."""

_AMOUNTS = (ifmib.HC_IN_OCTETS, ifmib.HC_OUT_OCTETS, ifmib.IN_OCTETS, ifmib.OUT_OCTETS)
COLUMNS = (
    *(ifmib.DESCRIPTION, ifmib.NAME, ifmib.TYPE, _PHYSICAL_ADDRESS, _CONNECTOR),
    *(ifmib.HIGH_SPEED, ifmib.SPEED, *_AMOUNTS),
)


class Traffic(NamedTuple):
    """Both octet counters of a server; `speed_bps` is known of a single NIC only."""

    names: tuple[str, ...]
    receive_bytes: int
    transmit_bytes: int
    bits: Literal[32, 64]
    speed_bps: int | None


def physical(tables: Tables) -> list[str]:
    """Name the rows of the NICs.

    Of those that share an address one counts, the busiest: a VLAN, a bridge and a Windows filter
    repeat what their NIC counts, and a bond is the sum of its members.
    """
    busiest: dict[object, str] = {}
    for index, address in tables.get(_PHYSICAL_ADDRESS, {}).items():
        if _is_nic(tables, index) and text(address):
            other = busiest.get(address)
            if other is None or _counted(tables, index) > _counted(tables, other):
                busiest[address] = index
    return sorted(busiest.values(), key=int)


def changing(tables: Tables, nics: list[str]) -> list[Cell]:
    """Name the cells that a poll has to read again."""
    cells = [(column, index) for index in nics for column in _AMOUNTS]
    return [(column, index) for column, index in cells if index in tables.get(column, {})]


def traffic(tables: Tables, nics: list[str]) -> Traffic | None:
    """Sum the counters up; None if there is no NIC, or one of several has 32 bits only.

    A sum of counters that wrap one by one cannot be told from a restart.
    """
    rows = [_row(tables, index) for index in nics]
    octets = [ifmib.octets(row) for row in rows]
    receive = [it.receive for it in octets if it.receive is not None]
    transmit = [it.transmit for it in octets if it.transmit is not None]
    bits = octets[0].bits if octets else None
    if bits is None or not len(receive) == len(transmit) == len(rows):
        return None
    if len(rows) > 1 and {it.bits for it in octets} != {64}:
        return None
    names = tuple(_name(tables, index) for index in nics)
    speed_bps = ifmib.speed_bps(rows[0]) if len(rows) == 1 else None
    received, transmitted = (sum(it) % 2**64 for it in (receive, transmit))
    return Traffic(names, received, transmitted, bits, speed_bps)


def _is_nic(tables: Tables, index: str) -> bool:
    return (
        index.isdecimal()
        and number(tables.get(ifmib.TYPE, {}).get(index)) in _ETHERNET
        and number(tables.get(_CONNECTOR, {}).get(index)) != _NO_CONNECTOR
        and not _name(tables, index).startswith(_VIRTUAL)
    )


def _counted(tables: Tables, index: str) -> int:
    octets = ifmib.octets(_row(tables, index))
    return (octets.receive or 0) + (octets.transmit or 0)


def _row(tables: Tables, index: str) -> ifmib.Row:
    return {column: rows.get(index) for column, rows in tables.items() if column in COLUMNS}


def _name(tables: Tables, index: str) -> str:
    names = (text(tables.get(it, {}).get(index)) for it in (ifmib.NAME, ifmib.DESCRIPTION))
    return next(filter(None, names), index)
