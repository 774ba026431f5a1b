"""This host's numbers against /proc's own, and hosts that tell little or nothing."""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from time import CLOCK_BOOTTIME, clock_gettime
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import link, server
from collectors.base import (
    CollectError,
    CounterReading,
    GaugeReading,
    Measurement,
    Metric,
    Moment,
    Reason,
    Sample,
    Tools,
)
from collectors.host import BoundNic, CpuMeter, HostTarget, busy_ratio, collect, nics
from tests.testbed import peer

STAT = "cpu  {} 0 0 {} 0 0 0 0 0 0\n"
MEMORY = {"MemTotal": 1000, "MemFree": 100, "MemAvailable": 250, "SwapFree": 256}


@pytest.fixture
async def tools() -> AsyncIterator[Tools]:
    one = Tools(lambda: Moment(1_700_000_000.0, clock_gettime(CLOCK_BOOTTIME)))
    yield one
    await one.close()


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own /proc for psutil, with nothing in it: what a container may hide."""
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def spinning() -> Iterator[None]:
    """One core does its best to be busy."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        yield
        process.kill()


async def measure(
    tools: Tools, *bound: str, name: str | None = "s"
) -> tuple[dict[tuple[str, ...], float], list[CounterReading], list[GaugeReading]]:
    links = tuple(BoundNic(link=f"link-{nic}", nic=nic) for nic in bound)
    return sorted_out(await collect.collect(HostTarget(server=name, nics=links), tools))


def sorted_out(
    measurements: Sequence[Measurement],
) -> tuple[dict[tuple[str, ...], float], list[CounterReading], list[GaugeReading]]:
    samples = [one for one in measurements if isinstance(one, Sample)]
    values = {key(one.metric, *one.labels): one.value for one in samples}
    assert len(values) == len(samples), "a sample comes twice"
    counters = [one for one in measurements if isinstance(one, CounterReading)]
    return values, counters, [one for one in measurements if isinstance(one, GaugeReading)]


def key(metric: Metric, *labels: str) -> tuple[str, ...]:
    return (metric.name, *labels)


def octets(nic: str) -> tuple[int, int]:
    """Received and sent, from the kernel's other witness: one file a number."""
    folder = Path("/sys/class/net") / nic / "statistics"
    if not folder.is_dir():
        pytest.skip("needs /sys/class/net, which is hidden here")
    return tuple(int((folder / f"{way}_bytes").read_text()) for way in ("rx", "tx"))  # type: ignore[return-value]


