"""A device's recording in snmpsim's format: `OID|TAG|VALUE`, a line each, in any order.

TAG is the type's BER tag in decimal; an `x` after it says that VALUE is in hexadecimal.
"""

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from collectors.snmp import ber

Oid = tuple[int, ...]
"""As `ber.arcs` reads it: the first number stands for two."""

_UNSIGNED = set(ber.UNSIGNED_BITS)


@dataclass(frozen=True, slots=True)
class Recording:
    """All values of a device in the order of their OIDs, encoded."""

    oids: list[Oid]
    names: list[bytes]
    values: list[bytes]
    varbinds: list[bytes]
    places: dict[bytes, int]

    def successor(self, name: bytes) -> int:
        """The place of the first OID beyond an encoded one; it may lie beyond the last."""
        place = self.places.get(name)
        return bisect_right(self.oids, arcs(name)) if place is None else place + 1

    def has_sibling(self, name: bytes) -> bool:
        """Whether there is an instance of what this one would be an instance of.

        Without a MIB, that is an OID that differs in nothing but what follows its last number.
        """
        parent = arcs(name)[:-1]
        place = bisect_right(self.oids, parent)
        return place < len(self.oids) and self.oids[place][: len(parent)] == parent


@lru_cache
def read(path: Path) -> Recording:
    """Read a recording; lines whose OID is masked (as 10.xx.0.1) are left out.

    Raises:
        ValueError: a line is of another format; the text names file and line.

    """
    found: dict[Oid, tuple[bytes, bytes]] = {}
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip() or b"x" in line.split(b"|")[0]:
            continue
        try:
            name, tag, value = line.split(b"|", 2)
            encoded = ber.oid(name.decode().strip("."))
            found[arcs(encoded)] = (encoded, encode(tag.decode(), value))
        except ValueError as error:
            msg = f"{path.name}:{number}: {error}"
            raise ValueError(msg) from error
    return _ordered(found.items())


def encode(tag: str, value: bytes) -> bytes:
    """Encode a value as its line has it.

    Raises:
        ValueError: no value of that type looks so.

    """
    number, octets = int(tag.rstrip("x")), value
    if tag.endswith("x"):
        octets = bytes.fromhex(value.decode())
    elif number == ber.IP_ADDRESS:
        octets = ipaddress.IPv4Address(value.decode()).packed
    if number == ber.INTEGER:
        return ber.integer(int(value))
    if number in _UNSIGNED:
        return ber.integer(int(value) % 2 ** ber.UNSIGNED_BITS[number], number)
    if number == ber.OBJECT_IDENTIFIER:
        return ber.oid(value.decode().strip("."))
    if number in {ber.OCTET_STRING, ber.NULL, ber.IP_ADDRESS, ber.OPAQUE}:
        return ber.tlv(number, octets)
    msg = f"no tag of a recording: {tag!r}"
    raise ValueError(msg)


def arcs(name: bytes) -> Oid:
    """Take an encoded OID apart."""
    _, start, stop = ber.header(name, 0, len(name))
    return ber.arcs(name[start:stop])


def _ordered(found: Iterable[tuple[Oid, tuple[bytes, bytes]]]) -> Recording:
    rows = sorted(found)
    names, values = [row[1][0] for row in rows], [row[1][1] for row in rows]
    varbinds = [ber.tlv(ber.SEQUENCE, a + b) for a, b in zip(names, values, strict=True)]
    places = {name: place for place, name in enumerate(names)}
    return Recording([row[0] for row in rows], names, values, varbinds, places)
