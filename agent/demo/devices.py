"""What the simulated devices tell, and the sockets that they answer at."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Protocol, cast

import numpy as np

from agent.demo.answers import Value, View
from agent.demo.habits import SERVERS
from agent.demo.meter import Meter
from agent.demo.town import LINES_OF_TOWN, MACHINES, Device, Line, Machine, Town, tick_of
from collectors.snmp import ber, ifmib

BOOTED_DAYS = 140
"""Before the start; sysUpTime has room for 497."""

_SYSTEM = "1.3.6.1.2.1.1."
_LOAD = "1.3.6.1.2.1.25.3.3.1.2."  # hrProcessorLoad
_STORAGE = "1.3.6.1.2.1.25.2.3.1."
_RAM, _DISK = (f"1.3.6.1.2.1.25.2.1.{kind}" for kind in (2, 4))
_UNIT_BYTES = 4096
_ETHERNET, _UP, _DOWN, _TRUE = 6, 1, 2, 1
_PHYSICAL_ADDRESS = "1.3.6.1.2.1.2.2.1.6"
_CONNECTOR = "1.3.6.1.2.1.31.1.1.1.17"
_MACHINE_BPS = 10**9

Item = tuple[str, Value]


class Answers(Protocol):
    """Whoever answers datagrams; None is silence."""

    def answer(self, message: bytes, at_s: float) -> bytes | None:
        """Answer one, as of a wall time."""


class Socket(asyncio.DatagramProtocol):
    """One device's socket; nobody speaks where nobody is named."""

    def __init__(self, device: Answers | None, now_s: Callable[[], float]) -> None:
        self._device, self._now_s = device, now_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what replies leave by."""
        # Not its class: Python 3.11's own datagram transports are no DatagramTransport.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer at once."""
        reply = self._device and self._device.answer(data, self._now_s())
        if reply:
            self._transport.sendto(reply, addr)


def view(device: Device, town: Town, booted_s: float) -> View:
    """All that a device tells."""
    lines = [it for it in LINES_OF_TOWN if it.device == device.name]
    machines = [it for it in MACHINES if it.name == device.name]
    items = dict(_system(device, booted_s))
    for row, line in enumerate(lines, start=1):
        items.update(_interface(row, f"GigabitEthernet0/0/{row}", line, town.lines[line.name]))
    for machine in machines:
        items.update(_nic(machine, town.machines[machine.name]))
        items.update(_host(machine, town))
    return View(items)


def port_of(line: Line) -> str:
    """The name of the interface that a line ends at."""
    others = [it.name for it in LINES_OF_TOWN if it.device == line.device]
    return f"GigabitEthernet0/0/{others.index(line.name) + 1}"


def uptime_s(at_s: float, booted_s: float) -> float:
    """How long a device has been up, to the hundredth of a second that sysUpTime counts in."""
    return int((at_s - booted_s) * 100) / 100


def _system(device: Device, booted_s: float) -> Iterator[Item]:
    yield f"{_SYSTEM}1.0", _text(device.description)
    yield f"{_SYSTEM}2.0", _still(ber.oid(device.object_id))
    yield (
        ifmib.SYS_UPTIME,
        lambda at_s: ber.integer(int((at_s - booted_s) * 100) % 2**32, ber.TIME_TICKS),
    )
    yield f"{_SYSTEM}5.0", _text(device.name)


def _interface(row: int, name: str, line: Line, meter: Meter) -> Iterator[Item]:
    is_up = _still(ber.integer(_UP if line.is_up else _DOWN))
    yield f"{ifmib.ALIAS}.{row}", _text(line.title)
    yield from _row(row, name, line.port_bps, is_up, meter)


def _nic(machine: Machine, meter: Meter) -> Iterator[Item]:
    address = b"\x02\x00" + machine.name.encode()[-4:]
    yield f"{_PHYSICAL_ADDRESS}.1", _still(ber.tlv(ber.OCTET_STRING, address))
    yield f"{_CONNECTOR}.1", _still(ber.integer(_TRUE))
    yield from _row(1, "eth0", _MACHINE_BPS, _still(ber.integer(_UP)), meter)


