"""Two network namespaces: a side that measures, and the far side that misbehaves (icmp_far.py).

`python icmp_lab.py datagram|raw|neither asyncio|uvloop`, inside namespaces of its own
(`unshare -n`), reads one JSON command a line and writes what came of it: `Near` has the commands.
"""

import asyncio
import ctypes
import json
import os
import resource
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from collectors.base import CollectError, Measurement, Moment, Sample, Tools
from collectors.echo import IcmpEngine
from collectors.icmp import IcmpTarget, collect
from tests import icmp_far
from tests.icmp_far import V4, V6, ip, run_in, say
from tests.testbed import peer

SLACK_S = 5


def near(kind: str, loop: str) -> None:
    """Build the namespaces, then do what is asked on standard input."""
    command = [sys.executable, icmp_far.__file__]
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
        return self.told([await task for task in tasks])

    async def measure_all(self, *targets: dict[str, Any]) -> dict[str, Any]:
        """Measure all in one call."""
        outcomes = {}
        async with aclosing(collect.together.collect_all(shared(targets), self.tools)) as rounds:
            async for ended in rounds:
                outcomes[ended.target.name] = outcome_of(ended.result)
        return self.told([outcomes[f"t{n}"] for n in range(len(targets))])

    async def give_up(self, *targets: dict[str, Any]) -> dict[str, Any]:
        """Measure in one call, but only until the first round is over."""
        async with aclosing(collect.together.collect_all(shared(targets), self.tools)) as rounds:
            first = await anext(rounds)
        return self.told([outcome_of(first.result)])

    def told(self, outcomes: list[dict[str, Any]]) -> dict[str, Any]:
        """What came of it all, and how the engine stands."""
        engine = self.tools.use(IcmpEngine)
        return {
            "outcomes": outcomes,
            "sockets": sorted({wire.sock.type.name for wire in engine.wires.values()}),
            "open_files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - names, not paths
            "drops": sum(sample.value for sample in self.tools.samples()),
            "left_waiting": len(engine._waiting) + len(engine._ends),
        }

    async def measure_while(
        self, options: dict[str, Any], after_s: float, arguments: str
    ) -> dict[str, Any]:
        """Let something happen to the interfaces while a round goes on."""
        round_ = asyncio.create_task(measure(options, self.tools))
        await asyncio.sleep(after_s)
        ip(arguments)
        return await round_

    async def ip(self, arguments: str) -> None:
        ip(arguments)

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
        return failure(error)


def shared(targets: Sequence[dict[str, Any]]) -> list[IcmpTarget]:
    """Targets that are measured in one call."""
    made = [IcmpTarget(name=f"t{n}", kind="icmp", **options) for n, options in enumerate(targets)]
    assert all(map(collect.together.takes, made))
    return made


def outcome_of(result: Callable[[], Sequence[Measurement]]) -> dict[str, Any]:
    try:
        return {"samples": dict(texts(result()))}
    except CollectError as error:
        return failure(error)


def failure(error: CollectError) -> dict[str, Any]:
    samples = dict(texts(error.measurements))
    return {"reason": error.reason, "detail": error.detail, "samples": samples}


def texts(measurements: Any) -> Iterator[tuple[str, float]]:
    sample: Measurement
    for sample in measurements:
        assert isinstance(sample, Sample)
        short = sample.metric.name.removeprefix("netfold_probe_")
        yield " ".join([short, *sample.labels[1:]]), sample.value


def drop_capabilities() -> None:
    """Go on as a user who may nothing, by capset(2): version 3, this process, three empty sets."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.capset(struct.pack("=Ii", 0x20080522, 0), bytes(24)) == 0


if __name__ == "__main__":
    near(*sys.argv[1:])
