"""Recorded devices, read by the real client: the project's own, and those in ../shared/devices.

How the latter are compared with the rows that LibreNMS has of them is said in their README.
"""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from collectors.base import CollectError, Reason
from collectors.snmp import ifmib
from collectors.snmp.client import SnmpClient
from collectors.snmp.inventory import Interface, take
from tests.replay import replaying
from tests.replayed import Device

HERE = Path(__file__).parent
OWN = HERE / "fixtures" / "recordings"
KNOWN = yaml.safe_load((HERE / "fixtures" / "known_differences.yaml").read_text())
PAGE = (HERE.parent / "docs" / "devices.md").read_text(encoding="utf-8")
LEAST_EQUAL = 0.995


class Difference(NamedTuple):
    recording: str
    interface: int
    field: str
    ours: object
    theirs: object


@asynccontextmanager
async def a_client() -> AsyncIterator[SnmpClient]:
    client = SnmpClient()
    try:
        yield client
    finally:
        await client.close()


async def read(*paths: Path) -> dict[str, dict[int, Interface]]:
    """What the client makes of recordings: their interfaces by ifIndex."""
    async with a_client() as client:
        with replaying({path.stem: Device(path) for path in paths}) as replay:
            found = {name: await take(client, replay.agent(name)) for name in replay.devices}
    return {name: {it.index: it for it in one.interfaces} for name, one in found.items()}


def known() -> Iterator[Difference]:
    for one in KNOWN:
        for interface in one["interfaces"]:
            for field in one["fields"]:
                where = (one["recording"], interface, field)
                yield Difference(*where, one["ours"], one["theirs"])


def comparable(ours: Interface, row: Mapping[str, Any]) -> dict[str, tuple[object, object]]:
    """Both sides of every field, by the rules of the README: no speed is 0 or null there."""
    name, description = ours.name or ours.description, ours.description or ours.name
    return {
        "speed": (ours.speed_bits_per_second, row["ifSpeed"] or None),
        "receive": (ours.receive_bytes, row["ifInOctets"]),
        "transmit": (ours.transmit_bytes, row["ifOutOctets"]),
        "admin": (ours.admin_status, row["ifAdminStatus"]),
        "oper": (ours.oper_status, row["ifOperStatus"]),
        "name": (name, row["ifName"]),
        "description": (description, row["ifDescr"]),
        "alias": (ours.alias or description, row["ifAlias"]),
    }


def rows_of(recording: Path) -> set[int]:
    """Every ifIndex that any column of ifTable or ifXTable names."""
    text = recording.read_text(encoding="latin-1")
    cell = r"^1\.3\.6\.1\.2\.1\.(?:2\.2|31\.1\.1)\.1\.\d+\.(\d+)\|"
    return {int(index) for index in re.findall(cell, text, re.MULTILINE)}


