import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
from pysnmp.hlapi.v3arch import asyncio as pysnmp

from collectors.base import CollectError, Reason
from collectors.snmp import ifmib
from collectors.snmp.client import SnmpClient
from collectors.snmp.community import CommunitySecurity
from collectors.snmp.message import NUMBERS, Get
from tests import recording
from tests.replay import Replay, replaying
from tests.replayed import Device, octets
from tests.testbed import eventually_async, peer

RECORDINGS = Path(__file__).parent / "fixtures" / "recordings"
SPEEDS, NAMES, OLD = (RECORDINGS / f"{name}.snmprec" for name in ("speeds", "names", "old"))
TYPES = """\
1.3.6.1.9.1.0|2|-5
1.3.6.1.9.2.0|4|some text
1.3.6.1.9.3.0|4x|00ff80
1.3.6.1.9.4.0|6|.1.3.6.1.4.1.99999
1.3.6.1.9.5.0|64|198.51.100.1
1.3.6.1.9.6.0|64x|c6336402
1.3.6.1.9.7.0|65|4294967295
1.3.6.1.9.8.0|66|7
1.3.6.1.9.10.0|68x|9f780442f60000
1.3.6.1.9.9.0|67|100
1.3.6.1.9.11.0|70|18446744073709551615
1.3.6.1.9.12.10.xx.xx.1|2|1
"""
SAID = [
    *("INTEGER: -5", 'STRING: "some text"', "Hex-STRING: 00 FF 80 ", "OID: .1.3.6.1.4.1.99999"),
    *("IpAddress: 198.51.100.1", "IpAddress: 198.51.100.2", "Counter32: 4294967295"),
    *("Gauge32: 7", "Timeticks: (100) 0:00:01.00", "Opaque: Float: 123.000000"),
    "Counter64: 18446744073709551615",
]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    types = tmp_path_factory.mktemp("recordings") / "types.snmprec"
    types.write_text(TYPES)
    middle = f"{ifmib.OPER_STATUS}.5"
    devices = {
        "plain": Device(SPEEDS),
        "types": Device(types),
        "names": Device(NAMES, host="127.9.8.7", community="another"),
        "old": Device(OLD),
        "cut": Device(SPEEDS, max_varbinds=7),
        "small": Device(SPEEDS, max_bytes=200),
        "few": Device(SPEEDS, too_big_over=4),
        "looping": Device(SPEEDS, loops_after=middle),
        "silent": Device(SPEEDS, silent_after=middle),
        "failing": Device(SPEEDS, fails_under=ifmib.TYPE),
        "slow": Device(SPEEDS, delay_s=0.3),
        "dead": Device(SPEEDS, dead=True),
        "moving": Device(SPEEDS, moving=octets(1000), uptime_runs=True),
    }
    with replaying(devices) as one:
        yield one


@pytest.fixture
async def client() -> AsyncIterator[SnmpClient]:
    one = SnmpClient()
    yield one
    await one.close()


def ask(replay: Replay, tool: str, name: str, *args: str, timeout_s: float = 2) -> str:
    """Ask with one of net-snmp's tools; what it says, complaints included."""
    device = replay.devices[name]
    host, port = replay.addresses[name]
    options = ("-v2c", "-c", device.community, "-On", "-r0", f"-t{timeout_s:g}", "-m", "")
    done = peer(tool).run(*options, f"{host}:{port}", *args)
    return done.stdout + done.stderr


def lines(path: Path) -> dict[str, str]:
    """OID -> value of a recording's lines, in the order of the OIDs."""
    rows = [line.split("|") for line in path.read_text().splitlines()]
    rows.sort(key=lambda row: [int(arc) for arc in row[0].split(".")])
    return {row[0]: row[2] for row in rows}


def test_every_type_reads_in_net_snmp_as_the_file_says(replay: Replay) -> None:
    *walked, end = ask(replay, "snmpbulkwalk", "types", "1.3.6.1.9").splitlines()
    assert [line.split(" = ")[1] for line in walked] == SAID
    assert "No more variables left in this MIB View" in end


@pytest.mark.parametrize("tool", ["snmpbulkwalk", "snmpwalk"])
def test_a_walk_gives_every_line_of_the_file_in_order(replay: Replay, tool: str) -> None:
    for name, path in (("plain", SPEEDS), ("names", NAMES), ("cut", SPEEDS), ("small", SPEEDS)):
        walked = ask(replay, tool, name, "1.3.6.1")
        asked = re.findall(r"^\.([\d.]+) = (?!No more)", walked, re.MULTILINE)
        assert asked == list(lines(path)), name


def test_single_values_and_successors_are_those_of_the_file(replay: Replay) -> None:
    got = ask(replay, "snmpget", "plain", f"{ifmib.HC_IN_OCTETS}.2", "1.3.6.1.2.1.1.3.0")
    assert re.findall(r"(?:Counter64: |\()(\d+)", got) == [str(2 * 2**33), "123456"]
    after = ask(replay, "snmpgetnext", "plain", f"{ifmib.INDEX}.1", "1.3.6.1.2.1.31.1.1.1.18.10")
    assert f".{ifmib.DESCRIPTION}.1 = " in after
    assert "No more variables left in this MIB View" in after


def test_an_absent_object_is_told_from_an_absent_instance(replay: Replay) -> None:
    said = ask(replay, "snmpget", "plain", f"{ifmib.INDEX}.77", "1.3.6.1.4.1.4.4.0")
    assert said.count("No Such Instance") == 1
    assert said.count("No Such Object") == 1


