"""Start, memory and CPU of an agent that polls 100 links of one real snmpd."""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from tests.agentproc import Agent, running
from tests.department import department, device, link
from tests.snmpd import Snmpd
from tests.testbed import peer

PAIRS = 50
STARTS = 5
INTERVAL_S = 2
WATCHED_S = 40


def main() -> None:
    """Print a table of the figures."""
    make_interfaces()
    with tempfile.TemporaryDirectory() as name, Snmpd(Path(name) / "snmpd") as snmpd:
        folder = Path(name)
        devices = [device("r1", snmpd.port, "v3", interval=f"{INTERVAL_S}s", timeout="2s")]
        names = [f"{side}{n}" for n in range(PAIRS) for side in "ab"]
        links = [link(name, "r1", name) for name in names]
        idle = department(folder, [])
        busy = department(folder, devices, links=links)
        starts = [first_metrics_s(folder / f"start{n}", busy) for n in range(STARTS)]
        nothing_cpu_s, _ = cost(folder / "nothing", idle, expected_links=0)
        cpu_s, memory_bytes = cost(folder / "links", busy, expected_links=len(links))
    polls = WATCHED_S / INTERVAL_S
    a_poll_s = (cpu_s - nothing_cpu_s) / polls
    print(f"## An agent with {len(links)} links (SNMPv3 authPriv, one device, one snmpd)\n")
    print("| what | figure |\n|---|---|")
    print(f"| first `/metrics` after start, median of {STARTS} | {median(starts):.2f} s |")
    print(f"| resident memory | {memory_bytes / 2**20:.0f} MiB |")
    print(f"| CPU of one poll of all links, over {polls:.0f} polls | {a_poll_s * 1e3:.0f} ms |")
    print(f"| that at one poll a minute | {a_poll_s / 60:.2%} of a core |")
    print(f"| CPU with nothing to poll | {nothing_cpu_s / WATCHED_S:.2%} of a core |")


def make_interfaces() -> None:
    """Bring up lo and veth pairs in this namespace."""
    ip = peer("ip")
    ip.run("link", "set", "lo", "up")
    for n in range(PAIRS):
        ip.run("link", "add", f"a{n}", "type", "veth", "peer", "name", f"b{n}")
        ip.run("link", "set", f"a{n}", "up")
        ip.run("link", "set", f"b{n}", "up")


def first_metrics_s(folder: Path, config: Mapping[str, Any]) -> float:
    """Seconds from the start of the process to its first answer on /metrics."""
    started = time.perf_counter()
    with running(folder, config) as agent:
        agent.get("/metrics")
        return time.perf_counter() - started


def cost(folder: Path, config: Mapping[str, Any], expected_links: int) -> tuple[float, int]:
    """CPU seconds over WATCHED_S once every target was measured, and resident bytes after it."""
    with running(folder, config) as agent:
        agent.wait_ready()
        process = psutil.Process(agent.process.pid)
        before = sum(process.cpu_times()[:2])
        time.sleep(WATCHED_S)
        after = sum(process.cpu_times()[:2])
        memory_bytes: int = process.memory_info().rss
        check_links(agent, expected_links)
    return after - before, memory_bytes


def check_links(agent: Agent, expected: int) -> None:
    """End the benchmark if not every link was measured: its figures would mean nothing."""
    measured = sum(name[0] == "netfold_link_up" for name in agent.values())
    if measured != expected:
        msg = f"only {measured} of {expected} links were measured"
        raise SystemExit(msg)
