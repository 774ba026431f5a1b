"""Datagrams that are no SNMP, or no longer: real replies spoilt in every way, and made-up ones."""

import asyncio
import gc
import itertools
import random
import socket
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from collectors.base import CollectError
from collectors.snmp import ber, transport
from collectors.snmp.agent import Agent
from collectors.snmp.ber import BerError
from collectors.snmp.client import SnmpClient
from collectors.snmp.community import CommunitySecurity
from collectors.snmp.message import (
    NUMBERS,
    RESPONSE,
    Get,
    GetBulk,
    UntrustedError,
    number_of,
    reply,
)
from tests import snmpd
from tests.snmpd import Snmpd, planted
from tests.testbed import eventually_async

SYSTEM = [f"1.3.6.1.2.1.1.{row}.0" for row in (1, 2, 3, 4, 5, 6, 99)]
INTERFACE = [f"1.3.6.1.2.1.2.2.1.{column}.7" for column in (2, 8, 10)]
COMMUNITY = CommunitySecurity(b"planted-community")
SEED = 4
DATAGRAMS = 200_000
CPU_S = 25
FLOOD, BURST = 500, 50

LENGTHS = (0x00, 0x7F, 0x80, 0x81, 0x82, 0x84, 0x85, 0xFF)

Spoil = Callable[[random.Random, bytearray], None]


@pytest.fixture(scope="module")
def replies(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """What a real snmpd answers to requests for values of all kinds."""
    rows = [row for index in (7, 300) for row in planted(index, f"Gi0/0/{index}")]
    asked = [
        Get(SYSTEM),
        Get(SYSTEM[2:3]),
        Get(INTERFACE),
        GetBulk([ber.oid("1.3.6.1.2.1.2.2.1.2"), ber.oid("1.3.6.1.2.1.31.1.1.1.6")], 4),
        GetBulk([ber.oid("1.3.6.1.2.1.1")], 10),
    ]
    with (
        Snmpd(tmp_path_factory.mktemp("snmpd"), rows=rows) as daemon,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sock.connect(("127.0.0.1", daemon.port))
        sock.settimeout(5)
        return [exchange(sock, one.pdu(NUMBERS.start), NUMBERS.start) for one in asked]


def exchange(sock: socket.socket, pdu: bytes, number: int) -> bytes:
    sock.send(COMMUNITY.wrap(pdu, number, 0.0))
    return sock.recv(65535)


def flip(chance: random.Random, message: bytearray) -> None:
    for _ in range(chance.randint(1, 4)):
        message[chance.randrange(len(message))] ^= 1 << chance.randrange(8)


def truncate(chance: random.Random, message: bytearray) -> None:
    del message[chance.randrange(len(message)) :]


def cut_out(chance: random.Random, message: bytearray) -> None:
    at = chance.randrange(len(message))
    del message[at : at + chance.randint(1, 9)]


def insert(chance: random.Random, message: bytearray) -> None:
    at = chance.randrange(len(message))
    message[at:at] = chance.randbytes(chance.randint(1, 9))


def repeat(chance: random.Random, message: bytearray) -> None:
    at = chance.randrange(len(message))
    message[at:at] = message[at : at + chance.randint(1, 60)]


def change_a_length(chance: random.Random, message: bytearray) -> None:
    """Change what follows a tag; an octet within a value may look like one."""
    tags = [at for at, octet in enumerate(message[:-1]) if octet in {2, 4, 5, 6, 0x30, 0x41, 0x46}]
    if tags:
        message[chance.choice(tags) + 1] = chance.choice((*LENGTHS, chance.randrange(256)))


def change_a_tag(chance: random.Random, message: bytearray) -> None:
    message[chance.randrange(len(message))] = chance.choice((2, 4, 6, 0x30, 0x46, 0x80, 0xA2))


def replace(chance: random.Random, message: bytearray) -> None:
    message[:] = chance.randbytes(chance.randint(0, 60))


SPOILERS: Sequence[Spoil] = (
    *(flip, truncate, cut_out, insert, repeat, change_a_length, change_a_tag, replace),
)


def spoilt(replies: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Spoil replies for ever, the same ones for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    while True:
        message = bytearray(chance.choice(replies))
        for _ in range(chance.choice((1, 1, 2))):
            if len(message) > 2:
                chance.choice(SPOILERS)(chance, message)
        yield bytes(message)


def read(message: bytes, asked: Get) -> bool:
    """Do all that the client does with a datagram; whether it takes it for an answer."""
    with suppress(BerError):
        number_of(message)
    try:
        answer = reply(COMMUNITY.unwrap(message, 0.0))
        with suppress(BerError, CollectError):
            asked.read(answer)
        varbinds = [] if answer.status else list(answer.varbinds())
    except (BerError, UntrustedError):
        return False
    for varbind in varbinds:  # as a walk does, when nobody looks for a BerError any more
        ber.arcs(ber.content(varbind.oid))
    return True


def test_spoilt_replies_end_in_named_errors_in_bounded_time_and_leave_nothing(
    replies: list[bytes],
) -> None:
    asked = Get(SYSTEM)
    datagrams = spoilt(replies, SEED)
    for _ in range(1000):  # what is remembered once is no growth
        read(next(datagrams), asked)
    gc.collect()
    blocks, started_s = sys.getallocatedblocks(), time.process_time()
    well = sum(read(next(datagrams), asked) for _ in range(DATAGRAMS))
    took_s = time.process_time() - started_s
    gc.collect()
    assert 0 < well < DATAGRAMS / 2
    assert took_s < CPU_S
    assert sys.getallocatedblocks() - blocks < 1000


def test_spoilt_replies_take_no_more_memory_than_they_are_long(replies: list[bytes]) -> None:
    asked = Get(SYSTEM)
    datagrams = spoilt(replies, SEED + 1)
    read(next(datagrams), asked)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(10_000):
            read(next(datagrams), asked)
        gc.collect()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 50_000
    assert peak - before < 200_000


def in_a_reply(varbinds: bytes, number: int = 1) -> bytes:
    fields = ber.integer(number) + ber.integer(0) * 2
    pdu = ber.tlv(RESPONSE, fields + ber.tlv(ber.SEQUENCE, varbinds))
    return COMMUNITY.wrap(pdu, number, 0.0)


def in_a_varbind(name: bytes, value: bytes) -> bytes:
    return in_a_reply(ber.tlv(ber.SEQUENCE, ber.tlv(ber.OBJECT_IDENTIFIER, name) + value))


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"\x30" * 65_507, id="a-tag-and-a-length-again-and-again"),
        pytest.param(b"\x30\x80" * 32_000, id="sequences-within-each-other-without-end"),
        pytest.param(b"\x30\x84\xff\xff\xff\xff" * 10_000, id="four-gigabytes-each"),
        pytest.param(in_a_reply(b"\x30\x00" * 32_000), id="varbinds-of-nothing"),
        pytest.param(in_a_reply(b"\x30\x04\x06\x00\x05\x00" * 10_000), id="ten-thousand-varbinds"),
        pytest.param(in_a_varbind(b"\xff" * 65_000, b"\5\0"), id="an-arc-of-455,000-bits"),
        pytest.param(in_a_varbind(b"\x80" * 65_000, b"\5\0"), id="zeros-before-no-arc"),
        pytest.param(in_a_varbind(b"\x80" * 65_000 + b"\1", b"\5\0"), id="zeros-before-an-arc"),
        pytest.param(in_a_varbind(b"\1" * 65_000, b"\5\0"), id="an-oid-of-65,000-arcs"),
        pytest.param(in_a_varbind(b"+", ber.tlv(2, b"\1" * 65_000)), id="a-number-of-520,000-bits"),
        pytest.param(in_a_varbind(b"+", ber.tlv(4, b"\1" * 65_000)), id="65,000-octets"),
    ],
)
def test_a_datagram_as_long_as_any_takes_no_longer_than_its_length_asks_for(message: bytes) -> None:
    started_s = time.process_time()
    read(message, Get(SYSTEM))
    assert time.process_time() - started_s < 1


