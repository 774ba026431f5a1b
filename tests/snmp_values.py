"""Any value of any SNMP type, as this project encodes it, reads it, and as pysnmp has it."""

from typing import Any, NamedTuple

from hypothesis import strategies as st
from pysnmp.proto import rfc1902, rfc1905
from pysnmp.proto.api import v2c

from collectors.snmp import ber
from collectors.snmp.varbind import Value


class Planted(NamedTuple):
    """A value thrice: our octets, what a reader should see, pysnmp's own."""

    octets: bytes
    value: Value
    peers: Any


def dotted(most_arcs: int = 128) -> st.SearchStrategy[str]:
    """Any OID, in dots; it has at least two arcs."""
    arc = st.integers(0, 2**32 - 1) | st.integers(0, 300)
    below = st.tuples(st.integers(0, 1), st.integers(0, 39)) | st.tuples(st.just(2), arc)
    others = st.lists(arc, max_size=most_arcs - 2)
    return st.builds(lambda top, rest: ".".join(map(str, (*top, *rest))), below, others)


def _numbers(tag: int, kind: Any, low: int, high: int) -> st.SearchStrategy[Planted]:
    edges = st.sampled_from([low, -1, 0, 127, 128, 255, 32767, 32768, 65535, 2**31 - 1, high])
    within = edges.filter(lambda number: low <= number <= high)
    return st.builds(
        lambda number: Planted(ber.integer(number, tag), number, kind(number)),
        st.integers(low, high) | within,
    )


def _octets(tag: int, kind: Any, low: int, high: int) -> st.SearchStrategy[Planted]:
    return st.builds(
        lambda octets: Planted(ber.tlv(tag, octets), octets, kind(octets)),
        st.binary(min_size=low, max_size=high),
    )


def number() -> st.SearchStrategy[Planted]:
    """Any number of any type."""
    return st.one_of(
        _numbers(ber.INTEGER, rfc1902.Integer32, -(2**31), 2**31 - 1),
        _numbers(ber.COUNTER32, rfc1902.Counter32, 0, 2**32 - 1),
        _numbers(ber.GAUGE32, rfc1902.Gauge32, 0, 2**32 - 1),
        _numbers(ber.TIME_TICKS, rfc1902.TimeTicks, 0, 2**32 - 1),
        _numbers(ber.COUNTER64, rfc1902.Counter64, 0, 2**64 - 1),
    )


def planted(most_octets: int = 4000) -> st.SearchStrategy[Planted]:
    """Any value of any type."""
    return st.one_of(
        number(),
        _octets(ber.OCTET_STRING, rfc1902.OctetString, 0, most_octets),
        _octets(ber.OPAQUE, rfc1902.Opaque, 0, most_octets),
        _octets(ber.IP_ADDRESS, rfc1902.IpAddress, 4, 4),
        dotted().map(lambda oid: Planted(ber.oid(oid), oid, v2c.ObjectIdentifier(oid))),
        st.sampled_from(
            [
                Planted(ber.tlv(ber.NULL, b""), None, v2c.Null("")),
                Planted(ber.tlv(ber.NO_SUCH_OBJECT, b""), None, rfc1905.noSuchObject),
                Planted(ber.tlv(ber.NO_SUCH_INSTANCE, b""), None, rfc1905.noSuchInstance),
                Planted(ber.tlv(ber.END_OF_MIB_VIEW, b""), None, rfc1905.endOfMibView),
            ]
        ),
    )
