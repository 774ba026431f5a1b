"""What an SNMP device says: values at OIDs."""

from typing import NamedTuple

Oid = tuple[int, ...]

Value = int | bytes | str | None
"""A number, octets, an OID in dots, or None: the device has no such value."""


class Varbind(NamedTuple):
    """One value of a reply; `end` says that nothing comes after (endOfMibView)."""

    oid: Oid
    value: Value
    end: bool = False


def parse(oid: str) -> Oid:
    """Split an OID at its dots."""
    return tuple(map(int, oid.split(".")))


def dotted(oid: Oid) -> str:
    """Join an OID, or the index of a row, with dots."""
    return ".".join(map(str, oid))