def _row(row: int, name: str, port_bps: int, is_up: Value, meter: Meter) -> Iterator[Item]:
    speed = _still(ber.integer(min(port_bps, ifmib.SATURATED), ber.GAUGE32))
    columns: Mapping[str, Value] = {
        ifmib.INDEX: _still(ber.integer(row)),
        ifmib.DESCRIPTION: _text(name),
        ifmib.TYPE: _still(ber.integer(_ETHERNET)),
        ifmib.SPEED: speed,
        ifmib.ADMIN_STATUS: _still(ber.integer(_UP)),
        ifmib.OPER_STATUS: is_up,
        ifmib.IN_OCTETS: partial(_octets, meter, 0, ber.COUNTER32),
        ifmib.OUT_OCTETS: partial(_octets, meter, 1, ber.COUNTER32),
        ifmib.NAME: _text(name),
        ifmib.HC_IN_OCTETS: partial(_octets, meter, 0, ber.COUNTER64),
        ifmib.HC_OUT_OCTETS: partial(_octets, meter, 1, ber.COUNTER64),
        ifmib.HIGH_SPEED: _still(ber.integer(port_bps // 10**6, ber.GAUGE32)),
        ifmib.DISCONTINUITY: _still(ber.integer(0, ber.TIME_TICKS)),
    }
    quiet = (ifmib.IN_ERRORS, ifmib.OUT_ERRORS, ifmib.IN_DISCARDS, ifmib.OUT_DISCARDS)
    columns = {**columns, **dict.fromkeys(quiet, _still(ber.integer(0, ber.COUNTER32)))}
    for column, value in columns.items():
        yield f"{column}.{row}", value


def _host(machine: Machine, town: Town) -> Iterator[Item]:
    """HOST-RESOURCES-MIB: processors, memory (row 1) and a disk (row 2)."""
    one = SERVERS[machine.kind]
    for core in range(one.cores):
        yield f"{_LOAD}{196608 + core}", partial(_load, machine, town, core)
    rows = ((_RAM, "Physical memory", one.memory_bytes), (_DISK, "/", one.disk_bytes))
    for row, (kind, name, size_bytes) in enumerate(rows, start=1):
        yield f"{_STORAGE}2.{row}", _still(ber.oid(kind))
        yield f"{_STORAGE}3.{row}", _text(name)
        yield f"{_STORAGE}4.{row}", _still(ber.integer(_UNIT_BYTES))
        yield f"{_STORAGE}5.{row}", _still(ber.integer(size_bytes // _UNIT_BYTES))
    units = one.memory_bytes // _UNIT_BYTES
    yield f"{_STORAGE}6.1", partial(_used, machine, town, units)
    yield f"{_STORAGE}6.2", _still(ber.integer(one.disk_bytes // _UNIT_BYTES // 3))


def _octets(meter: Meter, way: int, tag: int, at_s: float) -> bytes:
    return ber.integer(meter.at(at_s)[way] % 2 ** ber.UNSIGNED_BITS[tag], tag)


def _load(machine: Machine, town: Town, core: int, at_s: float) -> bytes:
    """Spread whole points over the cores, so that their mean is what the machine has."""
    (points,) = town.cpu_points(machine, np.array([tick_of(at_s)]))
    whole, left = divmod(int(points), SERVERS[machine.kind].cores)
    return ber.integer(whole + (core < left))


def _used(machine: Machine, town: Town, units: int, at_s: float) -> bytes:
    (share,) = town.memory_used(machine, np.array([tick_of(at_s)]))
    return ber.integer(int(share * units))


def _text(text: str) -> Value:
    return _still(ber.tlv(ber.OCTET_STRING, text.encode()))


def _still(encoded: bytes) -> Value:
    return lambda _: encoded