def some_traffic() -> None:
    """Pass some octets over loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.sendto(bytes(1000), sock.getsockname())
        assert len(sock.recv(2000)) == 1000


async def test_a_nics_octets_lie_between_the_kernels_before_and_after(tools: Tools) -> None:
    before = octets("lo")
    some_traffic()
    _, (reading,), _ = await measure(tools, "lo", name=None)
    some_traffic()
    after = octets("lo")
    assert before[0] < reading.receive_bytes < after[0]
    assert before[1] < reading.transmit_bytes < after[1]


async def test_a_nic_is_a_link_with_its_state_and_errors(tools: Tools) -> None:
    values, (reading,), _ = await measure(tools, "lo", name=None)
    assert (reading.kind, reading.subject, reading.identity) == ("link", "link-lo", "local/lo")
    assert reading.counter_bits == 64
    assert reading.uptime_s == reading.at.steady_s
    assert reading.discontinuity == socket.if_nametoindex("lo")
    assert values[key(link.UP, "link-lo")] == 1
    assert {name for name, *_ in values} >= {
        link.RECEIVE_ERRORS.name,
        link.TRANSMIT_ERRORS.name,
        link.RECEIVE_DISCARDS.name,
        link.TRANSMIT_DISCARDS.name,
    }


async def test_a_speed_that_is_not_known_is_left_out(tools: Tools) -> None:
    values, (reading,), _ = await measure(tools, "lo", name=None)
    assert reading.port_speed_bps is None
    assert key(link.PORT_SPEED, "link-lo") not in values


async def test_the_server_has_its_physical_nics_in_one_sum(tools: Tools) -> None:
    before = [octets(nic) for nic in nics()]
    values, counters, _ = await measure(tools)
    after = [octets(nic) for nic in nics()]
    if not before:
        pytest.skip("needs a NIC besides lo")
    (reading,) = counters
    assert sum(rx for rx, _ in before) <= reading.receive_bytes <= sum(rx for rx, _ in after)
    assert sum(tx for _, tx in before) <= reading.transmit_bytes <= sum(tx for _, tx in after)
    assert reading.identity == f"local/{','.join(nics())}"
    assert (reading.kind, reading.subject, reading.port_speed_bps) == ("server", "s", None)
    assert values[key(server.RECEIVE, "s")] == reading.receive_bytes
    assert values[key(server.TRANSMIT, "s")] == reading.transmit_bytes


async def test_memory_and_cores_are_those_of_proc(tools: Tools) -> None:
    values, _, gauges = await measure(tools)
    total_kib, available_kib = (kib_of(name) for name in ("MemTotal", "MemAvailable"))
    assert values[key(server.MEMORY, "s")] == total_kib * 1024
    used = values[key(server.MEMORY_USED, "s")]
    assert used == pytest.approx(1 - available_kib / total_kib, abs=0.05)
    assert values[key(server.CORES, "s")] == os.cpu_count()
    disks = server.FILESYSTEM.name
    assert {(one.measure, one.value) for one in gauges} == {
        ("memory", used),
        ("memory_bytes", total_kib * 1024),
        ("cpu", values[key(server.CPU, "s")]),
        ("cores", os.cpu_count()),
        ("disk_bytes", sum(size for (name, *_), size in values.items() if name == disks)),
    }


def kib_of(name: str) -> int:
    meminfo = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(meminfo[name].split()[0])


async def test_the_very_first_cpu_ratio_is_of_real_work(tools: Tools, spinning: None) -> None:
    values, _, _ = await measure(tools)
    assert 0.1 / (os.cpu_count() or 1) < values[key(server.CPU, "s")] <= 1


async def test_a_cpu_ratio_spans_the_time_since_the_last_one(proc: Path) -> None:
    stat = proc / "stat"
    stat.write_text(STAT.format(100, 900))
    meter = CpuMeter()
    assert await meter.ratio() is None, "no time passed in this /proc, so there is no ratio"
    stat.write_text(STAT.format(175, 925))
    assert await meter.ratio() == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("spent", "ratio"),
    [
        pytest.param({"user": 1, "system": 1, "idle": 2}, 0.5, id="work"),
        pytest.param({"user": 1, "idle": 1, "iowait": 2}, 0.25, id="waiting-for-disks-is-no-work"),
        pytest.param({"user": 2, "guest": 2, "idle": 2}, 0.5, id="guests-are-in-user-already"),
        pytest.param({"nice": 2, "guest_nice": 2, "idle": 2}, 0.5, id="nice-guests-in-nice"),
        pytest.param({"steal": 1, "idle": 3}, 0.25, id="what-was-stolen-was-wanted"),
        pytest.param({"user": 1, "idle": 0, "iowait": -0.5}, 1.0, id="iowait-steps-back"),
        pytest.param({"user": 0, "idle": 0}, None, id="no-time-passed"),
        pytest.param({}, None, id="nothing-told"),
    ],
)
def test_what_counts_as_busy(spent: dict[str, float], ratio: float | None) -> None:
    assert busy_ratio(dict.fromkeys(spent, 0.0), spent) == ratio


TIMES = st.fixed_dictionaries(
    {name: st.floats(0, 1e9) for name in ("user", "nice", "system", "idle", "iowait", "steal")}
)


@given(TIMES, TIMES)
def test_a_busy_ratio_is_a_ratio_whatever_the_clocks_did(
    before: dict[str, float], after: dict[str, float]
) -> None:
    ratio = busy_ratio(before, after)
    assert ratio is None or 0 <= ratio <= 1


async def test_a_nic_that_is_not_there_is_named_and_the_rest_is_kept(tools: Tools) -> None:
    with pytest.raises(
        CollectError, match=r"^no NIC nic9 \(link link-nic9\); this host has .*lo"
    ) as it:
        await measure(tools, "nic9", "lo")
    assert it.value.reason is Reason.NO_SUCH_INTERFACE
    values, counters, _ = sorted_out(it.value.measurements)
    assert values[key(link.UP, "link-lo")] == 1
    assert key(server.MEMORY, "s") in values
    assert "link-lo" in {one.subject for one in counters}


async def test_who_watches_no_server_gets_none_of_it(tools: Tools) -> None:
    values, (reading,), gauges = await measure(tools, "lo", name=None)
    assert gauges == []
    assert reading.kind == "link"
    assert not [name for name, *_ in values if name.startswith("netfold_server_")]


@pytest.mark.parametrize("masked", [(), ("stat", "meminfo", "vmstat", "filesystems", "net/dev")])
async def test_a_host_that_tells_nothing_gives_nothing_and_fails_at_nothing(
    proc: Path, tools: Tools, masked: tuple[str, ...]
) -> None:
    """Its files are not there, or are but empty: a mask is /dev/null mounted over them."""
    (proc / "net").mkdir()
    for name in masked:
        (proc / name).touch()
    values, counters, gauges = await measure(tools)
    assert set(values) <= {key(server.CORES, "s")}, "the C library may still know the cores"
    assert {one.measure for one in gauges} <= {"cores"}
    assert (counters, nics()) == ([], [])


@pytest.mark.parametrize("swap_kib", [0, 1024])
async def test_swap_is_said_only_where_there_is_some(
    proc: Path, tools: Tools, swap_kib: int
) -> None:
    lines = MEMORY | {"SwapTotal": swap_kib}
    (proc / "meminfo").write_text("".join(f"{name}: {kib} kB\n" for name, kib in lines.items()))
    values, _, _ = await measure(tools)
    assert values[key(server.MEMORY_USED, "s")] == 0.75
    swap = {name: value for (name, *_), value in values.items() if "swap" in name}
    some = {server.SWAP.name: 1024 * 1024, server.SWAP_USED.name: 768 * 1024}
    assert swap == (some if swap_kib else {})


async def test_a_filesystem_has_the_size_that_statvfs_gives(tools: Tools) -> None:
    values, _, _ = await measure(tools)
    sizes = {
        labels[1]: value
        for (name, *labels), value in values.items()
        if name == server.FILESYSTEM.name
    }
    for mountpoint, size_bytes in sizes.items():
        said = os.statvfs(mountpoint)
        assert size_bytes == said.f_blocks * said.f_frsize
        assert 0 <= values[key(server.FILESYSTEM_USED, "s", mountpoint)] <= size_bytes
    assert len(sizes) == len({os.stat(mountpoint).st_dev for mountpoint in sizes})  # noqa: PTH116 - blocks nobody here


CONTAINER = """
import asyncio, json, sys
from collectors.base import Moment, Sample, Tools
from collectors.host import BoundNic, HostTarget, collect, nics
bound = tuple(BoundNic(link=nic, nic=nic) for nic in nics())
target = HostTarget(server="s", nics=bound)
measurements = asyncio.run(collect.collect(target, Tools(lambda: Moment(0, 0))))
samples, identities = [], []
for one in measurements:
    if isinstance(one, Sample):
        samples.append([one.metric.name, *one.labels, one.value])
    else:
        identities.append(one.identity)
