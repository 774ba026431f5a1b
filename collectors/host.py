"""This host, by psutil: CPU, memory, disks and NICs. What it does not tell is left out."""

import asyncio
import socket
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psutil
from pydantic import BaseModel, ConfigDict

from collectors import link, server
from collectors.base import (
    CollectError,
    CounterReading,
    GaugeReading,
    Measurement,
    Moment,
    Reason,
    Sample,
    Target,
    Tools,
    collector,
)
from collectors.fields import Address, Duration, Name
from collectors.filesystems import Filesystems

_SHORTEST_SPAN_S = 0.5  # of a CPU ratio: CPU time is counted in hundredths of a second
_SYS_NICS = Path("/sys/class/net")
_UNKNOWN_SPEEDS = {0, -1, 65535}  # as drivers of virtual NICs and kernels of several ages say it
_NOT_BUSY = {"idle", "iowait"}
_COUNTED_TWICE = {"guest", "guest_nice"}  # proc(5): user and nice hold them already
# The last three: psutil takes /proc's files apart by key and position, and a masked one is empty.
_NOT_TOLD = (OSError, psutil.Error, NotImplementedError, LookupError, TypeError, ValueError)

T = TypeVar("T")


class BoundNic(BaseModel):
    """A link, and this host's NIC that it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    link: str
    nic: str


class HostTarget(Target):
    """This host: as `server`, if it bears that name in the configuration, and its NICs as links."""

    name: Name = "host"
    kind: str = "host"
    address: Address = "localhost"
    interval_s: Duration = 30.0
    server: str | None = None
    nics: tuple[BoundNic, ...] = ()


@collector("host", HostTarget, *server.METRICS, *link.METRICS, probe=False)
async def collect(target: HostTarget, tools: Tools) -> list[Measurement]:
    """Read everything once; the first time takes half a second, for the CPU's sake.

    Raises:
        CollectError: `no_such_interface`, with all the rest, if a bound NIC is not there.

    """
    found: list[Measurement] = []
    if target.server:
        found += await _cpu(target.server, tools)
        found += _memory(target.server, tools.now())
        found += await _disks(target.server, tools)
    at, traffic = tools.now(), _traffic()
    if target.server:
        found += _server_traffic(target.server, traffic, at)
    states = _told(psutil.net_if_stats) or {}
    for bound in target.nics:
        if bound.nic in traffic:
            found += _link(bound, traffic[bound.nic], states.get(bound.nic), at)
    missing = [bound for bound in target.nics if bound.nic not in traffic]
    if missing:
        raise CollectError(Reason.NO_SUCH_INTERFACE, _not_there(missing, traffic), found)
    return found


def nics() -> list[str]:
    """Name the NICs worth watching: the physical ones; where none is (a container), all but lo."""
    return _worth_watching(_traffic())


class CpuMeter:
    """Remembers the last reading of the CPU times, so that a ratio spans the time since."""

    def __init__(self) -> None:
        self._last: tuple[float, Mapping[str, float]] | None = None

    async def ratio(self) -> float | None:
        """Return the busy share since the last call; None where the host does not tell."""
        now_s = asyncio.get_running_loop().time
        if self._last is None:
            self._last = now_s(), _cpu_times()
        read_s, before = self._last
        await asyncio.sleep(max(0.0, read_s + _SHORTEST_SPAN_S - now_s()))
        self._last = now_s(), _cpu_times()
        return busy_ratio(before, self._last[1])

    async def close(self) -> None:
        """Nothing is held."""


def busy_ratio(before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    """Busy share of the time between two readings of proc(5)'s CPU times; None if none passed.

    Stolen time is busy: the server wanted it, so it must not look idler for not getting it.
    """
    spent_s = {
        state: after[state] - before.get(state, 0.0)
        for state in after
        if state not in _COUNTED_TWICE
    }
    all_s = sum(spent_s.values())
    idle_s = sum(spent_s.get(state, 0.0) for state in _NOT_BUSY)
    if all_s <= 0:
        return None
    return min(1.0, max(0.0, 1 - idle_s / all_s))  # iowait may step back (proc(5))


async def _cpu(name: str, tools: Tools) -> list[Measurement]:
    found: list[Measurement] = []
    ratio = await tools.use(CpuMeter).ratio()
    if ratio is not None:
        found.append(Sample(server.CPU, ratio, (name,)))
        found.append(GaugeReading("server", name, "local", tools.now(), "cpu", ratio))
    if cores := _told(psutil.cpu_count):
        found.append(Sample(server.CORES, cores, (name,)))
        found.append(GaugeReading("server", name, "local", tools.now(), "cores", cores))
    return found


def _memory(name: str, at: Moment) -> list[Measurement]:
    found: list[Measurement] = []
    memory = _told(psutil.virtual_memory)
    if memory and memory.total:
        ratio = 1 - memory.available / memory.total
        found.append(Sample(server.MEMORY, memory.total, (name,)))
        found.append(Sample(server.MEMORY_USED, ratio, (name,)))
        found.append(GaugeReading("server", name, "local", at, "memory", ratio))
        found.append(GaugeReading("server", name, "local", at, "memory_bytes", memory.total))
    swap = _told(psutil.swap_memory)
    if swap and swap.total:
        found.append(Sample(server.SWAP, swap.total, (name,)))
        found.append(Sample(server.SWAP_USED, swap.used, (name,)))
    return found


async def _disks(name: str, tools: Tools) -> list[Measurement]:
    found: list[Measurement] = []
    usages = await tools.use(Filesystems).usages()
    if usages:
        size_bytes = sum(usage.size_bytes for usage in usages)
        found.append(GaugeReading("server", name, "local", tools.now(), "disk_bytes", size_bytes))
    for usage in usages:
        labels = (name, usage.mountpoint)
        found.append(Sample(server.FILESYSTEM, usage.size_bytes, labels))
        found.append(Sample(server.FILESYSTEM_USED, usage.used_bytes, labels))
    return found


def _server_traffic(name: str, traffic: Mapping[str, Any], at: Moment) -> list[Measurement]:
    counted = _worth_watching(traffic)  # not bridges and veths too: their bytes would count twice
    if not counted:
        return []
    receive_bytes = sum(traffic[nic].bytes_recv for nic in counted)
    transmit_bytes = sum(traffic[nic].bytes_sent for nic in counted)
    reading = CounterReading(
        kind="server",
        subject=name,
        identity=f"local/{','.join(counted)}",  # another set of NICs has another sum
        at=at,
        receive_bytes=receive_bytes,
        transmit_bytes=transmit_bytes,
        counter_bits=64,
        uptime_s=at.steady_s,  # CLOCK_BOOTTIME is this host's sysUpTime
        port_speed_bps=None,
    )
    return [
        Sample(server.RECEIVE, receive_bytes, (name,)),
        Sample(server.TRANSMIT, transmit_bytes, (name,)),
        reading,
    ]


def _link(bound: BoundNic, counted: Any, state: Any, at: Moment) -> list[Measurement]:
    labels = (bound.link,)
    speed_bps = None
    found: list[Measurement] = [
        Sample(link.RECEIVE_ERRORS, counted.errin, labels),
        Sample(link.TRANSMIT_ERRORS, counted.errout, labels),
        Sample(link.RECEIVE_DISCARDS, counted.dropin, labels),
        Sample(link.TRANSMIT_DISCARDS, counted.dropout, labels),
    ]
    if state:
        found.append(Sample(link.UP, int(state.isup), labels))
        if state.speed not in _UNKNOWN_SPEEDS:
            speed_bps = state.speed * 1e6  # psutil says Mbit/s
            found.append(Sample(link.PORT_SPEED, speed_bps / 8, labels))
    reading = CounterReading(
        kind="link",
        subject=bound.link,
        identity=f"local/{bound.nic}",
        at=at,
        receive_bytes=counted.bytes_recv,
        transmit_bytes=counted.bytes_sent,
        counter_bits=64,
        uptime_s=at.steady_s,
        port_speed_bps=speed_bps,
        # A tunnel that was made anew counts from 0 under a new index.
        discontinuity=_told(partial(socket.if_nametoindex, bound.nic)),
    )
    return [*found, reading]


def _not_there(missing: Sequence[BoundNic], traffic: Mapping[str, Any]) -> str:
    asked = ", ".join(f"{bound.nic} (link {bound.link})" for bound in missing)
    return f"no NIC {asked}; this host has {', '.join(sorted(traffic)) or 'none'}"


def _worth_watching(traffic: Mapping[str, Any]) -> list[str]:
    names = sorted(traffic)
    physical = [name for name in names if _told((_SYS_NICS / name / "device").exists)]
    return physical or [name for name in names if name != "lo"]


def _traffic() -> Mapping[str, Any]:
    """What each NIC counted; as the kernel has it, since psutil's mending would hide restarts."""
    return _told(lambda: psutil.net_io_counters(pernic=True, nowrap=False)) or {}


def _cpu_times() -> Mapping[str, float]:
    times = _told(psutil.cpu_times)
    return times._asdict() if times else {}


def _told(read: Callable[[], T]) -> T | None:
    """Read what a container or an old kernel may not show."""
    with warnings.catch_warnings():
        # psutil warns of fields that are missing and not read here (swap's pages in and out).
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            return read()
        except _NOT_TOLD:
            return None
