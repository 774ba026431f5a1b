"""ICMP echo over real sockets, in network namespaces with a far side that misbehaves."""

import json
import os
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.observe import is_shared, observe
from collectors.base import CollectError, Collector, Moment, Reason, Sample, Tools
from collectors.echo_round import Round
from collectors.endpoint import resolve
from collectors.icmp import IcmpTarget, collect, outcome
from collectors.router import RoutersWord, read_word
from collectors.wire import checksum
from tests import icmp_far, icmp_lab
from tests.icmp_far import V4, V6
from tests.testbed import peer

READY_WITHIN_S = 20.0
TOOLS = Tools(lambda: Moment(0, 0))
BOTH = pytest.mark.parametrize(
    "addresses", [pytest.param(V4, id="ipv4"), pytest.param(V6, id="ipv6")]
)


class Lab:
    """A process in namespaces of its own that measures what it is asked."""

    def __init__(self, kind: str, loop: str) -> None:
        unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
        command = [*unshare, sys.executable, icmp_lab.__file__, kind, loop]
        pipe = subprocess.PIPE
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        peer("ip")  # for icmp_lab
        if shutil.which("unshare") is None:
            pytest.skip("needs unshare, which is not here")
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment
        )
        if self.read() != "ready":
            said = self.close().strip().splitlines() or ["nothing said"]
            pytest.skip(f"needs network namespaces, which are refused here: {said[-1]}")

    def do(self, command: str, *arguments: object) -> Any:
        """Let it do what `icmp_lab.Near` can, and return the answer."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps([command, arguments]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.read())

    def ask(self, *options: dict[str, Any]) -> dict[str, Any]:
        """Measure targets with these options at the same time: their outcomes, and our sockets."""
        answer: dict[str, Any] = self.do("measure", *options)
        assert answer["left_waiting"] == 0, "a round that is over waits for nothing"
        return answer

    def ask_all(self, *options: dict[str, Any]) -> dict[str, Any]:
        """Measure targets with these options in one call."""
        answer: dict[str, Any] = self.do("measure_all", *options)
        assert answer["left_waiting"] == 0, "a round that is over waits for nothing"
        return answer

    def one(self, address: str, **options: object) -> dict[str, Any]:
        outcome: dict[str, Any] = self.ask({"address": address, **options})["outcomes"][0]
        return outcome

    def read(self) -> str:
        assert self.process.stdout
        readable, _, _ = select.select([self.process.stdout], [], [], READY_WITHIN_S)
        return self.process.stdout.readline().strip() if readable else ""

    def close(self) -> str:
        """End it and return what it said on its standard error."""
        try:
            return self.process.communicate(timeout=10)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.communicate()[1]


@pytest.fixture(
    scope="module", params=["raw-asyncio", "raw-uvloop", "datagram-asyncio", "datagram-uvloop"]
)
def lab(request: pytest.FixtureRequest) -> Generator[Lab]:
    """Rounds run over the kind of socket that the name says, under that event loop."""
    kind, loop = request.param.split("-")
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    one = Lab(kind, loop)
    first = one.ask({"address": "127.0.0.1", "count": 1})
    assert first["sockets"] == [{"raw": "SOCK_RAW", "datagram": "SOCK_DGRAM"}[kind]]
    yield one
    said = one.close()
    assert (one.process.returncode, said) == (0, "")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "[::1]", "localhost"])
def test_the_systems_own_echo_answers_every_packet(lab: Lab, address: str) -> None:
    samples = lab.one(address, gap="10ms")["samples"]
    assert samples["loss_ratio"] == 0
    assert 0 < samples["rtt_seconds min"] <= samples["rtt_seconds mean"]
    assert samples["rtt_seconds mean"] <= samples["rtt_seconds max"] < 1
    assert 0 <= samples["jitter_seconds"] <= samples["rtt_seconds max"]


@BOTH
def test_a_delay_of_30_ms_is_measured_as_such(lab: Lab, addresses: str) -> None:
    samples = lab.one(addresses.format(icmp_far.LATE), gap="20ms")["samples"]
    assert samples["loss_ratio"] == 0
    assert 0.030 <= samples["rtt_seconds min"] < 0.2


@BOTH
def test_replies_that_overlap_are_told_apart(lab: Lab, addresses: str) -> None:
    """Each reply takes 60 ms longer than the one before, so all wait for theirs at once.

    A busy machine may hold the first one back, but hardly for as long as that.
    """
    samples = lab.one(addresses.format(icmp_far.SLOWING), gap="10ms")["samples"]
    assert samples["rtt_seconds max"] - samples["rtt_seconds min"] >= 0.06
    assert samples["jitter_seconds"] < samples["rtt_seconds max"]


@BOTH
def test_a_second_reply_to_one_packet_does_not_hide_that_another_was_lost(
    lab: Lab, addresses: str
) -> None:
    options = {"count": 4, "gap": "10ms", "timeout": "500ms"}
    assert lab.one(addresses.format(icmp_far.LOSSY), **options)["samples"]["loss_ratio"] == 0.5


@BOTH
@pytest.mark.parametrize(
    "manners",
    [
        pytest.param(icmp_far.SILENT, id="nothing"),
        pytest.param(icmp_far.FORGED, id="another-token-sequence-or-only-half-of-it"),
        pytest.param(icmp_far.ELSEWHERE, id="the-right-reply-from-another-address"),
    ],
)
def test_what_is_no_reply_to_us_leaves_the_packets_lost(
    lab: Lab, addresses: str, manners: int
) -> None:
    address = addresses.format(manners)
    outcome = lab.one(address, gap="10ms", timeout="300ms")
    assert outcome == {
        "reason": "timeout",
        "detail": f"{address}: no reply to 3 packets",
        "samples": {"loss_ratio": 1.0},
    }


@BOTH
def test_a_neighbour_that_is_not_there_is_unreachable_before_the_timeout(
    lab: Lab, addresses: str
) -> None:
    address = addresses.format(99)
    outcome = lab.one(address, timeout="15s", gap="10ms")
    assert (outcome["reason"], outcome["samples"]) == ("unreachable", {"loss_ratio": 1.0})
    assert outcome["detail"] == f"{address}: No route to host, says {addresses.format(1)}"


@BOTH
def test_one_socket_serves_all_and_a_dead_target_is_not_blamed_on_another(
    lab: Lab, addresses: str
) -> None:
    """The kernel tells of the dead one's packets at the next call, whomever that is for."""
    dead = {"address": addresses.format(99), "count": 20, "gap": "20ms"}
    live = {"address": addresses.format(icmp_far.PROMPT), "count": 20, "gap": "30ms"}
    outcomes = lab.ask(dead, *[live] * 20, dead)["outcomes"]
    assert [one.get("reason", "") for one in outcomes] == ["unreachable", *[""] * 20, "unreachable"]
    assert {one["samples"]["loss_ratio"] for one in outcomes[1:-1]} == {0.0}