json.dump({"nics": nics(), "samples": samples, "identities": identities}, sys.stdout)
"""


def contained(preparation: str) -> dict[str, Any]:
    """Measure in namespaces of its own, prepared by shell commands."""
    unshare = ["unshare", "-mn"] if os.geteuid() == 0 else ["unshare", "-Urmn"]
    ip = peer("ip")
    only_its = " ".join(f"{key}={shlex.quote(ip.env[key])}" for key in ("PATH", "LD_LIBRARY_PATH"))
    its_ip = f'ip() {{ env {only_its} {shlex.quote(str(ip.binary))} "$@"; }}'
    script = f'set -e\n{its_ip}\n{preparation}\nexec "$0" -c "$1"'
    command = [*unshare, "sh", "-c", script, sys.executable, CONTAINER]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    for tool in ("unshare", "mount"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}, which is not here")
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    if done.returncode and "unshare:" in done.stderr:
        pytest.skip(f"needs namespaces, which are refused here: {done.stderr.strip()}")
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


VETHS = """
ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up
ip link add v2 type veth peer name v3
"""


def test_without_physical_nics_all_but_loopback_are_watched() -> None:
    found = contained(VETHS)
    assert found["nics"] == ["v0", "v1", "v2", "v3"]
    assert "local/v0,v1,v2,v3" in found["identities"]
    up = {labels[0]: labels[1] for name, *labels in found["samples"] if name == link.UP.name}
    assert up == {"v0": 1, "v1": 1, "v2": 0, "v3": 0}
    speed = [row[2] for row in found["samples"] if row[:2] == [link.PORT_SPEED.name, "v0"]]
    assert speed == [10e9 / 8], "a veth says 10 Gbit/s"


def test_a_container_with_hidden_folders_is_watched_by_what_is_left() -> None:
    """As runtimes do: an empty /sys, and /dev/null over what the host keeps to itself."""
    hidden = "mount -t tmpfs none /sys; mount --bind /dev/null /proc/diskstats"
    found = contained(f"{VETHS}\n{hidden}; mount --bind /dev/null /proc/swaps")
    assert found["nics"] == ["v0", "v1", "v2", "v3"]
    assert {row[0] for row in found["samples"]} >= {server.CPU.name, server.MEMORY.name}


def test_a_host_with_loopback_alone_has_no_nic_to_watch() -> None:
    found = contained(":")
    assert found["nics"] == []
    assert set(found["identities"]) == {"local"}, "CPU, memory and disks, no octets"
