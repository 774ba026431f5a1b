"""TCP handshakes with real sockets on loopback."""

import asyncio
import gc
import importlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from collectors.base import CollectError, Reason, Sample
from collectors.endpoint import Endpoint, failed
from collectors.probe import PHASE, RTT
from collectors.tcp import TcpTarget, collect
from tests.blackbox import Blackbox, blackbox
from tests.certificates import Answer, greeting, hang_up, reset, serving, until_hung_up
from tests.lent import observed, tools


@asynccontextmanager
async def listening(host: str) -> AsyncIterator[tuple[int, asyncio.Queue[bytes]]]:
    """Listen on a free port; the queue has what each client sent before it closed."""
    received: asyncio.Queue[bytes] = asyncio.Queue()
    handlers: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.extend(filter(None, [asyncio.current_task()]))
        received.put_nowait(await reader.read())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], received
        for handler in handlers:
            await handler


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, kept from others meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose queue is full: the system drops further handshakes, as a dead host would."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def tcp(**options: object) -> TcpTarget:
    return TcpTarget.model_validate({"name": "t", "kind": "tcp", "address": "r1", **options})


async def measure(address: str, port: int, **options: object) -> list[Sample]:
    target = tcp(address=address, port=port, **options)
    async with tools() as lent:
        return [one for one in await collect.collect(target, lent) if isinstance(one, Sample)]


async def connects_and_hangs_up(host: str, family: str) -> None:
    async with listening(host) as (port, received):
        samples = await measure(host, port, family=family)
        async with asyncio.timeout(5):
            assert await received.get() == b"", "the client sends nothing and closes"
    found = {(it.metric, it.labels): it.value for it in samples}
    assert found.keys() == {(RTT, ("t", "mean")), (PHASE, ("t", "connect"))}
    assert all(0 < value < 1 for value in found.values())


def run_under(loop: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    importlib.import_module(loop).run(main())


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("host", "family"),
    [("127.0.0.1", "any"), ("127.0.0.1", "ipv4"), ("::1", "any"), ("::1", "ipv6")],
)
def test_an_open_port_gives_the_time_of_its_handshake(loop: str, host: str, family: str) -> None:
    if host == "::1" and not has_ipv6():
        pytest.skip("needs IPv6 on loopback")
    run_under(loop, lambda: connects_and_hangs_up(host, family))


async def test_a_busy_agent_makes_no_round_trip_longer() -> None:
    busy_s = 0.1
    with serving(until_hung_up) as port:
        asyncio.get_running_loop().call_soon(time.sleep, busy_s)  # once the probe waits
        samples = await measure("127.0.0.1", port)
    found = {it.metric: it.value for it in samples}
    assert found[PHASE] >= busy_s, "until the loop looked"
    assert found[RTT] < busy_s, "what the kernel measured"


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_closed_port_is_refused(loop: str, closed_port: int) -> None:
    async def refused() -> None:
        with pytest.raises(CollectError, match=r"^127\.0\.0\.1: Connection refused$") as caught:
            await measure("127.0.0.1", closed_port)
        assert caught.value.reason is Reason.REFUSED

    run_under(loop, refused)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_handshake_that_hangs_ends_with_the_callers_timeout_and_leaves_no_socket(
    loop: str, full_port: int
) -> None:
    async def hangs() -> None:
        before = open_sockets()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await measure("127.0.0.1", full_port)
        assert open_sockets() == before
        gc.collect()  # an unclosed socket would warn here, and warnings are errors

    run_under(loop, hangs)


async def test_the_asked_family_is_kept(closed_port: int) -> None:
    with pytest.raises(CollectError) as caught:
        await measure("127.0.0.1", closed_port, family="ipv6")
    assert caught.value.reason is Reason.RESOLVE


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionResetError(104, "reset"), Reason.RESET),
        (TimeoutError(110, "timed out"), Reason.TIMEOUT),
        (OSError(113, "no route"), Reason.UNREACHABLE),
        (OSError(101, "no network"), Reason.LOCAL),
        (PermissionError(1, "not permitted"), Reason.LOCAL),
        (OSError(24, "too many files"), Reason.LOCAL),
    ],
)
def test_every_failure_has_its_reason_and_names_the_host(error: OSError, reason: Reason) -> None:
    named = failed(Endpoint(socket.AF_INET, ("198.51.100.1", 1)), error)
    assert named.reason is reason
    assert named.detail.startswith("198.51.100.1: ")


@pytest.mark.parametrize("port", [0, 65536, "x"])
def test_a_port_is_one_of_1_to_65535(port: object) -> None:
    with pytest.raises(ValidationError):
        tcp(port=port)


def test_the_port_is_not_written_in_the_address() -> None:
    with pytest.raises(ValidationError, match="without a port"):
        tcp(address="r1:443", port=443)


def talking(*steps: dict[str, str], **options: object) -> dict[str, object]:
    return {"talk": list(steps), "timeout": "1s", **options}


async def unsaid(answer: Answer, *steps: dict[str, str]) -> CollectError:
    """How a talk fails; in time, with the times that it had come to, and leaving nothing open."""
    before = open_sockets()
    with serving(answer) as port, pytest.raises(CollectError) as caught:
        async with asyncio.timeout(1):
            await measure("127.0.0.1", port, **talking(*steps))
    assert open_sockets() == before
    assert [it.metric for it in caught.value.measurements if isinstance(it, Sample)] == [RTT, PHASE]
    assert caught.value.detail.startswith("127.0.0.1: ")
    return caught.value


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_talk_sends_and_expects_in_turn(loop: str) -> None:
    heard = []

    def mail(connection: socket.socket) -> None:
        connection.sendall(b"220-welcome\r\n220 mail.test ESMTP\r\n")
        heard.append(connection.recv(64))
        connection.sendall(b"221 bye\r\n")

    async def talks() -> None:
        steps = {"expect": "^220 "}, {"send": "QUIT"}, {"expect": "^221 bye$"}
        with serving(mail) as port:
            samples = await measure("127.0.0.1", port, **talking(*steps))
        phases = [it.labels[1] for it in samples if it.metric is PHASE]
        assert phases == ["connect", "talk"]

    run_under(loop, talks)
    assert heard == [b"QUIT\r\n"]


