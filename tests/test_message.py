import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v2c
from pysnmp.proto.mpmod.rfc3412 import SNMPv3Message

from collectors.base import CollectError
from collectors.snmp import ber, ifmib
from collectors.snmp.ber import BerError
from collectors.snmp.client import SnmpClient
from collectors.snmp.community import CommunitySecurity
from collectors.snmp.message import (
    GET,
    NUMBERS,
    REPORT,
    RESPONSE,
    Get,
    GetBulk,
    Reply,
    UntrustedError,
    Varbind,
    number_of,
    reply,
)
from collectors.snmp.shape import Shape
from collectors.snmp.varbind import Value
from tests.snmp_values import Planted, dotted, number, planted
from tests.snmpd import Snmpd
from tests.testbed import peer

NUMBER = 0x12345678
UPTIME = "1.3.6.1.2.1.1.3.0"
NAME = "1.3.6.1.2.1.31.1.1.1.1.7"
BEYOND_32_BITS = "1.3.6.1.4.1.32584.1.8.5.1.0"
TAIL = bytes.fromhex("de ad be ef")

Tlv = Callable[[int, bytes], bytes]
numbers = st.integers(NUMBERS.start, NUMBERS.stop - 1)
rows = st.lists(st.tuples(dotted(), planted(300)), max_size=12)
flip = st.tuples(st.integers(0), st.integers(0, 255))


def long_tlv(tag: int, content: bytes) -> bytes:
    """Encode with a length of three octets, as many devices do."""
    return bytes([tag, 0x82]) + len(content).to_bytes(2) + content


def answer(
    varbinds: Iterable[bytes],
    *,
    number: int = NUMBER,
    status: Sequence[int] = (0, 0),
    kind: int = RESPONSE,
    community: bytes = b"public",
    version: int = 1,
    tlv: Tlv = ber.tlv,
) -> bytes:
    """Write a reply: `message.py` itself writes requests only."""
    fields = b"".join(ber.integer(field) for field in (number, *status))
    pdu = tlv(kind, fields + tlv(ber.SEQUENCE, b"".join(varbinds)))
    head = ber.integer(version) + tlv(ber.OCTET_STRING, community)
    return tlv(ber.SEQUENCE, head + pdu)


def varbind(oid: str, octets: bytes) -> bytes:
    return ber.tlv(ber.SEQUENCE, ber.oid(oid) + octets)


def taken_apart(message: bytes, community: bytes = b"public") -> Reply:
    return reply(CommunitySecurity(community).unwrap(message, 0.0))


@given(numbers, st.binary(max_size=300), st.lists(dotted(), max_size=80))
def test_pysnmp_reads_any_get(number: int, community: bytes, oids: list[str]) -> None:
    sent = CommunitySecurity(community).wrap(Get(oids).pdu(number), number, 0.0)
    assert number_of(sent) == number
    message, rest = decoder.decode(sent, asn1Spec=v2c.Message())
    pdu = v2c.apiMessage.get_pdu(message)
    assert (rest, message["version"], bytes(message["community"])) == (b"", 1, community)
    assert isinstance(pdu, v2c.GetRequestPDU)
    assert v2c.apiPDU.get_request_id(pdu) == number
    asked = v2c.apiPDU.get_varbinds(pdu)
    assert [(str(oid), bytes(value)) for oid, value in asked] == [(oid, b"") for oid in oids]


@given(numbers, st.integers(0, 2**31 - 1), st.lists(dotted(), max_size=20))
def test_pysnmp_reads_any_getbulk(number: int, most: int, oids: list[str]) -> None:
    asked = GetBulk([ber.oid(oid) for oid in oids], most)
    sent = CommunitySecurity(b"public").wrap(asked.pdu(number), number, 0.0)
    assert number_of(sent) == number
    message, _ = decoder.decode(sent, asn1Spec=v2c.Message())
    pdu = v2c.apiMessage.get_pdu(message)
    assert isinstance(pdu, v2c.GetBulkRequestPDU)
    assert v2c.apiBulkPDU.get_request_id(pdu) == number
    assert v2c.apiBulkPDU.get_non_repeaters(pdu) == 0
    assert v2c.apiBulkPDU.get_max_repetitions(pdu) == most
    assert [str(oid) for oid, _ in v2c.apiBulkPDU.get_varbinds(pdu)] == oids


