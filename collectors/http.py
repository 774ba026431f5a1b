"""HTTP: is what a server answers right, and what does each step towards it take."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from time import perf_counter

from yarl import URL

from collectors import tls_chain
from collectors.base import CollectError, Metric, Reason, Sample, Tools, collector
from collectors.deadline import Deadlines
from collectors.endpoint import Endpoint
from collectors.http_judge import check, header
from collectors.http_options import HttpTarget
from collectors.http_session import Answer, HttpEngine, Record, Request, Route
from collectors.pace import turn_before
from collectors.probe import AT_ADDRESSES, PHASE, at_addresses
from collectors.tls_options import TlsContexts

STATUS = Metric(
    "netfold_probe_http_status_code", "gauge", "Status of the last answer (RFC 9110).", ("target",)
)
VERSION = Metric(
    "netfold_probe_http_version", "gauge", "Version of HTTP of the last answer.", ("target",)
)
BODY = Metric(
    "netfold_probe_http_body_bytes",
    "gauge",
    "Length of the last answer's body, unpacked.",
    ("target",),
)
REDIRECTS = Metric(
    "netfold_probe_http_redirects", "gauge", "Redirects followed to the last answer.", ("target",)
)

_REDIRECTS = {301, 302, 303, 307, 308}
_STUCK = {
    "": "no time for a connection",
    "connect": "no connection",
    "tls": "a connection, but no end of the TLS handshake",
    "processing": "a connection, but no answer",
    "transfer": "an answer that did not end",
}


@collector(
    "http",
    HttpTarget,
    *AT_ADDRESSES,
    *(STATUS, VERSION, BODY, REDIRECTS),
    *(tls_chain.EXPIRY, tls_chain.ISSUER, tls_chain.INFO),
)
async def collect(target: HttpTarget, tools: Tools) -> list[Sample]:
    """Ask for the URL, follow redirects within its host, and hold the answer against the options.

    Raises:
        CollectError: what the way there met, `timeout` with how far it came; `unexpected_content`
            for an answer that is not as the options say, `auth` if that is for status 401 or 403.

    """

    async def attempt(endpoint: Endpoint, until_s: float) -> list[Sample]:
        one = _Round(target, tools, endpoint, until_s)
        try:
            with tools.use(Deadlines).within(until_s - perf_counter()):
                await _follow(one)
            check(target, one.answers[-1])
        except TimeoutError as error:
            msg = f"{endpoint.host}: {_STUCK[one.record.phase]} within {target.timeout_s:g} s"
            raise CollectError(Reason.TIMEOUT, msg, list(_measured(one))) from error
        except CollectError as error:
            error.measurements = list(_measured(one))
            raise
        return list(_measured(one))

    return await at_addresses(target, _url_of(target).port or 0, attempt)


def _url_of(target: HttpTarget) -> URL:
    return _parsed(target.url)


# Parsing one, and finding its parts, takes a twentieth of a probe; yarl remembers only a few.
_parsed = lru_cache(maxsize=8192)(URL)


@dataclass(frozen=True, slots=True)
class _Round:
    """One attempt at one address: over redirects to the last of its answers."""

    target: HttpTarget
    tools: Tools
    endpoint: Endpoint
    until_s: float
    record: Record = field(default_factory=Record)
    answers: list[Answer] = field(default_factory=list)


async def _follow(one: _Round) -> None:
    """Exchange until an answer is no redirect, or is one that the options expect."""
    target = one.target
    url, method = _url_of(target), target.method
    while True:
        answer = await _exchange(one, method, url)
        one.answers.append(answer)
        if answer.status not in _REDIRECTS or target.expects(answer.status):
            return
        location = header(answer, "location")
        if not location or target.redirects == 0:
            return
        if len(one.answers) > target.redirects:
            msg = f"more than {target.redirects} redirects; raise redirects if they come to an end"
            raise CollectError(Reason.UNEXPECTED_CONTENT, msg)
        url = _next(url, location, answer.status)
        # RFC 9110, 15.4: what was posted is not posted again, unless the server says so.
        if method == "POST" and answer.status not in {307, 308}:
            method = "GET"


async def _exchange(one: _Round, method: str, url: URL) -> Answer:
    target = one.target
    host, _, *scope = one.endpoint.sockaddr
    route = Route(
        one.tools,
        Endpoint(one.endpoint.family, (host, url.port, *scope)),
        target.source,
        target.source_interface,
        one.tools.use(TlsContexts).get(target) if url.scheme == "https" else None,
        target.server_name or url.raw_host or "",
        one.record,
    )
    body = target.body.encode() if target.body is not None and method == "POST" else None
    request = Request(method, url, dict(_headers(target, url)), body)
    keep = bool(target.body_matches or target.body_lacks)
    await turn_before(one.tools, one.until_s)
    return await one.tools.use(HttpEngine).exchange(request, route, target.body_limit_bytes, keep)


def _headers(target: HttpTarget, url: URL) -> Iterator[tuple[str, str]]:
    """What goes into the head; secrets only to where the target itself leads (RFC 9110, 15.4)."""
    yield "Accept-Encoding", target.compression or "identity"
    yield from target.headers.items()
    if url.origin() != _url_of(target).origin():
        return
    for name, secret in target.secret_headers.items():
        yield name, secret.get_secret_value()
    if target.bearer:
        yield "Authorization", f"Bearer {target.bearer.get_secret_value()}"
    if target.basic_auth:
        pair = f"{target.basic_auth.user}:{target.basic_auth.password.get_secret_value()}"
        yield "Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"


def _next(url: URL, location: str, status: int) -> URL:
    """Find where a redirect leads; only its own host is what the operator has configured."""
    try:
        there = url.join(URL(location)).with_fragment(None)
    except ValueError:
        there = URL()
    if there.scheme not in {"http", "https"} or not there.raw_host:
        msg = f"status {status} leads to what is no URL of http or https"
        raise CollectError(Reason.UNEXPECTED_CONTENT, msg)
    if there.raw_host != url.raw_host:
        msg = f"status {status} leads to another host, {there.raw_host[:253]}, and is not followed;"
        msg += f" make that a target of its own, and write status: [{status}] here if it is right"
        raise CollectError(Reason.UNEXPECTED_CONTENT, msg)
    return there


def _measured(one: _Round) -> Iterator[Sample]:
    target = (one.target.name,)
    for phase, duration_s in one.record.phases_s.items():
        yield Sample(PHASE, duration_s, (*target, phase))
    if one.record.status is not None:
        yield Sample(STATUS, one.record.status, target)
    yield from tls_chain.summary(target[0], one.record.chain)
    if one.record.agreed:
        yield Sample(tls_chain.INFO, 1, (*target, *one.record.agreed))
    if one.answers:
        answer = one.answers[-1]
        yield Sample(VERSION, float(answer.version), target)
        yield Sample(BODY, answer.size_bytes, target)
        yield Sample(REDIRECTS, len(one.answers) - 1, target)
