"""The far side of the ICMP lab: it delays, drops, doubles, reorders and forges echo replies.

It answers as each address does (Responder); at COMMANDED as it was told last (Manners), one JSON
object a line. It is a router, too: behind it lies 198.18.0.0/16 with a line that takes 1,400 bytes.
"""

import asyncio
import importlib
import json
import random
import socket
import struct
import sys
import time
from collections.abc import Coroutine
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.testbed import peer

PROMPT, LATE, LOSSY, FORGED, ELSEWHERE, SLOWING, SILENT, OTHER, COMMANDED = range(10, 19)
V4, V6 = "198.51.100.{}", "2001:db8::{}"
FAMILIES = ((socket.AF_INET, V4, 8, 0), (socket.AF_INET6, V6, 128, 129))


@dataclass
class Manners:
    """How COMMANDED answers: shares of the packets, seconds, and the TTL of its replies."""

    seed: int = 0
    drop_ratio: float = 0
    double_ratio: float = 0
    delay_s: float = 0
    jitter_s: float = 0
    ttl: int = 64


@dataclass
class Record:
    """What COMMANDED did since it was told its manners; delays by its own clock."""

    dropped: int = 0
    doubled: int = 0
    delays_s: list[float] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)


def far() -> None:
    """Answer echo requests as each address does; the kernel here answers none."""
    say("apart")
    sys.stdin.readline()
    for setting in (
        *("ipv4/icmp_echo_ignore_all=1", "ipv6/icmp/echo_ignore_all=1"),
        *("ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1"),
        *("ipv4/icmp_ratelimit=0", "ipv6/icmp/ratelimit=0"),
    ):
        name, value = setting.split("=")
        Path("/proc/sys/net", name).write_text(value)
    ip("link add deep type veth peer name deeper")
    ip("link set deep mtu 1400 up")
    ip("link set deeper up")
    ip("addr add 198.18.0.1/24 dev deep")
    ip("addr add 2001:db8:1::1/64 dev deep nodad")
    for prefix in ("198.18.{}.0/24", "2001:db8:1:{}::/64"):
        ip(f"route add prohibit {prefix.format(1)}")
        ip(f"route add unreachable {prefix.format(2)}")
    dress()
    run_in("asyncio", answer_until_told())


def dress() -> None:
    """Give the far interface its addresses."""
    ip("link set far up")
    for last in (2, *range(PROMPT, COMMANDED + 1)):
        ip(f"addr add {V4.format(last)}/24 dev far")
        ip(f"addr add {V6.format(last)}/64 dev far nodad")


async def answer_until_told() -> None:
    loop = asyncio.get_running_loop()
    commanded = []
    for family, addresses, _, _ in FAMILIES:
        wires = {last: raw(family, addresses.format(last)) for last in range(PROMPT, COMMANDED + 1)}
        for last, wire in wires.items():
            responder = Responder(family, last, wires)
            loop.add_reader(wire, responder.answer)
        commanded.append(responder)
    say("answering")
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        if command.pop("dress", False):
            dress()
        records = [responder.obey(Manners(**command)) for responder in commanded]
        say(json.dumps(asdict(max(records, key=lambda it: len(it.sources)))))


class Responder:
    """One address and its manners; `wires` are the sockets of all addresses of its family."""

    def __init__(self, family: int, last: int, wires: dict[int, socket.socket]) -> None:
        self.family, self.last, self.wires, self.seen = family, last, wires, 0
        self.request, self.reply = next(row[2:] for row in FAMILIES if row[0] == family)
        self.obey(Manners())

    def obey(self, manners: Manners) -> Record:
        """Behave so from now on; return what was done before."""
        done = getattr(self, "record", Record())
        self.manners, self.record = manners, Record()
        self.chance = random.Random(manners.seed)  # noqa: S311 - chance that can be repeated
        option = socket.IP_TTL if self.family == socket.AF_INET else socket.IPV6_UNICAST_HOPS
        level = socket.IPPROTO_IP if self.family == socket.AF_INET else socket.IPPROTO_IPV6
        self.wires[self.last].setsockopt(level, option, manners.ttl)
        return done

    def answer(self) -> None:
        data, source = self.wires[self.last].recvfrom(65535)
        message = data[(data[0] & 15) * 4 :] if self.family == socket.AF_INET else data
        if message[0] != self.request:
            return
        if self.last == COMMANDED:
            self.answer_as_told(message[4:], source)
        else:
            self.answer_as_ever(message[4:], source)

    def answer_as_ever(self, body: bytes, source: tuple[Any, ...]) -> None:
        self.seen += 1
        match self.last:
            case n if n == PROMPT:
                self.send(body, source)
            case n if n == LATE:
                self.send(body, source, after_s=0.03)
            case n if n == LOSSY and self.seen % 2:
                self.send(body, source)
                self.send(body, source)
                self.send(body, source, after_s=0.02)
            case n if n == FORGED:
                self.send(body[:4] + bytes(16) + body[20:], source)
                self.send(b"\0\0\0\0" + body[4:], source)
                self.send(body[:8], source)
            case n if n == ELSEWHERE:
                self.send(body, source, wire=OTHER)
            case n if n == SLOWING:
                self.send(body, source, after_s=0.06 * self.seen)

    def answer_as_told(self, body: bytes, source: tuple[Any, ...]) -> None:
        """Each packet takes the same number of chances, whatever they decide."""
        came_s = time.perf_counter()
        drop, double, jitter = (self.chance.random() for _ in range(3))
        self.record.sources.append(source[0])
        if drop < self.manners.drop_ratio:
            self.record.dropped += 1
            return
        after_s = self.manners.delay_s + jitter * self.manners.jitter_s
        times = 2 if double < self.manners.double_ratio else 1
        self.record.doubled += times - 1

        def reply() -> None:
            self.record.delays_s.append(time.perf_counter() - came_s)
            for _ in range(times):
                self.send_now(body, source, self.last)

        asyncio.get_running_loop().call_later(after_s, reply)

    def send(
        self, body: bytes, source: tuple[Any, ...], after_s: float = 0, wire: int | None = None
    ) -> None:
        asyncio.get_running_loop().call_later(
            after_s, self.send_now, body, source, wire or self.last
        )

    def send_now(self, body: bytes, source: tuple[Any, ...], wire: int) -> None:
        head = bytes([self.reply, 0])
        total = ones_sum(head + b"\0\0" + body) if self.family == socket.AF_INET else 0
        reply = head + struct.pack("!H", total ^ 0xFFFF) + body
        self.wires[wire].sendto(reply, source)


def raw(family: int, address: str) -> socket.socket:
    protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
    sock = socket.socket(family, socket.SOCK_RAW, protocol)
    sock.bind((address, 0))
    return sock


def ones_sum(message: bytes) -> int:
    """RFC 1071's sum, the slow and plain way: an oracle for the collector's."""
    total = 0
    for at in range(0, len(message), 2):
        total += int.from_bytes(message[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def ip(arguments: str) -> None:
    done = peer("ip").run(*arguments.split())
    assert done.returncode == 0, done.stderr


def run_in(loop: str, main: Coroutine[Any, Any, None]) -> None:
    if loop == "uvloop":
        importlib.import_module("uvloop").run(main)
    else:
        asyncio.run(main)


if __name__ == "__main__":
    far()
