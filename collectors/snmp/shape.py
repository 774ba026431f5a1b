"""The shape of a reply: where each of its values is, for as long as no length in it changes.

What a device answers to the same request differs in its numbers only, nearly always. So all that is
no number is compared at once, as one large integer under a mask, and all values are taken at once.
"""

from collections.abc import Callable, Iterator
from struct import Struct
from typing import NamedTuple

from collectors.snmp import ber
from collectors.snmp.ber import BerError
from collectors.snmp.varbind import Value

_SIGNED = {1: "b", 2: "h", 4: "i", 8: "q"}
_UNSIGNED = {1: "B", 2: "H", 4: "I", 8: "Q"}


class Spot(NamedTuple):
    """A varbind's place: where its OID begins and stops, then its value's tag and content."""

    oid: int
    oid_end: int
    tag: int
    start: int
    stop: int


def spots(octets: bytes) -> Iterator[Spot]:
    """Find the varbinds in the content of a variable-bindings list; no value is looked at.

    Raises:
        BerError: one of them is none, or its value does not end where it ends.

    """
    at, size = 0, len(octets)
    while at < size:
        oid, end = ber.expect(octets, at, size, ber.SEQUENCE)
        _, oid_end = ber.expect(octets, oid, end, ber.OBJECT_IDENTIFIER)
        tag, start, at = ber.header(octets, oid_end, end)
        if at != end:
            msg = f"a value stops at octet {at}, and its varbind at {end}"
            raise BerError(msg)
        yield Spot(oid, oid_end, tag, start, at)


class Shape:
    """Reads varbinds that differ from those it was learnt of in what their values hold."""

    def __init__(self, octets: bytes) -> None:
        mask, layout, at = bytearray(), ">", 0
        self._odd: list[tuple[int, Callable[[bytes], Value]]] = []
        for place, (_, _, tag, start, stop) in enumerate(spots(octets)):
            code, zeros = _code(octets, tag, start, stop)
            fixed, free = start + zeros - at, stop - start - zeros
            layout += f"{fixed}x{code or f'{free}s'}"
            mask += b"\xff" * fixed + bytes(free)
            if not code and tag != ber.OCTET_STRING:
                self._odd.append((place, _reader(tag, stop - start)))
            at = stop
        self._layout = Struct(layout)
        self._mask = int.from_bytes(mask)
        self._fixed = int.from_bytes(octets) & self._mask

    def values(self, octets: bytes) -> list[Value] | None:
        """Take the values; None if the octets have another shape.

        Raises:
            BerError: the shape holds, and a value is none all the same.

        """
        if len(octets) != self._layout.size or int.from_bytes(octets) & self._mask != self._fixed:
            return None
        values: list[Value] = list(self._layout.unpack(octets))
        for place, read in self._odd:
            values[place] = read(values[place])  # type: ignore[arg-type]  # its code is `s`
        return values


def _code(octets: bytes, tag: int, start: int, stop: int) -> tuple[str | None, int]:
    """The code of `struct` that reads a number, and how many zeros stand before it; None: none."""
    size = stop - start
    if tag == ber.INTEGER:
        return _SIGNED.get(size), 0
    most = _most(tag)
    if size <= most:
        return _UNSIGNED.get(size), 0
    if most and size == most + 1 and not octets[start]:
        return _UNSIGNED[most], 1
    return None, 0


def _reader(tag: int, size: int) -> Callable[[bytes], Value]:
    if 0 < size <= _most(tag):
        return int.from_bytes
    return lambda content: ber.value(content, tag, 0, len(content))


def _most(tag: int) -> int:
    """How many octets an unsigned number of that type takes at most; 0 for any other type."""
    return ber.UNSIGNED_BITS.get(tag, 0) // 8
