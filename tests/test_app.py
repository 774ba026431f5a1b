"""The wiring, with the clock and the configuration as arguments."""

import asyncio
import errno
import fcntl
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent import facts
from agent.app import Agent, StartError
from collectors.base import CounterReading, Moment
from config.load import load
from tests.agentproc import write
from tests.department import department, device

NOW = Moment(1_800_000_000.0, 1_000.0)


def agent_of(folder: Path, config: dict[str, Any]) -> Agent:
    path = folder / "netfold.yaml"
    write(path, {"node": {"name": "t"}, "data_dir": "data", "listen": "127.0.0.1:0"} | config)
    return Agent(lambda: load(path))


def local_link(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "network": "here", "interface": {"local": name}, **more}


def lines_of(agent: Agent, name: str) -> list[str]:
    return [line for line in agent.metrics().decode().splitlines() if line.startswith(name)]


def test_a_waiver_that_expires_overnight_is_said_without_a_reload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = NOW
    monkeypatch.setattr("agent.clock.now", lambda: now)
    config = department(tmp_path, [device("old", 1161)])
    config["devices"][0]["waiver"]["until"] = str(facts.day(now.wall_s))
    agent = agent_of(tmp_path, config)
    assert lines_of(agent, "netfold_waivers_expired") == ["netfold_waivers_expired 0"]
    now = Moment(now.wall_s + timedelta(days=1).total_seconds(), now.steady_s)
    for _ in range(2):
        assert lines_of(agent, "netfold_waivers_expired") == ["netfold_waivers_expired 1"]
    assert caplog.text.count("waiver for a weaker SNMP has expired") == 1


def test_a_contract_without_an_end_in_sight_is_taken(tmp_path: Path) -> None:
    links = [local_link("lo", contract_end="9999-12-31")]
    agent = agent_of(tmp_path, {"networks": [{"name": "here", "kind": "local"}], "links": links})
    end = "netfold_link_contract_end_timestamp_seconds"
    assert lines_of(agent, end) == [f'{end}{{link="lo"}} 253402272000.0']


def test_dates_and_exemptions_are_said_until_the_end_of_their_day_in_shanghai(
    tmp_path: Path,
) -> None:
    given = department(tmp_path, [device("r1", 1161)])
    exempt = {"reason": "考试", "approver": "局", "until": "2027-06-30"}
    network = given["networks"][0] | {"exempt": exempt}
    link = {"name": "hall", "network": network["name"], "interface": {"device": "r1", "index": 7}}
    link |= {"contract_end": "2027-06-30", "notice_by": "2027-03-31"}
    eth = local_link("eth0", exempt=exempt)
    here = {"name": "here", "kind": "local"}
    room = {"name": "room", "exempt": exempt}
    given |= {"networks": [network, here], "links": [link, eth], "machine_rooms": [room]}
    agent = agent_of(tmp_path, given)
    notice = "netfold_link_notice_by_timestamp_seconds"
    assert lines_of(agent, notice) == [f'{notice}{{link="hall"}} 1806508800.0']
    until = "netfold_exempt_until_timestamp_seconds"
    assert lines_of(agent, until) == [
        f'{until}{{kind="network",subject="{network["name"]}"}} 1814371200.0',
        f'{until}{{kind="link",subject="eth0"}} 1814371200.0',
        f'{until}{{kind="machine_room",subject="room"}} 1814371200.0',
    ]
    interface = "netfold_link_interface_info"
    assert lines_of(agent, interface) == [
        f'{interface}{{link="hall",device="r1",interface="7"}} 1',
        f'{interface}{{link="eth0",device="",interface="eth0"}} 1',
    ]


def test_the_ports_speed_stands_in_only_where_a_local_link_has_no_contract(tmp_path: Path) -> None:
    links = [local_link("eth0"), local_link("eth1", bandwidth="10M")]
    agent = agent_of(tmp_path, {"networks": [{"name": "here", "kind": "local"}], "links": links})
    samples = agent._recorder.take(
        CounterReading("link", name, f"local/{name}", NOW, 0, 0, 64, 1_000.0, 1e9)
        for name in ("eth0", "eth1")
    )
    capacity = "netfold_link_capacity_bytes_per_second"
    said = [(it.labels, it.value) for it in samples if it.metric.name == capacity]
    assert said == [(("eth0",), 1e9 / 8)]
    assert lines_of(agent, capacity) == [f'{capacity}{{link="eth1"}} 1250000.0']


async def start_error(agent: Agent) -> str:
    with pytest.raises(StartError) as refused:
        await agent.serve(asyncio.Event())
    return str(refused.value)


async def test_a_listen_name_that_does_not_resolve_is_said_in_the_resolvers_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unresolved(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("agent.app.listen", unresolved)
    assert await start_error(agent_of(tmp_path, {"listen": "here.example:9945"})) == (
        "cannot listen on here.example:9945: Name or service not known; "
        "set another `listen`, or --listen"
    )


async def test_a_data_folder_without_locks_is_not_said_to_be_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert await start_error(agent_of(tmp_path, {})) == (
        f"cannot lock the data folder {tmp_path}/data: No locks available; set a local `data_dir`"
    )


async def test_a_round_that_outlives_a_reload_says_nothing_any_more(tmp_path: Path) -> None:
    def pings(*names: str) -> dict[str, Any]:
        some = [{"name": it, "kind": "icmp", "address": "127.0.0.1", "count": 1} for it in names]
        return {"node": {"name": "t"}, "data_dir": "data", "listen": "127.0.0.1:0", "probes": some}

    agent = agent_of(tmp_path, pings("stays", "leaves"))
    under_way, over = agent.config.probes, list[str]()
    write(tmp_path / "netfold.yaml", pings("stays"))
    assert agent.reload() is None
    await agent._measure_all(under_way, lambda target: over.append(target.name))
    await agent._tools.close()
    assert over == ["stays", "leaves"]
    lines = lines_of(agent, "netfold_collect_success")
    assert [line.partition("{")[2].split(",")[0] for line in lines] == ['target="stays"']
