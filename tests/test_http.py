"""HTTP probes of real servers on loopback: good ones, and those that do what none should."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agent.observe import Observation, observe
from collectors.base import Moment, Reason, Sample, Tools
from collectors.http import BODY, REDIRECTS, STATUS, VERSION, collect
from collectors.http_options import HttpTarget
from collectors.probe import PHASE
from tests.http_lab import answer, serving

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


@pytest.fixture
async def tools() -> AsyncIterator[Tools]:
    tools = Tools(lambda: Moment(0, 0))
    yield tools
    await tools.close()


def http(url: str, **options: Any) -> HttpTarget:
    return HttpTarget.model_validate({"name": "t", "kind": "http", "url": url, **options})


async def probe(tools: Tools, url: str, **options: Any) -> Observation:
    return await observe(collect, http(url, **options), tools)


def values(observation: Observation) -> dict[Any, float]:
    """What was measured, by metric; phases by their name."""
    samples = [it for it in observation.measurements if isinstance(it, Sample)]
    return {it.labels[1] if it.metric is PHASE else it.metric: it.value for it in samples}


async def test_a_good_answer_gives_its_status_its_size_and_what_each_step_took(
    tools: Tools,
) -> None:
    async with serving(answer(b"hello")) as served:
        seen = await probe(tools, served.url("/login?a=1#top"))
    assert (seen.reason, seen.detail) == (None, "")
    found = values(seen)
    steps = [found.pop(it) for it in ("connect", "processing", "transfer")]
    assert found == {STATUS: 200, VERSION: 1.1, BODY: 5, REDIRECTS: 0}
    assert all(0 < it < 1 for it in steps)
    assert sum(steps) <= seen.duration_s
    assert served.heads[0].startswith("GET /login?a=1 HTTP/1.1\r\n")
    assert served.header("host") == f"127.0.0.1:{served.port}"


async def test_a_slow_answer_shows_in_the_step_that_was_slow(tools: Tools) -> None:
    async def slow(reader: Reader, writer: Writer) -> None:
        await asyncio.sleep(0.2)
        writer.write(answer(b"ab")[:-1])
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.write(b"b")

    async with serving(slow) as served:
        found = values(await probe(tools, served.url()))
    assert 0.2 <= found["processing"] < 0.3
    assert 0.1 <= found["transfer"] < 0.2


async def test_a_name_is_asked_for_at_the_address_that_is_given_beside_the_url(
    tools: Tools,
) -> None:
    async with serving(answer()) as served:
        url = served.url(host="portal.example.org")
        seen = await probe(tools, url, address="127.0.0.1")
    assert seen.reason is None
    assert served.header("host") == f"portal.example.org:{served.port}"


RIGHT = [
    pytest.param(answer(status="204 No Content"), {}, id="any-2xx-is-right"),
    pytest.param(answer(status="404 Gone"), {"status": ["404"]}, id="the-status-that-is-asked"),
    pytest.param(answer(status="503 Busy"), {"status": ["200", "5xx"]}, id="a-class-that-is-asked"),
    pytest.param(answer(b"<h1>Login</h1>"), {"body_matches": ["<h1>.*</h1>", "L"]}, id="body"),
    pytest.param(answer("登录".encode()), {"body_matches": ["^登录$"]}, id="utf-8"),
    pytest.param(answer("登录".encode("gbk")), {"body_matches": ["登录"]}, id="gbk-unsaid"),
    pytest.param(
        answer("登录".encode("gbk"), "200 OK", "Content-Type: text/html; charset=gb2312"),
        {"body_matches": ["登录"]},
        id="gbk",
    ),
    pytest.param(
        answer(b"x", "200 OK", "Content-Type: text/html; charset=nonsense"),
        {"body_matches": ["x"]},
        id="a-charset-that-nobody-knows",
    ),
    pytest.param(answer(b"fine"), {"body_lacks": ["error"]}, id="what-must-not-be-there-is-not"),
    pytest.param(
        answer(b"", "200 OK", "X-Node: a", "X-Node: b"),
        {"header_matches": {"x-node": "a, b"}, "header_lacks": {"Server": "."}},
        id="headers",
    ),
    pytest.param(
        answer(gzip.compress(b"hello"), "200 OK", "Content-Encoding: gzip"),
        {"compression": "gzip", "body_matches": ["^hello$"]},
        id="gzip",
    ),
    pytest.param(b"HTTP/1.0 200 OK\r\n\r\nto the end", {"body_matches": ["end$"]}, id="http-1.0"),
    pytest.param(answer(b"", length=5), {"method": "HEAD"}, id="head-has-no-body"),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        {"body_matches": ["hello"]},
        id="chunks",
    ),
    pytest.param(
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(b"hello"),
        {"body_matches": ["hello"]},
        id="an-early-hint-is-not-the-answer",
    ),
    pytest.param(answer(b"x" * 10), {"body_limit_bytes": "10"}, id="a-body-of-just-the-limit"),
]

WRONG = [
    pytest.param(answer(status="500 No"), {}, Reason.UNEXPECTED_CONTENT, "500, not 2xx", id="500"),
    pytest.param(answer(status="401 No"), {}, Reason.AUTH, "status 401, not 2xx", id="401"),
    pytest.param(answer(status="403 No"), {}, Reason.AUTH, "status 403, not 2xx", id="403"),
    pytest.param(
        answer(),
        {"status": ["301", "4xx"]},
        Reason.UNEXPECTED_CONTENT,
        "status 200, not 301 or 4xx",
        id="200-where-it-should-not-be",
    ),
    pytest.param(
        answer(b"Error"),
        {"body_matches": ["^Welcome"]},
        Reason.UNEXPECTED_CONTENT,
        "the body does not match '^Welcome'",
        id="body-without-what-must-be-there",
    ),
    pytest.param(
        answer(b"Error"),
        {"body_lacks": ["(?i)error"]},
        Reason.UNEXPECTED_CONTENT,
        "the body matches '(?i)error'",
        id="body-with-what-must-not-be-there",
    ),
    pytest.param(
        answer(),
        {"header_matches": {"Strict-Transport-Security": "max-age"}},
        Reason.UNEXPECTED_CONTENT,
        "header Strict-Transport-Security does not match 'max-age'",
        id="header-missing",
    ),
    pytest.param(
        answer(b"", "200 OK", "Server: IIS/6.0"),
        {"header_lacks": {"server": "IIS/[1-6]"}},
        Reason.UNEXPECTED_CONTENT,
        "header server matches",
        id="header-unwanted",
    ),
    pytest.param(
        b"HTTP/1.0 200 OK\r\n\r\n",
        {"versions": ["1.1"]},
        Reason.UNEXPECTED_CONTENT,
        "HTTP/1.0, not 1.1",
        id="version",
    ),
    pytest.param(
        answer(b"x" * 11),
        {"body_limit_bytes": "10"},
        Reason.UNEXPECTED_CONTENT,
        "a body of more than 10 bytes; raise body_limit_bytes",
        id="a-byte-beyond-the-limit",
    ),
]


@pytest.mark.parametrize(("sent", "options"), RIGHT)
async def test_right(tools: Tools, sent: bytes, options: dict[str, Any]) -> None:
    async with serving(sent) as served:
        seen = await probe(tools, served.url(), **options)
    assert (seen.reason, seen.detail) == (None, "")


@pytest.mark.parametrize(("sent", "options", "reason", "detail"), WRONG)
async def test_wrong(
    tools: Tools, sent: bytes, options: dict[str, Any], reason: Reason, detail: str
) -> None:
    async with serving(sent) as served:
        seen = await probe(tools, served.url(), **options)
    assert seen.reason is reason
    assert detail in seen.detail
    assert values(seen)[STATUS] == int(sent.split()[1]), "what was measured is told all the same"
