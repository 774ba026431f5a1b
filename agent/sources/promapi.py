"""The two questions asked of a Prometheus-compatible server (HTTP API v1), and every bad answer."""

import json
import logging
import math
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiohttp import (
    BasicAuth,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    TCPConnector,
)
from yarl import URL

from agent.sources.windows import SourceError
from collectors.tls_options import TlsContexts
from config.prometheus import PrometheusAccess

log = logging.getLogger(__name__)

ANSWER_S = 120.0
"""A server gives up after two minutes by itself (Prometheus: query.timeout)."""

MOST_BYTES = 64 * 2**20
"""Of one answer; the questions are so small that a hundredth of this is usual."""

ATTEMPTS = 2
"""An answer that broke off is asked for once more; a long assessment meets one now and then."""

MOST_POINTS = 10_000
"""Of a range; Prometheus refuses more than 11,000 a series."""

_REDIRECTS = range(300, 400)
_OK = 200
_NOT_LET_IN = {401, 403}
_BROKEN_GATEWAY = {502, 504}
_SHOWN = 200


class Found(NamedTuple):
    """One series: its labels, and its samples in order of time; no NaN among them."""

    labels: Mapping[str, str]
    times_s: list[float]
    values: list[float]


class Api:
    """An open connection to one server; a context manager.

    Warnings (Thanos: a store that is down; VictoriaMetrics: a partial answer) are logged once each:
    what they leave out is unseen, and the verdict says so.
    """

    def __init__(self, url: str, access: PrometheusAccess, answer_s: float = ANSWER_S) -> None:
        self._url = _checked(url, access)
        self._access = access
        self._answer_s = answer_s
        self._warned: set[str] = set()

    async def __aenter__(self) -> Self:
        access = self._access
        headers = {"Accept": "application/json", "User-Agent": "netfold"}
        if access.bearer:
            headers["Authorization"] = f"Bearer {access.bearer.get_secret_value()}"
        auth = None
        if access.basic:
            user, password = access.basic
            auth = BasicAuth(user, password.get_secret_value(), "utf-8")
        self._session = ClientSession(
            headers=headers,
            auth=auth,
            connector=TCPConnector(limit=1, ssl=TlsContexts().get(access)),
            timeout=ClientTimeout(total=self._answer_s),
        )
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self._session.close()

    async def samples(self, selector: str, start_s: float, end_s: float) -> list[Found]:
        """Every sample as it was scraped, after `start_s` and up to `end_s`.

        Raises:
            SourceError: there is no such answer; what was asked may be asked again.
        """
        query = f"{selector}[{round((end_s - start_s) * 1000)}ms]"
        return await self._ask("query", {"query": query, "time": f"{end_s:.3f}"})

    async def steps(self, selector: str, start_s: float, step_s: float, count: int) -> list[Found]:
        """The value in force at so many moments, `MOST_POINTS` at most.

        Raises:
            SourceError: there is no such answer.
        """
        end_s = start_s + (count - 1) * step_s
        times = {"start": f"{start_s:.3f}", "end": f"{end_s:.3f}", "step": f"{step_s:.3f}"}
        return await self._ask("query_range", {"query": selector, **times})

    async def _ask(self, path: str, form: Mapping[str, str]) -> list[Found]:
        error = "nothing was asked"
        for _ in range(ATTEMPTS):
            try:
                return self._read(*await self._post(path, form))
            except TimeoutError:
                error = f"no whole answer within {self._answer_s:g} s"
            except (ClientError, OSError, _BrokenError) as broken:
                error = _in_words(broken)
        msg = f"{error}; is it up, and is this its address?"
        raise self._error(msg)

    async def _post(self, path: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        url = self._url / "api/v1" / path
        async with self._session.post(url, data=form, allow_redirects=False) as answer:
            if answer.status in _REDIRECTS:
                # What is sent along is for this server, and for no other that it names.
                target = answer.headers.get("Location", "another place")[:_SHOWN]
                msg = f"it redirects to {target!r}; name the server itself"
                raise self._error(msg)
            if answer.status in _NOT_LET_IN:
                msg = f"it does not let us in (HTTP {answer.status}); write bearer, or user and"
                msg += " password, under prometheus: in the configuration"
                raise self._error(msg)
            return answer.status, await self._body(answer)

    async def _body(self, answer: ClientResponse) -> bytes:
        body = bytearray()
        async for part in answer.content.iter_chunked(2**16):
            body += part
            if len(body) > MOST_BYTES:
                msg = f"one answer is larger than {MOST_BYTES >> 20} MiB; is it scraped that often?"
                raise self._error(msg)
        return bytes(body)

    def _read(self, status: int, body: bytes) -> list[Found]:
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or answer.get("status") not in {"success", "error"}:
            if status in _BROKEN_GATEWAY:
                raise _BrokenError(status)
            start = body[:60].decode(errors="replace")
            msg = f"no answer of a Prometheus API (HTTP {status}): {start!r}; name the server's"
            msg += " address, with its path if it has one"
            raise self._error(msg)
        if answer["status"] == "error" or status != _OK:
            said = f"{answer.get('errorType', 'error')}: {answer.get('error', 'without a reason')}"
            msg = f"it says (HTTP {status}): {said[:_SHOWN]}".replace("\n", " ")
            raise self._error(msg)
        self._warn(answer)
        try:
            return [_found(it) for it in answer["data"]["result"]]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            msg = "its answer holds no series; is it an API like that of Prometheus?"
            raise self._error(msg) from error

    def _warn(self, answer: Mapping[str, Any]) -> None:
        warnings = answer.get("warnings")
        found = [str(it)[:_SHOWN] for it in warnings] if isinstance(warnings, list) else []
        if answer.get("isPartial"):
            found.append("the answer is partial")
        for text in found:
            if text not in self._warned:
                self._warned.add(text)
                facts = {"server": str(self._url), "warning": text}
                log.warning("answer is not whole, what is missing counts as unseen", extra=facts)

    def _error(self, text: str) -> SourceError:
        return SourceError(f"{self._url}: {text}")


class _BrokenError(Exception):
    """A gateway could not hand the answer on."""


def _checked(text: str, access: PrometheusAccess) -> URL:
    """Read the address.

    Raises:
        ValueError: it is none, or a secret stands in it or would be sent in the clear.
    """
    try:
        url = URL(text)
        is_server = url.scheme in {"http", "https"} and bool(url.host)
    except ValueError:
        is_server = False
    if "@" in text:  # before anything that would quote it
        msg = "--prometheus: no user or password in the address, where others may read it; write"
        msg += " them under prometheus: in the configuration"
        raise ValueError(msg)
    if not is_server:
        msg = f"--prometheus: not an address: {text[:_SHOWN]!r}; write as http://127.0.0.1:9090"
        raise ValueError(msg)
    is_near = url.host in {"127.0.0.1", "::1", "localhost"}
    if access.is_secret and url.scheme == "http" and not is_near:
        msg = f"--prometheus: {url} would be told a secret in the clear; ask it by https"
        raise ValueError(msg)
    return url.with_query(None).with_fragment(None)


def _found(series: Any) -> Found:
    points = [(float(at), float(value)) for at, value in series["values"]]
    known = [it for it in points if math.isfinite(it[1])]  # a mark of staleness is a NaN
    labels = {str(name): str(value) for name, value in series["metric"].items()}
    return Found(labels, [at for at, _ in known], [value for _, value in known])


def _in_words(error: BaseException) -> str:
    if isinstance(error, _BrokenError):
        return f"the gateway before it has no answer (HTTP {error})"
    text = str(error) or type(error).__name__
    return f"cannot be asked: {text[:_SHOWN]}".replace("\n", " ")
