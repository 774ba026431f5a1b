"""DNS probes of a real server (dnsmasq), and of servers that do what none should."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from agent.observe import Observation, observe
from collectors.base import Moment, Reason, Sample, Tools
from collectors.dns import ANSWERS, RCODE, TTL, collect
from collectors.dns_options import DnsTarget
from collectors.probe import PHASE
from tests.test_tcp import run_under
from tests.testbed import UnavailableError, eventually, free_port, peer

ZONE = """
no-resolv
no-hosts
bind-interfaces
listen-address=127.0.0.1
local=/example.org/
host-record=www.example.org,198.51.100.1,2001:db8::1,300
host-record=two.example.org,198.51.100.2,60
host-record=two.example.org,198.51.100.3
mx-host=example.org,mail.example.org,10
txt-record=example.org,"v=spf1 -all"
auth-ttl=300
local-ttl=300
"""
LARGE = "".join(f"host-record=large.example.org,198.51.100.{it}\n" for it in range(1, 201))


@dataclass(frozen=True, slots=True)
class NameServer:
    port: int


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServer]:
    """A dnsmasq that knows example.org and asks nobody else."""
    folder = tmp_path_factory.mktemp("dnsmasq")
    port = free_port("udp")
    config = folder / "dnsmasq.conf"
    config.write_text(f"port={port}\npid-file={folder}/pid\n{ZONE}{LARGE}")
    user = "root" if not (folder / "x").exists() else "nobody"
    try:
        process = peer("dnsmasq").popen(
            "--keep-in-foreground", f"--conf-file={config}", f"--user={user}", "--log-facility=-"
        )
    except UnavailableError as error:
        pytest.skip(str(error))
    with process:
        try:
            eventually(lambda: process.poll() is not None or answers(port))
            assert process.poll() is None
            yield NameServer(port)
        finally:
            process.terminate()


def answers(port: int) -> bool:
    try:
        query = dns.message.make_query("www.example.org", "A")
        return bool(dns.query.udp(query, "127.0.0.1", port=port, timeout=0.2))
    except (OSError, dns.exception.Timeout):
        return False


def target(port: int, **options: Any) -> DnsTarget:
    given = {"name": "t", "kind": "dns", "address": "127.0.0.1", "query": "www.example.org"}
    return DnsTarget.model_validate({**given, "port": port, **options})


async def probe(port: int, **options: Any) -> Observation:
    return await observe(collect, target(port, **options), Tools(lambda: Moment(0, 0)))


def values(observation: Observation) -> dict[Any, float]:
    """What was measured, by metric; phases by their name."""
    samples = [it for it in observation.measurements if isinstance(it, Sample)]
    return {it.labels[1] if it.metric is PHASE else it.metric: it.value for it in samples}


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("transport", "steps"), [("udp", ["processing"]), ("tcp", ["connect", "processing"])]
)
def test_an_answer_gives_its_code_its_records_and_what_each_step_took(
    server: NameServer, loop: str, transport: str, steps: list[str]
) -> None:
    async def ask() -> None:
        seen = await probe(server.port, transport=transport)
        assert (seen.reason, seen.detail) == (None, "")
        found = values(seen)
        times = [found.pop(it) for it in steps]
        assert found == {RCODE: 0, ANSWERS: 1, TTL: 300}
        assert all(0 < it < 1 for it in times)
        assert sum(times) <= seen.duration_s

    run_under(loop, ask)


A = "198.51.100.1"
RIGHT = [
    pytest.param({"type": "AAAA", "answers_match": ["2001:db8::1$"]}, id="aaaa"),
    pytest.param({"type": "mx", "query": "example.org", "answers_match": ["10 mail"]}, id="mx"),
    pytest.param({"type": "TXT", "query": "example.org", "answers_match": ["spf1"]}, id="txt"),
    pytest.param({"answers_match": [rf"^www\.example\.org\. \d+ IN A {A}$"]}, id="whole-record"),
    pytest.param({"query": "two.example.org", "answers_match": [r"\.2$", r"\.3$"]}, id="all-of"),
    pytest.param({"query": "two.example.org", "every_answer": r"\.[23]$"}, id="every"),
    pytest.param({"query": "two.example.org", "answers_lack": [r"\.4$"]}, id="lacks"),
    pytest.param({"query": "two.example.org", "least_answers": 2}, id="as-many-as-asked"),
    pytest.param({"query": "no.example.org", "rcode": ["NXDOMAIN"]}, id="no-such-name"),
    pytest.param({"type": "MX", "least_answers": 0}, id="no-such-type"),
    pytest.param({"query": "example.com", "rcode": ["REFUSED", "NOERROR"]}, id="refused"),
    pytest.param({"recursion": False}, id="no-recursion"),
    pytest.param({"edns": False}, id="no-edns"),
    pytest.param({"query": "large.example.org", "tcp_if_truncated": True}, id="truncated-then-tcp"),
    pytest.param({"query": "large.example.org", "transport": "tcp"}, id="large-over-tcp"),
    pytest.param({"source": "127.0.0.3"}, id="source"),
]
WRONG = [
    pytest.param({"query": "no.example.org"}, "NXDOMAIN, not NOERROR", id="no-such-name"),
    pytest.param({"rcode": ["NXDOMAIN"]}, "NOERROR, not NXDOMAIN", id="a-name-that-should-not-be"),
    pytest.param({"query": "example.com"}, "REFUSED, not NOERROR", id="refused"),
    pytest.param({"type": "MX"}, "0 answers, not 1 or more", id="no-such-type"),
    pytest.param({"least_answers": 2}, "1 answers, not 2 or more", id="too-few"),
    pytest.param({"answers_match": [r"\.9$"]}, r"no answer matches '\\.9$'", id="another"),
    pytest.param({"answers_lack": [r"\.1$"]}, r"an answer matches '\\.1$'", id="unwanted"),
    pytest.param(
        {"query": "two.example.org", "every_answer": r"\.2$"},
        r"an answer does not match '\\.2$'",
        id="one-too-many",
    ),
    pytest.param({"authenticated": True}, "no AD flag", id="no-dnssec"),
    pytest.param(
        {"query": "large.example.org"}, "truncated answer; write tcp_if_truncated", id="truncated"
    ),
]


@pytest.mark.parametrize("options", RIGHT)
async def test_right(server: NameServer, options: dict[str, Any]) -> None:
    seen = await probe(server.port, **options)
    assert (seen.reason, seen.detail) == (None, "")


@pytest.mark.parametrize(("options", "detail"), WRONG)
async def test_wrong(server: NameServer, options: dict[str, Any], detail: str) -> None:
    seen = await probe(server.port, **options)
    assert seen.reason is Reason.UNEXPECTED_CONTENT
    assert detail in seen.detail
    assert RCODE in values(seen), "what was measured is told all the same"
