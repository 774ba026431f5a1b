"""Processors, memory and storage of a device: its vendor's MIB, HOST-RESOURCES-MIB, UCD-SNMP-MIB.

Which rows there are is found by walking (`walk`); what they hold is read again by GET (`changing`,
`renewed`). `assess` makes a `Host` of either. What a device does not give is None, never 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collectors.snmp import vendor
from collectors.snmp.agent import Agent
from collectors.snmp.client import SnmpClient
from collectors.snmp.ifmib import number
from collectors.snmp.profiles import HOST_RESOURCES, Profile
from collectors.snmp.text import text
from collectors.snmp.varbind import Value
from collectors.snmp.vendor import Cell, Load, Tables, ratio, unsigned

# HOST-RESOURCES-MIB (RFC 2790), hrStorageTable
_STORAGE = "1.3.6.1.2.1.25.2.3.1."
_KIND, _NAME, _UNIT, _SIZE, _USED = (f"{_STORAGE}{column}" for column in (2, 3, 4, 5, 6))
_OTHER, _RAM, _VIRTUAL, _DISK, _FLASH = (f"1.3.6.1.2.1.25.2.1.{kind}" for kind in (1, 2, 3, 4, 9))
_BUFFERS, _CACHE, _AVAILABLE = "memory buffers", "cached memory", "available memory"
_SWAP = "swap space"

# UCD-SNMP-MIB: groups of scalars, walked like columns; memory is in kB
_MEMORY = "1.3.6.1.4.1.2021.4"
_TOTAL, _FREE, _BUFFER, _CACHED, _USABLE = "5.0", "6.0", "14.0", "15.0", "27.0"
_STATS = "1.3.6.1.4.1.2021.11"
_BUSY = ("50.0", "51.0", "52.0", "56.0", "61.0", "64.0")
"""user, nice, system, interrupt, softirq, steal: a server wanted what was stolen from it."""
_IDLE = ("53.0", "54.0")
"""idle, wait"""
_CPUS = "67.0"

_STANDARD = (_KIND, _NAME, _UNIT, _SIZE, _USED, _MEMORY, _STATS)


@dataclass(frozen=True, slots=True)
class Processor:
    """One processor and how busy it was over the last minutes, as the device says."""

    index: str
    description: str | None
    utilisation_ratio: float | None


@dataclass(frozen=True, slots=True)
class Memory:
    """One memory; used is without buffers and cache where the device tells them apart."""

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
class Ticks:
    """CPU time of all cores since the boot, in hundredths of a second: 32 bits each, by state."""

    busy: tuple[int, ...]
    idle: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """What a device says of itself as a machine.

    `load_ratio` is the device's own mean over its processors, or else theirs. `available_bytes` is
    what programs can still get, of all memory, where the kernel reckons it (Linux's MemAvailable).
    """

    processors: tuple[Processor, ...]
    memory: tuple[Memory, ...]
    storage: tuple[Storage, ...]
    load_ratio: float | None
    ticks: Ticks | None
    cores: int | None
    available_bytes: int | None
    swap: Memory | None


async def read_host(client: SnmpClient, agent: Agent, profile: Profile) -> Host:
    """Read it all, once.

    Raises:
        CollectError: the device failed at any point; half a host would mislead.

    """
    return assess(await walk(client, agent, profile), profile)


async def walk(client: SnmpClient, agent: Agent, profile: Profile) -> Tables:
    """Read every column that may tell something."""
    asked = [*dict.fromkeys((*vendor.columns(_with_standard(profile)), *_STANDARD))]
    return dict(zip(asked, await client.walk(agent, *asked), strict=True))


def changing(tables: Tables, profile: Profile) -> list[Cell]:
    """Name the cells that a poll has to read again."""
    found = vendor.changing(tables, _with_standard(profile))
    for index, kind in tables.get(_KIND, {}).items():
        if kind in {_RAM, _OTHER, _VIRTUAL, _DISK, _FLASH}:
            found.append((_SIZE if _is(tables, index, _AVAILABLE) else _USED, index))
    found += [(_MEMORY, index) for index in (_TOTAL, _FREE, _BUFFER, _CACHED, _USABLE)]
    found += [(_STATS, index) for index in (*_BUSY, *_IDLE)]
    return [(column, index) for column, index in found if index in tables.get(column, {})]


def renewed(tables: Tables, cells: Sequence[Cell], values: Sequence[Value]) -> Tables:
    """Put new values into their cells; all the others stay as they were."""
    fresh = {column: dict(rows) for column, rows in tables.items()}
    for (column, index), value in zip(cells, values, strict=True):
        fresh[column][index] = value
    return fresh


def assess(tables: Tables, profile: Profile) -> Host:
    """Make a host of what was read."""
    loads = vendor.loads(tables, _with_standard(profile))
    memory = tuple(Memory(*pool) for pool in vendor.pools(tables, profile))
    kinds = tables.get(_KIND, {})
    stores = {index: _store(tables, index) for index in kinds}
    swap = next((one for index, one in stores.items() if _is(tables, index, _SWAP)), None)
    return Host(
        processors=tuple(Processor(it.row, it.name, it.ratio) for it in loads),
        memory=memory or _physical(tables, stores) or _ucd_memory(tables),
        storage=tuple(
            Storage(one.description, one.total_bytes, one.used_bytes)
            for index, one in stores.items()
            if kinds[index] in {_DISK, _FLASH}
        ),
        load_ratio=_load_ratio(loads),
        ticks=_ticks(tables),
        cores=number(tables.get(_STATS, {}).get(_CPUS)) or _cores(tables),
        available_bytes=_available_bytes(tables, stores),
        swap=swap if swap and swap.total_bytes else None,
    )


def busy_ratio(before: Ticks, after: Ticks, elapsed_s: float, cores: int | None) -> float | None:
    """Busy share of the CPU time between two readings of one boot; counters wrap at 32 bits.

    None if no time passed for the counters, or more than the cores have: net-snmp counts from 0
    until it has read the system once, and then goes on from what the system has.
    """
    busy = sum((new - old) % 2**32 for old, new in zip(before.busy, after.busy, strict=True))
    idle = sum((new - old) % 2**32 for old, new in zip(before.idle, after.idle, strict=True))
    most = _TICKS_A_SECOND * (elapsed_s + _LATE_S) * (cores or _MOST_CORES)
    if not 0 < busy + idle <= most:
        return None
    return busy / (busy + idle)


_TICKS_A_SECOND = 100
_LATE_S = 10
"""net-snmp reads the system's counters every five seconds, not when it is asked."""
_MOST_CORES = 4096


def _with_standard(profile: Profile) -> Profile:
    """Let hrProcessorLoad stand in where the vendor's own tables give nothing."""
    standard = HOST_RESOURCES.model_copy(update={"fallback": True})
    return profile.model_copy(update={"processors": (*profile.processors, standard)})


def _load_ratio(loads: list[Load]) -> float | None:
    """Take the device's own mean, or the mean of its processors: of all of them, or none."""
    for wanted in (True, False):
        ratios = [it.ratio for it in loads if it.whole is wanted]
        known = [it for it in ratios if it is not None]
        if known and len(known) == len(ratios):
            return sum(known) / len(known)
    return None


def _cores(tables: Tables) -> int | None:
    return len(tables.get(HOST_RESOURCES.load, {})) or None


def _store(tables: Tables, index: str) -> Memory:
    def cell(column: str) -> Value:
        return tables.get(column, {}).get(index)

    unit_bytes, name = number(cell(_UNIT)), cell(_NAME)
    size, used = (unsigned(number(cell(it)), unit_bytes) for it in (_SIZE, _USED))
    return Memory(None if name is None else text(name), size, used, ratio(used, size))


def _physical(tables: Tables, stores: Mapping[str, Memory]) -> tuple[Memory, ...]:
    """Take the RAM; what buffers and cache hold of it is used by no program (net-snmp's rows)."""
    kept = [it for it in stores if _is(tables, it, _BUFFERS) or _is(tables, it, _CACHE)]
    reclaimable = sum(stores[index].used_bytes or 0 for index in kept)
    is_known = not any(_is_lost(tables, _USED, index) for index in kept)
    found = []
    for index, one in stores.items():
        if tables[_KIND][index] == _RAM:
            used = one.used_bytes if is_known else None
            if used is not None and used >= reclaimable:
                used -= reclaimable
            share = ratio(used, one.total_bytes)
            found.append(Memory(one.description, one.total_bytes, used, share))
    return tuple(found)


def _ucd_memory(tables: Tables) -> tuple[Memory, ...]:
    total, free, *reclaimable = (
        _ucd_bytes(tables, index) for index in (_TOTAL, _FREE, _BUFFER, _CACHED)
    )
    if not total:
        return ()
    is_known = not any(_is_lost(tables, _MEMORY, index) for index in (_BUFFER, _CACHED))
    used = None
    if free is not None and is_known:
        used = total - free - sum(it or 0 for it in reclaimable)
    return (Memory("Physical memory", total, used, ratio(used, total)),)


def _ucd_bytes(tables: Tables, index: str) -> int | None:
    return unsigned(number(tables.get(_MEMORY, {}).get(index)), 1024)


def _available_bytes(tables: Tables, stores: Mapping[str, Memory]) -> int | None:
    """Read MemAvailable: net-snmp 5.9 has it as the size of a storage, and as memSysAvail."""
    sizes = (one.total_bytes for index, one in stores.items() if _is(tables, index, _AVAILABLE))
    return next(sizes, None) or _ucd_bytes(tables, _USABLE)


def _ticks(tables: Tables) -> Ticks | None:
    """Read ssCpuRaw*: None unless user, system and idle are counted, and have counted anything."""
    stats = tables.get(_STATS, {})
    counts = {index: number(stats.get(index)) for index in (*_BUSY, *_IDLE)}
    if None in (counts["50.0"], counts["52.0"], counts["53.0"]) or not any(counts.values()):
        return None
    if any(_is_lost(tables, _STATS, index) for index in counts):
        return None
    busy, idle = (tuple(counts[it] or 0 for it in states) for states in (_BUSY, _IDLE))
    return Ticks(busy, idle)


def _is_lost(tables: Tables, column: str, index: str) -> bool:
    """Whether the device had a value and now fails to give it: that is not the same as none."""
    return index in tables.get(column, {}) and tables[column][index] is None


def _is(tables: Tables, index: str, name: str) -> bool:
    return text(tables.get(_NAME, {}).get(index)).lower() == name
