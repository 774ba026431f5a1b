"""The same server, asked by Netfold and by blackbox_exporter: one verdict, or why not."""

import asyncio
import gzip
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from agent.observe import observe
from collectors.base import Moment, Tools
from collectors.http import collect
from tests import test_http as bad
from tests.blackbox import Blackbox, blackbox
from tests.http_lab import Respond, answer, serving
from tests.test_http import http, redirect
from tests.testbed import UnavailableError

Sent = Respond | bytes | dict[str, bytes]


class Case(NamedTuple):
    """What a server sends, what both are told to expect, and Netfold's verdict."""

    sent: Sent
    told: dict[str, Any]
    judge_told: dict[str, Any]
    is_well: bool
    differs: str = ""
    """Why blackbox_exporter's verdict is the other one."""


PLAIN: dict[str, Any] = {}
GZIP = answer(gzip.compress(b"hello"), "200 OK", "Content-Encoding: gzip")
LOGIN = {"/": redirect(302, "/login"), "/login": answer(b"Login")}
CASES = {
    "200": Case(answer(b"hello"), PLAIN, PLAIN, True),
    "204": Case(answer(status="204 No Content"), PLAIN, PLAIN, True),
    "404": Case(answer(status="404 Not Found"), PLAIN, PLAIN, False),
    "500": Case(answer(status="500 No"), PLAIN, PLAIN, False),
    "404-wanted": Case(
        answer(status="404 No"), {"status": ["404"]}, {"valid_status_codes": [404]}, True
    ),
    "200-unwanted": Case(answer(), {"status": ["404"]}, {"valid_status_codes": [404]}, False),
    "body-matches": Case(
        answer(b"hello"),
        {"body_matches": ["^hello$", "ll"]},
        {"fail_if_body_not_matches_regexp": ["^hello$", "ll"]},
        True,
    ),
    "body-does-not": Case(
        answer(b"hello"),
        {"body_matches": ["ll", "x"]},
        {"fail_if_body_not_matches_regexp": ["ll", "x"]},
        False,
    ),
    "body-lacks": Case(
        answer(b"hello"), {"body_lacks": ["x"]}, {"fail_if_body_matches_regexp": ["x"]}, True
    ),
    "body-has": Case(
        answer(b"hello"),
        {"body_lacks": ["x", "l+"]},
        {"fail_if_body_matches_regexp": ["l+"]},
        False,
    ),
    "body-in-gbk": Case(
        answer("登录".encode("gbk"), "200 OK", "Content-Type: text/html; charset=gbk"),
        {"body_matches": ["登录"]},
        {"fail_if_body_not_matches_regexp": ["登录"]},
        True,
        "it looks into bytes, and takes them for UTF-8",
    ),
    "header-matches": Case(
        answer(b"", "200 OK", "X-Node: a1"),
        {"header_matches": {"X-Node": r"^a\d$"}},
        {"fail_if_header_not_matches": [{"header": "X-Node", "regexp": r"^a\d$"}]},
        True,
    ),
    "header-missing": Case(
        answer(),
        {"header_matches": {"X-Node": "a"}},
        {"fail_if_header_not_matches": [{"header": "X-Node", "regexp": "a"}]},
        False,
    ),
    "header-unwanted": Case(
        answer(b"", "200 OK", "X-Node: a1"),
        {"header_lacks": {"X-Node": "a"}},
        {"fail_if_header_matches": [{"header": "X-Node", "regexp": "a"}]},
        False,
    ),
    "header-lacks": Case(
        answer(),
        {"header_lacks": {"X-Node": "a"}},
        {"fail_if_header_matches": [{"header": "X-Node", "regexp": "a", "allow_missing": True}]},
        True,
    ),
    "http-1.0": Case(b"HTTP/1.0 200 OK\r\n\r\nto the end", PLAIN, PLAIN, True),
    "http-1.0-unwanted": Case(
        b"HTTP/1.0 200 OK\r\n\r\n",
        {"versions": ["1.1"]},
        {"valid_http_versions": ["HTTP/1.1"]},
        False,
    ),
    "head": Case(answer(length=5), {"method": "HEAD"}, {"method": "HEAD"}, True),
    "post": Case(
        answer(), {"method": "POST", "body": "a=1"}, {"method": "POST", "body": "a=1"}, True
    ),
    "limit-kept": Case(answer(b"hello"), {"body_limit_bytes": 5}, {"body_size_limit": "5B"}, True),
    "limit-broken": Case(
        answer(b"hello"), {"body_limit_bytes": 4}, {"body_size_limit": "4B"}, False
    ),
    "gzip-unpacked": Case(
        GZIP,
        {"compression": "gzip", "body_matches": ["hello"]},
        {"compression": "gzip", "fail_if_body_not_matches_regexp": ["hello"]},
        True,
    ),
    "gzip-not-asked-for": Case(
        GZIP,
        {"body_matches": ["hello"]},
        {"fail_if_body_not_matches_regexp": ["hello"]},
        True,
        "it unpacks only what it asked for",
    ),
    "gzip-asked-for-and-not-given": Case(
        answer(b"hello"),
        {"compression": "gzip"},
        {"compression": "gzip"},
        True,
        "it unpacks all the same, though a server may choose (RFC 9110, 12.5.3)",
    ),
    "redirect": Case(LOGIN, {"body_matches": ["Login"]}, PLAIN, True),
    "redirect-not-followed": Case(LOGIN, {"redirects": 0}, {"follow_redirects": False}, False),
    "redirect-wanted": Case(
        LOGIN,
        {"status": ["302"]},
        {"follow_redirects": False, "valid_status_codes": [302]},
        True,
    ),
    "says-nothing": Case(bad.says_nothing, PLAIN, PLAIN, False),
    "byte-by-byte": Case(bad.a_body_byte_at_a_time, PLAIN, PLAIN, False),
    "endless-body": Case(
        bad.an_endless_body, {"body_limit_bytes": 10000}, {"body_size_limit": "10KB"}, False
    ),
    "bomb": Case(
        bad.a_bomb,
        {"compression": "gzip"},
        {"compression": "gzip", "body_size_limit": "8MB"},
        False,
    ),
    "endless-head": Case(bad.an_endless_head, PLAIN, PLAIN, False),
    "hangs-up": Case(bad.hangs_up, PLAIN, PLAIN, False),
    "resets": Case(bad.resets, PLAIN, PLAIN, False),
    "resets-in-the-body": Case(bad.resets_in_the_body, PLAIN, PLAIN, False),
    "redirect-loop": Case(bad.loops, PLAIN, PLAIN, False),
    "ssh": Case(b"SSH-2.0-OpenSSH_9.2\r\n", PLAIN, PLAIN, False),
    "broken-header": Case(b"HTTP/1.1 200 OK\r\nbroken header\r\n\r\n", PLAIN, PLAIN, False),
    "no-length": Case(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", PLAIN, PLAIN, False),
    "shorter-than-said": Case(answer(b"hel", length=5), PLAIN, PLAIN, False),
    "no-chunk": Case(bad.CHUNKED + b"zz\r\nhel", PLAIN, PLAIN, False),
}


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blackbox]:
    ours = {"preferred_ip_protocol": "ip4"}
    modules = {
        name: {"prober": "http", "timeout": "1s", "http": ours | case.judge_told}
        for name, case in CASES.items()
    }
    try:
        with blackbox(tmp_path_factory.mktemp("blackbox"), modules) as running:
            yield running
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", CASES)
async def test_both_say_the_same(judge: Blackbox, name: str) -> None:
    case = CASES[name]
    tools = Tools(lambda: Moment(0, 0))
    async with serving(case.sent) as served:
        target = http(served.url(), timeout_s=1.0, **case.told)
        seen = await observe(collect, target, tools)
        judged = await asyncio.to_thread(judge.succeeds, served.url(), name)
    await tools.close()
    assert (seen.reason is None) is case.is_well, seen.detail
    assert judged is (case.is_well is not bool(case.differs)), case.differs
