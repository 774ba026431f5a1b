"""CPU, memory and disks of recorded devices: one recording a profile, and those of ../shared."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.snmp.agent import Agent
from collectors.snmp.host import Host, Memory, Ticks, assess, busy_ratio, read_host
from collectors.snmp.profiles import STANDARD, choose, shipped
from collectors.snmp.vendor import ratio, unsigned
from tests.recorded import Recorded
from tests.snmpd import COMMUNITY

OURS = Path(__file__).parent / "fixtures" / "recordings"
ANYWHERE = Agent("198.51.100.1", 161, COMMUNITY)
SYS_OBJECT_ID = "1.3.6.1.2.1.1.2.0"


async def host(path: Path) -> Host:
    client = Recorded(path)
    object_id = client.values.get(SYS_OBJECT_ID)
    assert object_id is None or isinstance(object_id, str)
    return await read_host(client, ANYWHERE, choose(object_id))


def test_every_profile_has_a_recording() -> None:
    kept = {Recorded(path).values[SYS_OBJECT_ID] for path in OURS.glob("host_*.snmprec")}
    assert {choose(str(it)).vendor for it in kept} == {it.vendor for it in shipped()}


@pytest.mark.parametrize(
    ("name", "processors", "load"),
    [
        # Slot 2 is idle and counts; the chassis, an empty name and "No board" do not.
        ("huawei-vrp", {"20": 0.31, "21": 0.0}, 0.155),
        ("huawei-vrp-old", {"0.0.0": 0.23}, 0.23),
        # The board is idle and counts; the frame, the power supply and the empty card do not.
        ("h3c-comware", {"65": 0.0, "67": 0.61}, 0.305),
        ("zte", {"1": 0.17}, 0.17),
        ("zte-old", {"0": 0.29}, 0.29),
        ("ruijie", {"0": 0.11}, 0.11),
        ("cisco-ios", {"1": 0.41, "2": 0.0}, 0.205),
        ("junos", {"7.1.0.0": 0.03, "9.1.0.0": 0.0}, 0.015),
        ("fortinet", {"0": 0.06, "1": 0.12, "2": 0.01}, 0.06),
        ("raisecom", {"0": 0.12, "1": 0.0}, 0.06),
        ("mikrotik", {"1": 0.08, "2": 0.0}, 0.04),
        ("windows", {"6": 0.04, "7": 0.02}, 0.03),
        ("linux", {"196608": 0.5, "196609": 0.3}, 0.4),
        ("linux-ucd", {}, None),
    ],
)
async def test_processors(name: str, processors: dict[str, float], load: float | None) -> None:
    told = await host(OURS / f"host_{name}.snmprec")
    found = {it.index: it.utilisation_ratio for it in told.processors}
    assert found == pytest.approx(processors)
    assert told.load_ratio == (None if load is None else pytest.approx(load))


@pytest.mark.parametrize(
    ("name", "memory"),
    [
        # A size in 32 bits with a sign: 3 GB are written as -1294967296.
        (
            "huawei-vrp",
            [("MPU slot 1", 3_000_000_000, 1_200_000_000), ("MPU slot 2", 2e6, 240_000)],
        ),
        ("cisco-ios", [("Processor", 4_000_000, 3_000_000)]),
        ("junos", [("FPC 0", 2**29, 161_061_274), ("Routing Engine 0", 2**31, 2**29)]),
        ("fortinet", [("Main Memory", 4_096_000, 2_048_000)]),
        ("raisecom", [(None, 4_096_000, 3_072_000)]),
        ("mikrotik", [("main memory", 1_024_000, 256_000)]),
        ("windows", [("Physical Memory", 131_072_000, 39_321_600)]),
        # 900 of 1000 kB used, of which 400 are buffers and cache.
        ("linux", [("Physical memory", 1_024_000, 512_000)]),
        ("linux-ucd", [("Physical memory", 1_024_000, 614_400)]),
    ],
)
async def test_memory_in_bytes(name: str, memory: list[tuple[str | None, int, int]]) -> None:
    told = await host(OURS / f"host_{name}.snmprec")
    assert [(it.description, it.total_bytes, it.used_bytes) for it in told.memory] == memory
    for one in told.memory:
        assert one.used_ratio == pytest.approx((one.used_bytes or 0) / (one.total_bytes or 1))


@pytest.mark.parametrize(
    ("name", "memory"),
    [
        ("h3c-comware", [("Board 1", 0.38), ("CPU 1", 0.5)]),
        ("zte", [(None, 0.45)]),
        ("ruijie", [("System", 0.63)]),
    ],
)
async def test_memory_of_unknown_size(name: str, memory: list[tuple[str | None, float]]) -> None:
    told = await host(OURS / f"host_{name}.snmprec")
    assert told.memory == tuple(Memory(it, None, None, share) for it, share in memory)


async def test_a_linux_server_tells_its_ticks_cores_swap_and_what_is_available() -> None:
    told = await host(OURS / "host_linux.snmprec")
    assert told.ticks == Ticks((1000, 100, 500, 10, 20, 20), (4294967000, 50))
    assert (told.cores, told.available_bytes) == (2, 460_800)
    assert told.swap == Memory("Swap space", 512_000, 20_480, 0.04)
    assert [it.description for it in told.storage] == ["/", "/run", "/data"]
    assert told.storage[0].total_bytes == (2**32 - 1_000_000_000) * 4096


def test_nothing_told_is_nothing_known() -> None:
    assert assess({}, STANDARD) == Host((), (), (), None, None, None, None, None)


@pytest.mark.parametrize("value", [b"", b"No data", None, 101, -1, 2**31 - 1])
def test_a_load_that_is_no_percentage_is_absent_and_not_0(value: bytes | int | None) -> None:
    load = STANDARD.processors[0].load
    told = assess({load: {"1": 40, "2": value}}, STANDARD)
    assert [it.utilisation_ratio for it in told.processors] == [0.4, None]
    assert told.load_ratio is None  # of half the processors nothing is known


@pytest.mark.parametrize(
    ("unit", "load"), [("idle_percent", 0.25), ("hundredths_of_percent", 0.0075)]
)
def test_loads_in_other_units(unit: str, load: float) -> None:
    one = STANDARD.processors[0].model_copy(update={"unit": unit})
    profile = STANDARD.model_copy(update={"processors": (one,)})
    assert assess({one.load: {"1": 75}}, profile).load_ratio == pytest.approx(load)


@pytest.mark.parametrize(
    ("before", "after", "elapsed_s", "busy"),
    [
        pytest.param(Ticks((0,), (0,)), Ticks((50,), (150,)), 1.0, 0.25, id="a-quarter"),
        pytest.param(Ticks((2**32 - 10,), (5,)), Ticks((40,), (55,)), 1.0, 0.5, id="a-wrap"),
        pytest.param(Ticks((7,), (9,)), Ticks((7,), (9,)), 1.0, None, id="no-time-passed"),
        pytest.param(Ticks((9,), (9,)), Ticks((8,), (9,)), 60.0, None, id="it-fell"),
        pytest.param(Ticks((0,), (0,)), Ticks((9_000,), (90_000,)), 60.0, None, id="more-than-all"),
    ],
)
def test_busy_ratio(before: Ticks, after: Ticks, elapsed_s: float, busy: float | None) -> None:
    assert busy_ratio(before, after, elapsed_s, cores=2) == busy


@given(st.lists(st.integers(0, 2**32 - 1), min_size=4, max_size=4), st.floats(0, 1e6))
def test_a_busy_ratio_is_a_ratio_or_absent(counts: list[int], elapsed_s: float) -> None:
    one, other, third, fourth = counts
    found = busy_ratio(Ticks((one,), (other,)), Ticks((third,), (fourth,)), elapsed_s, None)
    assert found is None or 0 <= found <= 1


@given(st.integers(-(2**31), 2**32 - 1), st.integers(1, 2**20))
def test_no_size_is_negative_and_no_share_is_more_than_all(count: int, unit_bytes: int) -> None:
    size = unsigned(count, unit_bytes)
    assert size is not None
    assert size >= 0
    share = ratio(count, unit_bytes)
    assert share is None or 0 <= share <= 1


DEVICES = [
    *("3com_4200", "comware_a5500", "cumulus_bgp", "fortigate_60f", "ios_2960x", "junos_qfx5100"),
    *("linux_icecast", "routeros", "ruijie", "vrp_5720", "windows_svr_2019_1809", "zxr10_5950"),
]


@pytest.mark.parametrize("name", DEVICES)
async def test_recorded_devices_tell_what_librenms_reads_of_them(shared: Path, name: str) -> None:
    """Equal, but for rounding; of hrStorageTable only the RAM is memory, not its parts or swap."""
    told = await host(shared / "devices" / f"{name}.snmprec")
    expected = json.loads((shared / "devices" / f"{name}.expected.json").read_text())
    processors = {it["processor_index"]: it["processor_usage"] for it in expected["processors"]}
    found = {it.index: it.utilisation_ratio for it in told.processors}
    assert found == pytest.approx({index: usage / 100 for index, usage in processors.items()})
    memory = [it for it in expected["mempools"] if it["mempool_class"] == "system"]
    assert len(told.memory) == len(memory)
    for one, wanted in zip(told.memory, memory, strict=True):
        assert one.used_ratio == pytest.approx(wanted["mempool_perc"] / 100, abs=0.005)
        if one.total_bytes is not None:  # Comware gives a percentage only, for LibreNMS 47 of 100
            assert one.total_bytes == wanted["mempool_total"]
            assert one.used_bytes == wanted["mempool_used"]
    disks = {it.description: (it.total_bytes, it.used_bytes) for it in told.storage}
    for it in expected["storage"]:
        assert disks[it["storage_descr"]] == (it["storage_size"], it["storage_used"])