async def test_the_recordings_are_read_as_librenms_reads_them(
    shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = {it.name.split(".")[0]: it for it in (shared / "devices").glob("*.expected.json")}
    assert len(expected) == 12
    different: list[Difference] = []
    compared: Counter[str] = Counter()
    found = await read(*(it.parent / f"{name}.snmprec" for name, it in expected.items()))
    for name, path in expected.items():
        for row in json.loads(path.read_text())["ports"]:
            sides = comparable(found[name][row["ifIndex"]], row)
            compared.update(list(sides))
            different += [
                Difference(name, row["ifIndex"], field, ours, theirs)
                for field, (ours, theirs) in sides.items()
                if ours != theirs
            ]
    wrong = Counter(it.field for it in different)
    absent = sum(it.ours is None and it.theirs == 0 for it in different)
    total = compared.total()
    given_equal = 1 - (len(different) - absent) / (total - absent)
    with capsys.disabled():
        print(  # noqa: T201 - the figures that the claim rests on
            f"\n{compared['name']} ports, {total} values, {total - len(different)} equal "
            f"({1 - len(different) / total:.2%}); of the {total - absent} that the devices give "
            f"{given_equal:.2%}; different: {dict(wrong)}"
        )
    assert sorted(different, key=str) == sorted(known(), key=str)
    assert given_equal >= LEAST_EQUAL


async def test_every_row_of_every_recording_is_seen_those_that_librenms_drops_too(
    shared: Path,
) -> None:
    paths = sorted((shared / "devices").glob("*.snmprec"))
    paths = [path for path in paths if not path.name.startswith("goes_silent")]
    found = await read(*paths)
    assert {path.stem: rows_of(path) for path in paths} == {
        name: set(interfaces) for name, interfaces in found.items()
    }


@pytest.mark.parametrize("name", ["d_vrp_5720_utf8", "d_comware_a5500_gbk"])
async def test_chinese_aliases_are_read_in_either_encoding(shared: Path, name: str) -> None:
    written = json.loads((shared / "devices" / f"{name}.alias.json").read_text())
    found = await read(shared / "devices" / f"{name}.snmprec")
    aliases = {str(index): it.alias for index, it in found[name].items()}
    assert aliases == {index: one["text"] for index, one in written.items()}


async def test_a_device_that_falls_silent_in_mid_table_is_a_timeout_and_no_half_inventory(
    shared: Path,
) -> None:
    recording = shared / "devices" / "goes_silent_windows_2019.snmprec"
    silent = Device(recording, silent_after=f"{ifmib.OPER_STATUS}.12")
    async with a_client() as client:
        with replaying({"r1": silent}) as replay, pytest.raises(CollectError) as caught:
            await take(client, replay.agent("r1"))
    assert caught.value.reason is Reason.TIMEOUT
    assert "127.0.0.1" in str(caught.value)
    assert not caught.value.measurements


async def test_who_falls_silent_is_asked_again_before_that_is_said() -> None:
    silent = Device(OWN / "speeds.snmprec", silent_after=f"{ifmib.OPER_STATUS}.5")
    async with a_client() as client:
        with replaying({"r1": silent}) as replay:
            assert await client.get(replay.agent("r1"), [ifmib.SYS_UPTIME]) == [123456]
            before = replay.requests()["r1"]
            with pytest.raises(CollectError):
                await client.walk(replay.agent("r1"), ifmib.OPER_STATUS)
            assert replay.requests()["r1"] >= before + 3


async def test_odd_speeds_states_and_counters_are_read_for_what_they_are() -> None:
    rows = (await read(OWN / "speeds.snmprec"))["speeds"]
    shown = {
        index: (it.speed_bits_per_second, it.oper_status, it.receive_bytes, it.counter_bits)
        for index, it in rows.items()
    }
    assert shown == {
        1: (10**9, "up", 2**33, 64),
        2: (10**10, "up", 2 * 2**33, 64),
        3: (10**8, "up", 300, 32),
        4: (10**9, "up", 44, 32),
        5: (None, "up", 500, 32),  # 100 Gbit/s or 100 Mbit/s: one of its columns is in kbit/s
        6: (None, None, 6, 32),
        7: (2_048_000, "lowerLayerDown", 70, 32),
        8: (None, "up", 80, 32),
        9: (10**9, "down", 0, 64),
        10: (None, None, None, None),
        11: (None, None, 11, 64),
        12: (2 * 10**9, "up", 1, 32),
    }


async def test_odd_names_are_read_for_what_they_say() -> None:
    rows = (await read(OWN / "names.snmprec"))["names"]
    shown = [(it.name, it.description, it.alias) for it in rows.values()]
    assert shown[:9] == [
        ("", "GE0/0/1", ""),
        ("uplink", "GE0/0/2", '教育专网: "主用" #1'),
        ("uplink", "GE0/0/3", "公安专网"),
        ("eth4", "Ethernet0 4", "trailing"),
        ("", "same", "xx政务外网至市教育局专线一百兆电信承载二零"),
        ("", "same", "x政务外网至市教育局专线一百兆电信承载二零二六年度续签合同编号甲"),
        ("", "same", ""),
        ("{a: b}", "café", "only-mine"),
        ("备用 口'九'", "GE0/0/9", "- [x]"),
    ]


async def test_a_device_without_iftables_extension_is_read_in_32_bits() -> None:
    rows = (await read(OWN / "old.snmprec"))["old"]
    assert [(it.receive_bytes, it.transmit_bytes, it.counter_bits) for it in rows.values()] == [
        (1000, 2000, 32),
        (2000, 4000, 32),
        (3000, 6000, 32),
    ]
    assert all((it.name, it.speed_bits_per_second) == (None, 10**8) for it in rows.values())


def test_every_known_difference_has_its_row_in_the_page_about_devices() -> None:
    shown = {
        (cells[0], field, index)
        for line in PAGE.splitlines()
        if len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 6
        for field in cells[2].split(", ")
        for index in cells[1].split(", ")
    }
    assert {(it.recording, it.field, str(it.interface)) for it in known()} <= shown
