import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pysnmp.proto.api import v2c

from collectors import link
from collectors.base import (
    CollectError,
    CounterReading,
    Measurement,
    Moment,
    Reason,
    Sample,
    Tools,
    find,
)
from collectors.link import BoundLink
from collectors.snmp import ifmib
from collectors.snmp.credential import Credential
from collectors.snmp_interfaces import Polls, SnmpTarget, collect
from tests.snmpd import (
    COMMUNITY,
    SECRETS,
    USER,
    V2C,
    V3,
    Snmpd,
    answering,
    planted,
    scripted,
)
from tests.testbed import eventually

Poller = Callable[[], Awaitable[Sequence[Measurement]]]

PORTS = [*planted(101, "Gi0/0/1"), *planted(102, "Gi0/0/2"), *planted(103, "Gi0/0/3")]


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    with Snmpd(tmp_path_factory.mktemp("snmpd"), rows=PORTS) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def real_snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    with Snmpd(tmp_path_factory.mktemp("real")) as daemon:
        yield daemon


@pytest.fixture
async def tools() -> AsyncIterator[Tools]:
    seconds = itertools.count()
    one = Tools(now=lambda: Moment(next(seconds), 0.0))
    yield one
    await one.close()


def device(
    snmpd: Snmpd, *links: BoundLink, credential: Credential = COMMUNITY, name: str = "r1"
) -> SnmpTarget:
    address = f"127.0.0.1:{snmpd.port}"
    return SnmpTarget(name=name, address=address, credential=credential, links=links)


def by_name(value: str, name: str = "line") -> BoundLink:
    return BoundLink(link=name, by="name", value=value)


async def measure(target: SnmpTarget, tools: Tools) -> Sequence[Measurement]:
    return await collect.collect(target, tools)


def counters(measured: Sequence[Measurement]) -> dict[str, CounterReading]:
    return {one.subject: one for one in measured if isinstance(one, CounterReading)}


def gauges(measured: Sequence[Measurement]) -> dict[str, float]:
    return {one.metric.name: one.value for one in measured if isinstance(one, Sample)}


def test_it_is_found_as_a_collector_that_is_no_probe() -> None:
    assert find("snmp_interfaces") is collect
    assert not collect.probe


def test_a_target_never_shows_its_secrets(snmpd: Snmpd) -> None:
    shown = repr(device(snmpd, credential=USER)) + str(device(snmpd))
    assert not any(secret in shown for secret in SECRETS)


@pytest.mark.parametrize("credential", [COMMUNITY, USER], ids=["v2c", "v3"])
async def test_counters_lie_between_what_snmpget_reads_before_and_after(
    real_snmpd: Snmpd, tools: Tools, credential: Credential
) -> None:
    index = index_of_loopback(real_snmpd)
    columns = (ifmib.HC_IN_OCTETS, ifmib.HC_OUT_OCTETS)
    oids = [f"{column}.{index}" for column in columns] + [ifmib.SYS_UPTIME]
    version = V2C if credential is COMMUNITY else V3
    before = [int(value) for value in real_snmpd.get(*oids, credential=version)]
    measured = await measure(device(real_snmpd, by_name("lo"), credential=credential), tools)
    after = [int(value) for value in real_snmpd.get(*oids, credential=version)]
    read = counters(measured)["line"]
    assert read.uptime_s is not None
    values = [read.receive_bytes, read.transmit_bytes, round(read.uptime_s * 100)]
    assert all(low <= value <= high for low, value, high in zip(before, values, after, strict=True))
    assert read.counter_bits == 64


def index_of_loopback(daemon: Snmpd) -> int:
    return next(i for i in range(1, 100) if daemon.get(f"{ifmib.NAME}.{i}") == ["lo"])