async def test_what_was_matched_once_is_not_matched_again() -> None:
    error = await unsaid(greeting(b"220 one\r\n"), {"expect": "^220"}, {"expect": "^220"})
    assert error.reason is Reason.UNEXPECTED_CONTENT


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        pytest.param(until_hung_up, Reason.TIMEOUT, "it said nothing", id="never-speaks"),
        pytest.param(
            greeting(*[b"x"] * 50, pause_s=0.1), Reason.TIMEOUT, "it said 'xxx", id="slowly"
        ),
        pytest.param(
            greeting(b"554 no\r\n"), Reason.UNEXPECTED_CONTENT, "'554 no", id="another-greeting"
        ),
        pytest.param(
            greeting(b"\0" * 100_000), Reason.UNEXPECTED_CONTENT, "16384 bytes", id="endless"
        ),
        pytest.param(hang_up, Reason.RESET, "hung up", id="hangs-up"),
        pytest.param(reset, Reason.RESET, "reset", id="resets"),
    ],
)
async def test_who_does_not_say_it_has_a_reason_in_time(
    answer: Answer, reason: Reason, words: str
) -> None:
    error = await unsaid(answer, {"send": "HELO"}, {"expect": "^220 "})
    assert (error.reason, words in error.detail) == (reason, True), error
    assert len(error.detail) < 300
    assert error.detail.isprintable()


async def test_who_never_reads_what_is_sent_is_given_up_in_time() -> None:
    ended = threading.Event()

    def deaf(_: socket.socket) -> None:
        ended.wait(10)
        raise BrokenPipeError

    with serving(deaf) as port:
        try:
            target = tcp(address="127.0.0.1", port=port, **talking(*[{"send": "x" * 16_384}] * 15))
            observation = await observed(collect, target)
        finally:
            ended.set()
    assert observation.duration_s < 1
    assert observation.reason in {Reason.TIMEOUT, None}, "None where the kernel takes it all"


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"expect": "("}, "not a regular expression: '\\('"),
        ({"expect": "a", "send": "b"}, "a step sends or expects"),
        ({}, "a step sends or expects"),
    ],
)
def test_a_step_that_cannot_work_is_said_when_it_is_written(
    step: dict[str, str], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        tcp(port=1, talk=[step])


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blackbox]:
    steps = [{"send": "HELO\r"}, {"expect": "^220 "}, {"send": "QUIT\r"}, {"expect": "^221"}]
    common = {"prober": "tcp", "timeout": "1s"}
    modules = {
        "plain": common,
        "mail": common | {"tcp": {"query_response": steps}},
        "ipv6": common | {"tcp": {"preferred_ip_protocol": "ip6", "ip_protocol_fallback": False}},
    }
    with blackbox(tmp_path_factory.mktemp("judge"), modules) as running:
        yield running


def mail_server(connection: socket.socket) -> None:
    connection.recv(64)
    connection.sendall(b"220 mail.test\r\n")
    connection.recv(64)
    connection.sendall(b"221 bye\r\n")


JUDGED: dict[str, Answer] = {
    "says-it": mail_server,
    "never-speaks": until_hung_up,
    "slowly": greeting(*[b"2"] * 50, pause_s=0.1),
    "another-greeting": greeting(b"554 no\r\n"),
    "endless": greeting(b"\0" * 100_000),
    "hangs-up": hang_up,
    "resets": reset,
}


@pytest.mark.parametrize("case", JUDGED)
@pytest.mark.parametrize("module", ["plain", "mail"])
async def test_blackbox_exporter_comes_to_the_same_success(
    case: str, module: str, judge: Blackbox
) -> None:
    steps = [{"send": "HELO"}, {"expect": "^220 "}, {"send": "QUIT"}, {"expect": "^221"}]
    with serving(JUDGED[case]) as port:
        theirs = await asyncio.to_thread(judge.succeeds, f"127.0.0.1:{port}", module)
        ours = await succeeds(port, talk=steps if module == "mail" else [])
    assert ours == theirs


async def test_blackbox_exporter_too_finds_ports_closed_and_full(
    closed_port: int, full_port: int, judge: Blackbox
) -> None:
    for port in (closed_port, full_port):
        theirs = await asyncio.to_thread(judge.succeeds, f"127.0.0.1:{port}", "plain")
        assert (await succeeds(port), theirs) == (False, False)


async def test_blackbox_exporter_too_keeps_to_the_family_unless_it_may_fall_back(
    judge: Blackbox,
) -> None:
    with serving(until_hung_up) as port:
        address = f"127.0.0.1:{port}"
        assert not await asyncio.to_thread(judge.succeeds, address, "ipv6")
        assert not await succeeds(port, family="ipv6")
        assert await asyncio.to_thread(judge.succeeds, address, "plain"), "which may"
        assert await succeeds(port, family="ipv6", fallback=True)


async def succeeds(port: int, **options: object) -> bool:
    target = tcp(address="127.0.0.1", port=port, timeout="1s", **options)
    return (await observed(collect, target)).reason is None


def open_sockets() -> int:
    targets = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            targets.append(str(entry.readlink()))
        except FileNotFoundError:  # the descriptor that listed this folder
            continue
    return sum(target.startswith("socket:") for target in targets)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