@given(numbers, st.binary(max_size=300), rows, st.integers(0, 18), st.integers(0, 2**31 - 1))
def test_any_reply_that_pysnmp_writes_is_read(
    number: int, community: bytes, rows: list[tuple[str, Planted]], status: int, index: int
) -> None:
    message, pdu = v2c.Message(), v2c.ResponsePDU()
    v2c.apiMessage.set_defaults(message)
    v2c.apiMessage.set_community(message, community)
    v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, number)
    v2c.apiPDU.set_error_status(pdu, status)
    v2c.apiPDU.set_error_index(pdu, index)
    v2c.apiPDU.set_varbinds(pdu, [(oid, one.peers) for oid, one in rows])
    v2c.apiMessage.set_pdu(message, pdu)
    sent = encoder.encode(message)
    read = taken_apart(sent, community)
    assert number_of(sent) == number
    assert (read.number, read.status, read.error_index) == (number, status, index)
    ends = [one.octets == b"\x82\x00" for _, one in rows]
    assert list(read.varbinds()) == [
        Varbind(ber.oid(oid), one.value, end) for (oid, one), end in zip(rows, ends, strict=True)
    ]


@given(st.integers(0, 2**31 - 1))
def test_the_number_of_a_v3_message_is_its_msg_id(number: int) -> None:
    message = SNMPv3Message()
    message["msgVersion"] = 3
    for field, value in {
        "msgID": number,
        "msgMaxSize": 65507,
        "msgFlags": b"\x04",
        "msgSecurityModel": 3,
    }.items():
        message["msgGlobalData"][field] = value
    message["msgSecurityParameters"] = b""
    message["msgData"]["encryptedPDU"] = b"secret"
    assert number_of(encoder.encode(message)) == number


@given(rows, st.data(), st.booleans(), st.lists(flip, max_size=3))
def test_a_shape_reads_what_is_read_without_it_or_nothing(
    rows: list[tuple[str, Planted]],
    data: st.DataObject,
    is_long: bool,
    flips: list[tuple[int, int]],
) -> None:
    tlv = long_tlv if is_long else ber.tlv
    learnt_of = binds(rows, tlv)
    others = [(oid, data.draw(st.just(one) | planted(300))) for oid, one in rows]
    for octets in (learnt_of, binds(others, tlv), flipped(learnt_of, flips)):
        try:
            expected: object = [it.value for it in Reply(NUMBER, 0, 0, octets).varbinds()]
        except BerError:
            expected = BerError
        try:
            found: object = Shape(learnt_of).values(octets)
        except BerError:
            found = BerError
        assert found in (None, expected)
        assert found is not None or octets != learnt_of


@given(st.lists(st.tuples(number(), number()), min_size=1, max_size=60))
def test_a_shape_holds_for_all_numbers_of_as_many_octets(
    pairs: list[tuple[Planted, Planted]],
) -> None:
    before, after = (
        b"".join(varbind(UPTIME, one.octets) for one in column)
        for column in zip(*pairs, strict=True)
    )
    alike = all(
        one.octets[:2] == other.octets[:2] and len(one.octets) == len(other.octets)
        for one, other in pairs
    )
    expected = [other.value for _, other in pairs] if alike else None
    assert Shape(before).values(after) == expected


def binds(rows: Iterable[tuple[str, Planted]], tlv: Tlv) -> bytes:
    return b"".join(tlv(ber.SEQUENCE, ber.oid(oid) + one.octets) for oid, one in rows)


def flipped(octets: bytes, flips: Iterable[tuple[int, int]]) -> bytes:
    spoilt = bytearray(octets)
    for place, octet in flips if octets else ():
        spoilt[place % len(spoilt)] = octet
    return bytes(spoilt)