async def test_one_link_gives_its_counters_state_speed_and_errors(
    snmpd: Snmpd, tools: Tools
) -> None:
    measured = await measure(device(snmpd, by_name("Gi0/0/2")), tools)
    read = counters(measured)["line"]
    assert read == CounterReading(
        kind="link",
        subject="line",
        identity="r1/Gi0/0/2",
        at=read.at,
        receive_bytes=102 * 2**40,
        transmit_bytes=102 * 2**41,
        counter_bits=64,
        uptime_s=read.uptime_s,
        port_speed_bps=10**9,
        discontinuity=5,
    )
    assert gauges(measured) == {
        link.UP.name: 1,
        link.PORT_SPEED.name: 125_000_000,
        link.RECEIVE_ERRORS.name: 102,
        link.TRANSMIT_ERRORS.name: 0,
        link.RECEIVE_DISCARDS.name: 3,
        link.TRANSMIT_DISCARDS.name: 4,
    }
    assert {type(one.value) for one in measured if isinstance(one, Sample)} <= {int, float}


@pytest.mark.parametrize(
    ("by", "value"),
    [
        ("name", "Gi0/0/3"),
        ("description", "Port Gi0/0/3"),
        ("alias", "to Gi0/0/3"),
        ("index", "103"),
    ],
)
async def test_however_a_link_is_bound_its_series_is_the_interface(
    snmpd: Snmpd, tools: Tools, by: str, value: str
) -> None:
    bound = BoundLink.model_validate({"link": "line", "by": by, "value": value})
    read = counters(await measure(device(snmpd, bound), tools))["line"]
    assert (read.receive_bytes, read.identity) == (103 * 2**40, "r1/Gi0/0/3")


async def test_many_links_are_each_read_with_the_uptime_of_their_own_reply(
    snmpd: Snmpd, tools: Tools
) -> None:
    links = [by_name(f"Gi0/0/{1 + n % 3}", f"line{n}") for n in range(10)]
    reads = counters(await measure(device(snmpd, *links), tools))
    assert len(reads) == 10
    assert len({read.at for read in reads.values()}) == 2  # nine columns of six rows in a request
    assert all(read.uptime_s is not None for read in reads.values())


async def test_a_device_without_links_only_has_to_answer(snmpd: Snmpd, tools: Tools) -> None:
    assert await measure(device(snmpd), tools) == []
    async with answering(lambda _: None) as nobody:
        target = device(snmpd).model_copy(update={"address": str(nobody)})
        with pytest.raises(CollectError) as caught:
            await measure(target, tools)
    assert caught.value.reason is Reason.TIMEOUT


async def test_a_missing_interface_is_named_and_the_others_are_there(
    snmpd: Snmpd, tools: Tools
) -> None:
    target = device(snmpd, by_name("Gi0/0/1", "here"), by_name("Gi0/0/11", "gone"))
    with pytest.raises(CollectError) as caught:
        await measure(target, tools)
    assert caught.value.reason is Reason.NO_SUCH_INTERFACE
    said = str(caught.value)
    assert said.startswith("link 'gone': no interface with name 'Gi0/0/11' on r1, which has ")
    assert said.endswith("did you mean 'Gi0/0/1'?")
    assert set(counters(caught.value.measurements)) == {"here"}


@pytest.mark.parametrize("index", ["104", "many"])
async def test_an_index_that_does_not_exist_is_named(
    snmpd: Snmpd, tools: Tools, index: str
) -> None:
    gone = BoundLink(link="gone", by="index", value=index)
    with pytest.raises(CollectError, match=f"no interface with index '{index}' on r1") as caught:
        await measure(device(snmpd, gone, by_name("Gi0/0/1", "here")), tools)
    assert caught.value.reason is Reason.NO_SUCH_INTERFACE
    assert set(counters(caught.value.measurements)) == {"here"}


