import asyncio
import contextlib
import gc
import itertools
import shutil
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from pysnmp.proto.api import v2c

from collectors.base import CollectError, Reason
from collectors.snmp import client as snmp_client
from collectors.snmp import transport
from collectors.snmp.agent import Agent
from collectors.snmp.client import SnmpClient
from collectors.snmp.credential import AuthProtocol, Community, PrivProtocol, User
from tests.snmpd import COMMUNITY, SECRETS, USER, V2C, V3, Snmpd, answering, scripted
from tests.testbed import eventually_async, free_port

UPTIME = "1.3.6.1.2.1.1.3.0"
OBJECT_ID = "1.3.6.1.2.1.1.2.0"
CONTACT = "1.3.6.1.2.1.1.4.0"
NAMES = "1.3.6.1.2.1.31.1.1.1.1"
DESCRIPTIONS = "1.3.6.1.2.1.2.2.1.2"
NOWHERE = "1.3.6.1.4.1.99999.1.0"


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    contact = f'override {CONTACT} octet_str "somebody"'
    with Snmpd(tmp_path_factory.mktemp("snmpd"), [contact]) as daemon:
        yield daemon


@pytest.fixture
async def client() -> AsyncIterator[SnmpClient]:
    one = SnmpClient()
    yield one
    await one.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for those who are known to keep silent."""
    monkeypatch.setattr(transport, "FIRST_WAIT_S", 0.15)


def as_user(snmpd: Snmpd, **changes: object) -> Agent:
    return replace(snmpd.agent_v3, credential=replace(USER, **changes))


async def failure(client: SnmpClient, agent: Agent) -> CollectError:
    with pytest.raises(CollectError) as caught:
        await client.get(agent, [UPTIME])
    said = str(caught.value)
    assert "\n" not in said
    assert not any(secret in said for secret in SECRETS)
    return caught.value


@pytest.mark.parametrize("version", ["v2c", "v3"])
async def test_values_come_as_numbers_octets_and_oids_or_are_absent(
    snmpd: Snmpd, client: SnmpClient, version: str
) -> None:
    agent = snmpd.agent if version == "v2c" else snmpd.agent_v3
    (before,) = snmpd.get(UPTIME, credential=V2C if version == "v2c" else V3)
    uptime, contact, oid, nothing = await client.get(agent, [UPTIME, CONTACT, OBJECT_ID, NOWHERE])
    (after,) = snmpd.get(UPTIME)
    assert isinstance(uptime, int)
    assert int(before) <= uptime <= int(after)
    assert contact == b"somebody"
    assert oid == snmpd.get(OBJECT_ID)[0].removeprefix(".")
    assert nothing is None


async def test_a_walk_gives_what_snmpwalk_gives_and_stops_at_the_columns_end(
    snmpd: Snmpd, client: SnmpClient
) -> None:
    names, descriptions = await client.walk(snmpd.agent, NAMES, DESCRIPTIONS)
    assert list(names) == list(descriptions)
    oids = [f"{NAMES}.{index}" for index in names]
    assert [value.decode() for value in names.values()] == snmpd.get(*oids)


async def test_a_column_that_a_device_lacks_is_empty(snmpd: Snmpd, client: SnmpClient) -> None:
    nothing, names = await client.walk(snmpd.agent, "1.3.6.1.4.1.99999.1", NAMES)
    assert nothing == {}
    assert names


async def test_more_values_than_fit_into_one_request_come_in_order(
    snmpd: Snmpd, client: SnmpClient
) -> None:
    asked = [UPTIME, CONTACT, NOWHERE] * 60
    values = await client.get(snmpd.agent, asked)
    assert values[1::3] == [b"somebody"] * 60
    assert values[2::3] == [None] * 60


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"name": "nobody"}, Reason.UNKNOWN_USER, id="unknown-user"),
        pytest.param(
            {"auth_secret": SecretStr("not-this-one")}, Reason.WRONG_DIGEST, id="wrong-password"
        ),
        pytest.param({"auth_protocol": "SHA-512"}, Reason.WRONG_DIGEST, id="wrong-protocol"),
        pytest.param({"name": "readable"}, Reason.UNSUPPORTED_LEVEL, id="level-not-supported"),
        pytest.param({"priv_secret": None, "priv_protocol": None}, Reason.AUTH, id="level-too-low"),
        pytest.param(
            {"priv_secret": SecretStr("not-this-one")},
            Reason.DECRYPTION_ERROR,
            id="wrong-privacy-password",
        ),
    ],
)
async def test_a_wrong_v3_credential_is_named_for_what_is_wrong(
    snmpd: Snmpd, client: SnmpClient, changes: dict[str, object], reason: Reason
) -> None:
    assert (await failure(client, as_user(snmpd, **changes))).reason is reason


async def test_users_of_one_name_and_different_secrets_do_not_disturb_each_other(
    snmpd: Snmpd, client: SnmpClient
) -> None:
    wrong = as_user(snmpd, auth_secret=SecretStr("not-this-one"))
    for _ in range(2):
        assert (await failure(client, wrong)).reason is Reason.WRONG_DIGEST
        assert await client.get(snmpd.agent_v3, [CONTACT]) == [b"somebody"]


async def test_every_protocol_is_spoken_as_net_snmp_speaks_it(
    tmp_path: Path, client: SnmpClient
) -> None:
    pairs = list(itertools.product(get_args(AuthProtocol), get_args(PrivProtocol)))
    lines = []
    for number, (auth, priv) in enumerate(pairs):
        theirs = f"{auth.replace('SHA-1', 'SHA')} an-auth-key {priv.replace('AES-128', 'AES')}"
        lines += [f"createUser user{number} {theirs} a-priv-key", f"rouser user{number} authpriv"]
    auth_key, priv_key = SecretStr("an-auth-key"), SecretStr("a-priv-key")
    with Snmpd(tmp_path, lines) as daemon:
        for number, (auth, priv) in enumerate(pairs):
            user = User(f"user{number}", auth, auth_key, priv, priv_key)
            assert await client.get(replace(daemon.agent, credential=user), [OBJECT_ID])


@pytest.mark.usefixtures("impatient")
async def test_a_wrong_community_meets_silence(snmpd: Snmpd, client: SnmpClient) -> None:
    stranger = replace(snmpd.agent, credential=Community(SecretStr("not-this-one")))
    assert (await failure(client, stranger)).reason is Reason.TIMEOUT


@pytest.mark.usefixtures("impatient")
async def test_a_device_that_keeps_silent_is_a_timeout_and_a_closed_port_is_refused(
    client: SnmpClient,
) -> None:
    async with answering(lambda _: None) as silent:
        assert (await failure(client, silent)).reason is Reason.TIMEOUT
    assert (await failure(client, silent)).reason is Reason.REFUSED


async def test_who_refuses_does_not_disturb_who_answers(snmpd: Snmpd, client: SnmpClient) -> None:
    closed = replace(snmpd.agent, port=free_port("udp"))
    for _ in range(20):
        async with asyncio.TaskGroup() as group:
            refused = [group.create_task(failure(client, closed)) for _ in range(3)]
            answered = [group.create_task(client.get(snmpd.agent, [CONTACT])) for _ in range(3)]
        assert {task.result().reason for task in refused} == {Reason.REFUSED}
        assert all(task.result() == [b"somebody"] for task in answered)


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="text"),
        pytest.param(b"\x30\x84\xff\xff\xff\xff", id="a-length-beyond-the-end"),
        pytest.param(b"\x30\x03\x02\x01\x07", id="an-unknown-version"),
        pytest.param(b"\x30\x05\x02\x01\x01\x04\x00", id="a-message-cut-short"),
    ],
)
@pytest.mark.usefixtures("impatient")
async def test_garbage_is_named(client: SnmpClient, garbage: bytes) -> None:
    async with answering(lambda _: garbage) as agent:
        assert (await failure(client, agent)).reason is Reason.UNEXPECTED_CONTENT


async def test_one_stray_datagram_does_not_spoil_the_answer(client: SnmpClient) -> None:
    good = scripted(lambda oids: [(oid, v2c.Integer(7)) for oid in oids])
    strays = iter([b"garbage"])
    async with answering(lambda request: next(strays, None) or good(request)) as agent:
        assert await client.get(agent, [UPTIME]) == [7]


async def test_whatever_comes_back_ends_in_a_named_reason(client: SnmpClient) -> None:
    good = scripted(lambda oids: [(oid, v2c.Integer(7)) for oid in oids])
    loop_complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: loop_complaints.append(told))

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def replies(data: st.DataObject) -> None:
        cut = data.draw(st.integers(0, 60))
        flips = data.draw(st.lists(st.tuples(st.integers(0, 59), st.integers(0, 255)), max_size=4))

        def broken(request: bytes) -> bytes:
            answer = bytearray(good(request))
            for place, byte in flips:
                answer[place % len(answer)] = byte
            return bytes(answer[: max(len(answer) - cut, 0)])

        drawn.append(broken)

    drawn: list[object] = []
    await asyncio.to_thread(replies)
    async with AsyncExitStack() as stack:
        agents = [await stack.enter_async_context(answering(reply)) for reply in drawn]  # type: ignore[arg-type]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_outcome(client, agent)) for agent in agents]
    # AUTH too: one byte can make the reply an authorizationError.
    named = {None, Reason.UNEXPECTED_CONTENT, Reason.TIMEOUT, Reason.AUTH}
    assert {task.result() for task in tasks} <= named
    assert not loop_complaints


async def _outcome(client: SnmpClient, agent: Agent) -> Reason | None:
    try:
        await client.get(agent, [UPTIME])
    except CollectError as error:
        return error.reason
    return None


async def test_oids_that_do_not_increase_end_the_walk(client: SnmpClient) -> None:
    async with answering(scripted(lambda _: [((1, 3, 6, 1, 5, 5), v2c.Integer(1))])) as agent:
        with pytest.raises(CollectError, match="OIDs must increase") as caught:
            await client.walk(agent, "1.3.6.1.5")
    assert caught.value.reason is Reason.UNEXPECTED_CONTENT


async def test_a_column_without_end_is_not_followed_for_ever(client: SnmpClient) -> None:
    def following(oids: list[tuple[int, ...]]) -> list[tuple[tuple[int, ...], object]]:
        (at,) = oids
        index = at[4] if len(at) > 4 else 0
        return [((1, 3, 6, 1, index + step), v2c.Integer(step)) for step in range(1, 26)]

    async with answering(scripted(following)) as agent:
        with pytest.raises(CollectError, match="more than 100 rows"):
            await client.walk(agent, "1.3.6.1", max_rows=100)


async def test_a_device_that_finds_it_too_big_is_asked_for_less(client: SnmpClient) -> None:
    sizes = []

    def answer(oids: list[tuple[int, ...]]) -> list[tuple[tuple[int, ...], object]] | str:
        sizes.append(len(oids))
        return "tooBig" if len(oids) > 7 else [(oid, v2c.Integer(oid[-1])) for oid in oids]

    async with answering(scripted(answer)) as agent:
        values = await client.get(agent, [f"1.3.6.1.{number}" for number in range(40)])
    assert values == list(range(40))
    assert max(sizes[-5:]) <= 7


@pytest.mark.usefixtures("impatient")
async def test_a_device_that_never_answers_is_asked_once_a_poll_and_in_full_once_it_does(
    client: SnmpClient,
) -> None:
    asked: list[bytes] = []
    is_dead = True
    good = scripted(lambda oids: [(oid, v2c.Integer(7)) for oid in oids])

    def answer(request: bytes) -> bytes | None:
        asked.append(request)
        return None if is_dead or len(asked) == 1 else good(request)

    async with answering(answer) as agent:
        sent = []
        for _ in range(4):
            asked.clear()
            assert await _outcome(client, agent) is Reason.TIMEOUT
            sent.append(len(asked))
        assert sent == [3, 3, 1, 1]
        is_dead = False
        asked.clear()
        assert await _outcome(client, agent) is Reason.TIMEOUT  # the one attempt was lost
        assert await client.get(agent, [UPTIME]) == [7]
        asked.clear()
        assert await client.get(agent, [UPTIME]) == [7]
        assert len(asked) == 2  # tried again, since it answers


@pytest.mark.usefixtures("impatient")
async def test_a_device_that_is_only_slow_is_found_again(client: SnmpClient) -> None:
    good = scripted(lambda oids: [(oid, v2c.Integer(7)) for oid in oids])
    with socket.socket(type=socket.SOCK_DGRAM) as device:
        device.setblocking(False)
        device.bind(("127.0.0.1", 0))
        agent = Agent(*device.getsockname(), COMMUNITY)
        for _ in range(2):
            assert await _outcome(client, agent) is Reason.TIMEOUT
        asking = asyncio.create_task(client.get(agent, [UPTIME]))
        await asyncio.sleep(0.5)  # longer than one attempt's 0.15 s, shorter than all three
        requests = []
        with contextlib.suppress(BlockingIOError):
            while True:
                requests.append(device.recvfrom(2000))
        request, asker = requests[-1]
        device.sendto(good(request), asker)
        assert await asking == [7]


async def test_one_icmp_error_does_not_end_a_request(client: SnmpClient) -> None:
    good = scripted(lambda oids: [(oid, v2c.Integer(7)) for oid in oids])
    async with answering(good) as agent:
        asked = asyncio.create_task(client.get(agent, [UPTIME]))
        await asyncio.sleep(0)
        address = (agent.host, agent.port)
        assert address in client._transport._waiting
        for _ in range(2):
            client._transport._failed(address, ConnectionRefusedError(111, "refused"))
        assert await asked == [7]


async def test_replies_that_are_lost_for_their_size_are_asked_for_in_smaller_ones(
    client: SnmpClient, impatient: None
) -> None:
    good = scripted(lambda oids: [(oid, v2c.OctetString("x" * 20)) for oid in oids])

    def answer(request: bytes) -> bytes | None:
        reply = good(request)
        return reply if len(reply) < 1000 else None

    names = [f"1.3.6.1.{number}" for number in range(40)]
    async with answering(answer) as agent:
        with pytest.raises(CollectError):
            await client.get(agent, names)
        assert len(await client.get(agent, names)) == 40


async def test_a_device_has_two_requests_at_once_and_no_more(client: SnmpClient) -> None:
    asked: list[bytes] = []
    good = scripted(lambda oids: [(oid, v2c.Integer(7)) for oid in oids])

    def answer(request: bytes) -> bytes | None:
        asked.append(request)
        return good(request) if len(asked) > 3 else None  # the first two wait for a second attempt

    async with answering(answer) as agent:
        waiting = [asyncio.create_task(client.get(agent, [UPTIME])) for _ in range(5)]
        await eventually_async(lambda: len(asked) == 2)
        first_two = set(asked)
        await asyncio.wait(waiting)
        assert {task.result()[0] for task in waiting} == {7}
    assert set(asked[:4]) == first_two  # nobody else's before one of them was answered


async def test_what_was_asked_for_less_is_asked_for_more_again(client: SnmpClient) -> None:
    sizes: list[int] = []
    too_big = 7

    def answer(oids: list[tuple[int, ...]]) -> list[tuple[tuple[int, ...], object]] | str:
        sizes.append(len(oids))
        return "tooBig" if len(oids) > too_big else [(oid, v2c.Integer(1)) for oid in oids]

    async with answering(scripted(answer)) as agent:
        names = [f"1.3.6.1.{number}" for number in range(40)]
        await client.get(agent, names)
        too_big = 60
        for _ in range(100):
            await client.get(agent, names)
    assert max(sizes[-8:]) == 40


async def test_a_value_that_the_device_fails_at_costs_the_others_nothing(
    client: SnmpClient,
) -> None:
    def answer(oids: list[tuple[int, ...]]) -> list[tuple[tuple[int, ...], object]] | str:
        bad = next((place for place, oid in enumerate(oids, start=1) if oid[-1] == 3), 0)
        return f"genErr {bad}" if bad else [(oid, v2c.Integer(oid[-1])) for oid in oids]

    async with answering(scripted(answer)) as agent:
        assert await client.get(agent, [f"1.3.6.1.{n}" for n in range(6)]) == [0, 1, 2, None, 4, 5]
        with pytest.raises(CollectError, match=r"genErr at 1\.3\.6\.1\.3"):
            await client.get(agent, ["1.3.6.1.3"])


async def test_a_table_of_too_many_octets_is_not_read_for_ever(
    client: SnmpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snmp_client, "MAX_BYTES", 10_000)

    def following(oids: list[tuple[int, ...]]) -> list[tuple[tuple[int, ...], object]]:
        (at,) = oids
        return [((1, 3, 6, 1, (at[4] if len(at) > 4 else 0) + 1), v2c.OctetString("x" * 1_000))]

    async with answering(scripted(following)) as agent:
        with pytest.raises(CollectError, match="over 10000 octets"):
            await client.walk(agent, "1.3.6.1")


async def test_an_answer_to_another_question_is_refused(client: SnmpClient) -> None:
    async with answering(scripted(lambda _: [((1, 3, 6), v2c.Integer(1))])) as agent:
        assert (await failure(client, agent)).reason is Reason.UNEXPECTED_CONTENT


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("credential", "reason"),
    [
        pytest.param(Community(SecretStr("团体名" * 20)), "timeout", id="chinese-community"),
        pytest.param(Community(SecretStr("c" * 300)), "timeout", id="long-community"),
        pytest.param(Community(SecretStr("")), "timeout", id="empty-community"),
        pytest.param(replace(USER, name="监控"), "unknown_user", id="chinese-user"),
        pytest.param(replace(USER, name="u" * 40), "local", id="user-beyond-32-octets"),
        pytest.param(
            replace(USER, auth_secret=SecretStr("密码密码密码")),
            "wrong_digest",
            id="chinese-secret",
        ),
    ],
)
async def test_an_odd_credential_is_refused_by_name_and_shown_nowhere(
    snmpd: Snmpd, client: SnmpClient, credential: Community | User, reason: str
) -> None:
    error = await failure(client, replace(snmpd.agent, credential=credential))
    assert error.reason == reason
    assert not any(part in str(error) for part in ("团体名", "ccc", "密码"))
    assert await client.get(snmpd.agent, [CONTACT]) == [b"somebody"]


async def test_a_device_is_asked_from_the_source_address_that_is_configured(
    snmpd: Snmpd, client: SnmpClient
) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as device:
        device.setblocking(False)
        device.bind(("127.0.0.1", 0))
        asked = Agent(*device.getsockname(), COMMUNITY, source="127.0.0.5")
        asking = asyncio.create_task(_outcome(client, asked))
        _, sender = await loop.sock_recvfrom(device, 2000)
        asking.cancel()
    assert sender[0] == "127.0.0.5"
    assert await client.get(replace(snmpd.agent, source="127.0.0.1"), [CONTACT]) == [b"somebody"]


@pytest.mark.parametrize("source", ["192.0.2.7", "::1"], ids=["not-ours", "another-family"])
async def test_a_source_address_that_cannot_be_used_is_a_local_fault(
    snmpd: Snmpd, client: SnmpClient, source: str
) -> None:
    error = await failure(client, replace(snmpd.agent, source=source))
    assert error.reason is Reason.LOCAL
    assert source in str(error)


async def test_names_are_resolved_and_unknown_ones_named(snmpd: Snmpd, client: SnmpClient) -> None:
    assert await client.get(replace(snmpd.agent, host="localhost", family="ipv4"), [CONTACT])
    unknown = replace(snmpd.agent, host="no-such-host.invalid")
    assert (await failure(client, unknown)).reason is Reason.RESOLVE


@pytest.mark.parametrize("credential", [COMMUNITY, USER], ids=["v2c", "v3"])
async def test_devices_are_read_over_ipv6(
    tmp_path: Path, client: SnmpClient, credential: Community | User
) -> None:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 loopback here")
    with Snmpd(tmp_path, hosts=["127.0.0.1", "::1"]) as daemon:
        agent = Agent("::1", daemon.port, credential)
        assert await client.get(agent, [OBJECT_ID]) == await client.get(daemon.agent, [OBJECT_ID])


@pytest.mark.parametrize("state_is_lost", [False, True], ids=["same-engine", "new-engine"])
async def test_a_v3_device_that_restarted_is_read_in_the_same_call(
    tmp_path: Path, client: SnmpClient, state_is_lost: bool
) -> None:
    with Snmpd(tmp_path, ["exactEngineID 0x8000000001020304"] * (not state_is_lost)) as daemon:
        assert await client.get(daemon.agent_v3, [OBJECT_ID])
        daemon.stop()
        if state_is_lost:
            shutil.rmtree(tmp_path / "state", ignore_errors=True)
        daemon.start()
        assert await client.get(daemon.agent_v3, [OBJECT_ID])


async def test_of_fifty_devices_five_dead_ones_delay_nobody(
    tmp_path: Path, client: SnmpClient
) -> None:
    hosts = [f"127.0.0.{number}" for number in range(1, 46)]
    order: list[str] = []

    async def read(agent: Agent) -> None:
        try:
            values = await client.get(agent, [UPTIME, OBJECT_ID])
        except CollectError:
            order.append("dead")
        else:
            assert None not in values
            order.append("live")

    with Snmpd(tmp_path, hosts=hosts) as daemon:
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            dead = [await stack.enter_async_context(answering(lambda _: None)) for _ in range(5)]
            live = [
                replace(daemon.agent, host=host, credential=credential)
                for host, credential in zip(hosts, [COMMUNITY, USER] * 23, strict=False)
            ]
            tasks = [group.create_task(read(agent)) for agent in [*dead, *live]]
            await asyncio.wait(tasks)
    assert order == ["live"] * 45 + ["dead"] * 5


async def test_cancelling_leaves_nothing_behind(snmpd: Snmpd) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    tasks_before = asyncio.all_tasks()
    client = SnmpClient()
    async with answering(lambda _: None) as silent:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.get(silent, [UPTIME])
        assert await client.get(snmpd.agent, [CONTACT]) == [b"somebody"]
        await client.close()
    await eventually_async(lambda: asyncio.all_tasks() == tasks_before)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()
    await eventually_async(lambda: descriptors() <= before)


async def test_closing_tells_who_still_waits() -> None:
    client = SnmpClient()
    async with answering(lambda _: None) as silent:
        waiting = asyncio.create_task(_outcome(client, silent))
        await eventually_async(lambda: client._transport._waiting)
        await client.close()
        started = time.monotonic()
        assert await waiting is Reason.LOCAL
        assert time.monotonic() - started < 1


def test_it_works_the_same_under_uvloop(snmpd: Snmpd) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def read() -> tuple[Reason | None, ...]:
        client = SnmpClient()
        closed = replace(snmpd.agent, port=free_port("udp"))
        try:
            agents = [closed, snmpd.agent, closed, snmpd.agent_v3, closed, snmpd.agent]
            return tuple([await _outcome(client, agent) for agent in agents])
        finally:
            await client.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(read()) == (Reason.REFUSED, None) * 3


def test_ciphers_are_imported_only_when_a_device_is_asked_by_v3() -> None:
    code = "import sys, collectors.snmp_interfaces; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
