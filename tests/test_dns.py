"""DNS probes of a real server (dnsmasq), and of servers that do what none should."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rrset
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.observe import Observation
from collectors.base import Reason, Sample
from collectors.dns import ANSWERS, AUTHENTICATED, RCODE, TTL, collect
from collectors.dns_options import DnsTarget
from collectors.probe import ADDRESS_SUCCESS, PHASE
from config.load import load
from config.problems import ConfigError
from tests.lent import observed
from tests.test_tcp import open_sockets, run_under
from tests.testbed import UnavailableError, eventually, eventually_async, free_port, peer

ZONE = """
no-resolv
no-hosts
bind-interfaces
listen-address=127.0.0.1
local=/example.org/
host-record=www.example.org,198.51.100.1,2001:db8::1,300
host-record=two.example.org,198.51.100.2,60
host-record=two.example.org,198.51.100.3
mx-host=example.org,mail.example.org,10
txt-record=example.org,"v=spf1 -all"
auth-ttl=300
local-ttl=300
"""
LARGE = "".join(f"host-record=large.example.org,198.51.100.{it}\n" for it in range(1, 201))


@dataclass(frozen=True, slots=True)
class NameServer:
    port: int


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServer]:
    """A dnsmasq that knows example.org and asks nobody else."""
    folder = tmp_path_factory.mktemp("dnsmasq")
    port = free_port("udp")
    config = folder / "dnsmasq.conf"
    config.write_text(f"port={port}\npid-file={folder}/pid\n{ZONE}{LARGE}")
    try:
        process = peer("dnsmasq").popen(
            "--keep-in-foreground", f"--conf-file={config}", "--user=root", "--log-facility=-"
        )
    except UnavailableError as error:
        pytest.skip(str(error))
    with process:
        try:
            eventually(lambda: process.poll() is not None or answers(port))
            assert process.poll() is None
            yield NameServer(port)
        finally:
            process.terminate()


def answers(port: int) -> bool:
    try:
        query = dns.message.make_query("www.example.org", "A")
        return bool(dns.query.udp(query, "127.0.0.1", port=port, timeout=0.2))
    except (OSError, dns.exception.Timeout):
        return False


def target(port: int, **options: Any) -> DnsTarget:
    given = {"name": "t", "kind": "dns", "address": "127.0.0.1", "query": "www.example.org"}
    return DnsTarget.model_validate({**given, "port": port, **options})


async def probe(port: int, **options: Any) -> Observation:
    return await observed(collect, target(port, **options))


def values(observation: Observation) -> dict[Any, float]:
    """What was measured, by metric; phases by their name."""
    samples = [it for it in observation.measurements if isinstance(it, Sample)]
    return {it.labels[1] if it.metric is PHASE else it.metric: it.value for it in samples}


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("transport", "steps"), [("udp", ["processing"]), ("tcp", ["connect", "processing"])]
)
def test_an_answer_gives_its_code_its_records_and_what_each_step_took(
    server: NameServer, loop: str, transport: str, steps: list[str]
) -> None:
    async def ask() -> None:
        seen = await probe(server.port, transport=transport)
        assert (seen.reason, seen.detail) == (None, "")
        found = values(seen)
        times = [found.pop(it) for it in steps]
        assert found == {RCODE: 0, ANSWERS: 1, TTL: 300}
        assert all(0 < it < 1 for it in times)
        assert sum(times) <= seen.duration_s

    run_under(loop, ask)


A = "198.51.100.1"
RIGHT = [
    pytest.param({"type": "AAAA", "answers_match": ["2001:db8::1$"]}, id="aaaa"),
    pytest.param({"type": "mx", "query": "example.org", "answers_match": ["10 mail"]}, id="mx"),
    pytest.param({"type": "TXT", "query": "example.org", "answers_match": ["spf1"]}, id="txt"),
    pytest.param({"answers_match": [rf"^www\.example\.org\. \d+ IN A {A}$"]}, id="whole-record"),
    pytest.param({"query": "two.example.org", "answers_match": [r"\.2$", r"\.3$"]}, id="all-of"),
    pytest.param({"query": "two.example.org", "every_answer": r"\.[23]$"}, id="every"),
    pytest.param({"query": "two.example.org", "answers_lack": [r"\.4$"]}, id="lacks"),
    pytest.param({"query": "two.example.org", "least_answers": 2}, id="as-many-as-asked"),
    pytest.param({"query": "no.example.org", "rcode": ["NXDOMAIN"]}, id="no-such-name"),
    pytest.param({"type": "MX", "least_answers": 0}, id="no-such-type"),
    pytest.param({"query": "example.com", "rcode": ["REFUSED", "NOERROR"]}, id="refused"),
    pytest.param({"recursion": False}, id="no-recursion"),
    pytest.param({"edns": False}, id="no-edns"),
    pytest.param({"query": "large.example.org", "tcp_if_truncated": True}, id="truncated-then-tcp"),
    pytest.param({"query": "large.example.org", "transport": "tcp"}, id="large-over-tcp"),
    pytest.param({"source": "127.0.0.3"}, id="source"),
]
WRONG = [
    pytest.param({"query": "no.example.org"}, "NXDOMAIN, not NOERROR", id="no-such-name"),
    pytest.param({"rcode": ["NXDOMAIN"]}, "NOERROR, not NXDOMAIN", id="a-name-that-should-not-be"),
    pytest.param({"query": "example.com"}, "REFUSED, not NOERROR", id="refused"),
    pytest.param({"type": "MX"}, "0 answers, not 1 or more", id="no-such-type"),
    pytest.param({"least_answers": 2}, "1 answers, not 2 or more", id="too-few"),
    pytest.param({"answers_match": [r"\.9$"]}, r"no answer matches '\\.9$'", id="another"),
    pytest.param({"answers_lack": [r"\.1$"]}, r"an answer matches '\\.1$'", id="unwanted"),
    pytest.param(
        {"query": "two.example.org", "every_answer": r"\.2$"},
        r"an answer does not match '\\.2$'",
        id="one-too-many",
    ),
    pytest.param({"authenticated": True}, "no AD flag", id="no-dnssec"),
    pytest.param(
        {"query": "large.example.org"}, "truncated answer; write tcp_if_truncated", id="truncated"
    ),
]


@pytest.mark.parametrize("options", RIGHT)
async def test_right(server: NameServer, options: dict[str, Any]) -> None:
    seen = await probe(server.port, **options)
    assert (seen.reason, seen.detail) == (None, "")


@pytest.mark.parametrize(("options", "detail"), WRONG)
async def test_wrong(server: NameServer, options: dict[str, Any], detail: str) -> None:
    seen = await probe(server.port, **options)
    assert seen.reason is Reason.UNEXPECTED_CONTENT
    assert detail in seen.detail
    assert RCODE in values(seen), "what was measured is told all the same"


Reply = Callable[[bytes], list[bytes]]
"""What a bad server sends for a query: some datagrams, or none."""


class Datagrams(asyncio.DatagramProtocol):
    """Answers each query with what `reply` makes of it."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        for datagram in self.reply(data):
            self.transport.sendto(datagram, addr)


