"""What the plan of a centre costs, its history read, and how far it is from the best plan.

`python -m tests.bench.plan FOLDER` plans a history that is there, and prints its cost.
"""

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from agent.history_reader import HistoryReader
from agent.plan_json import said_of
from agent.planning import planned
from config.agent import AgentConfig, Node
from config.inventory import Interface, Link, Network
from tests.bench import plan_optimum
from tests.bench.verdicts import (
    BANDWIDTH_BPS,
    DAYS,
    FIRST,
    TICKS,
    most_resident_mib,
    names,
    written,
)

LINES, UPLINKS = 2_000, 40
UPLINK_BPS = (1e9, 10e9)
TODAY = date(2026, 7, 1)
LIMITS = {"cpu_s": 5.0, "resident_mib": 320.0}
"""Where all was seen; what was not costs more the fuller the uplinks are."""

OUTAGES = ((500, 2), (2000, 2), (3500, 2), (4000, 144), (5000, 2), (6500, 2))
"""First tick and ticks of each: restarts, and half a day, through which the counters went on."""


def main() -> None:
    """Print the cost, then the distances."""
    print(f"## The plan of {LINES:,} lines over {UPLINKS} uplinks, {DAYS} days\n")
    print("A process of its own reads the history and plans; its start is not counted. On uplinks")
    print("of 1 Gbit/s about half of it fits, of 10 Gbit/s all of it. Then the same with the agent")
    print(
        "down half a day and five times for ten minutes: how much crossed each line is known, not"
    )
    print("when, which every uplink that might bear a line is asked anew.\n")
    print("| uplinks of | planned | do not fit | waves | CPU | of it reading | resident at most |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        written(Path(name), LINES + UPLINKS)
        results = {bps: _cost(Path(name), bps) for bps in UPLINK_BPS}
        for bps, it in results.items():
            print(_row(f"{bps / 1e9:g} Gbit/s", it))
        _lose(Path(name))
        for bps in UPLINK_BPS:
            print(_row(f"{bps / 1e9:g} Gbit/s, the agent down", _cost(Path(name), bps)))
    print()
    for what, limit in LIMITS.items():
        most = max(it[what] for it in results.values())
        word = "PASS" if most <= limit else "over"
        print(f"- {LINES:,} lines: {what} {most:.4g}, {word} (at most {limit:g})")
    print(f"\n{plan_optimum.CASES} cases of {plan_optimum.MOVES} lines and {plan_optimum.UPLINKS}")
    print(f"uplinks, waves of {plan_optimum.CUTOVERS}: the yearly saving of the plan, of the best")
    print("one that trying all of them finds. A notice day goes before any saving, so that the")
    print("first wave is not the one that saves most.\n")
    print("| order | of | mean | 5th percentile | worst | the best itself |")
    print("|---|---|---|---|---|---|")
    for row in plan_optimum.table():
        print(row)
    print()


def _row(name: str, it: dict[str, float]) -> str:
    return (
        f"| {name} | {it['planned']:,.0f} | {it['does_not_fit']:,.0f} | {it['waves']:,.0f} "
        f"| {it['cpu_s']:.2f} s | {it['reading_s']:.2f} s | {it['resident_mib']:.0f} MiB |"
    )


def _lose(folder: Path) -> None:
    """Let the agent have been down: of those ticks only what crossed in all of them is known.

    That is as much as each line carried in the hour before.
    """
    with sqlite3.connect(folder / "history.db") as db:
        slots = [it for (it,) in db.execute("SELECT slot FROM series WHERE measure = 'receive'")]
        for at, ticks in OUTAGES:
            first, last = FIRST + at, FIRST + at + ticks - 1
            before = "SELECT rates FROM ticks WHERE tick BETWEEN ? AND ?"
            kept = [
                np.frombuffer(it, "<f4") for (it,) in db.execute(before, (first - 12, first - 1))
            ]
            bits = np.mean(kept, axis=0) * ticks * 300.0
            db.execute("DELETE FROM ticks WHERE tick BETWEEN ? AND ?", (first, last))
            rows = ((it, first, last, json.dumps(bits[it : it + 2].tolist())) for it in slots)
            db.executemany("INSERT INTO runs VALUES (?, ?, ?, ?)", rows)
    db.close()


def _cost(folder: Path, uplink_bps: float) -> dict[str, float]:
    name = __name__ if __name__ != "__main__" else "tests.bench.plan"
    command = [sys.executable, "-m", name, str(folder), str(uplink_bps)]
    said = subprocess.run(command, capture_output=True, check=True)
    return dict(json.loads(said.stdout))


def plan(folder: Path, uplink_bps: float) -> None:
    """Plan all of it once, and say what it took."""
    config = centre(uplink_bps)
    begun = time.process_time()
    with HistoryReader(folder / "history.db") as reader:
        for _ in reader.traffic([it.name for it in config.links], FIRST, TICKS):
            pass
    read = time.process_time()
    with HistoryReader(folder / "history.db") as reader:
        said = said_of(planned(config, reader, FIRST + TICKS, TODAY))
    totals = said["totals"]
    print(
        json.dumps(
            {
                "cpu_s": time.process_time() - read,
                "reading_s": read - begun,
                "resident_mib": most_resident_mib(),
                "planned": totals["planned"]["lines"],
                "does_not_fit": totals["does_not_fit"]["lines"],
                "waves": totals["waves"],
            }
        )
    )


def centre(uplink_bps: float) -> AgentConfig:
    """A network every ten lines; every third line has a day to give notice by, each its price."""
    every = names(LINES + UPLINKS)
    ends, lines = every[:UPLINKS], every[UPLINKS:]
    networks = [
        Network(name=f"n{n}", kind="dedicated", destination="extranet") for n in range(LINES // 10)
    ]
    extranet = Network(name="extranet", kind="extranet", uplinks=tuple(ends))
    return AgentConfig(
        node=Node(name="bench"),
        networks=(*networks, extranet),
        links=(
            *(_link(it, "extranet", uplink_bps) for it in ends),
            *(_line(it, n) for n, it in enumerate(lines)),
        ),
    )


def _line(name: str, number: int) -> Link:
    end = TODAY + timedelta(number % 400) if number % 3 == 0 else None
    link = _link(name, f"n{number // 10}", BANDWIDTH_BPS)
    return link.model_copy(
        update={"contract_end": end, "annual_cost_yuan": 12_000.0 + 1_000 * (number % 97)}
    )


def _link(name: str, network: str, bandwidth_bps: float) -> Link:
    interface = Interface(device="r1", name=name)
    return Link(name=name, network=network, interface=interface, bandwidth_bps=bandwidth_bps)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        plan(Path(sys.argv[1]), float(sys.argv[2]))
    else:
        main()
