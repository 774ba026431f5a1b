"""Which addresses a probe goes to, and where it leaves from: real sockets on loopback.

What names lead to is planted: the resolver obeys files that belong to the system.
"""

import asyncio
import errno
import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from pydantic import ValidationError

from collectors import lookup
from collectors.base import CollectError, Reason, Sample
from collectors.endpoint import Endpoint, open_socket, resolve, resolve_all
from collectors.lookup import Resolver
from collectors.probe import ADDRESS_RTT, ADDRESS_SUCCESS, IP_VERSION, MOST_ADDRESSES, PHASE, RTT
from collectors.tcp import TcpTarget, collect
from tests.lent import observed, tools
from tests.testbed import peer

HERE = Endpoint(socket.AF_INET, ("127.0.0.1", 9))

Names = dict[str, list[str]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Names and what they lead to, from now on; a name that is not here leads nowhere."""
    planted: Names = {}
    system = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, family: int = 0, *args: Any, **more: Any) -> list[Any]:
        if more.get("flags"):
            return system(host, port, family, *args, **more)
        found = []
        for address in planted.get(host, []):
            kind = socket.AF_INET6 if ":" in address else socket.AF_INET
            if family in {0, kind}:
                found += system(address, port, kind, socket.SOCK_STREAM)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return found

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return planted


@contextmanager
def listening(*hosts: str) -> Iterator[int]:
    """Listen on the same port of all these addresses; handshakes need nobody to accept them."""
    with ExitStack() as stack:
        port = 0
        for host in hosts:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sock = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            sock.bind((host, port))
            sock.listen(8)
            port = sock.getsockname()[1]
        yield port


def target(**options: object) -> TcpTarget:
    wanted = {"name": "t", "kind": "tcp", "address": "name.test", "port": 9, **options}
    return TcpTarget.model_validate(wanted)


async def measured(**options: object) -> list[Sample]:
    async with tools() as lent:
        return list(await collect.collect(target(**options), lent))  # type: ignore[arg-type]


async def failure(**options: object) -> CollectError:
    with pytest.raises(CollectError) as caught:
        await measured(**options)
    return caught.value


def addresses(samples: Any) -> dict[str, float]:
    return {it.labels[1]: it.value for it in samples if it.metric is ADDRESS_SUCCESS}


def version(samples: list[Sample]) -> float | None:
    return next((it.value for it in samples if it.metric is IP_VERSION), None)


@pytest.fixture
def full() -> Iterator[Callable[[str], int]]:
    """Addresses whose queue is full: the system drops further handshakes, as a dead host would."""
    with ExitStack() as stack:

        def fill(host: str) -> int:
            listener, first, second = (stack.enter_context(socket.socket()) for _ in range(3))
            listener.bind((host, 0))
            listener.listen(0)
            for client in (first, second):
                client.setblocking(False)
                client.connect_ex(listener.getsockname())
            return int(listener.getsockname()[1])

        yield fill


async def test_a_name_is_probed_at_its_first_address_and_at_no_other(names: Names) -> None:
    names["name.test"] = ["127.0.0.9", "127.0.0.2"]
    with listening("127.0.0.2") as port:
        error = await failure(port=port)
    assert (error.reason, error.detail) == (Reason.REFUSED, "127.0.0.9: Connection refused")


async def test_a_name_says_what_its_lookup_took_and_which_family_answered(names: Names) -> None:
    names["name.test"] = ["127.0.0.2"]
    with listening("127.0.0.2") as port:
        found = await measured(port=port)
        number = await measured(address="127.0.0.2", port=port)
    assert {it.labels[1] for it in found if it.metric is PHASE} == {"resolve", "connect"}
    assert version(found) == 4
    assert {it.labels[1] for it in number if it.metric is PHASE} == {"connect"}, (
        "nothing to look up"
    )


async def test_a_failure_too_says_what_the_lookup_took(names: Names) -> None:
    names["name.test"] = ["127.0.0.9"]
    with listening("127.0.0.2") as port:
        error = await failure(port=port)
    assert [it.labels[1] for it in error.measurements if isinstance(it, Sample)] == ["resolve"]


async def test_of_every_address_each_has_its_result_and_all_must_answer(names: Names) -> None:
    names["name.test"] = ["127.0.0.2", "127.0.0.3"]
    with listening("127.0.0.2", "127.0.0.3") as port:
        found = await measured(port=port, every_address=True)
    assert addresses(found) == {"127.0.0.2": 1, "127.0.0.3": 1}
    rtts = {it.labels[1] for it in found if it.metric is ADDRESS_RTT}
    assert rtts == {"127.0.0.2", "127.0.0.3"}
    assert len([it for it in found if it.metric is RTT]) == 1, "the first address's"


async def test_of_every_address_the_one_that_fails_is_named(names: Names) -> None:
    names["name.test"] = ["127.0.0.2", "127.0.0.9", "127.0.0.3"]
    with listening("127.0.0.2", "127.0.0.3") as port:
        error = await failure(port=port, every_address=True)
    assert error.reason is Reason.REFUSED
    assert error.detail == "127.0.0.9: Connection refused (1 of 3 addresses)"
    assert addresses(error.measurements) == {"127.0.0.2": 1, "127.0.0.9": 0, "127.0.0.3": 1}


async def test_a_silent_address_does_not_hide_what_the_others_say(
    names: Names, full: Callable[[str], int]
) -> None:
    port = full("127.0.0.9")
    names["name.test"] = ["127.0.0.9", "127.0.0.2"]
    with socket.create_server(("127.0.0.2", port)):
        error = await failure(port=port, every_address=True, timeout="300ms")
    assert error.reason is Reason.TIMEOUT
    assert error.detail.startswith("127.0.0.9: no answer within 0.")
    assert addresses(error.measurements) == {"127.0.0.9": 0, "127.0.0.2": 1}


async def test_where_no_address_may_answer_one_that_does_decides(names: Names) -> None:
    names["name.test"] = ["127.0.0.9", "127.0.0.2"]
    with listening("127.0.0.2") as port:
        found = await measured(port=port, every_address=True, expect="unreachable")
    assert addresses(found) == {"127.0.0.9": 0, "127.0.0.2": 1}


async def test_where_no_address_may_answer_one_that_was_not_tried_leaves_it_open(
    names: Names, full: Callable[[str], int]
) -> None:
    port = full("127.0.0.9")
    # This host has no way to the second one: a broadcast address, of which its system says so.
    names["name.test"] = ["127.0.0.9", "127.255.255.255"]
    canary = target(port=port, every_address=True, expect="unreachable", timeout="300ms")
    observation = await observed(collect, canary)
    assert observation.reason is Reason.LOCAL, observation.detail
    assert "not known" in observation.detail
    names["name.test"] = ["127.0.0.9", "127.255.255.255", "127.0.0.8"]
    observation = await observed(collect, canary)
    assert observation.reason is Reason.REACHED, "refused by the third"


async def test_what_hinders_a_probe_does_not_hide_what_an_address_said(names: Names) -> None:
    names["name.test"] = ["127.0.0.9", "127.255.255.255"]
    error = await failure(every_address=True)
    assert error.reason is Reason.REFUSED


async def test_a_name_with_hundreds_of_addresses_is_refused_at_once(names: Names) -> None:
    names["name.test"] = [f"127.0.1.{n}" for n in range(1, 101)]
    error = await failure(every_address=True)
    assert error.reason is Reason.RESOLVE
    assert f"100 addresses, and at most {MOST_ADDRESSES}" in error.detail


async def test_an_address_that_a_name_has_twice_is_probed_once(names: Names) -> None:
    names["name.test"] = ["127.0.0.2", "127.0.0.2"]
    assert [it.host for it in await resolve_all("name.test", "any")] == ["127.0.0.2"]


@pytest.mark.parametrize("led_to", ["224.0.0.1", "255.255.255.255", "ff02::1", "0.0.0.0"])
async def test_a_name_that_leads_to_many_hosts_is_never_probed(names: Names, led_to: str) -> None:
    names["name.test"] = ["127.0.0.2", led_to]
    error = await failure()
    assert error.reason is Reason.RESOLVE
    assert "never probed" in error.detail


async def test_the_other_family_is_tried_only_if_that_is_asked(names: Names) -> None:
    names["name.test"] = ["127.0.0.2"]
    with listening("127.0.0.2") as port:
        error = await failure(port=port, family="ipv6")
        found = await measured(port=port, family="ipv6", fallback=True)
    assert error.reason is Reason.RESOLVE
    assert version(found) == 4


async def test_the_asked_family_comes_first_and_is_shown(names: Names) -> None:
    if not has_ipv6():
        pytest.skip("needs IPv6 on loopback")
    names["name.test"] = ["127.0.0.2", "::1"]
    with listening("::1", "127.0.0.2") as port:
        found = await measured(port=port, family="ipv6", fallback=True)
    assert version(found) == 6
    with listening("127.0.0.2") as port:
        found = await measured(port=port, family="ipv6", fallback=True)
    assert version(found) == 4, "nobody listens on the other"


async def test_a_family_that_is_silent_leaves_half_of_the_time_to_the_other(
    names: Names, full: Callable[[str], int]
) -> None:
    if not has_ipv6():
        pytest.skip("needs IPv6 on loopback")
    names["name.test"] = ["127.0.0.9", "::1"]
    port = full("127.0.0.9")
    with socket.socket(socket.AF_INET6) as other:
        other.bind(("::1", port))
        other.listen()
        async with asyncio.timeout(2):
            found = await measured(port=port, family="ipv4", fallback=True, timeout="600ms")
    assert version(found) == 6


async def test_where_both_families_fail_both_are_named(names: Names) -> None:
    names["name.test"] = ["127.0.0.9"]
    with listening("127.0.0.2") as port:
        error = await failure(port=port, family="ipv6", fallback=True)
    assert error.reason is Reason.REFUSED, "what an address said, rather than that there is none"
    assert error.detail == ("name.test: Name or service not known; 127.0.0.9: Connection refused")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fallback": True}, "write family: ipv4 or ipv6"),
        ({"fallback": True, "family": "ipv4", "every_address": True}, "exclude each other"),
        ({"source": "127.0.0.1", "family": "ipv6"}, "can only reach ipv4"),
        ({"source": "::1", "family": "ipv6", "fallback": True}, "leave out fallback"),
    ],
)
def test_what_cannot_work_together_is_said_when_it_is_written(
    options: dict[str, object], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        target(**options)


async def test_a_source_address_is_where_the_probe_leaves_from(names: Names) -> None:
    names["name.test"] = ["::1", "127.0.0.1"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        await measured(port=server.getsockname()[1], source="127.0.0.7")
        connection, client = server.accept()
        connection.close()
    assert client[0] == "127.0.0.7"


async def test_a_source_interface_is_where_the_probe_leaves_from() -> None:
    with listening("127.0.0.1") as port:
        assert await measured(address="127.0.0.1", port=port, source_interface="lo")


def test_a_source_that_is_not_here_is_a_local_fault() -> None:
    with pytest.raises(CollectError, match=r"no address 198\.51\.100\.7 on this host") as caught:
        open_socket(HERE, socket.SOCK_STREAM, source="198.51.100.7")
    assert caught.value.reason is Reason.LOCAL


def test_an_interface_that_is_not_here_is_a_local_fault_and_those_that_are_are_named() -> None:
    with pytest.raises(CollectError, match=r"no interface gone0 on this host; it has .*lo") as one:
        open_socket(HERE, socket.SOCK_STREAM, source_interface="gone0")
    assert one.value.reason is Reason.LOCAL


def test_a_source_of_the_other_family_is_a_local_fault() -> None:
    with pytest.raises(CollectError, match="other family") as caught:
        open_socket(HERE, socket.SOCK_STREAM, source="::1")
    assert caught.value.reason is Reason.LOCAL


VANISHING = """
import asyncio, socket, subprocess, sys, threading
from agent.observe import observe
from collectors.base import Moment, Tools
from collectors.tcp import TcpTarget, collect
from tests.testbed import peer
ip, *_ = sys.argv[1:]
for line in ("link add near type veth peer name far", "addr add 198.51.100.1/24 dev near",
             "link set near up", "link set far up"):
    subprocess.run([ip, *line.split()], check=True)
target = TcpTarget(name="t", kind="tcp", address="198.51.100.2", port=9, timeout="1s",
                   source_interface="near")
threading.Timer(0.3, subprocess.run, [[ip, "link", "del", "near"]]).start()
seen = asyncio.run(observe(collect, target, Tools(lambda: Moment(0, 0))))
print(seen.reason, seen.detail, seen.duration_s < 1.2, sep="|")
"""


def test_an_interface_that_vanishes_in_mid_probe_is_a_local_fault() -> None:
    ip = peer("ip")
    user = [] if os.geteuid() == 0 else ["-Ur"]
    command = ["unshare", *user, "-n", sys.executable, "-c", VANISHING, str(ip.binary)]
    root = Path(__file__).parents[1]
    done = subprocess.run(
        command, env=ip.env, cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    reason, detail, in_time = (
        done.stdout.strip().split("|") if done.stdout else ["", done.stderr, ""]
    )
    assert (reason, in_time) == ("local", "True"), detail
    assert "near" in detail


def test_an_interface_that_may_not_be_used_is_a_local_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Since Linux 5.7 anybody may bind to one: the refusal of older ones is planted."""
    refused = PermissionError(errno.EPERM, "Operation not permitted")
    monkeypatch.setattr(socket.socket, "bind", MagicMock(side_effect=refused))
    with pytest.raises(CollectError, match="CAP_NET_RAW") as caught:
        open_socket(HERE, socket.SOCK_STREAM, source="127.0.0.1", source_interface="lo")
    assert caught.value.reason is Reason.LOCAL


def test_no_more_sockets_is_a_local_fault_that_names_the_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        with pytest.raises(CollectError, match="LimitNOFILE") as caught:
            open_socket(HERE, socket.SOCK_STREAM)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert caught.value.reason is Reason.LOCAL


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A resolver that never answers for names that begin with `slow`, and who asked it."""
    ended, asked = threading.Event(), []
    system = lookup._look_up

    def look_up(name: str, family: socket.AddressFamily) -> Any:
        asked.append(name)
        if name.startswith("slow"):
            ended.wait(30)
            return socket.gaierror(socket.EAI_AGAIN, "too late")
        return system(name, family)

    monkeypatch.setattr(lookup, "_look_up", look_up)
    yield asked
    ended.set()


async def test_a_resolver_that_hangs_is_given_up_in_time(hanging: list[str]) -> None:
    async with asyncio.timeout(2):
        error = await failure(address="slow-a.test", timeout="200ms")
    assert error.reason is Reason.RESOLVE
    assert error.detail == "slow-a.test: the resolver did not answer within 0.15 s"


async def test_a_name_that_hangs_has_one_thread_however_often_it_is_asked(
    hanging: list[str],
) -> None:
    before = threading.active_count()
    for _ in range(5):
        await failure(address="slow-b.test", timeout="60ms")
    assert hanging == ["slow-b.test"]
    assert threading.active_count() <= before + 1


async def test_a_name_that_hangs_holds_up_no_other(hanging: list[str]) -> None:
    waiting = [
        asyncio.create_task(failure(address=f"slow-c{n}.test", timeout="2s")) for n in range(40)
    ]
    async with asyncio.timeout(5):
        assert (await resolve("localhost", "ipv4")).host == "127.0.0.1"
    assert not any(task.done() for task in waiting)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)


async def test_threads_are_bounded_and_what_waits_has_its_turn(hanging: list[str]) -> None:
    resolver = Resolver(most_threads=2)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(resolver.find(f"127.0.0.{n}", socket.AF_INET)) for n in (1, 2, 3)
        ]
        await asyncio.sleep(0)
        assert resolver.threads <= 2
    assert [task.result()[0][1][0] for task in tasks] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    asked = [it for it in hanging if it.startswith("127.")]  # others are of a test before
    assert len(asked) == 3


async def test_who_gives_up_does_not_take_the_answer_from_the_others(hanging: list[str]) -> None:
    resolver = Resolver()
    first = asyncio.create_task(resolver.find("localhost", socket.AF_INET))
    second = asyncio.create_task(resolver.find("localhost", socket.AF_INET))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second)[0][1][0] == "127.0.0.1"


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
