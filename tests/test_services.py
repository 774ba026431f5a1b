"""Clients of a system: the kernel's tables, real sockets on loopback, and a network namespace."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import clock
from agent.observe import Observation, observe
from collectors.base import CollectError, GaugeReading, Reason, Sample, Tools
from collectors.connections import Accepted, Table, look
from collectors.services import ServicesTarget, collect
from collectors.watch import Use, Watch, WatchedSystem

ROOT = Path(__file__).parents[1]
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue\n"
Address = IPv4Address | IPv6Address


def words(address: Address) -> str:
    """An address as the kernel writes it: words of this host's order."""
    packed = address.packed
    parts = (packed[at : at + 4] for at in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(it, sys.byteorder):08X}" for it in parts)


def row(here: Address, port: int, there: Address, its_port: int, state: int = 1) -> str:
    return f"   7: {words(here)}:{port:04X} {words(there)}:{its_port:04X} {state:02X} 00000000:0\n"


def listening(port: int, there: str = "0.0.0.0") -> str:
    return row(ip_address(there), port, ip_address(there), 0, 10)


def proc(folder: Path, tcp: str, tcp6: str | None = None, opened: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tcp").write_text(HEAD + tcp)
    if tcp6 is not None:
        (folder / "tcp6").write_text(HEAD + tcp6)
    (folder / "snmp").write_text(f"Tcp: ActiveOpens PassiveOpens\nTcp: 9 {opened}\n")
    return folder


def accepted(table: Table) -> frozenset[Accepted]:
    return table.accepted_at(table.ports)


SERVER, CLIENT = ip_address("198.51.100.1"), ip_address("198.51.100.2")


@pytest.mark.parametrize("state", [1, 4, 5, 6, 7, 8, 9, 11])
def test_a_connection_counts_in_every_state_that_it_passes_once_it_stands(
    tmp_path: Path, state: int
) -> None:
    table = look(proc(tmp_path, listening(80) + row(SERVER, 80, CLIENT, 40000, state)))
    assert accepted(table) == {Accepted(80, CLIENT, 40000, is_local=False)}


@pytest.mark.parametrize("state", [2, 3, 10])
def test_what_was_never_connected_is_no_client(tmp_path: Path, state: int) -> None:
    table = look(proc(tmp_path, listening(80) + row(SERVER, 80, CLIENT, 40000, state)))
    assert accepted(table) == frozenset()


def test_who_calls_out_from_this_host_is_no_client_of_it(tmp_path: Path) -> None:
    table = look(proc(tmp_path, listening(80) + row(SERVER, 40000, CLIENT, 80)))
    assert accepted(table) == frozenset()


def test_a_connection_within_this_host_counts_once_also_from_its_clients_side(
    tmp_path: Path,
) -> None:
    there, back = row(SERVER, 80, SERVER, 40000), row(SERVER, 40000, SERVER, 80, 6)
    for rows in (there + back, there, back):
        table = look(proc(tmp_path, listening(80) + rows))
        assert accepted(table) == {Accepted(80, SERVER, 40000, is_local=True)}


@given(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)),
    st.integers(1, 65535),
    st.integers(1, 65535),
)
def test_every_address_is_read_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, client: Address, port: int, its_port: int
) -> None:
    here = SERVER if client.version == 4 else ip_address("2001:db8::1")
    rows = listening(port) + row(here, port, client, its_port)
    (one,) = accepted(look(proc(tmp_path_factory.getbasetemp() / "net", rows)))
    assert one.client == (getattr(client, "ipv4_mapped", None) or client)
    assert (one.port, one.client_port) == (port, its_port)


def test_ipv4_on_an_ipv6_socket_is_ipv4(tmp_path: Path) -> None:
    mapped, here = ip_address("::ffff:198.51.100.2"), ip_address("::ffff:198.51.100.1")
    rows = listening(80, "::") + row(here, 80, mapped, 40000)
    (one,) = accepted(look(proc(tmp_path, "", rows)))
    assert one.client == CLIENT