async def test_two_interfaces_of_one_alias_are_ambiguous(tmp_path: Path, tools: Tools) -> None:
    lines = [*planted(101, "a", ALIAS="uplink"), *planted(102, "b", ALIAS="uplink")]
    bound = BoundLink(link="line", by="alias", value="uplink")
    ambiguous = pytest.raises(CollectError, match=r"2 interfaces with alias 'uplink'.*101, 102")
    with Snmpd(tmp_path, rows=lines) as daemon, ambiguous:
        await measure(device(daemon, bound), tools)


async def test_renumbered_interfaces_are_read_from_the_right_row(
    tmp_path: Path, tools: Tools
) -> None:
    before = [*planted(101, "a"), *planted(102, "b")]
    after = [*planted(101, "b"), *planted(102, "a")]
    with Snmpd(tmp_path, rows=before) as daemon:
        target = device(daemon, by_name("a", "line-a"), by_name("b", "line-b"))
        first = counters(await measure(target, tools))
        daemon.plant(after)
        second = counters(await measure(target, tools))
    assert first["line-a"].receive_bytes == 101 * 2**40
    assert second["line-a"].receive_bytes == 102 * 2**40
    assert second["line-b"].receive_bytes == 101 * 2**40
    assert first["line-a"].identity == second["line-a"].identity == "r1/a"


async def test_after_a_restart_the_rows_are_looked_for_again(tmp_path: Path, tools: Tools) -> None:
    alias = BoundLink(link="line", by="alias", value="uplink")
    one, other = planted(101, "a", ALIAS="uplink"), planted(102, "b", ALIAS="uplink")
    with Snmpd(tmp_path, rows=one) as daemon:
        first = counters(await measure(device(daemon, alias), tools))["line"]
        # The alias is still where it was; another row has it too, as only a walk can tell.
        daemon.plant([*one, *other])
        # So long that whatever begins anew has been up for less.
        eventually(lambda: int(daemon.get(ifmib.SYS_UPTIME)[0]) > 400)
        assert counters(await measure(device(daemon, alias), tools))
        daemon.restart()
        with pytest.raises(CollectError, match="2 interfaces with alias"):
            await measure(device(daemon, alias), tools)
    assert first.identity == "r1/a"


async def test_a_moved_alias_begins_another_series(tmp_path: Path, tools: Tools) -> None:
    alias = BoundLink(link="line", by="alias", value="uplink")
    rows = [*planted(101, "a", ALIAS="uplink"), *planted(102, "b")]
    with Snmpd(tmp_path, rows=rows) as daemon:
        first = counters(await measure(device(daemon, alias), tools))["line"]
        daemon.plant([*planted(101, "a"), *planted(102, "b", ALIAS="uplink")])
        second = counters(await measure(device(daemon, alias), tools))["line"]
    assert (first.identity, second.identity) == ("r1/a", "r1/b")


async def test_an_interface_that_vanished_is_named_and_found_when_it_is_back(
    tmp_path: Path, tools: Tools
) -> None:
    both = [*planted(101, "a"), *planted(102, "b")]
    with Snmpd(tmp_path, rows=both) as daemon:
        target = device(daemon, by_name("a", "line-a"), by_name("b", "line-b"))
        await measure(target, tools)
        daemon.plant(planted(101, "a"))
        with pytest.raises(CollectError, match="link 'line-b': no interface") as caught:
            await measure(target, tools)
        assert set(counters(caught.value.measurements)) == {"line-a"}
        daemon.plant(both)
        assert set(counters(await measure(target, tools))) == {"line-a", "line-b"}


