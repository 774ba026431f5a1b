"""One exchange over HTTP by aiohttp, on a connection of its own, and what each step of it took."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

from aiohttp import (
    BaseConnector,
    ClientError,
    ClientHandlerType,
    ClientPayloadError,
    ClientRequest,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    HttpVersion10,
    ServerDisconnectedError,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import ContentLengthError, TransferEncodingError
from yarl import URL

from collectors import tls_chain
from collectors.base import CollectError, Reason, Tools
from collectors.endpoint import Endpoint, connect, failed
from collectors.story import answered, tell
from collectors.tls_chain import Certificate
from collectors.tls_failure import failed_at, why

_CUT_OFF = (ConnectionError, TransferEncodingError, ContentLengthError)
_FAREWELL_S = 1.0
"""For the far side to answer the end of TLS; then the socket is closed all the same."""

E = TypeVar("E", bound=BaseException)


class Request(NamedTuple):
    """What to send."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None


class Answer(NamedTuple):
    """What came back; `body` is None where nobody wanted to look into it."""

    status: int
    version: str
    headers: Sequence[tuple[str, str]]
    charset: str | None
    size_bytes: int
    body: bytes | None


@dataclass(slots=True)
class Record:
    """What one round saw, step by step; of one that fails too. Redirects add to each step.

    `agreed` are the version and the cipher of TLS.
    """

    phases_s: dict[str, float] = field(default_factory=dict)
    phase: str = ""
    status: int | None = None
    chain: Sequence[Certificate] = ()
    agreed: tuple[str, str] | None = None
    _since_s: float = 0.0

    def enter(self, phase: str) -> None:
        """End the step before, and begin this one; none is called ''."""
        now_s = perf_counter()
        if self.phase:
            self.phases_s[self.phase] = self.phases_s.get(self.phase, 0.0) + now_s - self._since_s
        self.phase, self._since_s = phase, now_s


@dataclass(slots=True)
class Route:
    """The way of one exchange; `transport` is the connection once there is one."""

    tools: Tools
    endpoint: Endpoint
    source: str | None
    source_interface: str | None
    context: ssl.SSLContext | None
    server_name: str
    record: Record
    transport: asyncio.Transport | None = None


_route: ContextVar[Route] = ContextVar("route")


class HttpEngine:
    """The session of all HTTP probes: no connection, no cookie and no redirect is carried over."""

    def __init__(self) -> None:
        self._session = ClientSession(
            connector=_Connector(force_close=True, limit=0),
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=None, sock_connect=None),  # the caller's holds
            middlewares=(_once,),
            headers={"User-Agent": "netfold"},
        )

    async def exchange(
        self, request: Request, route: Route, limit_bytes: int, keep: bool
    ) -> Answer:
        """Send a request and read the answer; of the body, unpacked, at most `limit_bytes`.

        Raises:
            CollectError: what the way there met; `reset` for an answer that is cut off,
                `unexpected_content` for one that is not HTTP or too long.

        """
        _route.set(route)
        done = False
        # What follows the question mark may be somebody's key.
        tell("request: %s %s", request.method, request.url.with_query(None))
        try:
            async with self._session.request(
                request.method,
                request.url,
                headers=request.headers,
                data=request.body,
                allow_redirects=False,
            ) as response:
                route.record.status = response.status
                route.record.enter("transfer")
                answered("answered with status %d", response.status)
                size_bytes, body = await _read(response, limit_bytes, keep)
                route.record.enter("")
                tell("read a body of %d bytes", size_bytes)
                done = True
        except (ClientError, OSError) as error:
            raise _named(route.endpoint, error) from error
        finally:
            # Whoever stops half-way owes the far side no farewell.
            if route.transport and not done:
                route.transport.abort()
        return _answer(response, size_bytes, body)

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()


