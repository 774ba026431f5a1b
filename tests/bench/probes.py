"""What a probe costs, beside blackbox_exporter with the same targets.

`python -m tests.bench.probes CONFIG` is Netfold's side, in a process of its own: for each line that
it reads it does one round as a running agent does, and writes the CPU seconds that took.
"""

import asyncio
import gzip
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import uvloop

from agent.app import Agent, spare_what_lasts
from config.load import load
from tests.blackbox import Blackbox, blackbox, path, version

ROUNDS = 15
AT_ONCE = 20
"""Scrapes of blackbox_exporter under way; each target has a connection that stays."""

AS_PROMETHEUS = {
    "Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
    "Accept-Encoding": "gzip",
    "X-Prometheus-Scrape-Timeout-Seconds": "5",
}


class Cost(NamedTuple):
    """CPU seconds of one probe and the text that shows it: medians over the rounds."""

    netfold_s: float
    blackbox_s: float


def compare(
    folder: Path,
    probes: Sequence[Mapping[str, Any]],
    targets: Sequence[str],
    module: Mapping[str, Any],
) -> Cost:
    """Let both probe the same targets, round by round in turn; all of a round at once.

    `targets` are blackbox_exporter's words for `probes`.

    Raises:
        SystemExit: a probe failed, and the figures would mean nothing.

    """
    config = folder / "netfold.yaml"
    config.write_text(json.dumps({"node": {"name": "b"}, "data_dir": "data", "probes": [*probes]}))
    command = [sys.executable, "-m", "tests.bench.probes", str(config)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as ours,
        blackbox(folder, {"bench": module}) as theirs,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        scrape = _Scrape(theirs, targets)
        rounds = []
        for _ in range(ROUNDS + 1):
            netfold_s = _round(ours, len(targets))
            used_s = theirs.cpu_s()
            list(pool.map(scrape.one, targets))
            rounds.append(Cost(netfold_s, theirs.cpu_s() - used_s))
        assert ours.stdin
        ours.stdin.close()
    netfold, exporter = zip(*rounds[1:], strict=True)  # the first one warms up
    return Cost(median(netfold) / len(targets), median(exporter) / len(targets))


class _Scrape:
    """Asks for probes as Prometheus does: compressed, and over a connection for each target."""

    def __init__(self, judge: Blackbox, targets: Iterable[str]) -> None:
        self._connections = {it: judge.connection() for it in targets}

    def one(self, target: str) -> None:
        connection = self._connections[target]
        connection.request("GET", path(target, "bench"), headers=AS_PROMETHEUS)
        text = gzip.decompress(connection.getresponse().read())
        if b"\nprobe_success 1" not in text:
            raise SystemExit(text.decode())


def _round(ours: "subprocess.Popen[str]", expected: int) -> float:
    assert ours.stdin
    assert ours.stdout
    ours.stdin.write("\n")
    ours.stdin.flush()
    cpu_s, good = json.loads(ours.stdout.readline())
    if good != expected:
        msg = f"only {good} of {expected} probes succeeded"
        raise SystemExit(msg)
    return float(cpu_s)


def show(title: str, cost: Cost, limit: float) -> None:
    """Print a table, and whether it keeps to what was aimed at."""
    ratio = cost.netfold_s / cost.blackbox_s
    print(f"### {title}\n")
    print("| who | CPU per probe | of the exporter's |\n|---|---|---|")
    print(f"| {version()} | {cost.blackbox_s * 1e6:.0f} µs | 1 |")
    print(f"| netfold | {cost.netfold_s * 1e6:.0f} µs | {ratio:.2f} |\n")
    print(f"CPU {ratio:.2f} of the exporter's, {'PASS' if ratio <= limit else 'over'}", end=" ")
    print(f"(at most {limit}).\n")


async def serve(config: Path) -> None:
    """Do rounds until nobody asks for more."""
    agent, loop = Agent(lambda: load(config)), asyncio.get_running_loop()
    spare_what_lasts()
    while await loop.run_in_executor(None, sys.stdin.readline):
        used_s = time.process_time()
        async with asyncio.TaskGroup() as group:
            for target in agent.config.probes:
                group.create_task(agent._measure(target))
        text = agent.metrics(openmetrics=True)
        gzip.compress(text, 6)  # as the endpoint does
        used_s = time.process_time() - used_s
        good = sum(it.startswith(b"netfold_probe_success") for it in text.splitlines())
        good -= sum(it.endswith(b" 0") for it in text.splitlines() if b"probe_success" in it)
        print(json.dumps([used_s, good]), flush=True)
    await agent._tools.close()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