async def test_pysnmp_reads_the_same(replay: Replay) -> None:
    engine = pysnmp.SnmpEngine()
    host, port = replay.addresses["plain"]
    try:
        _, status, _, binds = await pysnmp.bulk_cmd(
            engine,
            pysnmp.CommunityData("public", mpModel=1),  # noqa: S508 - SNMPv2c is what is replayed
            await pysnmp.UdpTransportTarget.create((host, port)),
            pysnmp.ContextData(),
            *(0, 12, pysnmp.ObjectType(pysnmp.ObjectIdentity(ifmib.HC_OUT_OCTETS))),
            lookupMib=False,
        )
    finally:
        engine.close_dispatcher()
    assert not status
    file = lines(SPEEDS)
    first = list(file).index(f"{ifmib.HC_OUT_OCTETS}.1")
    read = [(str(name), value.prettyPrint()) for name, value in binds]
    assert read == list(file.items())[first : first + 12]


def test_no_message_is_longer_than_it_may_be(replay: Replay) -> None:
    many = [f"{ifmib.DESCRIPTION}.{index}" for index in range(1, 10)]
    assert "tooBig" in ask(replay, "snmpget", "small", *many)
    assert "tooBig" in ask(replay, "snmpget", "few", *many)
    assert "tooBig" not in ask(replay, "snmpget", "plain", *many)


def test_a_status_names_the_varbind_that_it_is_about(replay: Replay) -> None:
    said = ask(replay, "snmpget", "failing", f"{ifmib.DESCRIPTION}.1", f"{ifmib.TYPE}.1")
    assert "genErr" in said
    assert f"Failed object: .{ifmib.TYPE}.1" in said


def test_a_wrong_community_and_a_dead_device_get_no_answer(replay: Replay) -> None:
    before = replay.requests()["dead"]
    for name in ("dead", "names"):
        host, port = replay.addresses[name]
        community = ("-v2c", "-c", "public", "-r0", "-t0.2")
        done = peer("snmpget").run(*community, f"{host}:{port}", "1.3.6.1.2.1.1.1.0")
        assert "Timeout" in done.stderr
    assert replay.requests()["dead"] == before + 1


def test_a_loop_and_a_silence_begin_where_they_should(replay: Replay) -> None:
    looped = ask(replay, "snmpwalk", "looping", ifmib.OPER_STATUS)
    assert "OID not increasing" in looped
    walked = ask(replay, "snmpwalk", "silent", ifmib.OPER_STATUS, timeout_s=0.2)
    assert "Timeout" in walked
    assert [f".{ifmib.OPER_STATUS}.{row}" in walked for row in (1, 5, 6)] == [True, True, False]


async def test_a_slow_device_takes_its_time_and_keeps_nobody_else_waiting(
    replay: Replay, client: SnmpClient
) -> None:
    started = time.monotonic()
    await client.get(replay.agent("plain"), [ifmib.SYS_UPTIME])
    quick_s = time.monotonic() - started
    await client.get(replay.agent("slow"), [ifmib.SYS_UPTIME])
    assert time.monotonic() - started - quick_s >= 0.3
    assert quick_s < 0.3


async def test_counters_and_uptime_move_at_their_rate_and_fall_at_a_restart(
    replay: Replay, client: SnmpClient
) -> None:
    wanted = [ifmib.SYS_UPTIME, f"{ifmib.HC_IN_OCTETS}.2", f"{ifmib.OUT_OCTETS}.8"]
    before = await client.get(replay.agent("moving"), wanted)

    async def later() -> list[int] | None:
        now = await client.get(replay.agent("moving"), wanted)
        grown = [int(a) - int(b) for a, b in zip(now, before, strict=True)]  # type: ignore[arg-type]
        return grown if grown[0] >= 50 else None

    uptime, received, sent = await eventually_async(later)
    assert [received, sent] == pytest.approx([10 * uptime, 10 * uptime], abs=11)
    assert int(before[1] or 0) >= 2 * 2**33
    replay.restart("moving")
    after = await client.get(replay.agent("moving"), wanted)
    assert all(isinstance(it, int) and it < 10_000 for it in after)


async def test_a_device_changes_on_the_spot(replay: Replay, client: SnmpClient) -> None:
    replay.change("old", fails_under="1.3.6.1.2.1.1")
    with pytest.raises(CollectError) as caught:
        await client.get(replay.agent("old"), ["1.3.6.1.2.1.1.5.0"])
    assert caught.value.reason is Reason.UNEXPECTED_CONTENT
    replay.change("old", fails_under=None)
    assert await client.get(replay.agent("old"), ["1.3.6.1.2.1.1.5.0"]) == [b"old"]


def test_a_thousand_devices_answer_a_regular_poll_within_two_seconds_of_cpu_time() -> None:
    devices = {
        f"d{n}": Device(SPEEDS, host=f"127.1.{n // 250}.{n % 250 + 1}", dead=n % 5 == 0)
        for n in range(1000)
    }
    columns = (ifmib.OPER_STATUS, *octets(0), ifmib.NAME)
    poll = Get(f"{column}.{row}" for row in range(1, 11) for column in columns)
    message = CommunitySecurity(b"public").wrap(poll.pdu(NUMBERS[0]), 0, 0.0)
    with replaying(devices) as replay, socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        started_s = cpu_s(replay)
        for name, address in replay.addresses.items():
            sock.sendto(message, address)
            if not devices[name].dead:
                assert len(sock.recv(65_535)) > 900
        assert cpu_s(replay) - started_s < 2
        assert set(replay.requests().values()) == {1}


def cpu_s(replay: Replay) -> float:
    times = psutil.Process(replay.process.pid).cpu_times()
    return times.user + times.system


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.snmprec"
    bad.write_text("1.3.6.1.2|2|1\n1.3.6.1.3|2|one\n")
    with pytest.raises(ValueError, match=r"^bad\.snmprec:2: "):
        recording.read(bad)