@asynccontextmanager
async def over_udp(reply: Reply) -> AsyncIterator[int]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Datagrams(reply), ("127.0.0.1", 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def good(query: bytes, name: str = "www.example.org.") -> bytes:
    """Answer a query with one record."""
    reply = dns.message.make_response(dns.message.from_wire(query))
    reply.answer.append(dns.rrset.from_text(name, 300, "IN", "A", "198.51.100.1"))
    return reply.to_wire()


def flipped(query: bytes) -> bytes:
    """The right answer under another id."""
    reply = good(query)
    return bytes([reply[0] ^ 0xFF]) + reply[1:]


def to_another_question(query: bytes) -> bytes:
    other = dns.message.make_query("www.example.com", "A", id=int.from_bytes(query[:2]))
    return good(other.to_wire(), "www.example.com.")


CONTENT, RESET, TIMEOUT = Reason.UNEXPECTED_CONTENT, Reason.RESET, Reason.TIMEOUT
STRANGE = "; what came to other questions: 2"
BAD_UDP = [
    pytest.param(lambda _: [], TIMEOUT, "no answer within 0.5 s", id="never-answers"),
    pytest.param(lambda q: [flipped(q)] * 2, TIMEOUT, STRANGE, id="another-id"),
    pytest.param(lambda q: [to_another_question(q)] * 2, TIMEOUT, STRANGE, id="another-question"),
    pytest.param(lambda q: [q, q], TIMEOUT, STRANGE, id="an-echo"),
    pytest.param(lambda _: [b"x", b"\0" * 600], TIMEOUT, STRANGE, id="garbage"),
    pytest.param(lambda q: [q[:2] + b"garbage"], CONTENT, "no DNS", id="garbage-under-the-id"),
    pytest.param(lambda q: [good(q)[:-3]], CONTENT, "no DNS", id="a-record-cut-off"),
    pytest.param(lambda q: [good(q) + b"x"], CONTENT, "no DNS", id="more-than-the-records"),
]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(("reply", "reason", "detail"), BAD_UDP)
def test_a_bad_server_gets_its_reason_on_time(
    loop: str, reply: Reply, reason: Reason, detail: str
) -> None:
    async def meet() -> None:
        async with over_udp(reply) as port:
            before = open_sockets()
            seen = await probe(port, timeout_s=0.5)
            assert open_sockets() == before
        assert (seen.reason, detail in seen.detail) == (reason, True), seen.detail
        assert seen.duration_s < 0.5

    run_under(loop, meet)


async def test_the_right_answer_counts_after_wrong_ones() -> None:
    async with over_udp(lambda q: [flipped(q), b"x", to_another_question(q), good(q)]) as port:
        seen = await probe(port)
    assert (seen.reason, values(seen)[ANSWERS]) == (None, 1)


async def test_a_flood_of_wrong_answers_holds_up_neither_the_round_nor_others() -> None:
    """One that never leaves the socket empty, as a server on a fast line may."""

    def recv(_sock: socket.socket, _size: int) -> asyncio.Future[bytes]:
        ready = asyncio.get_running_loop().create_future()
        ready.set_result(b"\0\0")
        return ready

    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    async with over_udp(lambda _: []) as port:
        task = asyncio.create_task(other())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio.get_running_loop(), "sock_recv", recv)
            seen = await probe(port, timeout="300ms")
        task.cancel()
    assert (seen.reason, seen.duration_s < 1, turns > 5) == (Reason.TIMEOUT, True, True)