@BOTH
def test_targets_measured_in_one_call_fare_as_each_would_alone(lab: Lab, addresses: str) -> None:
    """Different ends, packets and timeouts side by side; no one's fate is another's."""
    options = {"gap": "10ms", "timeout": "500ms"}
    targets = [
        {"address": addresses.format(icmp_far.PROMPT), "count": 1, "timeout": "500ms"},
        {"address": addresses.format(icmp_far.SILENT), "timeout": "300ms", "gap": "10ms"},
        {"address": addresses.format(icmp_far.LOSSY), "count": 4} | options,
        {"address": addresses.format(icmp_far.FORGED), "count": 2} | options,
        {"address": addresses.format(99), "timeout": "15s", "gap": "10ms"},
        {"address": addresses.format(icmp_far.LATE), "count": 20, "gap": "10ms"},
    ]
    found = lab.ask_all(*targets, *[targets[0]] * 200)["outcomes"]
    losses = [1 if "reason" in it else it["samples"]["loss_ratio"] for it in found]
    assert losses == [0, 1, 0.5, 1, 1, 0, *[0] * 200]
    reasons = [it["reason"] for it in found if "reason" in it]
    assert reasons == ["timeout", "timeout", "unreachable"]
    assert 0.030 <= found[5]["samples"]["rtt_seconds min"] < 0.2


@BOTH
def test_seeded_drops_are_counted_exactly_in_one_call_too(lab: Lab, addresses: str) -> None:
    lab.do("tell", {"seed": 7, "drop_ratio": 0.3, "double_ratio": 0.3, "jitter_s": 0.05})
    address = addresses.format(icmp_far.COMMANDED)
    targets = [{"address": address, "count": 20, "gap": "10ms", "timeout": "700ms"}] * 5
    outcomes = lab.ask_all(*targets)["outcomes"]
    record = lab.do("tell", {})
    lost = [round(one["samples"]["loss_ratio"] * 20) for one in outcomes]
    assert len(record["sources"]) == 100
    assert 10 < record["dropped"] == sum(lost)


