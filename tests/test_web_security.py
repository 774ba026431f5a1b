"""Passwords are checked at a bounded price, and what an endpoint lacks is said."""

import asyncio
import json
import ssl
from collections.abc import Callable
from pathlib import Path

import bcrypt
import pytest
import trustme

from agent.app import Agent
from agent.web.described import scrape_target
from agent.web.passwords import MOST_WAITING, BusyError, Passwords
from agent.web.security import Security
from agent.web.server import listen
from config.agent import Listen, Node
from config.load import load
from tests.agentproc import write
from tests.secured import TLS, USERS, ask, certify, trusting, web_file
from tests.testbed import free_port

HASHES = {
    "alice": bcrypt.hashpw(b"right", bcrypt.gensalt(4)),
    "bob": bcrypt.hashpw(b"other", bcrypt.gensalt(4)),
}


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The hashes that bcrypt was asked about, one by one."""
    asked: list[bytes] = []
    really: Callable[[bytes, bytes], bool] = bcrypt.checkpw

    def check(password: bytes, hashed: bytes) -> bool:
        asked.append(hashed)
        return really(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", check)
    return asked


async def test_a_right_password_is_paid_for_once(checked: list[bytes]) -> None:
    passwords = Passwords()
    for _ in range(3):
        assert await passwords.fit(HASHES, "alice", b"right")
    assert checked == [HASHES["alice"]]


async def test_a_wrong_password_is_paid_for_each_time(checked: list[bytes]) -> None:
    passwords = Passwords()
    assert await passwords.fit(HASHES, "alice", b"right")
    for _ in range(3):
        assert not await passwords.fit(HASHES, "alice", b"wrong")
    assert len(checked) == 4


async def test_an_unknown_user_costs_what_a_known_one_does(checked: list[bytes]) -> None:
    passwords = Passwords()
    for _ in range(3):
        assert not await passwords.fit(HASHES, "mallory", b"right")
        assert not await passwords.fit(HASHES, "mallory", b"other")
    assert len(checked) == 6
    assert len(set(checked)) == 1


async def test_a_new_hash_and_a_removed_user_count_at_once() -> None:
    passwords = Passwords()
    assert await passwords.fit(HASHES, "alice", b"right")
    assert not await passwords.fit(HASHES | {"alice": HASHES["bob"]}, "alice", b"right")
    assert not await passwords.fit({"bob": HASHES["bob"]}, "alice", b"right")


async def test_connections_that_bring_the_same_password_pay_once(checked: list[bytes]) -> None:
    passwords = Passwords()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(passwords.fit(HASHES, "alice", b"right")) for _ in range(9)]
    assert all(task.result() for task in tasks)
    assert len(checked) == 1


async def test_beyond_so_many_that_wait_one_is_turned_away() -> None:
    passwords = Passwords()
    assert await passwords.fit(HASHES, "alice", b"right")
    async with asyncio.TaskGroup() as group:
        for number in range(MOST_WAITING):
            group.create_task(passwords.fit(HASHES, "alice", b"wrong %d" % number))
        await asyncio.sleep(0)  # all of them begin
        with pytest.raises(BusyError):
            await passwords.fit(HASHES, "bob", b"other")
        assert await passwords.fit(HASHES, "alice", b"right")
    assert await passwords.fit(HASHES, "bob", b"other")


async def test_the_loop_goes_on_while_a_password_is_checked() -> None:
    passwords = Passwords()
    costly = {"alice": bcrypt.hashpw(b"right", bcrypt.gensalt(10))}
    task = asyncio.create_task(passwords.fit(costly, "alice", b"right"))
    turns = 0
    while not task.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert task.result()
    assert turns > 5


@pytest.mark.parametrize(
    ("asked", "scheme", "target"),
    [
        pytest.param(
            "node.example.org:9945", "https", "node.example.org:9945", id="as-it-was-asked"
        ),
        pytest.param("node.example.org", "https", "node.example.org:443", id="port-of-https"),
        pytest.param("node.example.org", "http", "node.example.org:80", id="port-of-http"),
        pytest.param("[2001:db8::1]:9945", "http", "[2001:db8::1]:9945", id="IPv6"),
        pytest.param("", "http", "0.0.0.0:9945", id="not-said"),
        pytest.param("a b,c", "http", "0.0.0.0:9945", id="no-address"),
    ],
)
def test_the_scrape_target_is_the_address_that_was_asked(
    asked: str, scheme: str, target: str
) -> None:
    node = Node(name="sz-edu-01", department="市教育局", region="440300")
    assert scrape_target(node, Listen("0.0.0.0", 9945), scheme, asked) == [
        {
            "targets": [target],
            "labels": {
                "__scheme__": scheme,
                "__metrics_path__": "/metrics",
                "instance": "sz-edu-01",
                "department": "市教育局",
                "region": "440300",
            },
        }
    ]


def agent_at(folder: Path, host: str, port: int = 0) -> Agent:
    path = folder / "netfold.yaml"
    write(path, {"node": {"name": "t"}, "data_dir": "data", "listen": f"{host}:{port}"})
    return Agent(lambda: load(path))


@pytest.mark.parametrize(
    ("host", "web", "lacking"),
    [
        pytest.param("127.0.0.1", None, "", id="loopback"),
        pytest.param("127.0.0.1", {}, "", id="loopback-with-an-empty-file"),
        pytest.param("0.0.0.0", None, "TLS", id="nothing"),
        pytest.param("0.0.0.0", USERS, "TLS", id="passwords-in-the-clear"),
        pytest.param("0.0.0.0", TLS, "users or client certificates", id="TLS-for-everybody"),
        pytest.param("0.0.0.0", TLS | USERS, "", id="TLS-and-users"),
    ],
)
async def test_listening_beyond_loopback_says_what_it_lacks(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    host: str,
    web: dict[str, object] | None,
    lacking: str,
) -> None:
    certify(tmp_path, trustme.CA())
    security = None if web is None else Security(web_file(tmp_path, web))
    async with listen(agent_at(tmp_path, host), security):
        pass
    expected = [f"listening beyond loopback without {lacking}"] if lacking else []
    assert [it.getMessage() for it in caplog.records] == expected


def test_a_key_that_others_can_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certify(tmp_path, trustme.CA())
    (tmp_path / "server.key").chmod(0o644)
    Security(web_file(tmp_path, TLS))
    (record,) = caplog.records
    assert record.getMessage() == "others may get at the private key"


async def test_without_uvloop_clients_are_let_in_and_refused_alike(tmp_path: Path) -> None:
    ca = trustme.CA()
    certify(tmp_path, ca)
    ca.cert_pem.write_to_path(tmp_path / "clients.crt")
    asked = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "clients.crt"}
    web = {"tls_server_config": TLS["tls_server_config"] | asked}
    agent = agent_at(tmp_path, "127.0.0.1", free_port("tcp"))
    mine, nobodys = trusting(ca, ca.issue_cert("me")), trusting(ca)
    async with listen(agent, Security(web_file(tmp_path, web))):
        answer = await asyncio.to_thread(ask, agent.config.listen, "/sd", mine)
        assert json.loads(answer.body)[0]["labels"]["__scheme__"] == "https"
        with pytest.raises(ssl.SSLError, match="alert certificate required"):
            await asyncio.to_thread(ask, agent.config.listen, "/sd", nobodys)
