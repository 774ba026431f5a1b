"""A server by SNMP: CPU, memory, disks and traffic, as its own agent tells them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict, Field

from collectors import server
from collectors.base import (
    CollectError,
    CounterReading,
    GaugeMeasure,
    GaugeReading,
    Measurement,
    Moment,
    Reason,
    Sample,
    Target,
    Tools,
    collector,
)
from collectors.snmp import host, ifmib, nics
from collectors.snmp.agent import Agent
from collectors.snmp.client import SnmpClient
from collectors.snmp.credential import Credential
from collectors.snmp.host import Host, Ticks
from collectors.snmp.profiles import Profile, choose
from collectors.snmp.vendor import Tables, ratio

FOUND_FOR_S = 3600
"""How long the rows that were found are taken to be all there are."""

HOLDS = 1.5
"""A level stands for this many intervals: a poll that is a little late leaves no hole."""

_SYS_OBJECT_ID = "1.3.6.1.2.1.1.2.0"
_NOT_DISKS = ("/dev", "/proc", "/run", "/sys")
"""Where Linux mounts what lives in memory; net-snmp calls it fixed disks."""


class SnmpHostTarget(Target):
    """A server, and the device that tells of it; `address` may name a port."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    kind: Literal["snmp_host"] = "snmp_host"
    device: str
    credential: Credential = Field(repr=False)
    source: str | None = None

    @property
    def agent(self) -> Agent:
        """Whom to ask."""
        return Agent.at(self.address, self.credential, self.family, self.source)


@dataclass(slots=True)
class Known:
    """What is known of a server between two observations."""

    agent: Agent
    profile: Profile
    tables: Tables
    nics: list[str]
    found_s: float
    uptime: int | None = None
    counted: tuple[Moment, Ticks] | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """One poll: sysUpTime in hundredths of a second, and what the server said beside it."""

    at: Moment
    uptime: int | None
    host: Host
    traffic: nics.Traffic | None


class Hosts:
    """An engine: which rows each server has, and what its CPU had counted last."""

    def __init__(self) -> None:
        self._of: dict[str, Known] = {}

    async def close(self) -> None:
        """Forget them all."""
        self._of.clear()

    async def find(
        self, client: SnmpClient, target: SnmpHostTarget, now_s: float, *, anew: bool
    ) -> Known:
        """Return what is remembered of a server, or ask it; `now_s` is of a steady clock."""
        known = self._of.get(target.name)
        if known is None or known.agent != target.agent:
            known = self._of[target.name] = await _find(client, target.agent, now_s)
        elif anew or now_s - known.found_s >= FOUND_FOR_S:
            fresh = self._of[target.name] = await _find(client, target.agent, now_s)
            fresh.uptime, fresh.counted = known.uptime, None if anew else known.counted
            known = fresh
        return known


@collector("snmp_host", SnmpHostTarget, *server.METRICS, probe=False)
async def collect(target: SnmpHostTarget, tools: Tools) -> Sequence[Measurement]:
    """Read what changes; which rows there are is found hourly, and whenever sysUpTime fell.

    The CPU of an agent that counts ticks (net-snmp) is known from the second poll on.

    Raises:
        CollectError: also if the device tells nothing of a server.

    """
    client, hosts = tools.use(SnmpClient), tools.use(Hosts)
    known = await hosts.find(client, target, tools.now().steady_s, anew=False)
    read = await _read(client, tools, known)
    if _fell(known.uptime, read.uptime):
        known = await hosts.find(client, target, tools.now().steady_s, anew=True)
        read = await _read(client, tools, known)
    known.uptime = read.uptime
    found = [
        *_cpu(target, known, read),
        *_memory(target, read),
        *_disks(target, read),
        *_traffic(target, read),
    ]
    if not found and read.host.ticks is None:
        msg = f"{target.agent} tells nothing of a server: neither CPU nor memory, disks nor NICs"
        raise CollectError(Reason.UNEXPECTED_CONTENT, f"{msg}; does its view leave them out?")
    return found


def _fell(before: int | None, after: int | None) -> bool:
    return before is not None and after is not None and after < before


async def _find(client: SnmpClient, agent: Agent, now_s: float) -> Known:
    (object_id,) = await client.get(agent, [_SYS_OBJECT_ID])
    profile = choose(object_id if isinstance(object_id, str) else None)
    columns = await client.walk(agent, *nics.COLUMNS)
    tables = {
        **await host.walk(client, agent, profile),
        **dict(zip(nics.COLUMNS, columns, strict=True)),
    }
    return Known(agent, profile, tables, nics.physical(tables), now_s)


