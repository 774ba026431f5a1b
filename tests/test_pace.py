"""Turns to send: how far away each is, and that a limit is this host's fault, not a target's."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.observe import Observation, observe
from agent.round import measure_once
from collectors.base import CollectError, Moment, Reason, Tools, find
from collectors.pace import Pace, wait_for_turn_s
from collectors.tcp import TcpTarget

ANY = float("inf")


def test_a_burst_is_spread_over_the_time_that_the_limit_gives_it() -> None:
    pace = Pace()
    waits_s = [pace.take(1000, 7.0, ANY) for _ in range(1000)]
    assert waits_s[:20] == [0] * 20
    assert waits_s[-1] == pytest.approx(0.979)
    assert waits_s == sorted(waits_s)


def test_turns_that_nobody_took_are_not_saved_up() -> None:
    pace = Pace()
    pace.take(10, 0.0, ANY)
    assert [pace.take(10, 1000.0, ANY) for _ in range(2)] == pytest.approx([0, 0.08])


def test_a_turn_too_far_away_is_not_taken() -> None:
    pace = Pace()
    pace.take(1, 0.0, ANY)
    assert pace.take(1, 0.0, 0.5) is None
    assert pace.take(1, 0.0, ANY) == pytest.approx(0.98)


def test_a_limit_that_leaves_no_turn_is_a_local_fault() -> None:
    tools = Tools(lambda: Moment(0, 0), packets_per_s=0.5)
    wait_for_turn_s(tools)
    with pytest.raises(CollectError, match=r"^0\.5 packets a second leave no turn") as caught:
        wait_for_turn_s(tools, 1)
    assert caught.value.reason is Reason.LOCAL


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"kind": "tcp"}, id="tcp"),
        pytest.param({"kind": "tls"}, id="tls"),
        pytest.param({"kind": "http", "url": "http://127.0.0.1:{port}/"}, id="http"),
        pytest.param({"kind": "dns", "query": "a.test"}, id="dns-udp"),
        pytest.param({"kind": "dns", "query": "a.test", "transport": "tcp"}, id="dns-tcp"),
    ],
)
async def test_each_kind_waits_for_its_turn_and_sends_nothing_without_one(
    options: dict[str, Any],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        given = {} if options["kind"] == "http" else {"port": port}
        given |= {
            key: it.format(port=port) if isinstance(it, str) else it for key, it in options.items()
        }
        observation = await without_a_turn(given)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert observation.reason is Reason.LOCAL
    assert "leave no turn within" in observation.detail


async def without_a_turn(options: dict[str, Any]) -> Observation:
    tools = Tools(lambda: Moment(0, 0), packets_per_s=0.1)
    wait_for_turn_s(tools)
    collector = find(options["kind"])
    assert collector
    given = {"name": "t", "address": "127.0.0.1", "timeout": "500ms", **options}
    try:
        return await observe(collector, collector.target.model_validate(given), tools)
    finally:
        await tools.close()


PING = """
import asyncio
from tests.test_pace import without_a_turn
print(asyncio.run(without_a_turn({"kind": "icmp", "count": 1})).detail)
"""


def test_an_echo_request_waits_for_its_turn_too() -> None:
    """In a namespace of its own, where every user may send one."""
    namespace = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
    done = subprocess.run(
        [*namespace, sys.executable, "-c", PING],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "leave no turn within" in done.stdout, done.stderr


async def test_one_round_of_all_targets_keeps_to_the_configured_limit_too() -> None:
    targets = [
        TcpTarget(name=f"t{n}", kind="tcp", address="127.0.0.1", port=1, timeout_s=1)
        for n in range(2)
    ]
    found = await measure_once(targets, packets_per_s=0.5)
    assert [it.reason for it in found] == [Reason.REFUSED, Reason.LOCAL]
