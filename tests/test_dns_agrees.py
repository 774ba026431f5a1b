"""The same question, asked by Netfold and by blackbox_exporter: one verdict, or why not."""

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.blackbox import Blackbox, blackbox
from tests.test_dns import (
    NameServer,
    Reply,
    flipped,
    good,
    over_udp,
    probe,
    server,
    to_another_question,
)
from tests.testbed import UnavailableError

__all__ = ["server"]  # the fixture


class Case(NamedTuple):
    """What both are asked and told to expect, and Netfold's verdict; `reply` stands for dnsmasq."""

    told: dict[str, Any]
    judge_told: dict[str, Any]
    is_well: bool
    reply: Reply | None = None
    differs: str = ""
    """Why blackbox_exporter's verdict is the other one."""


def answers(**how: list[str]) -> dict[str, Any]:
    return {"validate_answer_rrs": how}


TWO: dict[str, Any] = {"query": "two.example.org"}
JUDGE_TWO: dict[str, Any] = {"query_name": "two.example.org"}
LARGE: dict[str, Any] = {"query": "large.example.org", "edns": False}
JUDGE_LARGE: dict[str, Any] = {"query_name": "large.example.org"}
NOWHERE: dict[str, Any] = {"query": "no.example.org"}
JUDGE_NOWHERE: dict[str, Any] = {"query_name": "no.example.org"}
CASES = {
    "a": Case({}, {}, True),
    "aaaa": Case({"type": "AAAA"}, {"query_type": "AAAA"}, True),
    "tcp": Case({"transport": "tcp"}, {"transport_protocol": "tcp"}, True),
    "no-recursion": Case({"recursion": False}, {"recursion_desired": False}, True),
    "no-such-name": Case(NOWHERE, JUDGE_NOWHERE, False),
    "no-such-name-as-wanted": Case(
        NOWHERE | {"rcode": ["NXDOMAIN"]}, JUDGE_NOWHERE | {"valid_rcodes": ["NXDOMAIN"]}, True
    ),
    "refused": Case({"query": "example.com"}, {"query_name": "example.com"}, False),
    "no-such-type": Case(
        {"type": "MX"},
        {"query_type": "MX"},
        False,
        differs="it takes an answer without records for one, unless told what they are to be",
    ),
    "no-such-type-as-wanted": Case({"type": "MX", "least_answers": 0}, {"query_type": "MX"}, True),
    "answer-matches": Case(
        TWO | {"answers_match": [r"\.2$"]},
        JUDGE_TWO | answers(fail_if_none_matches_regexp=[r".*\.2$"]),
        True,
    ),
    "no-answer-matches": Case(
        TWO | {"answers_match": [r"\.9$"]},
        JUDGE_TWO | answers(fail_if_none_matches_regexp=[r".*\.9$"]),
        False,
    ),
    "every-answer-matches": Case(
        TWO | {"every_answer": r"\.[23]$"},
        JUDGE_TWO | answers(fail_if_not_matches_regexp=[r".*\.[23]$"]),
        True,
    ),
    "not-every-answer-matches": Case(
        TWO | {"every_answer": r"\.2$"},
        JUDGE_TWO | answers(fail_if_not_matches_regexp=[r".*\.2$"]),
        False,
    ),
    "an-answer-is-unwanted": Case(
        TWO | {"answers_lack": [r"\.2$"]},
        JUDGE_TWO | answers(fail_if_matches_regexp=[r".*\.2$"]),
        False,
    ),
    "no-answer-is-unwanted": Case(
        TWO | {"answers_lack": [r"\.9$"]},
        JUDGE_TWO | answers(fail_if_matches_regexp=[r".*\.9$"]),
        True,
    ),
    "large-over-tcp": Case(
        LARGE | {"transport": "tcp"}, JUDGE_LARGE | {"transport_protocol": "tcp"}, True
    ),
    "truncated": Case(
        LARGE, JUDGE_LARGE, False, differs="it does not look whether an answer is truncated"
    ),
    "never-answers": Case({}, {}, False, lambda _: []),
    "another-id": Case({}, {}, False, lambda q: [flipped(q)]),
    "another-question": Case(
        {}, {}, False, lambda q: [to_another_question(q)], "it looks at the id alone"
    ),
    "an-echo": Case({}, {}, False, lambda q: [q], "it takes a question for an answer"),
    "garbage": Case({}, {}, False, lambda q: [q[:2] + b"garbage"]),
    "a-record-cut-off": Case({}, {}, False, lambda q: [good(q)[:-3]]),
    "more-than-the-records": Case(
        {}, {}, False, lambda q: [good(q) + b"x"], "it reads no further than the records"
    ),
    "the-right-answer-after-a-wrong-one": Case({}, {}, True, lambda q: [flipped(q), good(q)]),
}


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blackbox]:
    ours = {
        "preferred_ip_protocol": "ip4",
        "transport_protocol": "udp",
        "query_name": "www.example.org",
        "query_type": "A",
    }
    modules = {
        name: {"prober": "dns", "timeout": "1s", "dns": ours | case.judge_told}
        for name, case in CASES.items()
    }
    try:
        with blackbox(tmp_path_factory.mktemp("blackbox"), modules) as running:
            yield running
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", CASES)
async def test_both_say_the_same(server: NameServer, judge: Blackbox, name: str) -> None:
    case = CASES[name]
    if case.reply is None:
        await compare(judge, name, server.port)
        return
    async with over_udp(case.reply) as port:
        await compare(judge, name, port)


async def compare(judge: Blackbox, name: str, port: int) -> None:
    case = CASES[name]
    seen = await probe(port, timeout_s=1.0, **case.told)
    judged = await asyncio.to_thread(judge.succeeds, f"127.0.0.1:{port}", name)
    assert (seen.reason is None) is case.is_well, seen.detail
    assert judged is (case.is_well is not bool(case.differs)), case.differs