async def _read(client: SnmpClient, tools: Tools, known: Known) -> Read:
    cells = host.changing(known.tables, known.profile)
    cells += nics.changing(known.tables, known.nics)
    oids = [f"{column}.{index}" for column, index in cells]
    uptime, *values = await client.get(known.agent, [ifmib.SYS_UPTIME, *oids])
    tables = host.renewed(known.tables, cells, values)
    return Read(
        tools.now(),
        ifmib.number(uptime),
        host.assess(tables, known.profile),
        nics.traffic(tables, known.nics),
    )


def _cpu(target: SnmpHostTarget, known: Known, read: Read) -> list[Measurement]:
    found: list[Measurement] = []
    busy = _busy_ratio(known, read) if read.host.ticks else read.host.load_ratio
    if busy is not None:
        found.append(Sample(server.CPU, busy, (target.name,)))
        found.append(_level(target, read.at, "cpu", busy))
    if read.host.cores:
        found.append(Sample(server.CORES, read.host.cores, (target.name,)))
        found.append(_level(target, read.at, "cores", read.host.cores))
    return found


def _busy_ratio(known: Known, read: Read) -> float | None:
    """Compare the ticks with the last ones that differed: net-snmp looks only now and then."""
    ticks, before = read.host.ticks, known.counted
    if ticks is None or (before and before[1] == ticks):
        return None
    known.counted = (read.at, ticks)
    if before is None:
        return None
    elapsed_s = read.at.steady_s - before[0].steady_s
    return host.busy_ratio(before[1], ticks, elapsed_s, read.host.cores)


def _memory(target: SnmpHostTarget, read: Read) -> list[Measurement]:
    found: list[Measurement] = []
    total_bytes, used_ratio = memory_of(read.host)
    if total_bytes:
        found.append(Sample(server.MEMORY, total_bytes, (target.name,)))
        found.append(_level(target, read.at, "memory_bytes", total_bytes))
    if used_ratio is not None:
        found.append(Sample(server.MEMORY_USED, used_ratio, (target.name,)))
        found.append(_level(target, read.at, "memory", used_ratio))
    swap = read.host.swap
    if swap and swap.total_bytes:
        found.append(Sample(server.SWAP, swap.total_bytes, (target.name,)))
        if swap.used_bytes is not None:
            found.append(Sample(server.SWAP_USED, swap.used_bytes, (target.name,)))
    return found


def memory_of(told: Host) -> tuple[int | None, float | None]:
    """Make one of all memories: bytes in all, and the share not available to programs.

    Where a kernel reckons what is available, its word counts; memories of unknown size are as
    full as the fullest.
    """
    totals = [it.total_bytes for it in told.memory if it.total_bytes]
    used = [it.used_bytes for it in told.memory if it.used_bytes is not None]
    ratios = [it.used_ratio for it in told.memory if it.used_ratio is not None]
    if told.available_bytes is not None and len(totals) == 1:
        return totals[0], ratio(totals[0] - told.available_bytes, totals[0])
    if len(totals) == len(used) == len(told.memory):
        return sum(totals) or None, ratio(sum(used), sum(totals))
    return None, max(ratios, default=None)


def _disks(target: SnmpHostTarget, read: Read) -> list[Measurement]:
    found: dict[str, list[Measurement]] = {}
    size_bytes = 0
    for one in read.host.storage:
        name, size = one.description, one.total_bytes
        if not name or not size or name in found or _is_in_memory(name):
            continue
        size_bytes += size
        found[name] = [Sample(server.FILESYSTEM, size, (target.name, name))]
        if one.used_bytes is not None:
            found[name].append(Sample(server.FILESYSTEM_USED, one.used_bytes, (target.name, name)))
    whole = [_level(target, read.at, "disk_bytes", size_bytes)] if found else []
    return [*whole, *(sample for samples in found.values() for sample in samples)]


def _is_in_memory(name: str) -> bool:
    return any(name == place or name.startswith(f"{place}/") for place in _NOT_DISKS)


def _traffic(target: SnmpHostTarget, read: Read) -> list[Measurement]:
    traffic = read.traffic
    if traffic is None:
        return []
    reading = CounterReading(
        kind="server",
        subject=target.name,
        identity=f"{target.device}/{','.join(traffic.names)}",  # another set has another sum
        at=read.at,
        receive_bytes=traffic.receive_bytes,
        transmit_bytes=traffic.transmit_bytes,
        counter_bits=traffic.bits,
        uptime_s=None if read.uptime is None else read.uptime / 100,
        port_speed_bps=traffic.speed_bps,
    )
    if traffic.bits == 32:  # noqa: PLR2004 - a wrap would look like a restart to PromQL
        return [reading]
    return [
        Sample(server.RECEIVE, traffic.receive_bytes, (target.name,)),
        Sample(server.TRANSMIT, traffic.transmit_bytes, (target.name,)),
        reading,
    ]


def _level(target: SnmpHostTarget, at: Moment, measure: GaugeMeasure, value: float) -> GaugeReading:
    holds_s = HOLDS * target.interval_s
    return GaugeReading("server", target.name, target.device, at, measure, value, holds_s)
