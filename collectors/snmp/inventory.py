"""What an SNMP device has: itself, its interfaces, processors, memory and storage.

Measured once, for a person or for a first configuration; the fields are those of
`netfold discover --json`. What a device does not give is None, never 0.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from collectors.snmp import ifmib
from collectors.snmp.agent import Agent
from collectors.snmp.client import SnmpClient
from collectors.snmp.text import text
from collectors.snmp.varbind import Value

_SYSTEM = tuple(f"1.3.6.1.2.1.1.{number}.0" for number in (1, 2, 5, 3))
_INTERFACE = (
    *(ifmib.INDEX, ifmib.NAME, ifmib.DESCRIPTION, ifmib.ALIAS, ifmib.TYPE),
    *(ifmib.HIGH_SPEED, ifmib.SPEED, ifmib.ADMIN_STATUS, ifmib.OPER_STATUS),
    *(ifmib.HC_IN_OCTETS, ifmib.HC_OUT_OCTETS, ifmib.IN_OCTETS, ifmib.OUT_OCTETS),
    *(ifmib.IN_ERRORS, ifmib.OUT_ERRORS, ifmib.IN_DISCARDS, ifmib.OUT_DISCARDS),
)
_TOGETHER = 6
"""Columns of one walk: between two of them the progress is told."""

Progress = Callable[[int, float], None]
"""Is told how many interfaces were found so far, and which share of their columns was read."""

# HOST-RESOURCES-MIB (RFC 2790)
_PROCESSOR_LOAD = "1.3.6.1.2.1.25.3.3.1.2"
_DEVICE_DESCRIPTION = "1.3.6.1.2.1.25.3.2.1.3"
_STORAGE = tuple(f"1.3.6.1.2.1.25.2.3.1.{column}" for column in (2, 3, 4, 5, 6))
_STORAGE_TYPE = "1.3.6.1.2.1.25.2.1."
_RAM = {f"{_STORAGE_TYPE}2"}
_DISKS = {f"{_STORAGE_TYPE}4", f"{_STORAGE_TYPE}9"}  # fixed disks and flash memory
# UCD-SNMP-MIB: total, available, buffers and cache, in kB
_UCD_MEMORY = tuple(f"1.3.6.1.4.1.2021.4.{number}.0" for number in (5, 6, 14, 15))


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
class Processor:
    """One processor and how busy it was over the last minute, as the device says."""

    index: str
    description: str | None
    utilisation_ratio: float | None


@dataclass(frozen=True, slots=True)
class Memory:
    """One memory; what is used includes buffers and caches where the device counts them in."""

    description: str | None
    total_bytes: int | None
    used_bytes: int | None
    used_ratio: float | None


@dataclass(frozen=True, slots=True)
class Storage:
    """One disk, or one file system of it."""

    description: str | None
    total_bytes: int | None
    used_bytes: int | None


@dataclass(frozen=True, slots=True)
class Inventory:
    """All that a device was found to have."""

    system: System
    interfaces: tuple[Interface, ...]
    processors: tuple[Processor, ...]
    memory: tuple[Memory, ...]
    storage: tuple[Storage, ...]


async def take(
    client: SnmpClient, agent: Agent, progress: Progress = lambda _rows, _share: None
) -> Inventory:
    """Read it all, and tell `progress` of the interfaces, of which there may be thousands.

    Raises:
        CollectError: the device failed at any point; half an inventory would mislead.

    """
    system = await _system(client, agent)
    interfaces = await _interfaces(client, agent, progress)
    processors = await _processors(client, agent)
    memory, storage = await _storage(client, agent)
    memory = memory or await _ucd_memory(client, agent)
    return Inventory(system, interfaces, processors, memory, storage)


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
    client: SnmpClient, agent: Agent, progress: Progress
) -> tuple[Interface, ...]:
    rows: dict[int, dict[str, Value]] = {}
    for first in range(0, len(_INTERFACE), _TOGETHER):
        columns = _INTERFACE[first : first + _TOGETHER]
        for index, cells in (await _table(client, agent, columns)).items():
            if index.isdecimal():
                rows.setdefault(int(index), {}).update(cells)
        progress(len(rows), (first + len(columns)) / len(_INTERFACE))
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


async def _processors(client: SnmpClient, agent: Agent) -> tuple[Processor, ...]:
    loads, names = await client.walk(agent, _PROCESSOR_LOAD, _DEVICE_DESCRIPTION)
    return tuple(
        Processor(index, _text(names.get(index)), _ratio(ifmib.number(load), 100))
        for index, load in loads.items()
    )


async def _storage(
    client: SnmpClient, agent: Agent
) -> tuple[tuple[Memory, ...], tuple[Storage, ...]]:
    kind, description, unit, size, used = _STORAGE
    memory, storage = [], []
    for row in (await _table(client, agent, _STORAGE)).values():
        name = _text(row.get(description))
        unit_bytes = ifmib.number(row.get(unit))
        total_bytes, used_bytes = (_bytes(row.get(it), unit_bytes) for it in (size, used))
        if row.get(kind) in _RAM:
            memory.append(Memory(name, total_bytes, used_bytes, _ratio(used_bytes, total_bytes)))
        elif row.get(kind) in _DISKS:
            storage.append(Storage(name, total_bytes, used_bytes))
    return tuple(memory), tuple(storage)


async def _ucd_memory(client: SnmpClient, agent: Agent) -> tuple[Memory, ...]:
    total, free, *reclaimable = (_bytes(it, 1024) for it in await client.get(agent, _UCD_MEMORY))
    if total is None:
        return ()
    used = None if free is None else total - free - sum(it or 0 for it in reclaimable)
    return (Memory("Physical memory", total, used, _ratio(used, total)),)


async def _table(
    client: SnmpClient, agent: Agent, columns: Sequence[str]
) -> dict[str, Mapping[str, Value]]:
    """Read the rows of a table, in order of their numbers; any column makes a row."""
    rows: dict[str, dict[str, Value]] = {}
    for column, values in zip(columns, await client.walk(agent, *columns), strict=True):
        for index, value in values.items():
            rows.setdefault(index, {})[column] = value
    return {index: rows[index] for index in sorted(rows, key=lambda it: (len(it), it))}


def _text(value: Value) -> str | None:
    """Decode a text; an empty one stays empty, and only what is not given is None."""
    return None if value is None else text(value)


def _bytes(value: Value, unit_bytes: int | None) -> int | None:
    """Multiply a count of units; a negative one is a large one in 32 bits, as old agents wrote."""
    count = ifmib.number(value)
    return None if count is None or unit_bytes is None else count % 2**32 * unit_bytes


def _ratio(part: int | None, whole: int | None) -> float | None:
    return None if part is None or not whole else part / whole
