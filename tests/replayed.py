"""A device that is replayed: its recording, how it behaves, and its answers (RFC 3416)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from collectors.snmp import ber, ifmib
from tests.recording import Oid, Recording, arcs, read

GET, GET_NEXT, RESPONSE, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA5
TOO_BIG, GEN_ERR = 1, 5
ONE_PACKET = 1472
"""Octets of UDP in one Ethernet frame."""

_V2C = b"\x02\x01\x01"
_AROUND = 40
"""Octets of a reply, at most, that are neither its community nor its varbinds."""
_OK = b"\x02\x01\x00\x02\x01\x00"
_NO_OBJECT, _NO_INSTANCE, _END = b"\x80\x00", b"\x81\x00", b"\x82\x00"
_UPTIME = ber.oid(ifmib.SYS_UPTIME)
_OCTETS = (ifmib.IN_OCTETS, ifmib.OUT_OCTETS, ifmib.HC_IN_OCTETS, ifmib.HC_OUT_OCTETS)

Moving = dict[int, tuple[int, int, float]]
"""By place: the type's tag, what the recording says, and how fast it grows."""


@dataclass(frozen=True, slots=True)
class Device:
    """A recording and where it answers; port 0 is any. All else is how it misbehaves.

    OIDs are in dots. What is None does not happen.
    """

    recording: Path
    community: str = "public"
    host: str = "127.0.0.1"
    port: int = 0
    dead: bool = False
    delay_s: float = 0
    max_bytes: int = ONE_PACKET
    """No message is longer: GETBULK is cut, anything else is tooBig."""
    max_varbinds: int | None = None
    """A reply to GETBULK has no more, however many were asked for."""
    too_big_over: int | None = None
    """A request that names more OIDs is tooBig."""
    silent_after: str | None = None
    """Whoever needs anything beyond this OID gets no answer."""
    loops_after: str | None = None
    """What follows this OID is the one before it."""
    fails_under: str | None = None
    """Asked for anything under this OID, it answers with `status`."""
    status: int = GEN_ERR
    moving: Mapping[str, float] = field(default_factory=dict)
    """Columns that grow, each by so much a second; `octets` has some."""
    uptime_runs: bool = False


def octets(bytes_per_s: float) -> dict[str, float]:
    """All four octet columns at one rate, for `Device.moving`."""
    return dict.fromkeys(_OCTETS, bytes_per_s)


class Request(NamedTuple):
    """What is asked; `non_repeaters` and `rows` mean something in a GETBULK only."""

    kind: int
    number: bytes
    non_repeaters: int
    rows: int
    names: list[bytes]


class _SilentError(Exception):
    """There is to be no answer."""


