"""What an SNMP device has: itself, its interfaces, processors, memory and storage.

Measured once, for a person or for a first configuration; the fields are those of
`netfold discover --json`. What a device does not give is None, never 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

from collectors.snmp import ifmib
from collectors.snmp.agent import Agent
from collectors.snmp.client import SnmpClient
from collectors.snmp.host import Memory, Processor, Storage, read_host
from collectors.snmp.profiles import choose
from collectors.snmp.text import text
from collectors.snmp.varbind import Value

_SYSTEM = tuple(f"1.3.6.1.2.1.1.{number}.0" for number in (1, 2, 5, 3))
_INTERFACE = (
    *(ifmib.INDEX, ifmib.NAME, ifmib.DESCRIPTION, ifmib.ALIAS, ifmib.TYPE),
    *(ifmib.HIGH_SPEED, ifmib.SPEED, ifmib.ADMIN_STATUS, ifmib.OPER_STATUS),
    *(ifmib.HC_IN_OCTETS, ifmib.HC_OUT_OCTETS, ifmib.IN_OCTETS, ifmib.OUT_OCTETS),
    *(ifmib.IN_ERRORS, ifmib.OUT_ERRORS, ifmib.IN_DISCARDS, ifmib.OUT_DISCARDS),
)

Progress = Callable[[int], None]
"""Is told how many values each reply brought."""


@dataclass(frozen=True, slots=True)
class System:
    """SNMPv2-MIB's system group."""

    description: str | None
    object_id: str | None
    name: str | None
    uptime_seconds: float | None


@dataclass(frozen=True, slots=True)
class Interface:
    """A row that any column of ifTable or ifXTable names."""

    index: int
    name: str | None
    description: str | None
    alias: str | None
    type: int | None
    speed_bits_per_second: int | None
    admin_status: str | None
    oper_status: str | None
    receive_bytes: int | None
    transmit_bytes: int | None
    counter_bits: int | None
    receive_errors: int | None
    transmit_errors: int | None
    receive_discards: int | None
    transmit_discards: int | None


@dataclass(frozen=True, slots=True)
class Inventory:
    """All that a device was found to have."""

    system: System
    interfaces: tuple[Interface, ...]
    processors: tuple[Processor, ...]
    memory: tuple[Memory, ...]
    storage: tuple[Storage, ...]


async def take(client: SnmpClient, agent: Agent, progress: Progress | None = None) -> Inventory:
    """Read it all, and tell `progress` of the interfaces, of which there may be thousands.

    Raises:
        CollectError: the device failed at any point; half an inventory would mislead.

    """
    system = await _system(client, agent)
    interfaces = await _interfaces(client, agent, progress)
    host = await read_host(client, agent, choose(system.object_id))
    return Inventory(system, interfaces, host.processors, host.memory, host.storage)


async def _system(client: SnmpClient, agent: Agent) -> System:
    description, object_id, name, uptime = await client.get(agent, _SYSTEM)
    ticks = ifmib.number(uptime)
    return System(
        description=_text(description),
        object_id=object_id if isinstance(object_id, str) else None,
        name=_text(name),
        uptime_seconds=None if ticks is None else ticks / 100,
    )


async def _interfaces(
    client: SnmpClient, agent: Agent, progress: Progress | None
) -> tuple[Interface, ...]:
    rows: dict[int, dict[str, Value]] = {}
    columns = await client.walk(agent, *_INTERFACE, seen=progress)
    for column, values in zip(_INTERFACE, columns, strict=True):
        for index, value in values.items():
            if index.isdecimal():
                rows.setdefault(int(index), {})[column] = value
    return tuple(_interface(index, rows[index]) for index in sorted(rows))


def _interface(index: int, row: ifmib.Row) -> Interface:
    octets = ifmib.octets(row)
    return Interface(
        index=index,
        name=_text(row.get(ifmib.NAME)),
        description=_text(row.get(ifmib.DESCRIPTION)),
        alias=_text(row.get(ifmib.ALIAS)),
        type=ifmib.number(row.get(ifmib.TYPE)),
        speed_bits_per_second=ifmib.speed_bps(row),
        admin_status=ifmib.admin_status(row.get(ifmib.ADMIN_STATUS)),
        oper_status=ifmib.status(row.get(ifmib.OPER_STATUS)),
        receive_bytes=octets.receive,
        transmit_bytes=octets.transmit,
        counter_bits=octets.bits,
        receive_errors=ifmib.count(row.get(ifmib.IN_ERRORS)),
        transmit_errors=ifmib.count(row.get(ifmib.OUT_ERRORS)),
        receive_discards=ifmib.count(row.get(ifmib.IN_DISCARDS)),
        transmit_discards=ifmib.count(row.get(ifmib.OUT_DISCARDS)),
    )


def _text(value: Value) -> str | None:
    """Decode a text; an empty one stays empty, and only what is not given is None."""
    return None if value is None else text(value)
