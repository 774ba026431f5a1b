"""Servers by SNMP: over recordings, and of a real snmpd through the real agent."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from collectors import server
from collectors.base import (
    CollectError,
    CounterReading,
    GaugeReading,
    Measurement,
    Moment,
    Reason,
    Sample,
    Tools,
    find,
)
from collectors.snmp import nics
from collectors.snmp.client import SnmpClient
from collectors.snmp.host import Host, Memory, read_host
from collectors.snmp.profiles import choose
from collectors.snmp.varbind import Value
from collectors.snmp_host import FOUND_FOR_S, Hosts, SnmpHostTarget, collect, memory_of
from tests.agentproc import Agent, running
from tests.department import department, device, link
from tests.recorded import Recorded
from tests.snmpd import COMMUNITY, SECRETS, V2C, Snmpd
from tests.testbed import eventually

OURS = Path(__file__).parent / "fixtures" / "recordings"
UPTIME = "1.3.6.1.2.1.1.3.0"
STATS = "1.3.6.1.4.1.2021.11"
DB1 = SnmpHostTarget(
    name="db1", device="s1", address="198.51.100.1", interval=40, credential=COMMUNITY
)


class Polled:
    """A server that is a recording, polled by the collector; `wait` moves the clock."""

    def __init__(self, name: str) -> None:
        self.client = Recorded(OURS / f"host_{name}.snmprec")
        self.now_s = 2_000.0  # later than the uptime in the recordings
        self._tools = Tools(now=lambda: Moment(self.now_s + 1e9, self.now_s))
        self._tools._engines[SnmpClient] = self.client

    async def poll(self) -> Sequence[Measurement]:
        self.client.asked.clear()
        return await collect.collect(DB1, self._tools)

    def set(self, values: dict[str, Value], wait_s: float = 40.0) -> None:
        self.now_s += wait_s
        self.client.values |= {UPTIME: int(self.now_s * 100), **values}


def samples(found: Sequence[Measurement]) -> dict[tuple[str, ...], float]:
    return {
        (it.metric.name.removeprefix("netfold_server_"), *it.labels[1:]): it.value
        for it in found
        if isinstance(it, Sample)
    }


def levels(found: Sequence[Measurement]) -> dict[str, float]:
    return {it.measure: it.value for it in found if isinstance(it, GaugeReading)}


def test_the_module_is_found_by_its_kind() -> None:
    assert find("snmp_host") is collect
    assert collect.metrics == server.METRICS


def test_no_secret_is_in_the_targets_repr() -> None:
    assert not any(secret in repr(DB1) for secret in SECRETS)


async def test_a_linux_server_is_measured_by_its_ticks_from_the_second_poll_on() -> None:
    polled = Polled("linux")
    first = await polled.poll()
    assert samples(first) == {
        ("cores",): 2,
        ("memory_bytes",): 1_024_000,
        ("memory_used_ratio",): pytest.approx(0.55),  # 450 of 1000 kB are available
        ("swap_bytes",): 512_000,
        ("swap_used_bytes",): 20_480,
        ("filesystem_bytes", "/"): 3_294_967_296 * 4096,
        ("filesystem_used_bytes", "/"): 4_096_000,
        ("receive_bytes_total",): 5_000_000_007,
        ("transmit_bytes_total",): 6_000_000_008,
    }
    polled.set({f"{STATS}.50.0": 1_600, f"{STATS}.53.0": 1_104})  # busy 600, idle 1400 (a wrap)
    second = await polled.poll()
    assert samples(second)["cpu_ratio",] == pytest.approx(0.3)
    assert levels(second) == pytest.approx(
        {
            "cpu": 0.3,
            "memory": 0.55,
            "cores": 2,
            "memory_bytes": 1_024_000,
            "disk_bytes": 3_294_967_296 * 4096,
        }
    )


async def test_readings_are_of_the_server_its_device_and_hold_for_one_and_a_half_intervals() -> (
    None
):
    found = [it for it in await Polled("windows").poll() if isinstance(it, GaugeReading)]
    assert [(it.kind, it.subject, it.identity, it.measure) for it in found] == [
        ("server", "db1", "s1", measure)
        for measure in ("cpu", "cores", "memory_bytes", "memory", "disk_bytes")
    ]
    assert {it.holds_s for it in found} == {60.0}


async def test_a_windows_server_has_one_nic_whatever_filters_repeat_it() -> None:
    found = await Polled("windows").poll()
    assert samples(found)["cpu_ratio",] == pytest.approx(0.03)
    (reading,) = [it for it in found if isinstance(it, CounterReading)]
    assert (reading.identity, reading.counter_bits) == ("s1/Ethernet0", 32)
    assert (reading.receive_bytes, reading.transmit_bytes) == (5_000, 6_000)
    assert reading.port_speed_bps == 1e9
    assert ("receive_bytes_total",) not in samples(found)  # PromQL would take a wrap for a restart


async def test_a_regular_poll_reads_only_what_changes() -> None:
    polled = Polled("linux")
    await polled.poll()
    polled.set({})
    await polled.poll()
    columns = {oid.rsplit(".", 1)[0] for oid in polled.client.asked}
    assert nics.COLUMNS[0] not in columns  # descriptions
    assert "1.3.6.1.2.1.25.2.3.1.3" not in columns  # hrStorageDescr
    assert len(polled.client.asked) <= 50  # one request


async def test_rows_are_found_anew_every_hour() -> None:
    polled = Polled("linux")
    await polled.poll()
    grown = {
        "1.3.6.1.2.1.25.2.3.1.2.99": "1.3.6.1.2.1.25.2.1.4",
        "1.3.6.1.2.1.25.2.3.1.3.99": b"/new",
        "1.3.6.1.2.1.25.2.3.1.4.99": 1,
        "1.3.6.1.2.1.25.2.3.1.5.99": 10,
        "1.3.6.1.2.1.25.2.3.1.6.99": 5,
    }
    polled.set(grown, wait_s=FOUND_FOR_S - 1)
    assert ("filesystem_bytes", "/new") not in samples(await polled.poll())
    polled.set({}, wait_s=2)
    assert samples(await polled.poll())["filesystem_bytes", "/new"] == 10


async def test_after_a_restart_rows_are_found_anew_and_no_ticks_are_compared() -> None:
    polled = Polled("linux")
    polled.set({})
    await polled.poll()
    polled.set({f"{STATS}.50.0": 1_600, f"{STATS}.53.0": 4294969000, UPTIME: 100})
    found = await polled.poll()
    assert "1.3.6.1.2.1.25.2.3.1.3" in polled.client.asked
    assert ("cpu_ratio",) not in samples(found)


async def test_ticks_that_stood_still_wait_for_the_next_ones() -> None:
    polled = Polled("linux")
    await polled.poll()
    polled.set({}, wait_s=1)
    assert ("cpu_ratio",) not in samples(await polled.poll())
    polled.set({f"{STATS}.50.0": 1_100, f"{STATS}.53.0": 0}, wait_s=4)
    found = samples(await polled.poll())
    assert found["cpu_ratio",] == pytest.approx(100 / 396)


async def test_a_device_that_tells_nothing_of_a_server_is_a_failure_in_one_line() -> None:
    polled = Polled("linux")
    polled.client.values = {UPTIME: 1}
    with pytest.raises(CollectError, match="tells nothing of a server") as caught:
        await polled.poll()
    assert caught.value.reason is Reason.UNEXPECTED_CONTENT
    assert "\n" not in caught.value.detail


def told(*memory: Memory, available: int | None = None) -> Host:
    return Host((), memory, (), None, None, None, available, None)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param(told(), (None, None), id="nothing-told"),
        pytest.param(
            told(Memory("", 100, 90, 0.9), available=60), (100, 0.4), id="the-kernels-word"
        ),
        pytest.param(
            told(Memory("", 100, 90, 0.9), available=101), (100, None), id="more-than-all"
        ),
        pytest.param(
            told(Memory("", 100, 90, 0.9), Memory("", 300, 10, 0.1)), (400, 0.25), id="sum"
        ),
        pytest.param(
            told(Memory("", None, None, 0.4), Memory("", 9, 9, 1)), (None, 1), id="fullest"
        ),
    ],
)
def test_one_memory_is_made_of_all(host: Host, expected: tuple[int | None, float | None]) -> None:
    assert memory_of(host) == expected


async def test_another_agent_under_the_same_name_is_asked_anew() -> None:
    polled = Polled("windows")
    hosts = polled._tools.use(Hosts)
    first = await hosts.find(polled.client, DB1, 0.0, anew=False)
    moved = DB1.model_copy(update={"address": "198.51.100.2"})
    assert await hosts.find(polled.client, DB1, 1.0, anew=False) is first
    assert await hosts.find(polled.client, moved, 2.0, anew=False) is not first


def nic(index: int, name: str, octets: int, address: bytes = b"\2\0\0\0\0\1") -> dict[str, Any]:
    values = (name.encode(), name.encode(), 6, address, 1, 1000, None, octets, octets, 0, 0)
    return {column: {str(index): it} for column, it in zip(nics.COLUMNS, values, strict=True)}


def test_a_bond_counts_for_its_members_and_a_bridge_not_for_its_nic() -> None:
    rows = [nic(1, "eth0", 50), nic(2, "eth1", 60), nic(3, "bond0", 110), nic(4, "br0", 100)]
    tables = {
        column: dict(itertools.chain.from_iterable(row[column].items() for row in rows))
        for column in nics.COLUMNS
    }
    assert nics.physical(tables) == ["3"]
    assert nics.traffic(tables, ["3"]) == nics.Traffic(("bond0",), 110, 110, 64, 1_000_000_000)


def test_several_nics_of_32_bits_have_no_sum() -> None:
    narrow = {
        column: {"1": value, "2": value}
        for column, value in zip(
            nics.COLUMNS, (b"e", b"e", 6, b"m", 1, 100, None, None, None, 5, 5), strict=True
        )
    }
    assert nics.traffic(narrow, ["1", "2"]) is None
    assert nics.traffic(narrow, ["1"]) == nics.Traffic(("e",), 5, 5, 32, 100_000_000)
    assert nics.traffic(narrow, []) is None


def test_a_sum_of_several_nics_has_64_bits_too() -> None:
    """More would not fit where the history keeps it."""
    counters = nics.COLUMNS[7:9]
    told = nics.traffic({it: {"1": 2**64 - 1, "2": 8} for it in counters}, ["1", "2"])
    assert told is not None
    assert (told.receive_bytes, told.transmit_bytes) == (7, 7)


@pytest.mark.parametrize("credential", ["v2c", "v3"])
def test_the_agent_sees_this_host_by_snmp_as_psutil_does(tmp_path: Path, credential: str) -> None:
    with Snmpd(tmp_path / "snmpd") as snmpd:
        config = department(
            tmp_path,
            [device("s1", snmpd.port, credential)],
            links=[link("edu-a", "s1", "lo")],
            servers=[{"name": "db1", "device": "s1"}],
        )
        with running(tmp_path, config) as agent:
            agent.wait_ready()
            eventually(lambda: counts(snmpd), deadline_s=30)
            eventually(lambda: value(agent, "cpu_ratio") is not None, deadline_s=30)
            memory = psutil.virtual_memory()
            assert value(agent, "cores") == psutil.cpu_count()
            assert 0 <= (value(agent, "cpu_ratio") or 0) <= 1
            assert value(agent, "memory_bytes") == memory.total
            used = 1 - memory.available / memory.total
            assert value(agent, "memory_used_ratio") == pytest.approx(used, abs=0.05)
            for mount in mounts(agent):
                disk = psutil.disk_usage(mount)
                assert value(agent, "filesystem_bytes", mount) == disk.total
                used_bytes = value(agent, "filesystem_used_bytes", mount)
                assert used_bytes == pytest.approx(disk.used, rel=0.05)
            assert agent.value("netfold_collect_success", "db1", "snmp_host") == 1
            assert agent.value("netfold_collect_success", "s1", "snmp_interfaces") == 1


async def test_ticks_are_the_kernels_state_by_state(tmp_path: Path) -> None:
    client = SnmpClient()
    with Snmpd(tmp_path / "snmpd") as snmpd:
        eventually(lambda: counts(snmpd), deadline_s=30)
        told = await read_host(client, snmpd.agent, choose(None))
        kernel = psutil.cpu_times()
    await client.close()
    assert told.ticks is not None
    busy = (kernel.user, kernel.nice, kernel.system, kernel.irq, kernel.softirq, kernel.steal)
    counted = (*told.ticks.busy, *told.ticks.idle)
    late = 20 * 100 * psutil.cpu_count()  # snmpd looked some seconds ago, at every core
    for seconds, ticks in zip((*busy, kernel.idle, kernel.iowait), counted, strict=True):
        apart = (seconds * 100 - ticks) % 2**32
        assert min(apart, 2**32 - apart) < late


def value(agent: Agent, metric: str, *labels: str) -> float | None:
    return agent.value(f"netfold_server_{metric}", "db1", *labels)


def mounts(agent: Agent) -> list[str]:
    """What snmpd shows of the disks here: in a container that may be nothing."""
    return [key[2] for key in agent.values() if key[0] == "netfold_server_filesystem_bytes"]


def counts(snmpd: Snmpd) -> bool:
    """Whether snmpd has read the CPU's counters: it begins some seconds after its start."""
    return snmpd.get(f"{STATS}.53.0", credential=V2C) not in ([], ["0"])
