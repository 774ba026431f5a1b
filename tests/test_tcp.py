"""TCP handshakes with real sockets on loopback."""

import asyncio
import gc
import importlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from collectors.base import CollectError, Moment, Reason, Sample, Tools
from collectors.endpoint import Endpoint, failed
from collectors.probe import PHASE, RTT
from collectors.tcp import TcpTarget, collect

TOOLS = Tools(lambda: Moment(0, 0))


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
    return [one for one in await collect.collect(target, TOOLS) if isinstance(one, Sample)]


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
