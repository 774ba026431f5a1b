"""HTTP probes of real servers on loopback: good ones, and those that do what none should."""

import asyncio
import gc
import gzip
import socket
import struct
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agent.observe import Observation, observe
from collectors.base import Moment, Reason, Sample, Tools
from collectors.http import BODY, REDIRECTS, STATUS, VERSION, collect
from collectors.http_options import HttpTarget
from collectors.probe import ADDRESS_SUCCESS, PHASE
from config.load import load
from config.problems import ConfigError
from tests.http_lab import answer, for_ever, serving
from tests.test_tcp import open_sockets, run_under
from tests.testbed import eventually_async

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


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def says_nothing(reader: Reader, writer: Writer) -> None:
    await reader.read()


async def a_byte_at_a_time(reader: Reader, writer: Writer) -> None:
    for byte in answer(b"hello"):
        await for_a_while(writer, bytes([byte]))


async def for_a_while(writer: Writer, chunk: bytes) -> None:
    writer.write(chunk)
    await writer.drain()
    await asyncio.sleep(0.05)


async def a_body_byte_at_a_time(reader: Reader, writer: Writer) -> None:
    writer.write(answer(length=1000))
    await for_ever(writer, b"x", 0.05)


async def an_endless_body(reader: Reader, writer: Writer) -> None:
    writer.write(CHUNKED)
    await for_ever(writer, b"10000\r\n" + bytes(0x10000) + b"\r\n")