def test_who_stops_listening_leaves_nothing_behind(lab: Lab) -> None:
    silent = {"address": V4.format(icmp_far.SILENT), "timeout": "15s"}
    answer = lab.do("give_up", {"address": "127.0.0.1", "count": 1}, *[silent] * 3)
    assert "reason" not in answer["outcomes"][0]
    assert answer["left_waiting"] == 0


@pytest.mark.parametrize(
    ("options", "is_taken"),
    [
        pytest.param({"address": "192.0.2.1"}, True, id="an-address"),
        pytest.param({"address": "2001:db8::1", "count": 20, "gap": "10ms"}, True, id="packets"),
        pytest.param({"address": "192.0.2.1", "source": "192.0.2.2"}, True, id="a-source"),
        pytest.param({"address": "localhost"}, False, id="a-name-to-look-up"),
        pytest.param({"address": "192.0.2.1", "family": "ipv6"}, False, id="the-other-family"),
        pytest.param({"address": "192.0.2.1", "every_address": True}, False, id="all-addresses"),
        pytest.param({"address": "192.0.2.1", "source_interface": "lo"}, False, id="interface"),
        pytest.param(
            {"address": "192.0.2.1", "family": "ipv4", "fallback": True}, False, id="fallback"
        ),
        pytest.param({"address": "192.0.2.1", "expect": "unreachable"}, False, id="a-canary"),
    ],
)
def test_plain_targets_are_measured_together_and_others_alone(
    options: dict[str, Any], is_taken: bool
) -> None:
    assert is_shared(collect, icmp(**options)) is is_taken


def test_a_packet_that_could_not_be_sent_counts_nowhere(lab: Lab) -> None:
    """Its way is forbidden before the second of three is due."""
    target = {"address": V4.format(icmp_far.PROMPT), "gap": "1s", "timeout": "4s"}
    outcome = lab.do("measure_while", target, 0.5, f"route add prohibit {target['address']}")
    assert outcome["samples"]["loss_ratio"] == 0
    assert "jitter_seconds" not in outcome["samples"], "only one was sent"
    lab.do("ip", f"route del prohibit {target['address']}")


@pytest.mark.parametrize(
    ("address", "reason", "text"),
    [
        pytest.param("192.0.2.1", "local", "Network is unreachable", id="no-route"),
        pytest.param("203.0.113.200", "local", "Permission denied", id="forbidden-route"),
        pytest.param("203.0.113.1", "unreachable", "No route to host", id="unreachable-route"),
    ],
)
def test_what_this_host_refuses_to_send_is_not_loss(
    lab: Lab, address: str, reason: str, text: str
) -> None:
    outcome = lab.one(address, gap="10ms")
    assert outcome == {"reason": reason, "detail": f"{address}: {text}", "samples": {}}


@BOTH
@pytest.mark.parametrize("size", [16, 57, 3001])
def test_payloads_of_any_size_come_back(lab: Lab, addresses: str, size: int) -> None:
    """The smallest is but the token; the largest travels in fragments."""
    samples = lab.one(addresses.format(icmp_far.PROMPT), size=size, gap="10ms")["samples"]
    assert samples["loss_ratio"] == 0


@BOTH
def test_seeded_drops_are_counted_exactly(lab: Lab, addresses: str) -> None:
    """Doubled replies, and replies that overtake each other, change nothing of it."""
    lab.do("tell", {"seed": 7, "drop_ratio": 0.3, "double_ratio": 0.3, "jitter_s": 0.05})
    address = addresses.format(icmp_far.COMMANDED)
    outcomes = lab.ask(*[{"address": address, "count": 20, "gap": "10ms", "timeout": "700ms"}] * 5)
    record = lab.do("tell", {})
    lost = [round(one["samples"]["loss_ratio"] * 20) for one in outcomes["outcomes"]]
    assert len(record["sources"]) == 100
    assert record["doubled"] > 5
    assert 10 < record["dropped"] == sum(lost)