def test_a_proc_that_shows_something_else_is_one_line(tmp_path: Path) -> None:
    folder = proc(tmp_path, "")
    (folder / "snmp").write_text("Icmp: 1\n")
    with pytest.raises(ValueError, match="has no Tcp PassiveOpens"):
        look(folder)


def test_the_kernels_own_tables_show_a_connection_to_this_test() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        before = look()
        with closing(socket.create_connection(server.getsockname())) as client:
            after = look()
            mine = client.getsockname()[1]
    new = {it.client_port for it in after.accepted_since(before)}
    assert mine in new
    assert after.opened > before.opened


class Looks:
    """Looks that a test has prepared, the last one for ever."""

    def __init__(self, *tables: Table | OSError) -> None:
        self.left = list(tables)
        self.repeats = threading.Event()

    def __call__(self) -> Table:
        if len(self.left) == 1:
            self.repeats.set()
        one = self.left[0] if len(self.left) == 1 else self.left.pop(0)
        if isinstance(one, OSError):
            raise one
        return one


def table(*rows: str, opened: int = 0, cpu_s: float = 0.0) -> Table:
    keys = frozenset(" ".join(it.split()[1:3]).encode() for it in rows)
    return Table(keys, frozenset({80, 22}), opened, cpu_s)


def rows(count: int, first: int = 20000, port: int = 22) -> list[str]:
    return [row(SERVER, port, CLIENT, first + it) for it in range(count)]


async def watching(*tables: Table | OSError, system: WatchedSystem) -> Watch:
    """A watch that has had all these looks: the last one is noted when it is repeated."""
    looks = Looks(*tables, tables[-1])
    watch = Watch(looks)
    await watch.follow([system], lambda: 1_800_000_000.0)
    if len(tables) > 1:
        assert await asyncio.to_thread(looks.repeats.wait, 20)
    return watch


LEAVE = WatchedSystem(name="leave", ports=(80,))


async def test_connections_that_no_look_saw_are_counted_by_the_kernel() -> None:
    watch = await watching(table(), table(*rows(70), opened=100), system=LEAVE)
    seen, uses = watch.take()
    await watch.close()
    assert (seen.accepted, seen.missed) == (100, 30)
    assert uses["leave"].clients == set()


async def test_who_stays_connected_is_a_client_of_every_stretch() -> None:
    stays = row(SERVER, 80, CLIENT, 40000)
    watch = await watching(table(stays), system=LEAVE)
    counts = [len(watch.take()[1]["leave"].clients) for _ in range(3)]
    await watch.close()
    assert counts == [1, 1, 1]


async def test_a_client_of_two_connections_is_one_and_is_kept_as_a_hash() -> None:
    two = (row(SERVER, 80, CLIENT, 40000), row(SERVER, 80, CLIENT, 40001))
    watch = await watching(table(*two), system=LEAVE)
    _, uses = watch.take()
    await watch.close()
    use: Use = uses["leave"]
    (hashed,) = use.today
    assert len(hashed) == 8
    assert CLIENT.packed not in hashed
    assert "198.51.100.2" not in repr(uses)
    assert use.last_used_s == 1_800_000_000.0


@pytest.mark.parametrize(("cpu_s", "interval_s"), [(0.0005, 1.0), (0.008, 1.0), (0.04, 5.0)])
async def test_looks_are_as_rare_as_keeps_to_one_percent_of_a_core(
    cpu_s: float, interval_s: float
) -> None:
    watch = await watching(table(cpu_s=cpu_s), system=LEAVE)
    seen, _ = watch.take()
    await watch.close()
    assert seen.interval_s == pytest.approx(interval_s, rel=0.01)


async def test_a_stretch_in_which_the_tables_could_not_be_read_was_not_watched() -> None:
    watch = await watching(PermissionError(13, "Permission denied"), system=LEAVE)
    with pytest.raises(CollectError, match=r"TCP tables of this host: .*Permission denied"):
        watch.take()
    await watch.close()


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server


