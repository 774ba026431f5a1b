"""Targets that must not answer: what proves a breach, what that it holds, and what neither."""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from agent.observe import Attempts, Observation, probe_samples
from collectors import story
from collectors.base import CollectError, Collector, Moment, Reason, Sample, find
from collectors.dns_options import DnsTarget
from collectors.http_options import HttpTarget
from collectors.probe import Probe
from collectors.tcp import TcpTarget
from collectors.tls import TlsTarget
from tests.certificates import serving, until_hung_up
from tests.lent import observed


def canary(port: int = 1, timeout_s: float = 5.0, **more: Any) -> TcpTarget:
    options = {"address": "127.0.0.1", "expect": "unreachable", **more}
    return TcpTarget(name="exit", kind="tcp", port=port, timeout_s=timeout_s, **options)


async def ended(act: Callable[[], None], timeout_s: float = 5.0) -> Observation:
    """What a round of a canary comes to whose collector does that."""

    async def collect(*_: object) -> Sequence[Sample]:
        act()
        if timeout_s < 1:
            await asyncio.sleep(60)
        return []

    collector = Collector("tcp", TcpTarget, (), collect, probe=True)
    return await observed(collector, canary(timeout_s=timeout_s))


def said(observation: Observation) -> dict[str, float]:
    samples = probe_samples(observation)
    return {metric.name: value for metric, value, _ in samples if metric.type == "gauge"}


HELD = {"netfold_probe_success": 1, "netfold_probe_isolation_breached": 0}
BREACHED = {"netfold_probe_success": 0, "netfold_probe_isolation_breached": 1}


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (Reason.TIMEOUT, HELD),
        (Reason.UNREACHABLE, HELD),
        *((it, {}) for it in (Reason.LOCAL, Reason.INTERNAL, Reason.RESOLVE)),
        *(
            (it, BREACHED)
            for it in Reason
            if it
            not in {
                Reason.TIMEOUT,
                Reason.UNREACHABLE,
                Reason.LOCAL,
                Reason.INTERNAL,
                Reason.RESOLVE,
            }
        ),
    ],
)
async def test_every_reason_proves_one_of_three_things(
    reason: Reason, expected: dict[str, float]
) -> None:
    def fail() -> None:
        raise CollectError(reason, "what happened")

    observation = await ended(fail)
    assert said(observation) == expected
    assert "what happened" in observation.detail
    if expected == {}:
        assert observation.reason is reason
    if expected == BREACHED:
        assert observation.reason is Reason.REACHED


async def test_an_answer_is_a_breach() -> None:
    observation = await ended(lambda: None)
    assert (observation.reason, said(observation)) == (Reason.REACHED, BREACHED)


async def test_silence_after_a_connection_is_a_breach_and_silence_alone_is_none() -> None:
    silent = await ended(lambda: None, timeout_s=0.05)
    assert (silent.reason, said(silent)) == (None, HELD)
    accepted = await ended(lambda: story.answered("connected"), timeout_s=0.05)
    assert (accepted.reason, said(accepted)) == (Reason.REACHED, BREACHED)


async def test_a_real_connection_and_a_real_refusal_are_breaches() -> None:
    collector = find("tcp")
    assert collector
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        open_door = await observed(collector, canary(port))
    closed = await observed(collector, canary(port))
    assert (open_door.reason, closed.reason) == (Reason.REACHED, Reason.REACHED)
    assert "refused" in closed.detail


def silent_to(kind: str, port: int) -> Probe:
    """A canary of that kind, for a server that takes the connection and never speaks."""
    given = {"name": "exit", "kind": kind, "expect": "unreachable", "timeout_s": 1.5}
    at = {"address": "127.0.0.1", "port": port}
    match kind:
        case "tcp":
            return TcpTarget.model_validate({**given, **at, "talk": [{"expect": "^220 "}]})
        case "tls":
            return TlsTarget.model_validate({**given, **at})
        case "http":
            return HttpTarget.model_validate({**given, "url": f"http://127.0.0.1:{port}/"})
        case "https":
            url = f"https://127.0.0.1:{port}/"
            return HttpTarget.model_validate({**given, "kind": "http", "url": url})
    options = {"query": "www.example.org", "transport": "tcp"}
    return DnsTarget.model_validate({**given, **at, **options})


@pytest.mark.parametrize("kind", ["tcp", "tls", "http", "https", "dns"])
async def test_a_server_that_takes_the_connection_and_never_speaks_was_reached(kind: str) -> None:
    with serving(until_hung_up) as port:
        canary = silent_to(kind, port)
        collector = find(canary.kind)
        assert collector
        observation = await observed(collector, canary)
    assert (observation.reason, said(observation)) == (Reason.REACHED, BREACHED)
    assert "timeout: 127.0.0.1: " in observation.detail


async def test_a_name_server_that_answers_nothing_right_was_reached() -> None:
    """What comes is an answer to no question of ours; it came all the same."""
    loop = asyncio.get_running_loop()

    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            self.transport.sendto(bytes([data[0] ^ 1]) + data[1:], addr)

    transport, _ = await loop.create_datagram_endpoint(Echo, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    options = {"query": "www.example.org", "expect": "unreachable", "timeout_s": 0.3}
    given = {"name": "exit", "kind": "dns", "address": "127.0.0.1", "port": port}
    collector = find("dns")
    assert collector
    observation = await observed(collector, DnsTarget.model_validate(given | options))
    transport.close()
    assert (observation.reason, said(observation)) == (Reason.REACHED, BREACHED)


async def test_a_source_that_this_host_has_not_proves_nothing() -> None:
    collector = find("tcp")
    assert collector
    observation = await observed(collector, canary(source="192.0.2.77"))
    assert (observation.reason, said(observation)) == (Reason.LOCAL, {})
    assert observation.detail.endswith("whether it can be reached is not known")


def test_a_change_is_logged_once_in_words_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    attempts, at = Attempts(), Moment(0, 0)
    rounds = (None, Reason.REACHED, Reason.REACHED, Reason.LOCAL, Reason.LOCAL, None)
    with caplog.at_level(logging.INFO):
        for reason in rounds:
            attempts.note(Observation(canary(), at, 0.1, (), reason))
    assert [it.message for it in caplog.records] == [
        "isolation is breached",
        "isolation is not proven",
        "isolation holds again",
    ]
    assert attempts.failures == {Reason.REACHED: 2, Reason.LOCAL: 2}