def test_what_is_lost_is_told_also_where_every_address_is_to_answer(lab: Lab) -> None:
    lab.do("tell", {"seed": 7, "drop_ratio": 0.3})
    address = V4.format(icmp_far.COMMANDED)
    options = {"address": address, "count": 10, "gap": "10ms", "timeout": "700ms"}
    outcomes = lab.ask(*[options | {"every_address": True}] * 10)
    record = lab.do("tell", {})
    lost = [round(one["samples"]["loss_ratio"] * 10) for one in outcomes["outcomes"]]
    assert 10 < record["dropped"] == sum(lost)


@BOTH
def test_a_delay_is_measured_within_a_millisecond_of_the_responders_own_record(
    lab: Lab, addresses: str
) -> None:
    lab.do("tell", {"delay_s": 0.012, "jitter_s": 0.01, "seed": 3})
    address = addresses.format(icmp_far.COMMANDED)
    rtts_s = [
        lab.one(address, count=1, timeout="1s")["samples"]["rtt_seconds mean"] for _ in range(15)
    ]
    delays_s = lab.do("tell", {})["delays_s"]
    errors_s = [rtt_s - delay_s for rtt_s, delay_s in zip(rtts_s, delays_s, strict=True)]
    assert 0 <= median(errors_s) < 0.001


@BOTH
def test_a_reply_has_the_ttl_that_it_arrived_with(lab: Lab, addresses: str) -> None:
    lab.do("tell", {"ttl": 57})
    samples = lab.one(addresses.format(icmp_far.COMMANDED), count=1)["samples"]
    lab.do("tell", {})
    assert samples["reply_ttl"] == 57


ROUTER_V4, ROUTER_V6 = V4.format(2), V6.format(icmp_far.COMMANDED)
DF = {"size": 1400, "dont_fragment": True}
TTL_ENDED = "its TTL ended on the way"
TOO_BIG = "too big a packet for the way there, which takes 1400 bytes"


@pytest.mark.parametrize(
    ("address", "options", "word"),
    [
        pytest.param("198.18.0.7", {"ttl": 1}, f"{TTL_ENDED}, says {ROUTER_V4}", id="ttl-v4"),
        pytest.param("2001:db8:1::7", {"ttl": 1}, f"{TTL_ENDED}, says {ROUTER_V6}", id="ttl-v6"),
        pytest.param("198.18.0.7", DF, f"{TOO_BIG}, says {ROUTER_V4}", id="size-v4"),
        pytest.param("2001:db8:1::7", DF, f"{TOO_BIG}, says {ROUTER_V6}", id="size-v6"),
        pytest.param(
            "2001:db8:1:2::7", {}, f"Network is unreachable, says {ROUTER_V6}", id="unreachable-v6"
        ),
        pytest.param(
            "2001:db8:1:1::7", {}, f"a filter forbids it, says {ROUTER_V6}", id="prohibited-v6"
        ),
    ],
)
def test_a_routers_word_is_told_and_whose_it_is(
    lab: Lab, address: str, options: dict[str, Any], word: str
) -> None:
    outcome = lab.one(address, count=2, gap="10ms", timeout="15s", **options)
    assert outcome == {
        "reason": "unreachable",
        "detail": f"{address}: {word}",
        "samples": {"loss_ratio": 1.0},
    }


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(
            "71000000 02 03 0d 00 00000000 00000000 0200 0000 c6336402 0000000000000000",
            "a filter forbids it, says 198.51.100.2",
            id="a-filter",
        ),
        pytest.param("71000000 02 03 01 00 00000000 00000000", "No route to host", id="by-nobody"),
        pytest.param("5a000000 01 00 00 00 00000000 00000000", None, id="this-hosts-own"),
        pytest.param("71000000", None, id="cut-short"),
    ],
)
def test_an_extended_error_in_words(error: str, text: str | None) -> None:
    word = read_word(bytes.fromhex(error))
    assert (word.text if word else None) == text
    if word:
        assert word.router == ("198.51.100.2" if "says" in word.text else None)


@BOTH
def test_a_packet_too_big_for_our_own_interface_is_a_local_fault(lab: Lab, addresses: str) -> None:
    address = addresses.format(icmp_far.PROMPT)
    outcome = lab.one(address, size=1480, dont_fragment=True)
    assert outcome == {"reason": "local", "detail": f"{address}: Message too long", "samples": {}}
    assert lab.one(address, size=1480, gap="10ms")["samples"]["loss_ratio"] == 0