async def test_an_answer_from_elsewhere_is_as_if_it_had_not_come() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(probe(server.getsockname()[1], timeout_s=0.5))
            query, client = await eventually_async(lambda: received(server))
            other.sendto(good(query), client)
        assert asked.result().reason is Reason.TIMEOUT


def received(sock: socket.socket) -> tuple[bytes, Any] | None:
    try:
        return sock.recvfrom(512)
    except BlockingIOError:
        return None


async def test_nobody_there_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
    for transport in ("udp", "tcp"):
        seen = await probe(port, transport=transport)
        assert (seen.reason, seen.detail) == (Reason.REFUSED, "127.0.0.1: Connection refused")


LENGTH_OF_GARBAGE = b"\x00\x07garbage"
BAD_TCP = [
    pytest.param(lambda _: b"", RESET, "the connection ended before the answer", id="hangs-up"),
    pytest.param(lambda q: q[:2] + q[2:9], RESET, "the connection ended before", id="cut-off"),
    pytest.param(lambda _: LENGTH_OF_GARBAGE, CONTENT, "no DNS", id="garbage"),
    pytest.param(lambda q: q, CONTENT, "an answer to another question", id="an-echo"),
    pytest.param(lambda _: None, TIMEOUT, "no answer within 0.5 s", id="never-answers"),
]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(("reply", "reason", "detail"), BAD_TCP)
def test_a_bad_server_over_tcp_gets_its_reason_on_time(
    loop: str, reply: Callable[[bytes], bytes | None], reason: Reason, detail: str
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = await reader.readexactly(2)
        sent = reply(length + await reader.readexactly(int.from_bytes(length)))
        if sent is None:
            await reader.read()
        else:
            writer.write(sent)
        writer.close()

    async def meet() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            before = open_sockets()
            seen = await probe(port, timeout_s=0.5, transport="tcp")
            await eventually_async(lambda: open_sockets() <= before)
        assert (seen.reason, detail in seen.detail) == (reason, True), seen.detail
        assert seen.duration_s < 0.5

    run_under(loop, meet)


async def test_an_answer_that_the_server_vouches_for_is_told() -> None:
    def vouched(query: bytes) -> list[bytes]:
        asked = dns.message.from_wire(query)
        assert asked.ednsflags & dns.flags.DO
        reply = dns.message.from_wire(good(query))
        reply.flags |= dns.flags.AD
        return [reply.to_wire()]

    async with over_udp(vouched) as port:
        seen = await probe(port, authenticated=True)
    assert (seen.reason, values(seen)[AUTHENTICATED]) == (None, 1)


MISTAKES = [
    ("query: 'a..b'", "query: not a domain name: 'a..b'; write it as www.example.org"),
    ("type: B", "type: not a type of records: 'B'; write one as A, AAAA, MX"),
    ("type: AXFR", "type: not a type of records: 'AXFR'"),
    ("rcode: [OK]", "rcode[0]: not a response code: 'OK'; write one as NOERROR"),
    ("rcode: []", "rcode: an empty list"),
    ("port: 0", "port: "),
    ("transport: tls", "transport: "),
    ("every_answer: '['", "every_answer: not a regular expression: '['"),
    ("address: '198.51.100.1:53'", "address: an address without a port belongs here"),
]


@pytest.mark.parametrize(("line", "said"), MISTAKES)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    given = {"address": "198.51.100.1", "query": "www.example.org"}
    given.pop(line.split(":", maxsplit=1)[0], None)
    others = "".join(f"    {key}: {value}\n" for key, value in given.items())
    file = tmp_path / "n.yaml"
    file.write_text(f"node: {{name: n}}\nprobes:\n  - name: p\n    kind: dns\n{others}    {line}\n")
    with pytest.raises(ConfigError) as caught:
        load(file)
    only, *more = str(caught.value).splitlines()
    assert more == []
    assert said in only


def test_dnssec_needs_edns() -> None:
    with pytest.raises(ValidationError, match="leave out edns: false"):
        target(53, edns=False, authenticated=True)


@given(st.binary(max_size=64))
@example(b"")
@example(b"\xc0\x0c" * 20)
def test_whatever_bytes_come_under_the_id_have_a_reason(garbage: bytes) -> None:
    async def meet() -> None:
        async with over_udp(lambda q: [q[:2] + garbage]) as port:
            seen = await probe(port, timeout_s=0.05)
        assert seen.reason in {CONTENT, TIMEOUT}, seen.detail
        assert "\n" not in seen.detail

    asyncio.run(meet())


async def test_a_name_of_several_addresses_is_asked_at_each(server: NameServer) -> None:
    seen = await probe(server.port, address="localhost", family="ipv4", every_address=True)
    assert (seen.reason, seen.detail) == (None, "")
    assert ADDRESS_SUCCESS in values(seen)
