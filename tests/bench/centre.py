"""Five hundred simulated agents, one centre: by Prometheus, by agent mode and remote write."""

import gzip
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import yaml

from agent.clock import now
from collectors.base import Moment
from dashboards.board_rules import MEASURED
from dashboards.build import GENERATED
from tests.bench.board_queries import Asked, ask_all
from tests.large_department import LINKS, PROBES, SERVERS, what_it_says
from tests.many_agents import Simulated, many_agents, name
from tests.peers import DIRECTLY, Prometheus, agent_mode, backfill, prometheus
from tests.testbed import cpu_s, peer
from tests.victoria import victoria, vmalert

NODES = 500
FEW = 4
"""Links of another real agent, to see what a link comes to."""

EVERY_S = 30
"""Twice as often as the shipped configurations scrape."""

WATCHED_S = 30
SETTLED_S = 330
"""The first scrape of each is the dearest: every series is new; rules come every two minutes."""

KEPT_MINUTES = 120
"""Of one node, at one sample a minute, to see what a sample takes on disk."""

CENTRE = GENERATED.parent / "centre"
SLOWEST_S = 1.0
SHOWN = 4


class Cost(NamedTuple):
    """What a process took while it was watched."""

    program: str
    cpu_ratio: float
    resident_bytes: int


class Run(NamedTuple):
    """What one way to the centre came to."""

    samples_per_s: float
    costs: list[Cost]
    asked_all: list[Asked]
    asked_one: list[Asked]


def main() -> None:
    peer("ip").run("link", "set", "lo", "up")
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        text = what_it_says(where / "department")
        few = what_it_says(where / "few", links=FEW)
        series = say_department(text, few)
        with many_agents(text, NODES, where) as (targets, _):
            direct = by_scraping(where / "direct", targets)
            through = by_writing(where / "through", targets)
        say_runs({"Prometheus": direct, "agent mode, VictoriaMetrics": through}, series)
        say_sizes(text, where, series)


def say_department(text: str, few: str) -> int:
    """What a real agent exposes, altogether (that is returned) and for each link."""
    families = Counter(re.findall(r"^(\w+)", text, re.MULTILINE))
    series = sum(families.values())
    a_link = (series - len(re.findall(r"^\w", few, re.MULTILINE))) / (LINKS - FEW)
    print(f"## One centre for {NODES} agents\n")
    print(f"- {version('prometheus')}; victoria-metrics {packaged('victoria-metrics')}")
    print(
        f"- A real agent of {LINKS} links, {PROBES} probes and {SERVERS} servers exposes {series:,}"
    )
    print(f"  series, {a_link:.0f} of them for each link, in {len(text) / 1e3:.0f} kB of text.")
    print(
        f"- {NODES} nodes say the same by one process, their values moving; each is scraped every"
    )
    print(f"  {EVERY_S} s, twice as often as the shipped configurations do.\n")
    return series


def version(program: str) -> str:
    """As it names itself, in one line."""
    said = peer(program).run("--version")
    return (said.stdout + said.stderr).splitlines()[0].split(" (")[0]


def packaged(program: str) -> str:
    """Debian's version of a program that does not know its own."""
    changes = peer(program).binary.parents[2] / f"usr/share/doc/{program}/changelog.Debian.gz"
    return gzip.decompress(changes.read_bytes()).decode().split("(")[1].split(")")[0]


def by_scraping(folder: Path, targets: Sequence[Mapping[str, Any]]) -> Run:
    """One Prometheus with the shipped job, rules and alerts."""
    config = simulated("prometheus.yml", targets)
    config["rule_files"] = [str(CENTRE / it) for it in config["rule_files"]]
    with prometheus(config, folder) as server:
        wait_for_all(server.url)
        wait_for_all(server.url, f"count({MEASURED})")
        counter = 'prometheus_tsdb_head_samples_appended_total{type="float"}'
        return watched(server.url, f"{server.url}/metrics", counter, ["prometheus"])


def by_writing(folder: Path, targets: Sequence[Mapping[str, Any]]) -> Run:
    """Agent mode by the shipped file, VictoriaMetrics, and vmalert with the rules of the boards."""
    config = simulated("agent.yml", targets)
    with victoria((), folder / "victoria", "-memory.allowedBytes=4GB") as url:
        config["remote_write"][0] |= {"url": f"{url}/api/v1/write", "tls_config": {}}
        with agent_mode(config, folder / "agent"), vmalert(GENERATED / "boards.yml", url, folder):
            wait_for_all(url)
            wait_for_all(url, f"count({MEASURED})")
            counter = 'vm_rows_inserted_total{type="promremotewrite"}'
            programs = ["prometheus", "victoria-metrics", "vmalert"]
            return watched(url, f"{url}/metrics", counter, programs)


