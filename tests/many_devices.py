"""A thousand recorded devices, a fifth of them dead, polled by one real agent every two seconds."""

import re
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

import psutil

from tests.agentproc import Agent, running
from tests.department import department
from tests.replay import replaying
from tests.replayed import Device, octets
from tests.snmpd import SECRETS

RECORDING = Path(__file__).parent / "fixtures" / "recordings" / "speeds.snmprec"
DEVICES, DEAD_EVERY = 1000, 5
LINKS = 2
INTERVAL_S = 2.0

# A client's parser would take longer for a thousand devices than the agent for polling them.
LAST_SUCCESS = re.compile(
    r'^netfold_collect_last_success_timestamp_seconds{target="(\w+)",.*} (.+)$', re.MULTILINE
)
FAILURES = re.compile(r'^netfold_collect_failures_total{target="(\w+)",.*} (.+)$', re.MULTILINE)


class Seen(NamedTuple):
    """What came of all rounds; memory is resident bytes, by the time since the first round."""

    rounds: int
    polled: int
    failed: float
    gaps_s: list[float]
    cpu_s: float
    wall_s: float
    memory: list[tuple[float, int]]

    @property
    def gap_p99_s(self) -> float:
        """The longest time between two polls of one live device, but for one in a hundred."""
        return quantiles(self.gaps_s, n=100)[-1]


def watch(folder: Path, rounds: int) -> Seen:
    """Run the agent for so many rounds after its first."""
    moving = octets(1_000_000)
    devices = {
        f"d{n}": Device(
            RECORDING,
            community=SECRETS[0],
            host=f"127.1.{n // 250}.{n % 250 + 1}",
            dead=n % DEAD_EVERY == 0,
            moving=moving,
        )
        for n in range(DEVICES)
    }
    with replaying(devices) as replay:
        config = department(
            folder,
            [
                {
                    "name": name,
                    "address": "{}:{}".format(*replay.addresses[name]),
                    "credential": "v2c",
                    "interval": f"{INTERVAL_S:g}s",
                    "timeout": "1500ms",
                }
                for name in devices
            ],
            links=[
                {
                    "name": f"{name}-{index}",
                    "network": "edu",
                    "interface": {"device": name, "index": str(index)},
                    "bandwidth": "100M",
                }
                for name in devices
                for index in range(1, LINKS + 1)
            ],
        )
        with running(folder, config) as agent:
            agent.wait_ready()
            return _watched(agent, {it for it in devices if not devices[it].dead}, rounds)


def _watched(agent: Agent, live: set[str], rounds: int) -> Seen:
    process = psutil.Process(agent.process.pid)
    polls: defaultdict[str, set[float]] = defaultdict(set)
    memory: list[tuple[float, int]] = []
    started_s, cpu_s = time.monotonic(), sum(process.cpu_times()[:2])
    failed = 0.0
    while (since_s := time.monotonic() - started_s) < rounds * INTERVAL_S:
        text = agent.get("/metrics").body.decode()
        for name, value in LAST_SUCCESS.findall(text):
            polls[name].add(float(value))
        failed = sum(float(value) for name, value in FAILURES.findall(text) if name in live)
        memory.append((since_s, process.memory_info().rss))
        time.sleep(INTERVAL_S / 2)
    gaps_s = [b - a for name in live for a, b in pairwise(sorted(polls[name])[1:])]
    return Seen(
        rounds=rounds,
        polled=len(polls),
        failed=failed,
        gaps_s=gaps_s,
        cpu_s=sum(process.cpu_times()[:2]) - cpu_s,
        wall_s=time.monotonic() - started_s,
        memory=memory,
    )