async def a_round(target: ServicesTarget, tools: Tools) -> Observation:
    return await observe(collect, target, tools)


def levels(observation: Observation) -> dict[str, float | None]:
    return {it.measure: it.value for it in observation.measurements if isinstance(it, GaugeReading)}


def samples(observation: Observation) -> dict[str, float]:
    return {it.metric.name: it.value for it in observation.measurements if isinstance(it, Sample)}


async def test_a_client_on_this_host_may_be_a_proxy_and_is_told_apart(
    server: socket.socket,
) -> None:
    port = server.getsockname()[1]
    target = ServicesTarget(systems=(WatchedSystem(name="leave", ports=(port,)),))
    tools = Tools(clock.now)
    with closing(socket.create_connection(server.getsockname())):
        found = await a_round(target, tools)
    await tools.close()
    assert found.reason is None, found.detail
    assert levels(found)["clients"] == 0
    assert levels(found)["local_clients"] == 1
    assert levels(found)["last_used"] is None


async def test_a_management_range_may_hold_loopback(server: socket.socket) -> None:
    port = server.getsockname()[1]
    watched = {"name": "leave", "ports": [port], "management": ["127.0.0.0/8"]}
    target = ServicesTarget.model_validate({"systems": [watched]})
    tools = Tools(clock.now)
    with closing(socket.create_connection(server.getsockname())):
        found = await a_round(target, tools)
    await tools.close()
    assert levels(found)["local_clients"] == 0


async def test_a_system_that_nobody_serves_is_not_watched() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    target = ServicesTarget(systems=(WatchedSystem(name="leave", ports=(port,)),))
    tools = Tools(clock.now)
    found = await a_round(target, tools)
    await tools.close()
    assert set(levels(found).values()) == {None}
    assert samples(found)["netfold_system_port_listening"] == 0
    assert "netfold_system_clients" not in samples(found)


@pytest.fixture
def published(server: socket.socket, tmp_path: Path) -> Iterator[int]:
    """A port that is held by a process of that name and those options: a shell that waits."""
    port = server.getsockname()[1]
    proxy = shutil.copy(Path("/bin/sh").resolve(), tmp_path / "docker-proxy")
    command = [proxy, "-c", "echo; read x", "-proto", "tcp", "-host-port", str(port), "-end"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline()
        yield port
        process.kill()


async def test_a_port_that_docker_publishes_is_not_watched(published: int) -> None:
    target = ServicesTarget(systems=(WatchedSystem(name="leave", ports=(published,)),))
    tools = Tools(clock.now)
    found = await a_round(target, tools)
    await tools.close()
    assert set(levels(found).values()) == {None}
    assert samples(found)["netfold_system_port_listening"] == 0


async def test_what_cannot_be_read_is_a_local_fault_and_ends_what_was_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused() -> Table:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Watch.__init__, "__defaults__", (refused,))
    target = ServicesTarget(systems=(LEAVE,))
    tools = Tools(clock.now)
    found = await a_round(target, tools)
    await tools.close()
    assert found.reason is Reason.LOCAL
    assert set(levels(found).values()) == {None}
    assert len(levels(found)) == 6


def test_a_connection_made_for_two_seconds_is_seen_and_a_managers_is_not() -> None:
    namespace = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
    done = subprocess.run(
        [*namespace, sys.executable, "-m", "tests.services_lab"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    nobody, manager, client = json.loads(done.stdout)
    assert [it["clients"] for it in (nobody, manager, client)] == [0, 0, 1]
    assert nobody["last_used"] is None
    assert manager["last_used"] is None
    assert client["last_used"] > 1e9
    assert client["netfold_system_clients"] == 1
    assert client["netfold_connections_accepted_total"] == 2
    assert client["netfold_connections_missed_total"] == 0
