"""What a ping costs, beside fping: a thousand targets in another namespace, each once a second."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median, quantiles
from typing import NamedTuple

from agent import clock
from agent.app import spare_what_lasts
from agent.cli.run import _loop_factory
from agent.observe import Observation, is_shared, observe_all
from agent.scheduler import Scheduler
from collectors.base import Sample, Target, Tools, find
from collectors.icmp import IcmpTarget
from collectors.probe import RTT
from tests.testbed import eventually, peer

TARGETS = 1000
WATCHED_S = 20
ROUNDS = 2
LIMIT_CPU, LIMIT_P99 = 1.0, 2.0
"""Of fping's."""

HOSTS = [f"198.18.{n // 250}.{n % 250 + 1}" for n in range(TARGETS)]
_FAR = "read -r _ && ip -batch $0 && echo ready && read -r _"
_FAR_LINKS = """
link set lo up
addr add 198.51.100.2/24 dev far
link set far up
route add local 198.18.0.0/16 dev lo
"""


class Cost(NamedTuple):
    """What one of them used for so many pings, and their round-trip times."""

    cpu_s: float
    pings: int
    rtts_s: Sequence[float]


def main() -> None:
    """Print a table of both."""
    costs: dict[str, list[Cost]] = {"netfold": [], "fping": []}
    with far_side():
        for n in range(ROUNDS):
            for who in (list, reversed)[n % 2](list(costs)):
                costs[who].append({"netfold": ours, "fping": fping}[who]())
    print(f"## {TARGETS:,} targets by ICMP, each once a second, beside fping\n")
    version = peer("fping").run("-v").stdout.splitlines()[0].rpartition("/")[2]
    print(f"{version}; raw sockets, a veth pair to a")
    print(
        f"namespace that answers, {WATCHED_S} s, medians of {ROUNDS} rounds in alternating order."
    )
    print("Netfold's includes its scheduler and what makes observations of answers.\n")
    print("| who | CPU a ping | lost | RTT, median | RTT, 99th percentile |\n|---|---|---|---|---|")
    for who, its in costs.items():
        lost = sum(cost.pings - len(cost.rtts_s) for cost in its)
        p50, p99 = (median(share(cost, it) for cost in its) for it in (50, 99))
        print(
            f"| {who} | {cpu_s(its) * 1e6:.0f} us | {lost} of {sum(it.pings for it in its):,} "
            f"| {p50 * 1e6:.0f} us | {p99 * 1e6:.0f} us |"
        )
    cpu = cpu_s(costs["netfold"]) / cpu_s(costs["fping"])
    p99 = median(share(it, 99) for it in costs["netfold"]) / p99
    print(f"\n- CPU {cpu:.2f} of fping's, {word(cpu, LIMIT_CPU)}")
    print(f"- 99th percentile {p99:.2f} of fping's, {word(p99, LIMIT_P99)}\n")


def word(ratio: float, limit: float) -> str:
    return f"{'PASS' if ratio <= limit else 'over'} (at most {limit:g})"


def cpu_s(costs: Sequence[Cost]) -> float:
    """CPU seconds a ping."""
    return median(cost.cpu_s / cost.pings for cost in costs)


def share(cost: Cost, percent: int) -> float:
    return quantiles(cost.rtts_s, n=100)[percent - 1]


@contextmanager
def far_side() -> Iterator[None]:
    """Run a namespace whose kernel answers for all targets."""
    pipe = subprocess.PIPE
    with tempfile.NamedTemporaryFile("w") as links:
        links.write(_FAR_LINKS)
        links.flush()
        command = ["unshare", "-n", "sh", "-c", _FAR, links.name]
        with subprocess.Popen(
            command, env=peer("ip").env, stdin=pipe, stdout=pipe, text=True
        ) as far:
            assert far.stdin
            assert far.stdout
            eventually(lambda: _namespace(far.pid) != _namespace(os.getpid()))
            for line in (
                f"link add near type veth peer name far netns {far.pid}",
                "addr add 198.51.100.1/24 dev near",
                "link set near up",
                "route add 198.18.0.0/16 via 198.51.100.2",
            ):
                done = peer("ip").run(*line.split())
                assert done.returncode == 0, done.stderr
            far.stdin.write("go\n")
            far.stdin.flush()
            assert far.stdout.readline() == "ready\n"
            yield
            far.stdin.close()


def _namespace(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/net")  # noqa: PTH115 - text, not a path


def fping() -> Cost:
    """Let fping do it; CPU by its rusage."""
    with tempfile.TemporaryFile("w+") as said:
        arguments = ["-q", f"-C{WATCHED_S}", "-p1000", "-i1", *HOSTS]
        process = peer("fping").popen(*arguments, stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        lines = said.readlines()
    words = [word for line in lines for word in line.partition(" : ")[2].split()]
    rtts_s = [float(word) / 1000 for word in words if word != "-"]
    return Cost(usage.ru_utime + usage.ru_stime, len(words), rtts_s)


def ours() -> Cost:
    """Let Netfold do it, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.icmp", "worker"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Cost(*json.loads(done.stdout))


async def work() -> Cost:
    """Measure the targets as an agent does, and watch it for a while once all have been."""
    tools, rtts_s, pings = Tools(clock.now), list[float](), 0
    collector = find("icmp")
    assert collector

    async def measure(target: Target) -> None:
        raise AssertionError(target)

    async def measure_all(targets: Sequence[Target], measured: Callable[[Target], None]) -> None:
        nonlocal pings
        async for observation in observe_all(collector, targets, tools):
            rtts_s.extend(rtts_of(observation))
            pings += 1
            measured(observation.target)

    scheduler = Scheduler(
        measure, measure_all=measure_all, is_shared=lambda target: is_shared(collector, target)
    )
    scheduler.follow(
        IcmpTarget(name=host, kind="icmp", address=host, interval="1s", timeout="900ms", count=1)
        for host in HOSTS
    )
    serving = asyncio.create_task(scheduler.serve())
    await scheduler.all_measured.wait()
    spare_what_lasts()
    rtts_s.clear()
    pings = 0
    used_s = time.process_time()
    await asyncio.sleep(WATCHED_S)
    used_s = time.process_time() - used_s
    serving.cancel()
    await asyncio.wait([serving])
    await tools.close()
    return Cost(used_s, pings, rtts_s)


def rtts_of(observation: Observation) -> Iterator[float]:
    for it in observation.measurements:
        if isinstance(it, Sample):
            metric, value, labels = it
            if metric is RTT and labels[1] == "mean":
                yield value


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        print(json.dumps(runner.run(work())))