class Flooding(asyncio.DatagramProtocol):
    """Answers each request: first what is malformed, as fast as the loop reads it, then well."""

    def __init__(self, malformed: Iterator[bytes], answer: bytes) -> None:
        self.malformed = malformed
        self.answer = answer
        self.floods: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self.floods:
            flood = asyncio.create_task(self.flood(number_of(data).to_bytes(4), addr))
            self.floods.add(flood)
            flood.add_done_callback(self.floods.discard)

    async def flood(self, number: bytes, addr: Any) -> None:
        placeholder = NUMBERS.start.to_bytes(4)
        for _ in range(FLOOD // BURST):
            for message in itertools.islice(self.malformed, BURST):
                self.transport.sendto(message.replace(placeholder, number), addr)
            await asyncio.sleep(0)
        self.transport.sendto(self.answer.replace(placeholder, number), addr)


@asynccontextmanager
async def flooding(malformed: Sequence[bytes], answer: bytes) -> AsyncIterator[Agent]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Flooding(itertools.cycle(malformed), answer), local_addr=("127.0.0.1", 0)
    )
    try:
        yield Agent("127.0.0.1", transport.get_extra_info("sockname")[1], snmpd.COMMUNITY)
        await eventually_async(lambda: not protocol.floods)
    finally:
        transport.close()


@pytest.fixture
async def client() -> AsyncIterator[SnmpClient]:
    one = SnmpClient()
    yield one
    await one.close()


async def test_a_request_in_flight_gets_its_answer_among_malformed_datagrams(
    client: SnmpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, complaints = 0, []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))

    def counted(message: bytes) -> int:
        nonlocal arrived
        arrived += 1
        return number_of(message)

    monkeypatch.setattr(transport, "number_of", counted)
    asked = Get(SYSTEM)
    varbinds = b"".join(ber.tlv(ber.SEQUENCE, oid + ber.integer(7)) for oid in asked.oids)
    answer = in_a_reply(varbinds, NUMBERS.start)
    datagrams = itertools.islice(spoilt([answer], SEED + 2), 8000)
    malformed = [datagram for datagram in datagrams if not read(datagram, asked)]
    async with flooding(malformed, answer) as agent:
        await client.get(agent, SYSTEM)
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(20_000 // FLOOD):
                assert await client.get(agent, SYSTEM) == [7] * len(SYSTEM)
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert arrived > 20_000
    assert not client._transport._waiting
    assert not complaints
    assert after - before < 100_000