async def an_endless_head(reader: Reader, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    await for_ever(writer, b"X-Padding: 0123456789abcdef\r\n" * 1000)


async def an_endless_line(reader: Reader, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Padding: ")
    await for_ever(writer, b"x" * 2**16)


async def hints_for_ever(reader: Reader, writer: Writer) -> None:
    await for_ever(writer, b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)


async def a_bomb(reader: Reader, writer: Writer) -> None:
    """A kilobyte that stands for a megabyte of zeros, again and again."""
    writer.write(CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n"))
    packer = zlib.compressobj(wbits=31)  # gzip's own
    zeros = [packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2)]
    first, again = (f"{len(it):x}\r\n".encode() + it + b"\r\n" for it in zeros)
    writer.write(first)
    await for_ever(writer, again)


async def hangs_up(reader: Reader, writer: Writer) -> None:
    writer.close()


def reset(writer: Writer) -> None:
    """Close with RST, as a broken server or a firewall does."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def resets(reader: Reader, writer: Writer) -> None:
    reset(writer)


async def resets_in_the_body(reader: Reader, writer: Writer) -> None:
    await for_a_while(writer, answer(b"hel", length=5))
    reset(writer)


async def loops(reader: Reader, writer: Writer) -> None:
    writer.write(answer(b"", "302 Found", "Location: /"))


def says(sent: bytes) -> Callable[[Reader, Writer], Awaitable[None]]:
    async def say(reader: Reader, writer: Writer) -> None:
        writer.write(sent)

    return say


CONTENT, RESET, TIMEOUT = Reason.UNEXPECTED_CONTENT, Reason.RESET, Reason.TIMEOUT
SHORT = "the connection ended within the body"
BAD = [
    pytest.param(says_nothing, TIMEOUT, "a connection, but no answer within", id="says-nothing"),
    pytest.param(a_byte_at_a_time, TIMEOUT, "a connection, but no answer", id="a-byte-at-a-time"),
    pytest.param(
        a_body_byte_at_a_time, TIMEOUT, "an answer that did not end", id="body-byte-by-byte"
    ),
    pytest.param(an_endless_body, CONTENT, "more than 8388608 bytes", id="endless-body"),
    pytest.param(an_endless_head, CONTENT, "no HTTP: ", id="endless-head"),
    pytest.param(an_endless_line, CONTENT, "no HTTP: ", id="endless-line"),
    pytest.param(hints_for_ever, TIMEOUT, "a connection, but no answer", id="hints-for-ever"),
    pytest.param(a_bomb, CONTENT, "more than 8388608 bytes", id="bomb"),
    pytest.param(hangs_up, RESET, "closed the connection without an answer", id="hangs-up"),
    pytest.param(resets, RESET, "reset", id="resets"),
    pytest.param(resets_in_the_body, RESET, SHORT, id="resets-in-the-body"),
    pytest.param(loops, CONTENT, "more than 5 redirects", id="redirects-to-itself"),
    pytest.param(says(answer(b"hel", length=5)), RESET, SHORT, id="body-shorter-than-said"),
    pytest.param(says(CHUNKED + b"5\r\nhel"), RESET, SHORT, id="chunk-shorter-than-said"),
    pytest.param(
        says(CHUNKED + b"zz\r\nhel"), CONTENT, "Invalid character in chunk", id="no-chunk"
    ),
    pytest.param(says(b"SSH-2.0-OpenSSH_9.2\r\n"), CONTENT, "no HTTP: ", id="ssh"),
    pytest.param(says(b"\0\xff\r\n\r\n"), CONTENT, "no HTTP: ", id="garbage"),
    pytest.param(says(b"HTTP/1.1 2000 OK\r\n\r\n"), CONTENT, "no HTTP: ", id="no-status"),
    pytest.param(
        says(b"HTTP/1.1 200 OK\r\nbroken header\r\n\r\n"), CONTENT, "no HTTP: ", id="broken-header"
    ),
    pytest.param(
        says(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), CONTENT, "no HTTP", id="no-length"
    ),
    pytest.param(
        says(answer(b"plain", "200 OK", "Content-Encoding: gzip")),
        CONTENT,
        "not as its headers say",
        id="no-gzip",
    ),
]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(("respond", "reason", "detail"), BAD)
def test_a_bad_server_gets_its_reason_on_time_and_keeps_nothing(
    loop: str,
    respond: Callable[[Reader, Writer], Awaitable[None]],
    reason: Reason,
    detail: str,
) -> None:
    timeout_s = 1.0

    async def meet() -> None:
        tools = Tools(lambda: Moment(0, 0))
        async with serving(respond) as served:
            before = open_sockets()
            tracemalloc.start()
            seen = await probe(tools, served.url(), timeout_s=timeout_s, body_matches=["x"])
            _, peak_bytes = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert (seen.reason, detail in seen.detail) == (reason, True), seen.detail
            assert "\n" not in seen.detail
            assert seen.duration_s < timeout_s
            assert peak_bytes < 40 * 2**20
            await eventually_async(lambda: open_sockets() <= before)
        await tools.close()
        gc.collect()  # what was not closed would warn here, and warnings are errors

    run_under(loop, meet)


def redirect(status: int, location: str, *headers: str) -> bytes:
    return answer(b"", f"{status} Elsewhere", f"Location: {location}", *headers)


async def test_redirects_within_the_host_are_followed_and_counted(tools: Tools) -> None:
    paths = {"/": redirect(301, "login?a=1"), "/login?a=1": answer(b"Login")}
    async with serving(paths) as served:
        seen = await probe(tools, served.url(), body_matches=["Login"])
    assert (seen.reason, seen.detail) == (None, "")
    assert values(seen)[REDIRECTS] == 1
    assert values(seen)[STATUS] == 200


@pytest.mark.parametrize(
    ("options", "detail"),
    [
        pytest.param({"redirects": "0"}, "status 302, not 2xx", id="not-if-told-so"),
        pytest.param({"redirects": "1"}, "more than 1 redirects", id="not-for-ever"),
    ],
)
async def test_redirects_are_followed_so_far(
    tools: Tools, options: dict[str, Any], detail: str
) -> None:
    paths = {"/": redirect(302, "/a"), "/a": redirect(302, "/b"), "/b": answer()}
    async with serving(paths) as served:
        seen = await probe(tools, served.url(), **options)
    assert (seen.reason, detail in seen.detail) == (CONTENT, True), seen.detail


async def test_a_redirect_that_is_expected_is_the_answer(tools: Tools) -> None:
    async with serving(redirect(302, "https://sso.example.org/login")) as served:
        seen = await probe(tools, served.url(), status=["302"])
    assert seen.reason is None


@pytest.mark.parametrize(
    ("location", "detail"),
    [
        ("http://127.0.0.2/", "leads to another host, 127.0.0.2, and is not followed; make that a"),
        ("//sso.example.org/?token=hunter2", "leads to another host, sso.example.org, and is not"),
        ("ftp://127.0.0.1/", "status 302 leads to what is no URL of http or https"),
        ("http://[::1/", "status 302 leads to what is no URL of http or https"),
        ("http://:80/", "status 302 leads to what is no URL of http or https"),
        ("http://127.0.0.1:99999/", "status 302 leads to what is no URL of http or https"),
    ],
)
async def test_no_redirect_leads_to_who_is_no_target(
    tools: Tools, location: str, detail: str
) -> None:
    async with serving(redirect(302, location)) as served:
        seen = await probe(tools, served.url())
    assert (seen.reason, detail in seen.detail) == (CONTENT, True), seen.detail
    assert "hunter2" not in seen.detail


@pytest.mark.parametrize(
    ("status", "asked_again"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST")]
)
async def test_what_was_posted_is_posted_again_only_if_the_server_says_so(
    tools: Tools, status: int, asked_again: str
) -> None:
    paths = {"/": redirect(status, "/there"), "/there": answer()}
    async with serving(paths) as served:
        seen = await probe(tools, served.url(), method="POST", body="a=1")
    assert seen.reason is None, seen.detail
    assert [it.split()[0] for it in served.heads] == ["POST", asked_again]


@pytest.fixture
def key(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "key"
    file.write_text("hunter2\n")
    file.chmod(0o600)
    return {"file": str(file)}


@pytest.mark.parametrize(
    ("how", "header", "value"),
    [
        ("basic_auth", "authorization", "Basic bW9uaXRvcjpodW50ZXIy"),
        ("bearer", "authorization", "Bearer hunter2"),
        ("secret_headers", "x-key", "hunter2"),
    ],
)
async def test_secrets_are_sent_and_nowhere_seen_and_never_leave_for_another_port(
    tools: Tools, key: dict[str, str], how: str, header: str, value: str
) -> None:
    given = {"basic_auth": {"user": "monitor", "password": key}, "secret_headers": {"X-Key": key}}
    option = {how: given.get(how, key)}
    async with serving(answer()) as other, serving(redirect(302, other.url())) as served:
        seen = await probe(tools, served.url(), **option)
    assert seen.reason is None, seen.detail
    assert served.header(header) == value
    assert other.header(header) is None
    assert "hunter2" not in repr(seen)
    assert value not in repr(seen)


async def test_what_is_sent_is_what_is_written(tools: Tools) -> None:
    bodies = []

    async def read_body(reader: Reader, writer: Writer) -> None:
        bodies.append(await reader.readexactly(6))
        writer.write(answer())

    async with serving(read_body) as served:
        headers = {"Accept-Language": "zh-CN", "User-Agent": "check"}
        seen = await probe(tools, served.url(), method="POST", body="登录", headers=headers)
    assert seen.reason is None, seen.detail
    assert bodies == ["登录".encode()]
    sent = [served.header(it) for it in ("accept-language", "user-agent", "accept-encoding")]
    assert sent == ["zh-CN", "check", "identity"]


async def test_nobody_there_is_refused_and_a_dead_name_is_resolve(tools: Tools) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        seen = await probe(tools, f"http://127.0.0.1:{holder.getsockname()[1]}/")
    assert (seen.reason, seen.detail) == (Reason.REFUSED, "127.0.0.1: Connection refused")
    seen = await probe(tools, "http://nowhere.invalid/")
    assert seen.reason is Reason.RESOLVE


async def test_a_name_is_looked_up_in_a_step_of_its_own_and_asked_at_each_address(
    tools: Tools,
) -> None:
    async with serving(answer()) as served:
        url = served.url(host="localhost")
        seen = await probe(tools, url, family="ipv4", every_address=True)
        other = await probe(tools, url, family="ipv6", fallback=True)
    assert (seen.reason, other.reason) == (None, None)
    assert values(seen)["resolve"] > 0
    assert ADDRESS_SUCCESS in values(seen)


async def test_a_source_that_this_host_has_is_where_it_comes_from(tools: Tools) -> None:
    peers = []

    async def note(reader: Reader, writer: Writer) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        writer.write(answer())

    async with serving(note) as served:
        seen = await probe(tools, served.url(), source="127.0.0.3")
        lost = await probe(tools, served.url(), source="198.51.100.7")
    assert (seen.reason, peers) == (None, ["127.0.0.3"])
    assert lost.reason is Reason.LOCAL


MISTAKES = [
    ("url: portal.example.org", "url: not an URL of http or https; write it in full, as https:"),
    ("url: 'http://u:hunter2@a.cn/'", "url: a user is not written into an URL; write basic_auth"),
    ("url: 'http://u:hunter2@a:x/'", "url: not an URL of http or https; write it in full"),
    ("url: 'http://224.0.0.1/'", "address: not a target: '224.0.0.1' is a multicast address"),
    ("status: ['20x']", "status[0]: not a status: '20x'; write three digits or a class"),
    ("status: []", "status: an empty list: no answer could be right; name at least one"),
    ("body_matches: ['(']", "body_matches[0]: not a regular expression: '(', missing )"),
    ("headers: {Host: a.cn}", "not a header to be written here: Host; it follows from url"),
    ("headers: {'A B': a}", "not the name of a header: 'A B'"),
    ("bearer: hunter2", "bearer: a secret is not written here; put it into a file"),
    ("body: a", "a body is sent with POST, not with GET"),
    ("timeout: 2m", "timeout: longer than the interval: 120s of 60s"),
    ("redirects: 21", "redirects: "),
    ("metod: GET", "metod: unknown key; did you mean 'method'?"),
]


@pytest.mark.parametrize(("line", "said"), MISTAKES)
def test_a_mistake_is_told_with_its_line_and_no_secret(
    tmp_path: Path, line: str, said: str
) -> None:
    url = "" if line.startswith("url") else "    url: https://portal.example.org/\n"
    file = tmp_path / "n.yaml"
    file.write_text(f"node: {{name: n}}\nprobes:\n  - name: p\n    kind: http\n{url}    {line}\n")
    with pytest.raises(ConfigError) as caught:
        load(file)
    only, *more = str(caught.value).splitlines()
    assert more == []
    assert said in only
    assert f"{file}:" in only
    assert "hunter2" not in only


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://[::1]:8080/", "::1"),
        ("https://政务.example.org/", "xn--zfr164b.example.org"),
        ("HTTP://Portal.Example.org", "portal.example.org"),
    ],
)
def test_the_address_is_the_urls_host(url: str, address: str) -> None:
    assert http(url).address == address


def test_a_good_probe_is_taken_by_the_loader(tmp_path: Path, key: dict[str, str]) -> None:
    file = tmp_path / "n.yaml"
    file.write_text(
        "node: {name: n}\nprobes:\n"
        "  - name: p\n    kind: http\n    url: https://portal.example.org/\n    timeout: 10s\n"
        "    status: [200, 3xx]\n    body_matches: ['登录']\n"
        f"    basic_auth: {{user: monitor, password: {{file: {key['file']}}}}}\n"
    )
    (target,) = load(file).probes
    assert target.address == "portal.example.org"
    assert "hunter2" not in repr(target)
