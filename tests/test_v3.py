"""How SNMPv3 messages are laid out, against a reader and a writer that take no short cut."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from collectors.snmp import ber, v3
from collectors.snmp.ber import BerError
from collectors.snmp.message import NUMBERS
from collectors.snmp.v3 import Envelope, Head

Tlv = Callable[[int, bytes], bytes]


def long_tlv(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x82]) + len(content).to_bytes(2) + content


class Written(NamedTuple):
    """A message, with octets that nobody asked for wherever some can be (`more`)."""

    tlvs: Sequence[Tlv] = (ber.tlv,) * 14
    numbers: tuple[int, int] = (NUMBERS.start, 3)
    flags: bytes = b"\3"
    engine_id: bytes = b"an-engine"
    clock: tuple[bytes, bytes] = (b"\5", b"\1\0")
    rest: tuple[bytes, bytes, bytes] = (b"monitor", b"d" * 24, b"s" * 8)
    more: tuple[bytes, bytes, bytes, bytes] = (b"", b"", b"", b"")

    def octets(self) -> bytes:
        number, model = (it.to_bytes(4) for it in self.numbers)
        header = [(2, number), (2, b"\0\xff\xe3"), (4, self.flags), (2, model)]
        who = [(4, self.engine_id), *((2, it) for it in self.clock), *((4, it) for it in self.rest)]
        inner = b"".join(tlv(*it) for tlv, it in zip(self.tlvs[:6], who, strict=True))
        outer = b"".join(tlv(*it) for tlv, it in zip(self.tlvs[6:10], header, strict=True))
        outside = self.tlvs[10](0x30, outer + self.more[0])
        outside += self.tlvs[11](4, self.tlvs[12](0x30, inner + self.more[1]) + self.more[2])
        return self.tlvs[13](0x30, ber.integer(3) + outside + b"\4\1x") + self.more[3]


MESSAGES = st.builds(
    Written,
    st.lists(st.sampled_from([ber.tlv, ber.tlv, long_tlv]), min_size=14, max_size=14),
    st.tuples(st.integers(NUMBERS.start, NUMBERS.stop - 1), st.sampled_from([3, 3, 3, 2])),
    st.sampled_from([b"", b"\0", b"\1", b"\2", b"\3", b"\7\0"]),
    st.binary(max_size=200),
    st.tuples(*[st.binary(max_size=11) | st.binary(max_size=4).map(b"\0".__add__)] * 2),
    st.tuples(st.binary(max_size=40), st.binary(max_size=48), st.binary(max_size=9)),
    st.tuples(*[st.binary(max_size=3)] * 4),
)


def read_field_by_field(message: bytes) -> Envelope:
    """As `v3.read`, by `ber.expect` alone."""

    def octets(at: int, end: int) -> tuple[bytes, int]:
        start, stop = ber.expect(message, at, end, ber.OCTET_STRING)
        return message[start:stop], stop

    at, stop = ber.expect(message, 0, len(message), ber.SEQUENCE)
    if message[at : at + 3] != ber.integer(3):
        raise BerError
    at, end = ber.expect(message, at + 3, stop, ber.SEQUENCE)
    number, at = ber.expect_integer(message, at, end)
    _, at = ber.expect_integer(message, at, end)
    flags, at = octets(at, end)
    model, _ = ber.expect_integer(message, at, end)
    start, end = ber.expect(message, end, stop, ber.OCTET_STRING)
    at, inner = ber.expect(message, start, end, ber.SEQUENCE)
    engine_id, at = octets(at, inner)
    boots, at = ber.expect_integer(message, at, inner)
    time_s, at = ber.expect_integer(message, at, inner)
    user, at = octets(at, inner)
    digest, at = octets(at, inner)
    salt, _ = octets(at, inner)
    clock = boots, time_s
    if model != 3 or not flags or flags[0] & 3 == 2 or min(clock) < 0 or max(clock) > v3.MOST:
        raise BerError
    place = at - len(digest), end, stop
    return Envelope(number, flags[0] & 3, engine_id, *clock, user, digest, salt, *place)


def outcome(read: Callable[[bytes], Envelope], message: bytes) -> Envelope | None:
    try:
        return read(message)
    except BerError:
        return None


@given(MESSAGES, st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3))
@example(Written(), [])
def test_any_message_is_read_as_field_by_field(
    written: Written, flips: list[tuple[int, int]]
) -> None:
    message = bytearray(written.octets())
    for place, octet in flips:
        message[place % len(message)] = octet
    assert outcome(v3.read, bytes(message)) == outcome(read_field_by_field, bytes(message))


@given(
    MESSAGES, st.data(), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3)
)
@example(Written(), None, [])
def test_a_head_reads_what_is_read_without_it_or_nothing(
    written: Written, data: st.DataObject | None, flips: list[tuple[int, int]]
) -> None:
    message = written.octets()
    if outcome(v3.read, message) is None:
        return
    head = Head(message)
    later = bytearray(message)
    if data:
        number = data.draw(st.integers(NUMBERS.start, NUMBERS.stop - 1))
        rest = (written.rest[0], *map(data.draw, map(alike, written.rest[1:])))
        clock = (written.clock[0], data.draw(alike(written.clock[1])))
        later[:] = written._replace(numbers=(number, 3), clock=clock, rest=rest).octets()
    for place, octet in flips:
        later[place % len(later)] = octet
    found = head.read(bytes(later))
    assert found in (None, outcome(v3.read, bytes(later)))


def alike(octets: bytes) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=len(octets), max_size=len(octets))


def test_a_head_holds_while_only_what_differs_from_message_to_message_does() -> None:
    first = Written()
    head = Head(in_long_form(first))
    later = first._replace(
        numbers=(NUMBERS.stop - 1, 3),
        clock=(b"\5", b"\7\7"),
        rest=(b"monitor", b"D" * 24, b"S" * 8),
    )
    assert head.read(in_long_form(later)) == read_field_by_field(in_long_form(later))


def in_long_form(written: Written) -> bytes:
    return written._replace(tlvs=(ber.tlv,) * 13 + (long_tlv,)).octets()


@given(st.integers(0, 160))
def test_a_message_that_is_cut_off_is_none(octets: int) -> None:
    message = Written().octets()
    assert outcome(v3.read, message)
    assert outcome(v3.read, message[: octets % len(message)]) is None


clocks = st.integers(0, v3.MOST)


@given(
    st.tuples(st.integers(NUMBERS.start, NUMBERS.stop - 1), st.sampled_from([0, 1, 3])),
    st.tuples(st.binary(max_size=200), clocks, clocks, st.binary(max_size=200)),
    st.tuples(st.binary(max_size=48), st.binary(max_size=8), st.binary(max_size=300)),
)
def test_what_is_written_is_read_as_it_was(
    head: tuple[int, int], who: tuple[bytes, int, int, bytes], rest: tuple[bytes, bytes, bytes]
) -> None:
    digest, salt, content = rest
    (number, flags), (engine_id, boots, time_s, user) = head, who
    asked = Envelope(number, flags, engine_id, boots, time_s, user, digest, salt)
    message, at = asked.around(content)
    read = read_field_by_field(message)
    assert read[:8] == asked[:8]
    assert read.digest_at == at
    assert message[read.start : read.stop] == content
    assert asked.around(content) == (message, at)