@pytest.mark.parametrize(
    ("message", "value"),
    [
        pytest.param(answer([varbind(NAME, ber.integer(5))]), 5, id="as-it-should-be"),
        pytest.param(
            answer([long_tlv(0x30, ber.oid(NAME) + long_tlv(2, b"\5"))], tlv=long_tlv),
            5,
            id="every-length-takes-three-octets",
        ),
        pytest.param(
            answer([long_tlv(0x30, long_tlv(6, ber.content(ber.oid(NAME))) + b"\2\1\5")]),
            5,
            id="the-oids-length-takes-three-octets",
        ),
        pytest.param(
            answer([ber.tlv(0x30, b"\6\x0d\x80\x80" + ber.oid(NAME)[2:] + b"\2\1\5")]),
            5,
            id="zeros-before-an-arc",
        ),
        pytest.param(answer([varbind(NAME, b"\2\1\5")]) + TAIL, 5, id="octets-after-the-message"),
        pytest.param(
            ber.tlv(0x30, answer([varbind(NAME, b"\2\1\5")])[2:] + TAIL),
            5,
            id="octets-after-the-pdu",
        ),
        pytest.param(
            answer([varbind(NAME, b"\2\1\5")], status=(0, 24)), 5, id="an-index-without-an-error"
        ),
        pytest.param(answer([varbind(NAME, b"\2\1\5")], kind=REPORT), 5, id="a-report"),
        pytest.param(answer([varbind(UPTIME, b"\2\1\5")]), CollectError, id="another-oid"),
        pytest.param(answer([b"\x30\x06\6\2+\x86\5\0"]), BerError, id="an-oid-cut-off"),
        pytest.param(
            answer([b"\x30\x0a\6\6+\x90\x80\x80\x82\0\5\0"]), BerError, id="an-oid-of-33-bits"
        ),
        pytest.param(answer([]), CollectError, id="no-varbind"),
        pytest.param(answer([varbind(NAME, b"\2\1\5")] * 2), CollectError, id="a-varbind-too-many"),
        pytest.param(
            answer([varbind(NAME, b"\2\1\5" + TAIL)]), BerError, id="octets-after-the-value"
        ),
        # RouterOS does it (gosnmp 572): net-snmp refuses it too.
        pytest.param(answer([varbind(NAME, b"\4\3ab")]), BerError, id="a-value-longer-than-said"),
        pytest.param(
            answer([varbind(NAME, b"\4\3ab"), varbind(UPTIME, b"\5\0")]),
            BerError,
            id="a-value-that-goes-on-in-the-next-varbind",
        ),
        pytest.param(answer([varbind(NAME, b"\2\0")]), BerError, id="a-number-of-nothing"),
        pytest.param(answer([varbind(NAME, b"")]), BerError, id="no-value"),
        pytest.param(answer([b"\x30\x00"]), BerError, id="nothing-in-a-varbind"),
        pytest.param(answer([b"\x31" + varbind(NAME, b"\5\0")[1:]]), BerError, id="a-set"),
        pytest.param(
            answer([b"\x30\x80" + varbind(NAME, b"\5\0")[2:] + b"\0\0"]),
            BerError,
            id="an-indefinite-length",
        ),
        pytest.param(answer([varbind(NAME, b"\5\0")])[:-1], BerError, id="cut-off"),
        pytest.param(answer([varbind(NAME, b"\5\0")], kind=GET), BerError, id="a-request"),
        pytest.param(
            answer([varbind(NAME, b"\5\0")], status=(-20, 0)), BerError, id="a-negative-error"
        ),
        pytest.param(answer([varbind(NAME, b"\5\0")], version=0), BerError, id="v1"),
        pytest.param(answer([varbind(NAME, b"\5\0")], version=3), BerError, id="v3"),
        pytest.param(
            answer([varbind(NAME, b"\5\0")], community=b"other!"), UntrustedError, id="a-stranger"
        ),
        pytest.param(
            answer([varbind(NAME, b"\5\0")], community=b"private", tlv=long_tlv),
            UntrustedError,
            id="a-stranger-of-long-lengths",
        ),
        pytest.param(answer([], community=b""), UntrustedError, id="a-stranger-without-a-name"),
    ],
)
def test_what_devices_make_of_a_reply_is_read_or_named(
    message: bytes, value: Value | type[Exception]
) -> None:
    if isinstance(value, type):
        with pytest.raises(value):
            Get([NAME]).read(taken_apart(message))
    else:
        assert Get([NAME]).read(taken_apart(message)) == [value]


def test_a_reply_as_a_device_of_that_kind_sends_it_is_read() -> None:
    """All lengths long, and zeros before an arc: as in issue 119 of etingof/pysnmp."""
    oid = bytes.fromhex("2b 06 01 04 01 80 81 fe 48 01 08 05 01 00")
    bind = long_tlv(ber.SEQUENCE, long_tlv(ber.OBJECT_IDENTIFIER, oid) + ber.integer(12))
    read = taken_apart(answer([bind], tlv=long_tlv))
    assert Get([BEYOND_32_BITS]).read(read) == [12]
    assert list(read.varbinds()) == [Varbind(ber.oid(BEYOND_32_BITS), 12)]


PRINTED = {
    ber.INTEGER: "INTEGER: {}",
    ber.COUNTER32: "Counter32: {}",
    ber.GAUGE32: "Gauge32: {}",
    ber.COUNTER64: "Counter64: {}",
    ber.TIME_TICKS: "{}",
    ber.OCTET_STRING: "Hex-STRING: {}",
    ber.OPAQUE: "OPAQUE: {}",
    ber.IP_ADDRESS: "IpAddress: {}",
    ber.OBJECT_IDENTIFIER: "OID: .{}",
    ber.NULL: "NULL",
    ber.NO_SUCH_OBJECT: "No Such Object available on this agent at this OID",
    ber.NO_SUCH_INSTANCE: "No Such Instance currently exists at this OID",
    ber.END_OF_MIB_VIEW: (
        "No more variables left in this MIB View (It is past the end of the MIB tree)"
    ),
}


