"""What it costs to watch who uses the systems of a host, with few connections and with many."""

import asyncio
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import NamedTuple

from agent import clock
from collectors.base import Sample, Tools
from collectors.connections import look
from collectors.services import INTERVAL, ServicesTarget, collect
from collectors.watch import WatchedSystem
from tests.testbed import peer

SOCKETS = (1_000, 10_000)
"""Connections have two in this host's tables, since it is both of their sides."""

LOOKS = 15
WATCHED_S = 30.0
"""A round of the agent."""

LIMIT = 0.01
"""Of a core."""


class Cost(NamedTuple):
    """CPU seconds of a look, seconds between two, and the share of a core over a whole round."""

    look_s: float
    interval_s: float
    core_ratio: float


def main() -> None:
    """Print a table."""
    peer("ip").run("link", "set", "lo", "up")
    print("## Watching who uses the systems of a host\n")
    print(
        f"Looks at the kernel's TCP tables over {WATCHED_S:g} s, as rare as keeps to their share,"
    )
    print("and what is made of them at the end, as a running agent does.\n")
    print("| sockets | CPU of a look, median | a look every | of a core |\n|---|---|---|---|")
    costs = {count: cost(count) for count in SOCKETS}
    for count, its in costs.items():
        print(
            f"| {count:,} | {its.look_s * 1e3:.1f} ms | {its.interval_s:.1f} s "
            f"| {its.core_ratio:.2%} |"
        )
    print()
    for count, its in costs.items():
        word = "PASS" if its.core_ratio <= LIMIT else "over"
        print(f"- {count:,} sockets: {its.core_ratio:.2%} of a core, {word} (at most {LIMIT:.0%})")
    print()


def cost(sockets: int) -> Cost:
    """Watch a system that has so many of them."""
    with connected(sockets // 2) as port:
        look_s = median(look().cpu_s for _ in range(LOOKS))
        return asyncio.run(_watched(port, look_s))


async def _watched(port: int, look_s: float) -> Cost:
    system = WatchedSystem(name="bench", ports=(port,))
    target, tools = ServicesTarget(systems=(system,)), Tools(clock.now)
    await collect.collect(target, tools)
    used_s, begun_s = time.process_time(), time.perf_counter()
    await asyncio.sleep(WATCHED_S)
    found = await collect.collect(target, tools)
    used_s, wall_s = time.process_time() - used_s, time.perf_counter() - begun_s
    await tools.close()
    samples = [it for it in found if isinstance(it, Sample)]
    interval_s = next(it.value for it in samples if it.metric is INTERVAL)
    return Cost(look_s, interval_s, used_s / wall_s)


@contextmanager
def connected(connections: int) -> Iterator[int]:
    """Hold so many connections to a port of this host."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        for _ in range(connections):
            stack.enter_context(socket.create_connection(server.getsockname()))
            stack.enter_context(server.accept()[0])
        yield server.getsockname()[1]


if __name__ == "__main__":
    main()
