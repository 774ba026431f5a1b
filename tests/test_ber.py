import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v2c

from collectors.snmp import ber
from collectors.snmp.ber import BerError
from collectors.snmp.varbind import Value
from tests.snmp_values import Planted, dotted, planted

TAGS = (*range(0x01, 0x07), *range(0x40, 0x48), *range(0x80, 0x83), 0x30)


def read(octets: bytes) -> Value:
    return ber.value(octets, *ber.header(octets, 0, len(octets)))


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


@given(planted())
def test_any_value_is_encoded_as_pyasn1_encodes_it(one: Planted) -> None:
    assert one.octets == encoder.encode(one.peers)


@given(planted())
def test_pyasn1_reads_any_value_that_is_encoded_here(one: Planted) -> None:
    assert decoder.decode(one.octets, asn1Spec=one.peers.clone()) == (one.peers, b"")


@given(planted())
def test_any_value_that_pyasn1_encodes_is_read(one: Planted) -> None:
    assert read(encoder.encode(one.peers)) == one.value


@given(dotted())
def test_any_oid_comes_back_from_its_encoding_and_from_pyasn1s(oid: str) -> None:
    content = ber.content(ber.oid(oid))
    assert ber.dotted(content) == oid
    assert ber.oid(oid) == encoder.encode(v2c.ObjectIdentifier(oid)) == ber.minimal(ber.oid(oid))
    assert decoder.decode(ber.oid(oid))[0] == v2c.ObjectIdentifier(oid)
    top, second, *others = map(int, oid.split("."))
    assert ber.arcs(content) == (top * 40 + second, *others)