def simulated(file: str, targets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A shipped configuration, but of the simulated agents, without TLS, and more often."""
    config: dict[str, Any] = yaml.safe_load((CENTRE / file).read_text(encoding="utf-8"))
    every = f"{EVERY_S}s"
    config["global"] = dict.fromkeys(config["global"], every)
    (job,) = config["scrape_configs"]
    for key in ("scheme", "tls_config", "file_sd_configs", "http_sd_configs"):
        job.pop(key, None)
    job["static_configs"] = list(targets)
    return config


def wait_for_all(url: str, counted: str = "count(up == 1)") -> None:
    """Wait until a server has seen every node up, or what else is counted of each.

    Raises:
        TimeoutError: it has not, and its figures would mean nothing.
    """
    server, end_s = Prometheus(url, Path()), time.monotonic() + SETTLED_S
    while server.value(counted) != NODES:
        if time.monotonic() > end_s:
            msg = f"not all of {NODES} nodes were scraped within {SETTLED_S} s"
            raise TimeoutError(msg)
        time.sleep(1)


def watched(url: str, metrics: str, counter: str, programs: Sequence[str]) -> Run:
    """Let it go on for a while, then ask all boards while it does."""
    processes = {it: child(it) for it in programs}
    before_s, taken, cpu = time.monotonic(), value(metrics, counter), cpu_of(processes)
    time.sleep(WATCHED_S)
    wall_s = time.monotonic() - before_s
    rate = (value(metrics, counter) - taken) / wall_s
    after = cpu_of(processes)
    costs = [
        Cost(it, (after[it] - cpu[it]) / wall_s, processes[it].memory_info().rss) for it in programs
    ]
    return Run(rate, costs, ask_all(url, {}), ask_all(url, {"instance": name(NODES // 2)}))


def child(program: str) -> psutil.Process:
    """The process of a program that this one started."""
    (found,) = [it for it in psutil.Process().children() if it.name().startswith(program[:15])]
    return found


def cpu_of(processes: Mapping[str, psutil.Process]) -> dict[str, float]:
    return {it: cpu_s(process.pid) for it, process in processes.items()}


def value(metrics: str, series: str) -> float:
    """One of a program's own metrics."""
    with DIRECTLY.open(metrics, timeout=30) as answer:
        text = answer.read().decode()
    (found,) = re.findall(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    return float(found)


def say_runs(runs: Mapping[str, Run], series: int) -> None:
    print("| way | samples a second | CPU | resident |\n|---|---|---|---|")
    for way, run in runs.items():
        for cost in run.costs:
            memory = f"{cost.resident_bytes / 2**30:.2f} GiB"
            rate = f"{run.samples_per_s:,.0f}"
            print(f"| {way}: {cost.program} | {rate} | {cost.cpu_ratio:.0%} of a core | {memory} |")
    print(f"\n{NODES * series:,} series. Queries of all boards, over the minutes that there are;")
    print(f"at most {SLOWEST_S:g} s is wanted. The {SHOWN} slowest:\n")
    print("| way | nodes chosen | within it | query of panel | series | took |")
    print("|---|---|---|---|---|---|")
    for way, run in runs.items():
        for chosen, asked in (("all", run.asked_all), ("one", run.asked_one)):
            over = [it for it in asked if it.took_s > SLOWEST_S]
            within = f"{len(asked) - len(over)} of {len(asked)}"
            for one in asked[:SHOWN]:
                took = f"{one.panel} | {one.series:,} | {one.took_s:.2f} s"
                print(f"| {way} | {chosen} | {within} | {took} |")
    print()


def say_sizes(text: str, folder: Path, series: int) -> None:
    """What samples of one node take on disk."""
    lines = list(old(text))
    backfill(lines, folder / "old")
    blocks = folder / "old" / "data"
    chunks = sum(it.stat().st_size for it in blocks.glob("*/chunks/*"))
    index = sum(it.stat().st_size for it in blocks.glob("*/index"))
    with victoria(lines, folder / "old-victoria"):
        pass
    data = folder / "old-victoria" / "data" / "data"
    stored = sum(it.stat().st_size for it in data.rglob("*") if it.is_file())
    count = len(lines)
    print(f"{count:,} samples of one node ({KEPT_MINUTES // 60} h at one a minute) take on disk:\n")
    print(f"- Prometheus: {chunks / count:.2f} bytes a sample, and {index / series:.0f} bytes of")
    print("  index for each series and block")
    print(f"- VictoriaMetrics: {stored / count:.2f} bytes a sample, its index not counted\n")


def old(text: str) -> Iterator[str]:
    """Lines of one node's samples over some hours that are past."""
    simulated = Simulated(text)
    end_s = now().wall_s // 60 * 60
    for minute in range(KEPT_MINUTES):
        at_s = end_s - 60 * (KEPT_MINUTES - minute)
        said = simulated.text(1, Moment(at_s, 0.0), 60.0 * minute).decode()
        yield from (f"{it} {at_s:.0f}\n" for it in said.splitlines() if it[0] != "#")


if __name__ == "__main__":
    main()
