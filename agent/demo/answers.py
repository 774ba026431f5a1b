"""How a simulated device answers GET, GETNEXT and GETBULK of SNMPv2c (RFC 3416), or keeps silent.

What is written is the product's own codec's; a device here is well-behaved, recordings of odd ones
are the tests'.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping

from collectors.snmp import ber
from collectors.snmp.ber import BerError
from collectors.snmp.message import GET, GET_BULK, RESPONSE, Pdu

GET_NEXT = 0xA1
Value = Callable[[float], bytes]
"""An encoded value, at a wall time."""

ROOM = 1300
"""Octets of varbinds in one reply: with all that is around them, one Ethernet frame."""

_V2C = b"\x02\x01\x01"
_NO_OBJECT, _END = b"\x80\x00", b"\x82\x00"
_TOO_BIG = 1


class View:
    """All that a device tells, in the order of its OIDs; `values` are by OID in dots."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        rows = sorted((_arcs(ber.oid(dotted)), dotted) for dotted in values)
        self._arcs = [arcs for arcs, _ in rows]
        self._names = [ber.oid(dotted) for _, dotted in rows]
        self._values = [values[dotted] for _, dotted in rows]
        self._places = {name: place for place, name in enumerate(self._names)}

    def answer(self, pdu: Pdu, at_s: float) -> bytes | None:
        """The PDU of the reply; None if nothing answers such a request.

        Raises:
            BerError: it is no request.
        """
        number, end = ber.expect_integer(pdu.data, pdu.start, pdu.stop)
        once, at = ber.expect_integer(pdu.data, end, pdu.stop)
        rows, at = ber.expect_integer(pdu.data, at, pdu.stop)
        names = _names(pdu.data, at, pdu.stop)
        if pdu.kind == GET:
            binds = [self._get(name, at_s) for name in names]
        elif pdu.kind == GET_NEXT:
            binds = [self._next(name, at_s)[1] for name in names]
        elif pdu.kind == GET_BULK:
            binds = self._bulk(names, max(once, 0), max(rows, 0), at_s)
        else:
            return None
        status = 0
        if sum(map(len, binds)) > ROOM:
            status, binds = _TOO_BIG, []
        fields = ber.integer(number) + ber.integer(status) + ber.integer(0)
        return ber.tlv(RESPONSE, fields + ber.tlv(ber.SEQUENCE, b"".join(binds)))

    def _get(self, name: bytes, at_s: float) -> bytes:
        place = self._places.get(name)
        value = _NO_OBJECT if place is None else self._values[place](at_s)
        return ber.tlv(ber.SEQUENCE, name + value)

    def _next(self, name: bytes, at_s: float) -> tuple[bytes, bytes]:
        """What follows an OID, and its varbind; nothing follows the last one."""
        place = self._places.get(name)
        place = bisect_right(self._arcs, _arcs(name)) if place is None else place + 1
        if place == len(self._names):
            return name, ber.tlv(ber.SEQUENCE, name + _END)
        found = self._names[place]
        return found, ber.tlv(ber.SEQUENCE, found + self._values[place](at_s))

    def _bulk(self, names: list[bytes], once: int, rows: int, at_s: float) -> list[bytes]:
        """Repeat while there is room, and while any column goes on."""
        binds = [self._next(name, at_s)[1] for name in names[:once]]
        columns, room = names[once:], ROOM - sum(map(len, binds))
        for _ in range(rows if columns else 0):
            before = columns
            columns = []
            for name in before:
                after, bind = self._next(name, at_s)
                room -= len(bind)
                if room < 0:
                    return binds
                columns.append(after)
                binds.append(bind)
            if columns == before:
                break
        return binds


class Listener:
    """A device that believes whoever knows its community."""

    def __init__(self, view: View, community: str) -> None:
        self._view = view
        self._head = _V2C + ber.tlv(ber.OCTET_STRING, community.encode())

    def answer(self, message: bytes, at_s: float) -> bytes | None:
        """Answer a datagram; None: not at all."""
        try:
            start, stop = ber.expect(message, 0, len(message), ber.SEQUENCE)
            if not message.startswith(self._head, start):
                return None
            kind, start, stop = ber.header(message, start + len(self._head), stop)
            pdu = self._view.answer(Pdu(kind, message, start, stop), at_s)
        except BerError:
            return None
        return pdu and ber.tlv(ber.SEQUENCE, self._head + pdu)


def _names(data: bytes, at: int, stop: int) -> list[bytes]:
    at, stop = ber.expect(data, at, stop, ber.SEQUENCE)
    names = []
    while at < stop:
        start, after = ber.expect(data, at, stop, ber.SEQUENCE)
        _, end = ber.expect(data, start, after, ber.OBJECT_IDENTIFIER)
        names.append(data[start:end])
        at = after
    return names


def _arcs(name: bytes) -> tuple[int, ...]:
    return ber.arcs(ber.content(name))