@given(dotted(), st.lists(st.integers(0, 3), min_size=128, max_size=128), st.integers(2, 4))
def test_an_oid_with_zeros_before_its_arcs_and_its_length_is_the_same_oid(
    oid: str, zeros: list[int], length_octets: int
) -> None:
    arcs = re.findall(rb"[\x80-\xff]*[\0-\x7f]", ber.content(ber.oid(oid)), re.DOTALL)
    padded = b"".join(b"\x80" * more + arc for more, arc in zip(zeros, arcs, strict=False))
    length = bytes([0x80 | length_octets]) + len(padded).to_bytes(length_octets)
    assert ber.dotted(padded) == oid
    assert ber.minimal(b"\x06" + length + padded) == ber.oid(oid)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("1", id="one-arc"),
        pytest.param(".1.3", id="a-dot-before"),
        pytest.param("1.3.", id="a-dot-behind"),
        pytest.param("1..3", id="nothing-between-two-dots"),
        pytest.param("1.3.x", id="a-letter"),
        pytest.param("1.3.-1", id="a-negative-arc"),
        pytest.param("1.-5.3", id="a-negative-second-arc"),
        pytest.param(" 1.3", id="a-blank"),
        pytest.param("1.3.1_0", id="an-underscore"),
        pytest.param("3.1", id="a-fourth-root"),
        pytest.param("0.40", id="0.40-which-would-be-read-as-1.0"),
        pytest.param("1.40", id="1.40-which-would-be-read-as-2.0"),
        pytest.param("1.3.4294967296", id="an-arc-of-33-bits"),
        pytest.param("2.4294967296", id="a-second-arc-of-33-bits"),
    ],
)
def test_what_is_no_oid_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is no OID"):
        ber.oid(text)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        # X.690 and RFC 3417 allow it.
        pytest.param("02 81 01 05", 5, id="a-length-of-two-octets"),
        pytest.param("02 82 00 01 05", 5, id="a-length-of-three-octets"),
        pytest.param("04 84 00 00 00 02 41 42", b"AB", id="a-length-of-five-octets"),
        # X.690 forbids it, devices do it, and there is no doubt what they mean. Reported in the
        # issues of sharpsnmplib (700), net-snmp (397), pysnmp (119, 190), puresnmp (76), mini-snmpd
        # (8), gosnmp (34, 81, 407, 583), logstash-input-snmp (83) and node-snmp-native (28).
        pytest.param("02 04 00 00 00 05", 5, id="an-integer-with-zeros-before-it"),
        pytest.param("02 05 ff fb 6a 65 17", -76913385, id="an-integer-with-a-second-sign"),
        pytest.param("02 05 00 ff ff fc 19", 4294966297, id="an-integer-of-33-bits-is-as-it-says"),
        pytest.param("02 04 01 02 03 04", 0x01020304, id="a-counter-sent-as-integer"),
        pytest.param("41 04 b3 99 61 ed", 0xB39961ED, id="a-counter-without-its-zero"),
        pytest.param("41 02 80 e8", 33000, id="a-small-counter-without-its-zero"),
        pytest.param("41 01 ff", 255, id="a-counter-of-one-octet-without-its-zero"),
        pytest.param("42 04 ff ff ff ff", 2**32 - 1, id="a-gauge-without-its-zero"),
        pytest.param("43 04 f0 21 1a 50", 0xF0211A50, id="time-ticks-without-their-zero"),
        pytest.param("41 05 00 b3 99 61 ed", 0xB39961ED, id="a-counter-with-its-zero"),
        pytest.param("41 05 ff b3 99 61 ed", 0xB39961ED, id="a-counter-with-a-sign"),
        pytest.param("41 06 00 00 00 00 00 07", 7, id="a-counter-with-zeros-before-it"),
        pytest.param("41 05 01 00 00 00 07", 7, id="a-counter-of-33-bits-has-wrapped"),
        pytest.param("43 05 01 00 00 00 07", 7, id="time-ticks-of-33-bits-have-wrapped"),
        pytest.param("42 05 02 54 0b e4 00", 10**10, id="a-gauge-of-10-gbit/s-is-no-1.41"),
        pytest.param("42 09 00 ff ff ff ff ff ff ff ff", 2**32 - 1, id="a-gauge-of-minus-one"),
        pytest.param("42 05 ff ff ff ff fe", 2**32 - 2, id="a-gauge-with-a-sign"),
        pytest.param("47 05 00 ff ff ff ff", 2**32 - 1, id="an-unsigned-of-rfc-1442"),
        pytest.param("46 08 ff ff ff ff ff 1e e5 3a", 0xFFFFFFFFFF1EE53A, id="a-64-bit-counter"),
        pytest.param("46 09 00 90 60 1f c3 c2 80 dc b8", 0x90601FC3C280DCB8, id="of-9-octets"),
        pytest.param("46 09 01 00 00 00 00 00 00 00 05", 5, id="a-64-bit-counter-that-wrapped"),
        pytest.param("06 00", "0.0", id="an-oid-of-nothing"),
        pytest.param("06 01 00", "0.0", id="the-oid-0.0"),
        pytest.param("06 01 2b", "1.3", id="an-oid-of-two-arcs"),
        pytest.param("06 05 2b 80 81 fe 48", "1.3.32584", id="an-arc-with-zeros-before-it"),
        pytest.param("06 01 7e", "2.46", id="the-second-arc-below-2-may-be-over-39"),
        pytest.param("06 03 88 37 03", "2.999.3", id="and-take-two-octets"),
        pytest.param("06 81 96" + "01" * 150, "0.1" + ".1" * 149, id="an-oid-of-151-arcs"),
        pytest.param("40 00", b"", id="an-address-of-nothing"),
        pytest.param("40 10" + "fe" * 16, b"\xfe" * 16, id="an-address-of-16-octets"),
        pytest.param("44 07 9f 78 04 3f 80 00 00", octets("9f78043f800000"), id="a-float"),
        pytest.param("04 03 ff fe 00", b"\xff\xfe\0", id="octets-that-are-no-text"),
        pytest.param("05 01 00", None, id="a-null-with-something-in-it"),
        pytest.param("80 00", None, id="no-such-object"),
        pytest.param("81 00", None, id="no-such-instance"),
        pytest.param("82 00", None, id="end-of-mib-view"),
    ],
)
def test_what_devices_write_is_read(said: str, value: Value) -> None:
    assert read(octets(said)) == value


