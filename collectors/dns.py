"""DNS: does a server answer a question, how fast, and with what."""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from socket import SOCK_DGRAM, socket
from time import perf_counter

import dns.exception
import dns.flags
import dns.message
import dns.rcode

from collectors.base import CollectError, Metric, Reason, Sample, Tools, collector
from collectors.dns_options import DnsTarget
from collectors.endpoint import Endpoint, connect, failed, open_socket
from collectors.fields import seen
from collectors.pace import turn_before
from collectors.patterns import met, missed
from collectors.probe import AT_ADDRESSES, PHASE, at_addresses
from collectors.story import answered, tell

RCODE = Metric(
    "netfold_probe_dns_rcode", "gauge", "Response code of the last answer (RFC 6895).", ("target",)
)
ANSWERS = Metric("netfold_probe_dns_answers", "gauge", "Records in the last answer.", ("target",))
TTL = Metric(
    "netfold_probe_dns_least_ttl_seconds",
    "gauge",
    "How long the last answer may be kept: the least of its records' times to live.",
    ("target",),
)
AUTHENTICATED = Metric(
    "netfold_probe_dns_authenticated",
    "gauge",
    "Whether the server vouches for the last answer by DNSSEC, where the probe asks for that.",
    ("target",),
)

_LENGTH = struct.Struct("!H")  # before each message over TCP: RFC 1035, 4.2.2
_MOST_BYTES = 65535
_PAYLOAD_BYTES = 1232  # what passes everywhere unfragmented: DNS flag day 2020


@dataclass(slots=True)
class _Round:
    """One attempt at one address, and what it saw."""

    target: DnsTarget
    tools: Tools
    endpoint: Endpoint
    until_s: float
    query: dns.message.Message
    phases_s: dict[str, float] = field(default_factory=dict)
    reply: dns.message.Message | None = None
    strange: int = 0  # datagrams that are no answer to it

    def failure(self, reason: Reason, text: str) -> CollectError:
        detail = f"{self.endpoint.host}: {text}"
        if self.strange:
            detail += f"; what came to other questions: {self.strange}"
        return CollectError(reason, detail, list(_measured(self)))


@collector("dns", DnsTarget, *AT_ADDRESSES, RCODE, ANSWERS, TTL, AUTHENTICATED)
async def collect(target: DnsTarget, tools: Tools) -> list[Sample]:
    """Ask a server one question once, and hold the answer against the options.

    What does not answer this question (another id, name or type) is as if it had not come.

    Raises:
        CollectError: what the way there met; `unexpected_content` for an answer that is not as the
            options say, that is truncated, or that is no DNS.

    """

    async def attempt(endpoint: Endpoint, until_s: float) -> list[Sample]:
        one = _Round(target, tools, endpoint, until_s, _query(target))
        try:
            async with asyncio.timeout(until_s - perf_counter()):
                one.reply = await _ask(one)
        except TimeoutError as error:
            text = f"no answer within {target.timeout_s:g} s"
            raise one.failure(Reason.TIMEOUT, text) from error
        except OSError as error:
            raise failed(endpoint, error) from error
        if wrong := next(_wrong(target, one.reply), None):
            raise one.failure(Reason.UNEXPECTED_CONTENT, wrong)
        return list(_measured(one))

    return await at_addresses(target, target.port, attempt)


def _query(target: DnsTarget) -> dns.message.Message:
    query = dns.message.make_query(
        target.query,
        target.type,
        use_edns=0 if target.edns else False,
        payload=_PAYLOAD_BYTES,
        want_dnssec=target.authenticated,
    )
    if not target.recursion:
        query.flags &= ~dns.flags.RD
    return query


async def _ask(one: _Round) -> dns.message.Message:
    if one.target.transport == "tcp":
        return await _over_tcp(one)
    reply = await _over_udp(one)
    if not (reply.flags & dns.flags.TC and one.target.tcp_if_truncated):
        return reply
    tell("it is truncated, so it is asked again over TCP")
    return await _over_tcp(one)


async def _over_udp(one: _Round) -> dns.message.Message:
    target = one.target
    await turn_before(one.tools, one.until_s)
    with open_socket(one.endpoint, SOCK_DGRAM, target.source, target.source_interface) as sock:
        # Connected, the system drops what comes from elsewhere, and tells of refusals.
        sock.connect(one.endpoint.sockaddr)
        return await _exchange(one, sock, one.query.to_wire(), _read_udp)