@pytest.mark.parametrize("without", ["64-bit-columns", "ifXTable"])
async def test_a_device_of_32_bits_is_read_by_what_it_has(
    tmp_path: Path, tools: Tools, without: str
) -> None:
    hidden = {
        "64-bit-columns": [f"excluded .{ifmib.HC_IN_OCTETS}", f"excluded .{ifmib.HC_OUT_OCTETS}"],
        "ifXTable": ["excluded .1.3.6.1.2.1.31.1.1"],
    }[without]
    lines = planted(101, "a", DESCRIPTION="a", IN_OCTETS=7, OUT_OCTETS=8, SPEED=100_000_000)
    with Snmpd(tmp_path, rows=lines, views=["included .1", *hidden]) as daemon:
        measured = await measure(device(daemon, by_name("a")), tools)
    read = counters(measured)["line"]
    assert (read.receive_bytes, read.transmit_bytes, read.counter_bits) == (7, 8, 32)
    speed = 10**9 if without == "64-bit-columns" else 10**8
    assert read.port_speed_bps == speed
    assert gauges(measured)[link.PORT_SPEED.name] == speed / 8


async def test_a_port_that_is_down_says_so_and_still_counts(tmp_path: Path, tools: Tools) -> None:
    with Snmpd(tmp_path, rows=planted(101, "a", OPER_STATUS=2)) as daemon:
        measured = await measure(device(daemon, by_name("a")), tools)
    assert gauges(measured)[link.UP.name] == 0
    assert "line" in counters(measured)


async def test_what_a_device_does_not_give_is_left_out(tmp_path: Path, tools: Tools) -> None:
    absent = {"IN_OCTETS", "OUT_OCTETS", "HC_IN_OCTETS", "HC_OUT_OCTETS", "DISCONTINUITY"}
    absent |= {"IN_ERRORS", "OUT_ERRORS", "IN_DISCARDS", "OUT_DISCARDS"}
    nothing: dict[str, int | str | None] = dict.fromkeys(absent)
    rows = planted(101, "a", OPER_STATUS=0, HIGH_SPEED=0, **nothing)
    with Snmpd(tmp_path, rows=rows) as daemon:
        assert await measure(device(daemon, by_name("a")), tools) == []


async def test_a_device_that_takes_little_at_once_is_still_read(tools: Tools) -> None:
    name = tuple(map(int, ifmib.NAME.split(".")))

    def answer(oids: list[tuple[int, ...]]) -> list[tuple[tuple[int, ...], object]] | str:
        if oids == [name]:
            return [((*name, n), v2c.OctetString(f"p{n}")) for n in range(1, 4)]
        if oids[0][: len(name)] == name and len(oids) == 1:
            return [(oids[0], v2c.EndOfMibView(""))]
        if len(oids) > 20:
            return "tooBig"
        return [
            (oid, v2c.OctetString(f"p{oid[-1]}") if oid[:-1] == name else v2c.Counter32(oid[-1]))
            for oid in oids
        ]

    async with answering(scripted(answer)) as agent:
        links = [by_name(f"p{n}", f"line{n}") for n in range(1, 4)]
        target = SnmpTarget(name="r1", address=str(agent), credential=COMMUNITY, links=tuple(links))
        reads = counters(await measure(target, tools))
    assert [read.receive_bytes for read in reads.values()] == [1, 2, 3]


class OnePort:
    """A device with one port, whose columns are the test's to change."""

    def __init__(self) -> None:
        self.columns: dict[str, object] = {
            ifmib.NAME: v2c.OctetString("p1"),
            ifmib.OPER_STATUS: v2c.Integer(1),
            ifmib.HC_IN_OCTETS: v2c.Counter64(2**40),
            ifmib.HC_OUT_OCTETS: v2c.Counter64(2**41),
            ifmib.HIGH_SPEED: v2c.Gauge32(1000),
        }
        self.polled: list[set[str]] = []
        self.fails_at: str | None = None

    def answer(self, oids: list[tuple[int, ...]]) -> list[tuple[tuple[int, ...], object]] | str:
        name = tuple(map(int, ifmib.NAME.split(".")))
        if oids == [name]:
            return [((*name, 1), self.columns[ifmib.NAME])]
        if oids == [(*name, 1)]:
            return [(oids[0], v2c.EndOfMibView(""))]
        asked = [".".join(map(str, oid[:-1])) for oid in oids]
        self.polled.append(set(asked))
        if self.fails_at in asked:
            return "genErr"
        found = (self.columns.get(it, v2c.NoSuchInstance("")) for it in asked)
        return [(oid, value) for oid, value in zip(oids, found, strict=True)]