class _Connector(BaseConnector):
    """Connects where the current route leads, whatever the URL's host is."""

    async def _create_connection(
        self, _request: ClientRequest, _traces: list[Any], _timeout: ClientTimeout
    ) -> ResponseHandler:
        route, loop = _route.get(), asyncio.get_running_loop()
        route.record.enter("connect")
        sock = await connect(route.tools, route.endpoint, route.source, route.source_interface)
        if route.context:
            route.record.enter("tls")
            tell("shaking hands")
        try:
            route.transport, protocol = await loop.create_connection(
                lambda: ResponseHandler(loop), sock=sock, **_tls(route)
            )
        except ssl.SSLError as error:
            raise _unproven(route, error) from error
        finally:
            # Where the far side resets at once, uvloop closes the descriptor before it remembers
            # the socket, which would close it once more, and by then it may be another's.
            if not isinstance(loop, asyncio.BaseEventLoop):
                sock.detach()
        if tls := route.transport.get_extra_info("ssl_object"):
            route.record.chain = tls_chain.read(tls_chain.certificates(tls, is_proven=True))
            route.record.agreed = _agreed(tls)
            tell("agreed on %s, %s", *route.record.agreed)
        route.record.enter("processing")
        return protocol


def _agreed(tls: ssl.SSLObject) -> tuple[str, str]:
    return tls.version() or "", (tls.cipher() or ("",))[0]


def _tls(route: Route) -> dict[str, Any]:
    if route.context is None:
        return {}
    return {
        "ssl": route.context,
        "server_hostname": route.server_name,
        "ssl_shutdown_timeout": _FAREWELL_S,
    }


def _unproven(route: Route, error: ssl.SSLError) -> CollectError:
    """Name what ended a handshake, and keep what the server's certificates say all the same."""
    tls, chosen = failed_at(error), False
    if tls:
        route.record.chain = tls_chain.read(tls_chain.certificates(tls, is_proven=False))
        chosen = tls.cipher() is not None
    reason, text = _of_tls(error, chosen=chosen)
    text = tls_chain.in_words(reason, text, route.record.chain)
    return CollectError(reason, f"{route.endpoint.host}: {text}")


async def _once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Name a failure before aiohttp sends the request again: a probe is one attempt."""
    try:
        return await handler(request)
    except (ClientError, OSError) as error:
        raise _named(_route.get().endpoint, error) from error


async def _read(response: ClientResponse, limit_bytes: int, keep: bool) -> tuple[int, bytes | None]:
    size_bytes, kept = 0, []
    while chunk := await response.content.readany():
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            msg = f"a body of more than {limit_bytes} bytes; raise body_limit_bytes if it is right"
            raise CollectError(Reason.UNEXPECTED_CONTENT, msg)
        if keep:
            kept.append(chunk)
    return size_bytes, b"".join(kept) if keep else None


def _answer(response: ClientResponse, size_bytes: int, body: bytes | None) -> Answer:
    version = response.version or HttpVersion10
    return Answer(
        response.status,
        f"{version.major}.{version.minor}",
        tuple(response.headers.items()),
        response.charset,
        size_bytes,
        body,
    )


def _named(endpoint: Endpoint, error: ClientError | OSError) -> CollectError:
    tls = _cause(error, ssl.SSLError)
    if isinstance(error, OSError) and error.errno and not tls:
        return failed(endpoint, error)
    reason, text = _of_tls(tls) if tls else _of_http(error)
    return CollectError(reason, f"{endpoint.host}: {text}")


def _of_http(error: ClientError | OSError) -> tuple[Reason, str]:
    match error:
        case ServerDisconnectedError() | ConnectionError():
            return Reason.RESET, "closed the connection without an answer"
        case ClientResponseError():
            return Reason.UNEXPECTED_CONTENT, _no_http(error)
        case ClientPayloadError() if _cause(error, *_CUT_OFF):
            return Reason.RESET, "the connection ended within the body"
        case ClientPayloadError():
            return Reason.UNEXPECTED_CONTENT, "a body that is not as its headers say"
    return Reason.UNEXPECTED_CONTENT, type(error).__name__


def _no_http(error: ClientResponseError) -> str:
    """Say what is wrong with the head of an answer; the first line of it quotes no more of it."""
    return f"the answer is no HTTP: {error.message.splitlines()[0].rstrip(':')}"


def _of_tls(error: ssl.SSLError, *, chosen: bool = False) -> tuple[Reason, str]:
    if error.reason == "WRONG_VERSION_NUMBER":
        # The loop's TLS keeps to itself what came instead: plain text, or TLCP (GB/T 38636).
        text = "what it answers is no TLS that is spoken here; kind: tls shows what it is"
        return Reason.UNSUPPORTED_PROTOCOL, text
    return why(error, chosen=chosen)


def _cause(error: BaseException | None, *kinds: type[E]) -> E | None:
    """Find an error of these kinds among those that an error follows from."""
    while error is not None and not isinstance(error, kinds):
        error = error.__cause__
    return error