async def _over_tcp(one: _Round) -> dns.message.Message:
    target = one.target
    await turn_before(one.tools, one.until_s)
    started_s = perf_counter()
    with await connect(one.tools, one.endpoint, target.source, target.source_interface) as sock:
        _note(one, "connect", started_s)
        wire = one.query.to_wire()
        return await _exchange(one, sock, _LENGTH.pack(len(wire)) + wire, _read_tcp)


async def _exchange(
    one: _Round,
    sock: socket,
    wire: bytes,
    read: Callable[[_Round, socket], Awaitable[dns.message.Message]],
) -> dns.message.Message:
    target = one.target
    tell("asking %s for %s %s", one.endpoint.host, target.query, target.type)
    started_s = perf_counter()
    await asyncio.get_running_loop().sock_sendall(sock, wire)
    try:
        reply = await read(one, sock)
    except OSError as error:
        raise failed(one.endpoint, error, has_left=True) from error
    _note(one, "processing", started_s)
    records = sum(map(len, reply.answer))
    tell("answered %s, records: %d", dns.rcode.to_text(reply.rcode()), records)
    return reply


def _note(one: _Round, phase: str, started_s: float) -> None:
    one.phases_s[phase] = one.phases_s.get(phase, 0.0) + perf_counter() - started_s


async def _read_udp(one: _Round, sock: socket) -> dns.message.Message:
    while True:
        wire = await asyncio.get_running_loop().sock_recv(sock, _MOST_BYTES)
        answered("%d bytes came", len(wire))
        if wire[:2] == _LENGTH.pack(one.query.id):
            reply = _parsed(one, wire)
            if one.query.is_response(reply):
                return reply
        one.strange += 1
        await asyncio.sleep(0)  # who sends faster than we read holds up nobody else


async def _read_tcp(one: _Round, sock: socket) -> dns.message.Message:
    (length,) = _LENGTH.unpack(await _exactly(one, sock, _LENGTH.size))
    reply = _parsed(one, await _exactly(one, sock, length))
    if not one.query.is_response(reply):
        raise one.failure(Reason.UNEXPECTED_CONTENT, "an answer to another question")
    return reply


async def _exactly(one: _Round, sock: socket, length: int) -> bytes:
    received = bytearray()
    while len(received) < length:
        some = await asyncio.get_running_loop().sock_recv(sock, length - len(received))
        if not some:
            raise one.failure(Reason.RESET, "the connection ended before the answer did")
        received += some
    return bytes(received)


def _parsed(one: _Round, wire: bytes) -> dns.message.Message:
    try:
        return dns.message.from_wire(wire)
    except (dns.exception.DNSException, ValueError) as error:
        raise one.failure(Reason.UNEXPECTED_CONTENT, "an answer that is no DNS") from error


def _wrong(target: DnsTarget, reply: dns.message.Message) -> Iterator[str]:
    if reply.flags & dns.flags.TC:
        yield "a truncated answer; write tcp_if_truncated: true to ask again over TCP"
    rcode = dns.rcode.to_text(reply.rcode())
    if rcode not in target.rcode:
        yield f"{rcode}, not {' or '.join(target.rcode)}"
    records = list(_records(reply))
    if rcode == "NOERROR" and len(records) < target.least_answers:
        yield f"{len(records)} answers, not {target.least_answers} or more"
    if pattern := missed(records, target.answers_match):
        yield f"no answer matches {seen(pattern.pattern)}"
    if pattern := met(records, target.answers_lack):
        yield f"an answer matches {seen(pattern.pattern)}"
    every = target.every_answer
    if every and not all(every.search(it) for it in records):
        yield f"an answer does not match {seen(every.pattern)}"
    if target.authenticated and not reply.flags & dns.flags.AD:
        yield "the server does not vouch for the answer by DNSSEC (no AD flag)"


def _records(reply: dns.message.Message) -> Iterator[str]:
    for rrset in reply.answer:
        yield from rrset.to_text().splitlines()


def _measured(one: _Round) -> Iterator[Sample]:
    target = (one.target.name,)
    for phase, duration_s in one.phases_s.items():
        yield Sample(PHASE, duration_s, (*target, phase))
    if one.reply is None:
        return
    yield Sample(RCODE, int(one.reply.rcode()), target)
    yield Sample(ANSWERS, sum(len(it) for it in one.reply.answer), target)
    if one.reply.answer:
        yield Sample(TTL, min(it.ttl for it in one.reply.answer), target)
    if one.target.authenticated:
        yield Sample(AUTHENTICATED, int(bool(one.reply.flags & dns.flags.AD)), target)
