"""Connections that are on their way, on both loops."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from collectors.ready import Ready
from tests.test_tcp import run_under


@asynccontextmanager
async def waiting() -> AsyncIterator[Ready]:
    ready = Ready()
    try:
        yield ready
    finally:
        await ready.close()


def on_its_way(listener: socket.socket) -> socket.socket:
    sock = socket.socket(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    sock.connect_ex(listener.getsockname())
    return sock


@pytest.fixture
def full() -> Iterator[socket.socket]:
    """A listener whose queue is full: whoever connects waits."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_many_wait_together_and_whoever_gives_up_leaves_the_others_waiting(
    loop: str, full: socket.socket
) -> None:
    async def meet() -> None:
        async with waiting() as ready:
            with on_its_way(full) as stuck, socket.create_server(("127.0.0.1", 0)) as taking:
                silent = asyncio.create_task(ready.to_write(stuck))
                many = [on_its_way(taking) for _ in range(50)]
                async with asyncio.timeout(5), asyncio.TaskGroup() as group:
                    for sock in many:
                        group.create_task(ready.to_write(sock))
                for sock in many:
                    sock.close()
                assert not silent.done()
                silent.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await silent

    run_under(loop, meet)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_descriptor_that_was_given_up_serves_the_next_one(loop: str, full: socket.socket) -> None:
    async def meet() -> None:
        async with waiting() as ready:
            stuck = on_its_way(full)
            number = stuck.fileno()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await ready.to_write(stuck)
            stuck.close()
            with socket.create_server(("127.0.0.1", 0)) as taking, on_its_way(taking) as next_one:
                assert next_one.fileno() in {number, number + 1}
                async with asyncio.timeout(5):
                    await ready.to_write(next_one)

    run_under(loop, meet)
