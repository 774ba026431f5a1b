"""What it costs to poll interfaces, beside Debian's prometheus-snmp-exporter on the same agents."""

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from tests.bench import exporter
from tests.bench.exporter import COLUMNS, Exporter
from tests.bench.snmp_lab import Device, network
from tests.testbed import peer

LARGE = 1000
MANY, SMALL = 50, 48
ROUNDS = 9
LIMIT = 0.3
"""Of the exporter's CPU."""

CONTENDERS = {
    "exporter": "snmp_exporter, its own 25 repetitions",
    "exporter_60": "snmp_exporter, 60 repetitions",
    "walk": "netfold, a walk that knows nothing",
    "rows": "netfold, GETs of known rows",
    "regular": "netfold, a regular poll of all links",
    "floor": "the datagrams of the GETs alone",
}
COMPARED = ("exporter", "exporter_60", "walk", "rows")
"""Those that make the same text."""


class Cost(NamedTuple):
    """What one round took."""

    cpu_s: float
    wall_s: float
    texts: Sequence[str]


class Bench:
    """Both contenders and their devices."""

    def __init__(
        self, theirs: Exporter, ours: "subprocess.Popen[str]", pool: ThreadPoolExecutor
    ) -> None:
        self._theirs, self._ours, self._pool = theirs, ours, pool

    def cost(self, contender: str, version: str, devices: Sequence[Device]) -> Cost:
        """Let one of them poll all these devices, at once."""
        if contender.startswith("exporter"):
            return self._scrape(version + contender.removeprefix("exporter"), devices)
        assert self._ours.stdin
        assert self._ours.stdout
        order = {"kind": contender, "version": version, "hosts": [it.host for it in devices]}
        self._ours.stdin.write(json.dumps(order) + "\n")
        self._ours.stdin.flush()
        said = json.loads(self._ours.stdout.readline())
        return Cost(said["cpu_s"], said["wall_s"], [Path(said["text"]).read_text()])

    def _scrape(self, module: str, devices: Sequence[Device]) -> Cost:
        cpu_s, wall_s = self._theirs.cpu_s(), time.perf_counter()
        texts = list(self._pool.map(lambda it: self._theirs.scrape(it.host, module), devices))
        wall_s = time.perf_counter() - wall_s
        return Cost(self._theirs.cpu_s() - cpu_s, wall_s, [it.decode() for it in texts])


def main() -> None:
    """Print a table for each version and size."""
    print("## Interfaces by SNMP, beside prometheus-snmp-exporter\n")
    print(f"{exporter.version()}; the same snmpds over veth, the same {len(COLUMNS)} columns of")
    print(f"every interface, metrics text included; medians of {ROUNDS} rounds in alternating")
    print("order. A walk finds the rows, as the exporter does; GETs of known rows are what Netfold")
    print("does once it knows a device; a regular poll reads only what moves of the configured")
    print("links (here: all), and includes the history. The last line has no SNMP in it at all:")
    print("prepared datagrams sent and their replies read.\n")
    sizes = [LARGE, *[SMALL] * MANY]
    with tempfile.TemporaryDirectory() as name, running(Path(name), sizes) as (bench, devices):
        for version, title in (("v2c", "SNMPv2c"), ("v3", "SNMPv3, SHA-256 and AES-128")):
            if version == "v3" and importlib.util.find_spec("collectors.snmp.usm") is None:
                print(f"{title}: skipped, for there is no collectors/snmp/usm.py yet.\n")
                continue
            compare(bench, version, devices[:1], f"{title}, one agent with {LARGE:,} interfaces")
            compare(bench, version, devices[1:], f"{title}, {MANY} agents with {SMALL} each")


@contextmanager
def running(folder: Path, interfaces: Sequence[int]) -> Iterator[tuple[Bench, list[Device]]]:
    """Run the network, the exporter and the worker."""
    peer("ip").run("link", "set", "lo", "up")
    command = [sys.executable, "-m", "tests.bench.snmp_worker", str(folder)]
    with (
        network(folder, interfaces) as devices,
        exporter.exporter(folder) as theirs,
        ThreadPoolExecutor(len(devices)) as pool,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as ours,
    ):
        yield Bench(theirs, ours, pool), devices


def compare(bench: Bench, version: str, devices: Sequence[Device], title: str) -> None:
    """Print what each of them costs; end if they did not say the same."""
    warm = {it: bench.cost(it, version, devices) for it in CONTENDERS}
    check(warm, sum(it.interfaces for it in devices))
    rounds: dict[str, list[Cost]] = {it: [] for it in CONTENDERS}
    for n in range(ROUNDS):
        for contender in (list, reversed)[n % 2](list(CONTENDERS)):
            rounds[contender].append(bench.cost(contender, version, devices))
    thousands = sum(it.interfaces for it in devices) / 1000
    cpu_s = {it: median(cost.cpu_s for cost in rounds[it]) / thousands for it in CONTENDERS}
    wall_s = {it: median(cost.wall_s for cost in rounds[it]) for it in CONTENDERS}
    print(f"### {title}\n")
    print("| who | CPU per 1,000 interfaces | of the exporter's | wall time, all |")
    print("|---|---|---|---|")
    for it, said in CONTENDERS.items():
        ratio = cpu_s[it] / cpu_s["exporter"]
        print(f"| {said} | {cpu_s[it] * 1e3:.0f} ms | {ratio:.2f} | {wall_s[it] * 1e3:.0f} ms |")
    print()
    for it in ("walk", "rows"):
        print(
            verdict(CONTENDERS[it], cpu_s[it] / cpu_s["exporter"], wall_s[it] / wall_s["exporter"])
        )
    print()


def verdict(who: str, cpu_ratio: float, wall_ratio: float) -> str:
    """Say whether it keeps to what was aimed at."""
    cpu = "PASS" if cpu_ratio <= LIMIT else "over"
    wall = "PASS" if wall_ratio <= 1 else "over"
    return (
        f"- {who}: CPU {cpu_ratio:.2f} of the exporter's, {cpu} (at most {LIMIT}); "
        f"wall time {wall_ratio:.2f} of it, {wall} (at most 1)"
    )


def check(costs: dict[str, Cost], interfaces: int) -> None:
    """End the benchmark if they do not show the same series: its figures would mean nothing."""
    series = {it: sorted(_series(costs[it].texts)) for it in COMPARED}
    for contender, found in series.items():
        if len(found) != interfaces * len(COLUMNS) or found != series["exporter"]:
            msg = f"{contender}: {len(found)} series, not those of the exporter"
            raise SystemExit(msg)


def _series(texts: Sequence[str]) -> Iterator[tuple[tuple[str, str], ...]]:
    """Every series by its name and labels, whichever device it is of."""
    for text in texts:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                name = sample.name.removesuffix("_total")  # which the parser gives to counters
                if name in COLUMNS:
                    labels = {**sample.labels, "": name}
                    labels.pop("device", None)
                    yield tuple(sorted(labels.items()))


if __name__ == "__main__":
    main()