@asynccontextmanager
async def polling(
    port: OnePort, now: Callable[[], Moment], *links: BoundLink
) -> AsyncIterator[Poller]:
    tools = Tools(now)
    async with answering(scripted(port.answer)) as agent:
        links = links or (by_name("p1"),)
        target = SnmpTarget(name="r1", address=str(agent), credential=COMMUNITY, links=links)
        try:
            yield lambda: measure(target, tools)
        finally:
            await tools.close()


async def test_what_a_row_is_is_read_hourly_and_what_moves_at_every_poll() -> None:
    port, at_s = OnePort(), 0.0
    async with polling(port, lambda: Moment(at_s, at_s)) as poll:
        await poll()
        port.polled.clear()
        for _ in range(3):
            at_s += 60
            await poll()
        assert len(port.polled) == 3
        moving = {ifmib.HC_IN_OCTETS, ifmib.NAME, ifmib.HIGH_SPEED}
        assert all(moving <= it for it in port.polled)
        assert not any({ifmib.DESCRIPTION, ifmib.IN_OCTETS} & it for it in port.polled)
        port.polled.clear()
        at_s += 3600
        await poll()
        assert any(ifmib.DESCRIPTION in it for it in port.polled)


async def test_a_port_that_negotiates_anew_between_two_polls_has_its_new_speed_at_once() -> None:
    port = OnePort()
    async with polling(port, lambda: Moment(0, 0)) as poll:
        assert gauges(await poll())[link.PORT_SPEED.name] == 125_000_000
        port.columns |= {ifmib.HIGH_SPEED: v2c.Gauge32(100)}
        assert gauges(await poll())[link.PORT_SPEED.name] == 12_500_000


async def test_a_link_bound_by_index_begins_another_series_when_the_row_is_another_interface() -> (
    None
):
    port = OnePort()
    bound = BoundLink(link="line", by="index", value="1")
    async with polling(port, lambda: Moment(0, 0), bound) as poll:
        assert counters(await poll())["line"].identity == "r1/p1"
        port.columns |= {ifmib.NAME: v2c.OctetString("p2")}
        assert counters(await poll())["line"].identity == "r1/p2"


@pytest.mark.parametrize(
    ("passed_s", "uptime_s", "is_anew"),
    [
        pytest.param(60, 160, False, id="it-went-on"),
        pytest.param(60, 157, False, id="a-clock-that-is-a-little-late"),
        pytest.param(60, 30, True, id="it-fell"),
        pytest.param(600, 110, True, id="it-restarted-and-is-past-its-old-value"),
    ],
)
async def test_a_restart_is_seen_by_an_uptime_that_did_not_go_on(
    passed_s: float, uptime_s: float, is_anew: bool
) -> None:
    port, at_s = OnePort(), 0.0
    port.columns |= {"1.3.6.1.2.1.1.3": v2c.TimeTicks(100_00)}
    async with polling(port, lambda: Moment(at_s, at_s)) as poll:
        await poll()
        port.polled.clear()
        at_s += passed_s
        port.columns |= {"1.3.6.1.2.1.1.3": v2c.TimeTicks(int(uptime_s * 100))}
        await poll()
    assert any(ifmib.DESCRIPTION in it for it in port.polled) is is_anew


async def test_an_identification_that_fails_is_made_up_for_at_the_next_poll() -> None:
    port = OnePort()
    async with polling(port, lambda: Moment(0, 0)) as poll:
        port.fails_at = ifmib.DESCRIPTION
        with pytest.raises(CollectError):
            await poll()
        port.fails_at = None
        assert counters(await poll())["line"].identity == "r1/p1"


