"""HTTP servers that misbehave on command: raw bytes on a loopback port, in the test's own loop."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Respond = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Served:
    """A server and the requests that it has had, head by head."""

    port: int
    heads: list[str] = field(default_factory=list)

    def url(self, path: str = "/", scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def header(self, name: str, request: int = -1) -> str | None:
        """What a request said of itself."""
        for line in self.heads[request].split("\r\n")[1:]:
            key, _, value = line.partition(": ")
            if key.lower() == name.lower():
                return value
        return None


@asynccontextmanager
async def serving(
    respond: "Respond | bytes | dict[str, bytes]", context: ssl.SSLContext | None = None
) -> AsyncIterator[Served]:
    """Read the head of each request, answer, and hang up; a dict answers path by path."""
    served = Served(0)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            served.heads.append(head)
            if callable(respond):
                await respond(reader, writer)
            else:
                path = head.split(" ")[1]
                writer.write(respond if isinstance(respond, bytes) else respond[path])
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client has gone
        finally:
            writer.transport.abort() if task.cancelling() else writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    served.port = server.sockets[0].getsockname()[1]
    try:
        async with server:
            yield served
            for task in tasks:
                task.cancel()
            for task in tasks:
                try:
                    await task
                except asyncio.CancelledError:
                    continue
    finally:
        tasks.clear()


def answer(
    body: bytes = b"", status: str = "200 OK", *headers: str, length: int | None = None
) -> bytes:
    """Write an answer with its length, which may be a lie."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


async def for_ever(writer: asyncio.StreamWriter, chunk: bytes, pause_s: float = 0) -> None:
    """Send a chunk again and again, as fast as it is taken or with pauses."""
    while True:
        writer.write(chunk)
        await writer.drain()
        await asyncio.sleep(pause_s)
