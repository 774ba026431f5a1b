"""Two network namespaces and a far side that delays, drops, doubles and forges echo replies.

`python icmp_lab.py near datagram|raw|neither asyncio|uvloop`, inside namespaces of its own
(`unshare -n`), reads one JSON list of icmp options a line and writes what each round gave.
"""

import asyncio
import ctypes
import importlib
import json
import socket
import struct
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

from collectors.base import CollectError, Measurement, Moment, Sample, Tools
from collectors.echo import IcmpEngine
from collectors.icmp import IcmpTarget, collect
from tests.testbed import peer

PROMPT, LATE, LOSSY, FORGED, ELSEWHERE, SLOWING, SILENT, OTHER = range(10, 18)
SLACK_S = 5
V4, V6 = "198.51.100.{}", "2001:db8::{}"
FAMILIES = ((socket.AF_INET, V4, 8, 0), (socket.AF_INET6, V6, 128, 129))


def near(kind: str, loop: str) -> None:
    """Build the namespaces, then measure what is asked on standard input."""
    command = [sys.executable, __file__, "far"]
    with subprocess.Popen(
        ["unshare", "-n", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as far:
        assert far.stdin
        assert far.stdout
        assert far.stdout.readline(), "no second namespace"
        connect(far.pid)
        far.stdin.write("connected\n")
        far.stdin.flush()
        assert far.stdout.readline(), "the far side failed"
        if kind == "datagram":
            Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 0")
        if kind == "neither":
            drop_capabilities()
        say("ready")
        run_in(loop, measure_what_is_asked())
        far.stdin.close()


def connect(far_pid: int) -> None:
    """Join both namespaces with a veth pair; neighbours that are not there are given up soon."""
    ip("link set lo up")
    ip(f"link add near type veth peer name far netns {far_pid}")
    for version in ("ipv4", "ipv6"):
        Path(f"/proc/sys/net/{version}/neigh/near/retrans_time_ms").write_text("100")
    ip("link set near up")
    ip("addr add 198.51.100.1/24 dev near")
    ip("addr add 2001:db8::1/64 dev near nodad")
    ip("route add unreachable 203.0.113.0/25")
    ip("route add prohibit 203.0.113.128/25")


async def measure_what_is_asked() -> None:
    tools = Tools(lambda: Moment(0, 0))
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        tasks = [asyncio.create_task(measure(options, tools)) for options in json.loads(line)]
        outcomes = [await task for task in tasks]
        engine = tools.use(IcmpEngine)
        kinds = sorted({wire.sock.type.name for wire in engine._wires.values()})
        left = len(engine._waiting)
        say(json.dumps({"outcomes": outcomes, "sockets": kinds, "left_waiting": left}))
    await tools.close()


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
    Path("/proc/sys/net/ipv4/icmp_echo_ignore_all").write_text("1")
    Path("/proc/sys/net/ipv6/icmp/echo_ignore_all").write_text("1")
    ip("link set far up")
    for last in (2, *range(PROMPT, OTHER + 1)):
        ip(f"addr add {V4.format(last)}/24 dev far")
        ip(f"addr add {V6.format(last)}/64 dev far nodad")
    run_in("asyncio", answer_until_told())


async def answer_until_told() -> None:
    loop = asyncio.get_running_loop()
    for family, addresses, _, _ in FAMILIES:
        wires = {last: raw(family, addresses.format(last)) for last in range(PROMPT, OTHER + 1)}
        for last, wire in wires.items():
            loop.add_reader(wire, Responder(family, last, wires).answer)
    say("answering")
    await loop.run_in_executor(None, sys.stdin.read)


class Responder:
    """One address and its manners; `wires` are the sockets of all addresses of its family."""

    def __init__(self, family: int, last: int, wires: dict[int, socket.socket]) -> None:
        self.family, self.last, self.wires, self.seen = family, last, wires, 0
        self.request, self.reply = next(row[2:] for row in FAMILIES if row[0] == family)

    def answer(self) -> None:
        data, source = self.wires[self.last].recvfrom(65535)
        message = data[(data[0] & 15) * 4 :] if self.family == socket.AF_INET else data
        if message[0] != self.request:
            return
        self.seen += 1
        body = message[4:]
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

    def send(
        self, body: bytes, source: tuple[Any, ...], after_s: float = 0, wire: int | None = None
    ) -> None:
        head = bytes([self.reply, 0])
        total = ones_sum(head + b"\0\0" + body) if self.family == socket.AF_INET else 0
        reply = head + struct.pack("!H", total ^ 0xFFFF) + body
        wires = self.wires[wire or self.last]
        asyncio.get_running_loop().call_later(after_s, wires.sendto, reply, source)


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