async def test_64_bit_counters_that_stand_still_while_the_others_count_are_left_alone() -> None:
    port = OnePort()
    zeros = dict.fromkeys((ifmib.HC_IN_OCTETS, ifmib.HC_OUT_OCTETS), v2c.Counter64(0))
    port.columns |= {**zeros, ifmib.IN_OCTETS: v2c.Counter32(0), ifmib.OUT_OCTETS: v2c.Counter32(0)}
    async with polling(port, lambda: Moment(0, 0)) as poll:
        assert counters(await poll())["line"].counter_bits == 64
        port.columns |= {ifmib.IN_OCTETS: v2c.Counter32(5_000)}
        read = counters(await poll())["line"]
        assert (read.receive_bytes, read.counter_bits) == (5_000, 32)
        port.columns |= {ifmib.IN_OCTETS: v2c.Counter32(0)}  # it wrapped, to 0 of all numbers
        assert counters(await poll())["line"].counter_bits == 32


async def test_64_bit_counters_that_go_away_leave_nothing_old_behind() -> None:
    port = OnePort()
    async with polling(port, lambda: Moment(0, 0)) as poll:
        await poll()
        del port.columns[ifmib.HC_IN_OCTETS], port.columns[ifmib.HC_OUT_OCTETS]
        assert counters(await poll()) == {}


async def test_changed_links_of_a_device_are_bound_anew(snmpd: Snmpd, tools: Tools) -> None:
    assert counters(await measure(device(snmpd, by_name("Gi0/0/1", "one")), tools))
    reads = counters(await measure(device(snmpd, by_name("Gi0/0/2", "two")), tools))
    assert reads["two"].receive_bytes == 102 * 2**40
    assert list(tools.use(Polls)._of) == ["r1"]


@pytest.mark.parametrize(
    ("row", "octets"),
    [
        pytest.param((7, 8, 1, 2), (7, 8, 64), id="64-bit-first"),
        pytest.param((None, None, 1, 2), (1, 2, 32), id="else-32-bit"),
        pytest.param((0, 0, 1, 2), (1, 2, 32), id="64-bit-that-never-count"),
        pytest.param((0, 8, 1, 2), (1, 2, 32), id="one-64-bit-that-never-counts"),
        pytest.param((0, 0, 0, 0), (0, 0, 64), id="truly-silent"),
        pytest.param((7, None, 1, 2), (1, 2, 32), id="one-64-bit-missing"),
        pytest.param((7, None, None, None), (7, None, 64), id="one-direction-only"),
        pytest.param((None, None, None, None), (None, None, None), id="none"),
    ],
)
def test_which_octets_are_taken(
    row: tuple[int | None, ...], octets: tuple[int | None, ...]
) -> None:
    columns = (ifmib.HC_IN_OCTETS, ifmib.HC_OUT_OCTETS, ifmib.IN_OCTETS, ifmib.OUT_OCTETS)
    assert ifmib.octets(dict(zip(columns, row, strict=True))) == octets


@pytest.mark.parametrize(
    ("high", "low", "speed"),
    [
        pytest.param(1000, 2**32 - 1, 10**9, id="ifHighSpeed-first"),
        pytest.param(0, 19_200, 19_200, id="ifHighSpeed-0-says-nothing"),
        pytest.param(None, 10**8, 10**8, id="no-ifHighSpeed"),
        pytest.param(None, 2**32 - 1, None, id="saturated"),
        pytest.param(0, 0, None, id="nothing-known"),
        pytest.param(b"100\x00", None, 10**8, id="a-speed-as-text"),
        pytest.param(b"fast", b"", None, id="no-number"),
    ],
)
def test_how_fast_a_port_is(high: object, low: object, speed: int | None) -> None:
    assert ifmib.speed_bps({ifmib.HIGH_SPEED: high, ifmib.SPEED: low}) == speed  # type: ignore[dict-item]