@BOTH
def test_packets_leave_from_the_source_that_is_asked(lab: Lab, addresses: str) -> None:
    address = addresses.format(icmp_far.COMMANDED)
    lab.do("tell", {})
    for last in (1, 3):
        lab.one(address, count=1, source=addresses.format(last), source_interface="near")
    sources = [addresses.format(last) for last in (1, 3)]
    assert lab.do("tell", {})["sources"] == sources


@pytest.mark.parametrize(
    ("options", "text"),
    [
        pytest.param({"source": "198.51.100.77"}, "198.51.100.77", id="address"),
        pytest.param({"source_interface": "nic7"}, "nic7", id="interface"),
    ],
)
def test_a_source_that_this_host_has_not_is_a_local_fault(
    lab: Lab, options: dict[str, str], text: str
) -> None:
    outcome = lab.one(V4.format(icmp_far.PROMPT), **options)
    assert (outcome["reason"], outcome["samples"]) == ("local", {})
    assert text in outcome["detail"]


@pytest.mark.parametrize("source", [{"source_interface": "near"}, {"source": V4.format(1)}, {}])
def test_an_interface_that_vanishes_in_mid_probe_is_a_local_fault_until_it_is_back(
    lab: Lab, source: dict[str, str]
) -> None:
    target = {"address": V4.format(icmp_far.SILENT), "gap": "200ms", "timeout": "900ms"} | source
    outcome = lab.do("measure_while", target, 0.3, "link del near")
    assert (outcome["reason"], outcome["samples"]) == ("local", {})
    late = target | {"count": 1}
    assert lab.one(**late)["reason"] == "local"
    lab.do("join_again")
    late = {"address": V4.format(icmp_far.PROMPT), "timeout": "2s"} | source
    assert lab.one(**late)["samples"]["loss_ratio"] == 0
    outcome = lab.do("measure_while", target | {"count": 1}, 0.3, "link del near")
    assert (outcome["reason"], outcome["samples"]) == ("local", {})
    lab.do("join_again")


def test_4000_targets_at_once_need_no_files_of_their_own(lab: Lab) -> None:
    lab.do("allow_files", 100)
    targets = [
        {"address": f"127.0.{n // 250}.{n % 250 + 1}", "count": 1, "timeout": "10s"}
        for n in range(4000)
    ]
    answer = lab.ask(*targets)
    assert {json.dumps(one.get("reason")) for one in answer["outcomes"]} == {"null"}
    assert {one["samples"]["loss_ratio"] for one in answer["outcomes"]} == {0.0}
    assert (answer["open_files"] < 40, answer["drops"]) == (True, 0)


@pytest.mark.parametrize("kind", ["raw", "datagram"])
def test_what_our_own_socket_dropped_is_counted_and_no_loss(kind: str) -> None:
    lab = Lab(kind, "asyncio")
    lab.one("127.0.0.1", count=1)
    lab.do("narrow")
    answer = lab.ask(
        *[{"address": f"127.0.0.{n}", "count": 1, "timeout": "1s"} for n in range(1, 51)]
    )
    lab.close()
    unknown = [one for one in answer["outcomes"] if "reason" in one]
    known = [one for one in answer["outcomes"] if "reason" not in one]
    assert {one["reason"] for one in unknown} == {"local"}
    assert {"loss_ratio" in one["samples"] for one in unknown} == {False}
    assert {one["samples"]["loss_ratio"] for one in known} == {0.0}
    assert answer["drops"] >= len(unknown) > 0  # some kernels count those of raw sockets twice


def test_fping_sees_the_same() -> None:
    """The far side drops and delays the same packets for both, by the same seed."""
    lab = Lab("raw", "asyncio")
    manners = {"seed": 11, "drop_ratio": 0.25, "delay_s": 0.01, "jitter_s": 0.01}
    address = V4.format(icmp_far.COMMANDED)
    lab.do("tell", manners)
    samples = lab.one(address, count=20, gap="20ms", timeout="2s")["samples"]
    lab.do("tell", manners)
    said = lab.do("fping", "-q", "-C20", "-p20", "-t500", address)
    assert lab.close() == ""
    rtts_ms = [float(it) for it in said.split(":")[1].split() if it != "-"]
    assert samples["loss_ratio"] == pytest.approx(1 - len(rtts_ms) / 20)
    assert 0 < samples["loss_ratio"] < 1
    mean_s = sum(rtts_ms) / len(rtts_ms) / 1000
    assert samples["rtt_seconds mean"] == pytest.approx(mean_s, abs=0.002)


