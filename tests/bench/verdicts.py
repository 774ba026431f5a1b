"""What it costs to keep and to judge the history of many links, in a process of its own each.

`python -m tests.bench.verdicts LINKS FOLDER` judges a history that is there, and prints its cost.
"""

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from agent.app import spare_what_lasts
from agent.assessment import assess
from agent.history import Capacity, History, Record, SeriesKey
from agent.history_reader import HistoryReader
from agent.judge.rates import TICK_S, Tick, begin
from agent.standing import Standing
from collectors.base import CounterReading, Moment
from config.agent import AgentConfig, Node
from config.inventory import Interface, Link, Network

LINKS, MANY_LINKS = 2_000, 10_000
DAYS = 30
TICKS = DAYS * 288
FIRST = 5_940_000
"""A tick in 2026."""

BANDWIDTH_BPS = 100e6
TIMED = 96
"""Eight hours of ticks."""

LIMITS = {"cpu_s": 2.0, "resident_mib": 150.0, "tick_ms": 5.0, "disk_mb": 200.0}
"""Of 2,000 links: all verdicts, the process that makes them, one tick, both directions on disk."""


def main() -> None:
    """Print a table for 2,000 links, and 10,000 beside it."""
    print(f"## The history and the verdicts of links, {DAYS} days, both directions\n")
    print("Every link is seen in every tick, half of them hardly used. A tick is the history's own")
    print("transaction with where all series stand, which is packed before, on the agent's own")
    print("thread; both are medians of CPU time. Judging is a process of its own, its start not")
    print("counted.\n")
    print("| links | a tick | packed | on disk | judged, CPU | resident at most | verdicts |")
    print("|---|---|---|---|---|---|---|")
    results = {links: cost(links) for links in (LINKS, MANY_LINKS)}
    for links, found in results.items():
        print(
            f"| {links:,} | {found['tick_ms']:.1f} ms | {found['packed_ms']:.1f} ms "
            f"| {found['disk_mb']:.0f} MB "
            f"| {found['cpu_s']:.2f} s | {found['resident_mib']:.0f} MiB | {found['verdicts']:,} |"
        )
    print()
    for name, limit in LIMITS.items():
        word = "PASS" if results[LINKS][name] <= limit else "over"
        print(f"- {LINKS:,} links: {name} {results[LINKS][name]:.4g}, {word} (at most {limit:g})")
    print()


def cost(links: int) -> dict[str, float]:
    """Write and judge a history."""
    with tempfile.TemporaryDirectory() as name:
        packed_ms, tick_ms = written(Path(name), links)
        disk = sum(it.stat().st_size for it in Path(name).iterdir())
        command = [
            sys.executable,
            "-m",
            __name__ if __name__ != "__main__" else "tests.bench.verdicts",
        ]
        said = subprocess.run([*command, str(links), name], capture_output=True, check=True)
        taken = {"tick_ms": tick_ms, "packed_ms": packed_ms}
        return {**taken, "disk_mb": disk / 1e6, **json.loads(said.stdout)}


def written(folder: Path, links: int) -> tuple[float, float]:
    """Write all ticks; in ms, what packing the states and what writing takes of the last `TIMED`.

    Those before are put into the file as they are: a link's two slots stand side by side.
    """
    chance = np.random.default_rng(1)
    keys = [SeriesKey("link", name, f"r1 {name}", "octets") for name in names(links)]
    usual = np.repeat(chance.choice([2e3, 2e5, 5e6, 4e7], links), 2)

    def rates() -> NDArray[np.float32]:
        return (usual * chance.lognormal(0, 1, 2 * links)).astype("<f4")

    history = History(folder / "history.db")
    steps = [Capacity("link", it.subject, FIRST * TICK_S, BANDWIDTH_BPS) for it in keys]
    history.write(_records(keys, FIRST, rates()), steps)
    with sqlite3.connect(folder / "history.db") as db:
        old = ((number, rates().tobytes()) for number in range(FIRST + 1, FIRST + TICKS - TIMED))
        db.executemany("INSERT INTO ticks VALUES (?, ?)", old)
    db.close()
    spare_what_lasts()  # as the agent does once it runs
    packing, writing = [], []
    for number in range(FIRST + TICKS - TIMED, FIRST + TICKS):
        records = _records(keys, number, rates())
        standings = [_standing(key, number * TICK_S) for key in keys]
        begun = time.process_time()
        for record, standing in zip(records.values(), standings, strict=True):
            record.state = standing.packed()
        packed = time.process_time()
        history.write(records)
        packing.append((packed - begun) * 1e3)
        writing.append((time.process_time() - packed) * 1e3)
    history.close()
    return median(packing), median(writing)


def _records(
    keys: Sequence[SeriesKey], number: int, rates: NDArray[np.float32]
) -> dict[SeriesKey, Record]:
    pairs = rates.reshape(-1, 2).tolist()
    return {key: Record([Tick(number, tuple(both))]) for key, both in zip(keys, pairs, strict=True)}


def _standing(key: SeriesKey, at_s: float) -> Standing:
    at = Moment(at_s, at_s)
    counters = CounterReading("link", key.subject, key.identity, at, 1, 1, 64, at_s, 1e9)
    return Standing(counters, begin(at_s, 2))


def names(links: int) -> list[str]:
    return [f"link-{n}" for n in range(links)]


def judge(links: int, folder: Path) -> None:
    """Judge all of it once, and say what it took."""
    config = AgentConfig(
        node=Node(name="bench"),
        networks=(Network(name="n", kind="dedicated"),),
        links=tuple(
            Link(
                name=it,
                network="n",
                interface=Interface(device="r1", name=it),
                bandwidth_bps=BANDWIDTH_BPS,
            )
            for it in names(links)
        ),
    )
    begun = time.process_time()
    with HistoryReader(folder / "history.db") as reader:
        verdicts = sum(1 for _ in assess(config, reader, FIRST + TICKS, date(2026, 7, 1)))
    said = {
        "cpu_s": time.process_time() - begun,
        "resident_mib": most_resident_mib(),
        "verdicts": verdicts,
    }
    print(json.dumps(said))


def most_resident_mib() -> float:
    """Of this program alone: what getrusage(2) tells counts whoever started it too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    if len(sys.argv) > 1:
        judge(int(sys.argv[1]), Path(sys.argv[2]))
    else:
        main()