@pytest.mark.parametrize(
    ("said", "named"),
    [
        pytest.param("", "cut off at octet 0", id="nothing"),
        pytest.param("02", "cut off at octet 0", id="a-tag-alone"),
        pytest.param("02 04 01", "4 octets are said to follow octet 2, and 1 do", id="cut-off"),
        pytest.param("04 82 01", "no length at octet 1", id="a-length-cut-off"),
        pytest.param("04 80 41 00 00", "no length at octet 1", id="an-indefinite-length"),
        pytest.param("04 85 00 00 00 00 01 41", "no length at octet 1", id="a-length-of-6-octets"),
        pytest.param("04 84 ff ff ff ff 41", "4294967295 octets are said", id="four-gigabytes"),
        # Some power strips send it (snmp_exporter 541, 1080): what they mean is not known.
        pytest.param("02 00", "an integer of 0 octets", id="an-integer-of-nothing"),
        pytest.param("41 00", "a counter of 0 octets", id="a-counter-of-nothing"),
        pytest.param("46 00", "a counter of 0 octets", id="a-64-bit-counter-of-nothing"),
        pytest.param("02 0a" + "00" * 10, "an integer of 10 octets", id="an-integer-too-long"),
        pytest.param("46 0a" + "00" * 10, "a counter of 10 octets", id="a-counter-too-long"),
        pytest.param("06 02 2b 86", "no OID: 2b 86", id="an-oid-cut-off"),
        pytest.param("06 02 2b 80", "no OID: 2b 80", id="an-oid-cut-off-after-zeros"),
        pytest.param("06 06 2b 90 80 80 82 00", "no OID", id="an-arc-of-33-bits"),
        pytest.param("06 07 2b 90 80 80 80 80 01", "no OID", id="an-arc-of-40-bits"),
        pytest.param("06 82 03 e8" + "ff" * 1000, "no OID", id="an-arc-of-7000-bits"),
        pytest.param("01 01 ff", "no SNMP type has tag 0x01", id="a-boolean"),
        pytest.param("30 00", "no SNMP type has tag 0x30", id="a-sequence"),
        pytest.param("24 04 04 02 41 42", "no SNMP type has tag 0x24", id="octets-in-parts"),
        pytest.param("1f 81 01 00", "no SNMP type has tag 0x1f", id="a-long-tag"),
    ],
)
def test_what_no_one_can_read_is_an_error_with_a_name(said: str, named: str) -> None:
    with pytest.raises(BerError, match=named):
        read(octets(said))


@given(st.sampled_from(TAGS) | st.integers(0, 255), st.binary(max_size=40))
def test_any_octets_are_a_value_or_a_ber_error(tag: int, content: bytes) -> None:
    for said in (ber.tlv(tag, content), bytes([tag]) + content, content):
        try:
            value = read(said)
        except BerError as error:
            assert "\n" not in str(error)  # noqa: PT017 - most octets are none
        else:
            assert value is None or isinstance(value, int | bytes | str)


@given(st.integers(0, 2**64 - 1), st.integers(0, 8), st.sampled_from(sorted(ber.UNSIGNED_BITS)))
def test_zeros_before_an_unsigned_number_and_a_missing_one_change_nothing(
    number: int, zeros: int, tag: int
) -> None:
    number %= 1 << ber.UNSIGNED_BITS[tag]
    plain = number.to_bytes(max((number.bit_length() + 7) // 8, 1))
    said = (bytes(zeros) + plain)[-max(len(plain), 9) :]
    assert read(ber.tlv(tag, said)) == read(ber.integer(number, tag)) == number


def test_remembered_oids_are_bounded() -> None:
    assert ber.oid.cache_info().maxsize is not None
