"""Interfaces that carry something and belong to no link, found by an hourly look."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.undeclared import find_undeclared
from collectors.base import Moment, Sample, Tools
from collectors.link import BoundLink
from collectors.snmp import ifmib
from collectors.snmp.client import SnmpClient
from collectors.snmp.survey import (
    EVERY_S,
    FIRST_WITHIN_S,
    Look,
    Survey,
    belonging,
    look,
    undeclared,
)
from collectors.snmp_interfaces import UNDECLARED, SnmpTarget, collect
from tests.snmpd import COMMUNITY, Snmpd, planted

HOUR = 3600.0
NOISE = int(15_999 / 8 * HOUR)
TRAFFIC = int(16_001 / 8 * HOUR)


def row(name: str, octets: int, state: int = 1, **columns: int | None) -> ifmib.Row:
    base = {ifmib.NAME: name.encode(), ifmib.OPER_STATUS: state}
    named = {getattr(ifmib, column): value for column, value in columns.items()}
    return {**base, ifmib.HC_IN_OCTETS: 10**9, ifmib.HC_OUT_OCTETS: 10**9 + octets, **named}


def looked(at_s: float, uptime: int | None = None, **rows: ifmib.Row) -> Look:
    ticks = int(at_s * 100) if uptime is None else uptime
    return Look(Moment(at_s, at_s), ticks, {name.strip("i"): it for name, it in rows.items()})


BEFORE = looked(100.0, i1=row("a", 0), i2=row("b", 0), i3=row("c", 0), i4=row("d", 0))
AFTER = looked(
    100.0 + HOUR,
    i1=row("a", TRAFFIC),
    i2=row("b", TRAFFIC),
    i3=row("c", NOISE),
    i4=row("d", TRAFFIC, state=2),
)


def test_what_is_up_and_carries_more_than_keep_alives_is_undeclared() -> None:
    assert undeclared(BEFORE, AFTER, ["1"]) == ["b"]
    assert undeclared(BEFORE, AFTER, ["1", "2"]) == []


def test_a_restart_between_two_looks_leaves_nothing_known() -> None:
    assert undeclared(BEFORE, replace(AFTER, uptime=5), []) is None
    assert undeclared(BEFORE, replace(AFTER, uptime=None), []) is None


def test_a_counter_that_fell_or_changed_its_width_proves_nothing() -> None:
    fell = looked(100.0 + HOUR, i1=row("a", -(10**6)))
    assert undeclared(BEFORE, fell, []) == []
    narrow = {"HC_IN_OCTETS": None, "HC_OUT_OCTETS": None, "IN_OCTETS": 9, "OUT_OCTETS": 2**31}
    assert undeclared(BEFORE, looked(100.0 + HOUR, i1=row("a", 0, **narrow)), []) == []


@pytest.mark.parametrize(
    ("declared", "rows"),
    [
        pytest.param("9", {"9", "1", "2", "11"}, id="the-ports-of-an-aggregate"),
        pytest.param("11", {"11", "9", "1", "2"}, id="what-lies-beneath-a-sub-interface"),
        pytest.param("1", {"1", "9", "11"}, id="what-lies-above-a-port-but-not-its-neighbours"),
        pytest.param("5", {"5"}, id="a-row-by-itself"),
    ],
)
def test_what_lies_beneath_or_above_a_declared_row_is_declared_too(
    declared: str, rows: set[str]
) -> None:
    stack = [("9", "1"), ("9", "2"), ("11", "9"), ("0", "11"), ("1", "0"), ("2", "0")]
    assert belonging([declared], stack) == rows


def test_a_stack_that_goes_round_in_circles_ends() -> None:
    assert belonging(["1"], [("1", "2"), ("2", "1")]) == {"1", "2"}


ROWS = [
    line
    for index, kind in ((101, 6), (102, 6), (103, 53), (104, 6))
    for line in (*planted(index, f"Gi{index}"), f"{ifmib.TYPE}.{index} integer {kind}")
]


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    with Snmpd(tmp_path_factory.mktemp("survey"), rows=ROWS) as daemon:
        yield daemon


async def test_a_device_is_asked_for_the_rows_that_may_end_a_line(snmpd: Snmpd) -> None:
    tools = Tools(lambda: Moment(0.0, 0.0))
    target = SnmpTarget(name="r1", address=f"127.0.0.1:{snmpd.port}", credential=COMMUNITY)
    found = await look(tools.use(SnmpClient), target.agent, tools.now)
    await tools.close()
    assert {"101", "102", "104"} <= set(found.rows)
    assert "103" not in found.rows
    assert found.uptime is not None


async def test_the_number_stands_on_metrics_after_two_looks_and_no_earlier(snmpd: Snmpd) -> None:
    now_s = [0.0]
    tools = Tools(lambda: Moment(now_s[0], now_s[0]))
    links = (BoundLink(link="a", by="name", value="Gi101"),)
    address = f"127.0.0.1:{snmpd.port}"
    target = SnmpTarget(name="r1", address=address, credential=COMMUNITY, links=links)
    said = []
    for at_s in (0.0, FIRST_WITHIN_S + 1, FIRST_WITHIN_S + 61, FIRST_WITHIN_S + EVERY_S + 2):
        now_s[0] = at_s
        measured = await collect.collect(target, tools)
        said.append(
            [it.value for it in measured if isinstance(it, Sample) and it.metric is UNDECLARED]
        )
    await tools.close()
    # The planted counters stand still: nothing is undeclared, and that is known only then.
    assert said == [[], [], [], [0]]


async def test_a_look_that_fails_costs_no_poll(tmp_path: Path) -> None:
    survey = Survey.of("r1", Moment(0.0, 0.0))
    tools = Tools(lambda: Moment(1000.0, 1000.0))
    with Snmpd(tmp_path) as gone:
        address = f"127.0.0.1:{gone.port}"
    target = SnmpTarget(name="r1", address=address, credential=COMMUNITY)
    client = tools.use(SnmpClient)
    assert await survey.go_on(client, target.agent, [], tools.now, 0.5) is None
    assert survey.due_s == 1000.0 + EVERY_S
    await tools.close()


async def test_the_command_looks_twice_and_names_what_is_undeclared(
    snmpd: Snmpd, tmp_path: Path
) -> None:
    with Snmpd(tmp_path) as ended:
        nobody = f"127.0.0.1:{ended.port}"
    target = SnmpTarget(name="r1", address=f"127.0.0.1:{snmpd.port}", credential=COMMUNITY)
    gone = SnmpTarget(name="r2", address=nobody, credential=COMMUNITY)
    found = await find_undeclared([target, gone], apart_s=0.1)
    # snmpd's own host may carry something meanwhile; the planted counters stand still.
    assert not {"Gi101", "Gi102", "Gi104"} & set(found.interfaces["r1"])
    assert [it.split(":")[0] for it in found.unknown] == ["undeclared interfaces of r2"]