class Replayed:
    """Answers for one device; times are monotonic seconds."""

    def __init__(self, device: Device, now_s: float) -> None:
        self.device = device
        self.requests = 0
        self.recording = read(device.recording)
        self._since_s, self._restarted = now_s, False
        self._community = _V2C + ber.tlv(ber.OCTET_STRING, device.community.encode())
        self._room = device.max_bytes - len(self._community) - _AROUND
        columns = dict(device.moving) | ({ifmib.SYS_UPTIME: 100.0} if device.uptime_runs else {})
        self._moving = _moving(device.recording, tuple(columns.items()))
        self._loop = self._place(device.loops_after)
        self._silent = self._place(device.silent_after)
        failing = device.fails_under
        self._failing: Oid | None = arcs(ber.oid(failing)) if failing else None

    def restart(self, now_s: float) -> None:
        """Begin to count from 0, sysUpTime too, if they move at all."""
        self._since_s, self._restarted = now_s, True

    def answer(self, message: bytes, now_s: float) -> bytes | None:
        """Answer a datagram; None: not at all."""
        self.requests += 1
        if self.device.dead:
            return None
        try:
            request = self._request(message)
            return self._answer(request, now_s) if request else None
        except (ber.BerError, _SilentError):
            return None

    def _request(self, message: bytes) -> Request | None:
        start, stop = ber.expect(message, 0, len(message), ber.SEQUENCE)
        if not message.startswith(self._community, start):
            return None
        kind, at, stop = ber.header(message, start + len(self._community), stop)
        _, end = ber.expect_integer(message, at, stop)
        number = message[at:end]
        non_repeaters, at = ber.expect_integer(message, end, stop)
        rows, at = ber.expect_integer(message, at, stop)
        at, stop = ber.expect(message, at, stop, ber.SEQUENCE)
        names = []
        while at < stop:
            start, after = ber.expect(message, at, stop, ber.SEQUENCE)
            _, end = ber.expect(message, start, after, ber.OBJECT_IDENTIFIER)
            names.append(message[start:end])
            at = after
        return Request(kind, number, max(non_repeaters, 0), max(rows, 0), names)

    def _answer(self, request: Request, now_s: float) -> bytes | None:
        limit = self.device.too_big_over
        if limit is not None and len(request.names) > limit:
            return self._error(request, TOO_BIG, 0)
        for index, name in enumerate(request.names if self._failing else (), start=1):
            if arcs(name)[: len(self._failing or ())] == self._failing:
                return self._error(request, self.device.status, index)
        elapsed_s = now_s - self._since_s
        if request.kind == GET_BULK:
            binds = self._bulk(request, elapsed_s)
        elif request.kind == GET_NEXT:
            binds = [self._next(name, elapsed_s)[1] for name in request.names]
        elif request.kind == GET:
            binds = [self._get(name, elapsed_s) for name in request.names]
        else:
            return None
        whole = b"".join(binds)
        if len(whole) > self._room or (request.rows and not binds):
            return self._error(request, TOO_BIG, 0)
        return self._message(request.number + _OK, whole)

    def _bulk(self, request: Request, elapsed_s: float) -> list[bytes]:
        """Repeat while there is room, and while any column goes on."""
        once = request.names[: request.non_repeaters]
        columns = request.names[request.non_repeaters :]
        binds = [self._next(name, elapsed_s)[1] for name in once]
        room, most = self._room - sum(map(len, binds)), self.device.max_varbinds
        for _ in range(request.rows if columns else 0):
            following = []
            for name in columns:
                after, bind = self._next(name, elapsed_s)
                room -= len(bind)
                if room < 0 or (most is not None and len(binds) >= most):
                    return binds
                following.append(after)
                binds.append(bind)
            if following == columns:
                break
            columns = following
        return binds

    def _next(self, name: bytes, elapsed_s: float) -> tuple[bytes, bytes]:
        """What follows an OID, and its varbind; nothing follows the last one."""
        place = self.recording.successor(name)
        if self._loop is not None and place == self._loop + 1:
            place = self._loop - 1
        self._reach(place)
        if place == len(self.recording.oids):
            return name, ber.tlv(ber.SEQUENCE, name + _END)
        return self.recording.names[place], self._varbind(place, elapsed_s)

    def _get(self, name: bytes, elapsed_s: float) -> bytes:
        place = self.recording.places.get(name)
        if place is not None:
            self._reach(place)
            return self._varbind(place, elapsed_s)
        absent = _NO_INSTANCE if self.recording.has_sibling(name) else _NO_OBJECT
        return ber.tlv(ber.SEQUENCE, name + absent)

    def _reach(self, place: int) -> None:
        if self._silent is not None and place > self._silent:
            raise _SilentError

    def _varbind(self, place: int, elapsed_s: float) -> bytes:
        if place not in self._moving:
            return self.recording.varbinds[place]
        tag, start, per_s = self._moving[place]
        now = int((0 if self._restarted else start) + per_s * elapsed_s)
        value = ber.integer(now % 2 ** ber.UNSIGNED_BITS[tag], tag)
        return ber.tlv(ber.SEQUENCE, self.recording.names[place] + value)

    def _error(self, request: Request, status: int, index: int) -> bytes:
        names = () if status == TOO_BIG else request.names
        binds = b"".join(ber.tlv(ber.SEQUENCE, name + b"\x05\x00") for name in names)
        return self._message(request.number + ber.integer(status) + ber.integer(index), binds)

    def _message(self, fields: bytes, binds: bytes) -> bytes:
        pdu = ber.tlv(RESPONSE, fields + ber.tlv(ber.SEQUENCE, binds))
        return ber.tlv(ber.SEQUENCE, self._community + pdu)

    def _place(self, oid: str | None) -> int | None:
        """Where an OID is, or would be after the last one before it."""
        return None if oid is None else self.recording.successor(ber.oid(oid)) - 1


@lru_cache
def _moving(path: Path, columns: Sequence[tuple[str, float]]) -> Moving:
    """Find what moves, once for all devices of one recording."""
    recording: Recording = read(path)
    found: Moving = {}
    for column, per_s in columns:
        prefix = arcs(ber.oid(column))
        place = recording.successor(ber.oid(column))
        place -= recording.oids[place - 1] == prefix  # a scalar is its own instance
        while place < len(recording.oids) and recording.oids[place][: len(prefix)] == prefix:
            value = recording.values[place]
            tag, start, stop = ber.header(value, 0, len(value))
            if tag in ber.UNSIGNED_BITS:
                found[place] = (tag, int.from_bytes(value[start:stop], "big"), per_s)
            place += 1
    return found
