"""Two network namespaces and a far side that delays, drops, doubles, reorders and forges replies.

`python icmp_lab.py near datagram|raw|neither asyncio|uvloop`, inside namespaces of its own
(`unshare -n`), reads one JSON command a line and writes what came of it: `Near` has the commands.
The far side answers as each address does (Responder); at COMMANDED as it was told last (Manners).
It is a router, too: behind it lies 198.18.0.0/16 with a line that takes 1,400 bytes.
"""

import asyncio
import ctypes
import importlib
import json
import os
import random
import resource
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from collectors.base import CollectError, Measurement, Moment, Sample, Tools
from collectors.echo import IcmpEngine
from collectors.icmp import IcmpTarget, collect
from tests.testbed import peer

PROMPT, LATE, LOSSY, FORGED, ELSEWHERE, SLOWING, SILENT, OTHER, COMMANDED = range(10, 19)
SLACK_S = 5
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


def near(kind: str, loop: str) -> None:
    """Build the namespaces, then do what is asked on standard input."""
    command = [sys.executable, __file__, "far"]
    with subprocess.Popen(
        ["unshare", "-n", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as far:
        assert far.stdin
        assert far.stdout
        assert far.stdout.readline(), "no second namespace"
        ip("link set lo up")
        connect(far.pid)
        far.stdin.write("connected\n")
        far.stdin.flush()
        assert far.stdout.readline(), "the far side failed"
        if kind == "datagram":
            Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 0")
        if kind == "neither":
            drop_capabilities()
        say("ready")
        run_in(loop, Near(far).do_what_is_asked())
        far.stdin.close()


def connect(far_pid: int) -> None:
    """Join both namespaces with a veth pair; neighbours that are not there are given up soon."""
    ip(f"link add near type veth peer name far netns {far_pid}")
    for version in ("ipv4", "ipv6"):
        Path(f"/proc/sys/net/{version}/neigh/near/retrans_time_ms").write_text("100")
    ip("link set near up")
    for last, other in ((1, 3), (3, 1)):  # of IPv6 it prefers the address that came last
        ip(f"addr add {V4.format(last)}/24 dev near")
        ip(f"addr add {V6.format(other)}/64 dev near nodad")
    ip("route add 198.18.0.0/16 via 198.51.100.2")
    ip("route add 2001:db8:1::/48 via 2001:db8::2")
    ip("route replace unreachable 203.0.113.0/25")
    ip("route replace prohibit 203.0.113.128/25")


class Near:
    """The measuring side; each method is a command, and its answer is what it returns."""

    def __init__(self, far: "subprocess.Popen[str]") -> None:
        self.far = far
        self.tools = Tools(lambda: Moment(0, 0))

    async def do_what_is_asked(self) -> None:
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            command, arguments = json.loads(line)
            say(json.dumps(await getattr(self, command)(*arguments)))
        await self.tools.close()

    async def measure(self, *targets: dict[str, Any]) -> dict[str, Any]:
        """Measure all at the same time."""
        tasks = [asyncio.create_task(measure(options, self.tools)) for options in targets]
        outcomes = [await task for task in tasks]
        engine = self.tools.use(IcmpEngine)
        return {
            "outcomes": outcomes,
            "sockets": sorted({wire.sock.type.name for wire in engine.wires.values()}),
            "open_files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - names, not paths
            "drops": sum(sample.value for sample in self.tools.samples()),
            "left_waiting": len(engine._waiting),
        }

    async def measure_while(
        self, options: dict[str, Any], after_s: float, arguments: str
    ) -> dict[str, Any]:
        """Let something happen to the interfaces while a round goes on."""
        round_ = asyncio.create_task(measure(options, self.tools))
        await asyncio.sleep(after_s)
        ip(arguments)
        return await round_

    async def tell(self, manners: dict[str, Any]) -> dict[str, Any]:
        """Give COMMANDED its manners; return what it did before."""
        assert self.far.stdin
        assert self.far.stdout
        self.far.stdin.write(json.dumps(manners) + "\n")
        self.far.stdin.flush()
        told: dict[str, Any] = json.loads(self.far.stdout.readline())
        return told

    async def join_again(self) -> None:
        """Give both sides a new pair of interfaces under the old names."""
        connect(self.far.pid)
        await self.tell({"dress": True})

    async def narrow(self) -> None:
        """Make our receive buffers as small as the kernel allows: a few packets."""
        for wire in self.tools.use(IcmpEngine).wires.values():
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)

    async def allow_files(self, most: int) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    async def fping(self, *arguments: str) -> str:
        return peer("fping").run(*arguments).stderr


async def measure(options: dict[str, Any], tools: Tools) -> dict[str, Any]:
    target = IcmpTarget(name="t", kind="icmp", **options)
    try:
        # The round ends by itself within its timeout; a busy machine may wake it late.
        async with asyncio.timeout(target.timeout_s + SLACK_S):
            return {"samples": dict(texts(await collect.collect(target, tools)))}
    except CollectError as error:
        samples = dict(texts(error.measurements))
        return {"reason": error.reason, "detail": error.detail, "samples": samples}


def texts(measurements: Any) -> Iterator[tuple[str, float]]:
    sample: Measurement
    for sample in measurements:
        assert isinstance(sample, Sample)
        short = sample.metric.name.removeprefix("netfold_probe_")
        yield " ".join([short, *sample.labels[1:]]), sample.value


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
                self.send(body, source, after_s=0.02 * self.seen)

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


def drop_capabilities() -> None:
    """Go on as a user who may nothing, by capset(2): version 3, this process, three empty sets."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.capset(struct.pack("=Ii", 0x20080522, 0), bytes(24)) == 0


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
    far() if sys.argv[1] == "far" else near(*sys.argv[2:])