def test_who_may_open_no_icmp_socket_is_told_the_one_command() -> None:
    one = Lab("neither", "asyncio")
    outcome = one.one("127.0.0.1")
    assert one.close() == ""
    assert outcome["reason"] == "local"
    assert outcome["detail"].endswith('sysctl -w net.ipv4.ping_group_range="0 2147483647"')


def answered(*answers: float | RoutersWord | None, **options: object) -> list[Sample]:
    """What a round is said to have come to that is over with these answers."""
    target = icmp(address="127.0.0.1", count=len(answers), gap_s=0.01, **options)
    assert target.plan
    round_ = Round(target.plan, TOOLS, 0.0, 1.0)
    round_.answers.extend(answers)
    return outcome(target, round_)


@pytest.mark.parametrize(
    ("router", "reason"),
    [
        pytest.param("192.0.2.1", None, id="a-router-on-the-way"),
        pytest.param("127.0.0.1", Reason.REACHED, id="the-target-itself"),
    ],
)
async def test_a_target_whose_own_firewall_says_no_was_reached(
    router: str, reason: Reason | None
) -> None:
    word = RoutersWord("a filter forbids it", is_size=False, router=router)

    async def collect(*_: object) -> list[Sample]:
        return answered(word)

    canary = icmp(address="127.0.0.1", count=1, expect="unreachable")
    found = await observe(Collector("icmp", IcmpTarget, (), collect, probe=True), canary, TOOLS)
    assert found.reason is reason


def test_jitter_is_the_mean_step_between_consecutive_replies() -> None:
    assert dict(icmp_lab.texts(answered(0.020, 0.050, None, 0.040))) == {
        "loss_ratio": 0.25,
        "rtt_seconds min": 0.020,
        "rtt_seconds mean": pytest.approx(0.110 / 3),
        "rtt_seconds max": 0.050,
        "jitter_seconds": pytest.approx(0.020),
    }


def test_one_reply_alone_has_no_jitter() -> None:
    assert "jitter_seconds" not in dict(icmp_lab.texts(answered(None, 0.02)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            {"count": 20, "gap_s": 0.5},
            "20 packets 0.5s apart take 9.5s, which does not fit a timeout of 5s; "
            "write a smaller count or gap, or a timeout of at least 9.65s",
            id="a-round-longer-than-the-timeout",
        ),
        pytest.param({"timeout_s": 0.1, "count": 1}, "of at least 0.15s", id="no-time-to-wait"),
        pytest.param(
            {"timeout_s": 1, "count": 5, "family": "ipv4", "fallback": True},
            "fit half of a timeout of 1s; .* of at least 1.9s",
            id="no-time-for-both-families",
        ),
        pytest.param({"count": 0}, "greater than or equal to 1", id="no-packets"),
        pytest.param({"count": 21}, "less than or equal to 20", id="too-many-packets"),
        pytest.param({"gap": "0s"}, "greater than or equal to 0.01", id="no-gap"),
        pytest.param({"size": 15}, "greater than or equal to 16", id="no-room-for-the-token"),
        pytest.param({"address": "r1:7"}, "without a port", id="an-address-with-a-port"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        icmp(**options)


def test_a_round_that_just_fits_is_taken() -> None:
    assert icmp(count=5, gap_s=0.25, timeout_s=1.15).count == 5


async def test_a_name_that_leads_nowhere_in_the_asked_family_is_said() -> None:
    with pytest.raises(CollectError, match=r"^127\.0\.0\.1: ") as caught:
        await resolve("127.0.0.1", "ipv6")
    assert caught.value.reason is Reason.RESOLVE


async def test_a_name_leads_to_the_family_that_was_asked() -> None:
    assert (await resolve("localhost", "ipv4")).host == "127.0.0.1"
    assert (await resolve("[2001:db8::1]", "any")).family == socket.AF_INET6


@given(st.binary(max_size=100))
def test_the_checksum_makes_every_message_sum_to_all_ones(message: bytes) -> None:
    even = message + bytes(len(message) % 2)
    assert icmp_far.ones_sum(even + checksum(message).to_bytes(2)) == 0xFFFF


def icmp(**options: object) -> IcmpTarget:
    return IcmpTarget.model_validate({"name": "t", "kind": "icmp", "address": "r1", **options})