def printed(one: Planted) -> str:
    """Write a value as snmpget -Onetx prints it."""
    tag, value = one.octets[0], one.value
    if value == b"" and tag == ber.OCTET_STRING:
        return '""'
    if isinstance(value, bytes):
        value = ".".join(map(str, value)) if tag == ber.IP_ADDRESS else value.hex(" ").upper()
    return PRINTED[tag].format(value)


@contextmanager
def answering(write: Callable[[bytes], bytes]) -> Iterator[int]:
    """Answer every datagram in a thread; yields the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            while request := sock.recvfrom(65535):
                if not request[0]:
                    return
                sock.sendto(write(request[0]), request[1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", sock.getsockname())
            thread.join()


def is_for_net_snmp(one: Planted) -> bool:
    """It reads more into an Opaque that begins like a float, and no first arc of 33 bits."""
    is_special = one.octets[0] == ber.OPAQUE and one.octets[2:3] == b"\x9f"
    return not is_special and not str(one.value).startswith("2.42949672")


@settings(max_examples=20, deadline=None)
@given(st.lists(planted(60).filter(is_for_net_snmp), min_size=10, max_size=25))
def test_net_snmp_reads_any_value_that_is_encoded_here(values: list[Planted]) -> None:
    oids = [f"1.3.6.1.4.1.99998.{place}.0" for place in range(len(values))]
    binds = [varbind(oid, one.octets) for oid, one in zip(oids, values, strict=True)]
    with answering(lambda request: answer(binds, number=number_of(request))) as port:
        said = peer("snmpget").run(
            *("-v2c", "-cpublic", "-t5", "-r0", "-Onetx", f"127.0.0.1:{port}", *oids),
            env={"MIBS": ""},
        )
    lines = [f".{oid} = {printed(one)}" for oid, one in zip(oids, values, strict=True)]
    assert joined(said.stdout) == joined("\n".join(lines))


def joined(text: str) -> list[str]:
    """Undo net-snmp's line breaks within long values, and its blanks at the end."""
    return text.replace("\n.", "\0.").replace("\n", "").replace(" ", "").split("\0")


PLANTED: list[tuple[str, str, Any]] = [
    ("1.2", "integer -2147483648", -(2**31)),
    ("2.2", "integer 2147483647", 2**31 - 1),
    ("3.2", "integer -1", -1),
    ("4.2", "integer 0", 0),
    ("5.2", "counter 4294967295", 2**32 - 1),
    ("6.2", "counter 128", 128),
    ("7.2", "gauge 4294967295", 2**32 - 1),
    ("8.2", "gauge 32768", 32768),
    ("9.2", "timeticks 4294967295", 2**32 - 1),
    ("10.2", "counter64 18446744073709551615", 2**64 - 1),
    ("11.2", "counter64 9223372036854775808", 2**63),
    ("12.2", "string " + "x" * 255, b"x" * 255),
    ("13.2", "octet 00 80 FF", b"\0\x80\xff"),
    ("14.2", "ipaddress 198.51.100.255", bytes([198, 51, 100, 255])),
    ("15.2", "objectid .1.3.6.1.4.1.4294967295.0.16384", "1.3.6.1.4.1.4294967295.0.16384"),
    ("16.2", "objectid .0.0", "0.0"),
    ("17.2", "opaque 9F 78 04 3F 80 00 00", bytes.fromhex("9f78043f800000")),
    ("18.4294967295", "integer 7", 7),
]


async def test_what_snmpd_sends_of_any_type_is_read_as_it_was_planted(tmp_path: Path) -> None:
    table = ifmib.INDEX.removesuffix("1")
    contact = f'override {UPTIME.replace("3.0", "4.0")} octet_str "somebody"'
    rows = [f"{table}{place} {written}" for place, written, _ in PLANTED]
    with Snmpd(tmp_path, [contact], rows=rows) as daemon:
        client = SnmpClient()
        oids = [f"{table}{place}" for place, _, _ in PLANTED]
        exceptions = [f"{table}99.2", "1.3.9.9.0"]
        values = await client.get(daemon.agent, [*oids, *exceptions])
        walked = await client.walk(daemon.agent, *(f"{table}{column}" for column in range(1, 19)))
        await client.close()
    assert values == [value for _, _, value in PLANTED] + [None, None]
    found = {
        f"{column}.{row}": it for column, rows in enumerate(walked, 1) for row, it in rows.items()
    }
    assert found == {place: value for place, _, value in PLANTED}
