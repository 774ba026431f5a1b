"""Paired probes by real agents: two paths in the same second, and what is said of both."""

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from time import sleep
from typing import Any

import pytest

from agent.history_reader import HistoryReader
from agent.observe import Observation
from agent.pairs import PairedRound, Pairs, Remembered
from agent.scheduler import Scheduler
from collectors.base import Measurement, Moment, Reason, Sample, Target
from collectors.icmp import LOSS, IcmpTarget
from collectors.probe import RTT
from config.load import load
from config.pairs import Pair, places
from config.problems import ConfigError
from tests.agentproc import Agent, running, write
from tests.certificates import NAME, Authority, authority
from tests.pairs_lab import DELAY_S, LEAST_ROUNDS, namespace
from tests.testbed import eventually, peer

OLD, NEW = "127.0.0.1", "127.0.0.2"
SLOWER_S = 0.03
NETWORKS = [{"name": "edu", "kind": "dedicated"}]
PAIR = {"name": "portal", "network": "edu", "old": "old", "new": "new"}
PROBE = {"kind": "tcp", "port": 443, "interval": "500ms", "timeout": "400ms"}


@contextmanager
def serving(
    address: str, port: int, context: ssl.SSLContext | None, pause_s: float
) -> Iterator[int]:
    """Answer every request with a pause before it; port 0 is any free one."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(10)
            with suppress(OSError):  # the client has gone
                if context is None:
                    answer(self.request)
                else:
                    with context.wrap_socket(self.request, server_side=True) as secured:
                        answer(secured)

    def answer(connection: socket.socket) -> None:
        if connection.recv(4096):
            sleep(pause_s)
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with ThreadingTCPServer((address, port), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class Both:
    """A service at two addresses and one port."""

    def __init__(
        self, stack: ExitStack, contexts: Sequence[ssl.SSLContext | None] = (None, None)
    ) -> None:
        self._new = stack.enter_context(ExitStack())
        self.port = stack.enter_context(serving(OLD, 0, contexts[0], 0))
        self._new.enter_context(serving(NEW, self.port, contexts[1], SLOWER_S))

    def cut_the_new_path(self) -> None:
        self._new.close()


def configuration(**options: Any) -> dict[str, Any]:
    """Two probes with these options, by two addresses."""
    shape = {"interval": "500ms", "timeout": "450ms", **options}
    probes = [{"name": "old", "address": OLD, **shape}, {"name": "new", "address": NEW, **shape}]
    return {"networks": NETWORKS, "probes": probes, "pairs": [PAIR]}


def said(agent: Agent) -> dict[str, float]:
    """What is said of the pair, its name left out."""
    return {
        " ".join([name.removeprefix("netfold_pair_"), *(it for it in labels if it != "portal")]): it
        for (name, *labels), it in agent.values().items()
        if name.startswith("netfold_pair_")
    }


def known(agent: Agent, least: int) -> bool:
    return said(agent).get("rounds", 0) >= least


def test_a_pair_over_tcp_is_compared_until_one_path_dies(tmp_path: Path) -> None:
    with ExitStack() as stack:
        both = Both(stack)
        config = configuration(kind="tcp", port=both.port)
        agent = stack.enter_context(running(tmp_path, config, tick_s=1))
        eventually(lambda: known(agent, 8), deadline_s=30)
        found = said(agent)
        assert found["info edu old new"] == 1
        assert found["loss_difference_ratio"] == 0
        low, middle, high = (
            found[f"rtt_difference_seconds {it}"] for it in ("lower", "median", "upper")
        )
        assert low <= middle <= high
        assert abs(middle) < 0.01
        both.cut_the_new_path()
        eventually(lambda: "rtt_difference_seconds median" not in said(agent), deadline_s=10)
        found = said(agent)
        assert not [it for it in found if it.startswith("rtt_difference")]
        assert found["loss_difference_ratio"] > 0
        assert found["rounds"] >= 8


def test_a_pair_over_https_says_how_much_slower_and_what_differs_in_tls(tmp_path: Path) -> None:
    one, other = authority(tmp_path, "one"), authority(tmp_path, "other")
    ends = datetime.now(UTC) + timedelta(days=30)
    contexts = one.server(), other.server(not_after=ends)
    contexts[1].maximum_version = ssl.TLSVersion.TLSv1_2
    with ExitStack() as stack:
        both = Both(stack, contexts)
        agent = stack.enter_context(running(tmp_path, https(both.port, one, other), tick_s=1))
        eventually(lambda: known(agent, 8), deadline_s=30)
        found = said(agent)
        assert SLOWER_S - 0.005 < found["rtt_difference_seconds median"] < SLOWER_S + 0.05
        assert {it: found[f"tls_same {it}"] for it in ("expiry", "issuer", "version")} == {
            "expiry": 0,
            "issuer": 0,
            "version": 0,
        }
        (line,) = [it for it in agent.log.read_text().splitlines() if "paths differ in TLS" in it]
        assert "pair=portal" in line
        assert "version TLSv1.3 by the old path, TLSv1.2 by the new" in line
        assert f"{ends:%Y-%m-%d} " in line


def test_paths_that_show_the_same_certificate_do_not_differ(tmp_path: Path) -> None:
    one = authority(tmp_path)
    context = one.server()
    with ExitStack() as stack:
        both = Both(stack, (context, context))
        agent = stack.enter_context(running(tmp_path, https(both.port, one, one), tick_s=1))
        eventually(lambda: known(agent, 1), deadline_s=30)
        found = said(agent)
        assert [found[f"tls_same {it}"] for it in ("expiry", "issuer", "version")] == [1, 1, 1]


def https(port: int, *authorities: Authority) -> dict[str, Any]:
    url = f"https://{NAME}:{port}/"
    config = configuration(kind="http", url=url)
    for probe, it in zip(config["probes"], authorities, strict=True):
        probe["ca"] = str(it.file)
    return config


def test_a_restart_loses_no_rounds_that_the_history_has(tmp_path: Path) -> None:
    with ExitStack() as stack:
        both = Both(stack)
        config = configuration(kind="tcp", port=both.port)
        with running(tmp_path, config, tick_s=1) as agent:
            eventually(lambda: known(agent, 12), deadline_s=30)
        with HistoryReader(tmp_path / "data" / "history.sqlite", 1) as reader:
            assert reader.last_tick is not None
            measures = ("rtt_difference", "loss_difference")
            ticks = reader.levels(measures, ["portal"], reader.last_tick - 30, 31, "pair")
            ((_, levels),) = ticks
        slower = levels["rtt_difference"]
        seen = [it for it in slower.tolist() if it == it]  # noqa: PLR0124 - NaN is no number
        assert len(seen) >= 4
        assert all(abs(it) < 0.1 for it in seen)
        both.cut_the_new_path()
        with running(tmp_path, config, tick_s=1) as agent:
            eventually(lambda: known(agent, len(seen)), deadline_s=15)
            assert not [it for it in said(agent) if it.startswith("rtt_difference")]


def test_two_ways_through_network_namespaces(tmp_path: Path) -> None:
    peer("ip")  # for the lab
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare, which is not here")
    if subprocess.run([*namespace(), "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs network namespaces, which are refused here")
    done = subprocess.run(
        [*namespace(), sys.executable, "-m", "tests.pairs_lab", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    measured, silent, cut = told["measured"], told["silent"], told["cut"]
    difference = "pair_rtt_difference_seconds far {}".format
    assert told["delay_s"] > DELAY_S
    assert abs(measured[difference("median")] - told["delay_s"]) < 0.001
    assert measured[difference("lower")] <= told["delay_s"] + 0.001
    assert measured[difference("upper")] >= told["delay_s"] - 0.001
    assert measured["pair_rounds far"] >= LEAST_ROUNDS
    # A round may have ended between the record and the look.
    assert measured["pair_loss_difference_ratio far"] == pytest.approx(told["lost"], abs=0.05)
    assert difference("median") not in silent
    assert silent["pair_loss_difference_ratio far"] > measured["pair_loss_difference_ratio far"]
    assert silent["pair_rtt_difference_seconds line median"] > 0
    for name in ("pair_rtt_difference_seconds line median", "pair_loss_difference_ratio line"):
        assert name in measured
        assert name not in cut
    assert silent["probe_success new"] == 0
    assert "probe_success there" not in cut


def icmp(name: str, **more: Any) -> IcmpTarget:
    return IcmpTarget(name=name, kind="icmp", address=more.pop("address", "198.51.100.1"), **more)


def round_of(
    target: Target,
    began_s: float,
    rtt_s: float | None = None,
    loss: float | None = None,
    reason: Reason | None = None,
) -> Observation:
    found: list[Measurement] = []
    if rtt_s is not None:
        found.append(Sample(RTT, rtt_s, (target.name, "mean")))
    if loss is not None:
        found.append(Sample(LOSS, loss, (target.name,)))
    return Observation(target, Moment(began_s + 1, began_s + 1), 1.0, tuple(found), reason)


def compared(*observations: Observation) -> list[PairedRound]:
    pairs = Pairs()
    pairs.follow([Pair(**PAIR)], [icmp("old"), icmp("new", address="198.51.100.2")])
    return [it for one in observations for it in pairs.take(one)]


OLD_ICMP, NEW_ICMP = icmp("old"), icmp("new", address="198.51.100.2")


def test_rounds_that_began_in_the_same_second_are_a_pair() -> None:
    (found,) = compared(round_of(OLD_ICMP, 100, 0.010, 0), round_of(NEW_ICMP, 100.9, 0.014, 0.25))
    assert found.slower_s == pytest.approx(0.004)
    assert found.lossier == 0.25


def test_a_round_that_took_long_belongs_to_the_second_in_which_it_began() -> None:
    late = replace(round_of(NEW_ICMP, 103, 0.014, 0), duration_s=4.0)
    assert len(compared(round_of(OLD_ICMP, 100, 0.010, 0), late)) == 1
    assert not compared(round_of(OLD_ICMP, 103, 0.010, 0), late)


def test_what_was_remembered_is_older_than_what_was_seen_since() -> None:
    pairs = Pairs()
    pairs.follow([Pair(**PAIR)], [OLD_ICMP, NEW_ICMP])
    list(pairs.take(round_of(OLD_ICMP, 100, 0.010, 0)))
    (found,) = pairs.take(round_of(NEW_ICMP, 100, None, 1, Reason.TIMEOUT))
    pairs.remember({"portal": Remembered([0.5, *[0.001] * 59], [0.0] * 60)})
    said = {it.metric.name: it.value for it in pairs.samples(found)}
    assert said["netfold_pair_rounds"] == 59  # the oldest made room
    assert "netfold_pair_rtt_difference_seconds" not in said  # the last round is still unknown


def test_rounds_of_different_seconds_are_none() -> None:
    assert not compared(round_of(OLD_ICMP, 100, 0.010, 0), round_of(NEW_ICMP, 101.1, 0.014, 0))


def test_a_device_of_a_probes_name_is_not_the_probe() -> None:
    device = Target(name="new", kind="snmp", address="198.51.100.9")
    assert not compared(round_of(OLD_ICMP, 100, 0.010, 0), round_of(device, 100, 0.014, 0))


@pytest.mark.parametrize(
    ("reason", "loss", "lossier"),
    [
        pytest.param(Reason.TIMEOUT, 1.0, 1.0, id="nothing-came-back"),
        pytest.param(Reason.LOCAL, 0.5, None, id="the-interface-went-in-mid-round"),
        pytest.param(Reason.INTERNAL, None, None, id="a-bug"),
        pytest.param(Reason.RESOLVE, None, 1.0, id="no-such-name"),
    ],
)
def test_a_path_that_dies_in_mid_round_is_not_known_and_never_equal(
    reason: Reason, loss: float | None, lossier: float | None
) -> None:
    dying = round_of(NEW_ICMP, 100, 0.010, loss, reason)
    (found,) = compared(round_of(OLD_ICMP, 100, 0.010, 0), dying)
    assert found.slower_s is None
    assert found.lossier == lossier
    assert [it.value for it in found.readings()] == [None, lossier]


async def test_both_probes_of_a_pair_begin_in_the_same_slot() -> None:
    targets = [icmp(it, interval_s=0.4, timeout_s=0.3, count=1) for it in ("old", "new", "other")]
    began: dict[str, list[float]] = {it.name: [] for it in targets}
    loop, enough = asyncio.get_running_loop(), asyncio.Event()

    async def measure(target: Target) -> None:
        began[target.name].append(loop.time())
        if len(began["old"]) > 4 and len(began["new"]) > 4:
            enough.set()

    scheduler = Scheduler(measure)
    scheduler.follow(targets, places([Pair(**PAIR)], targets))
    task = asyncio.create_task(scheduler.serve())
    async with asyncio.timeout(20):
        await enough.wait()
    task.cancel()
    for old, new in zip(began["old"][:4], began["new"][:4], strict=True):
        assert abs(old - new) < 0.1


def test_all_that_hang_together_have_one_place() -> None:
    def pair(old: str, new: str) -> Pair:
        return Pair(name=f"{old}-{new}", network="edu", old=old, new=new)

    probes = [icmp(it) for it in "abcdef"]
    found = places([pair("a", "b"), pair("c", "d"), pair("b", "d"), pair("e", "f")], probes)
    assert len({found["icmp", it] for it in "abcd"}) == 1
    assert found["icmp", "e"] == found["icmp", "f"] != found["icmp", "a"]


@pytest.mark.parametrize(
    ("new", "pair", "message"),
    [
        pytest.param(
            {"expect": "unreachable"}, {}, "must not answer (expect: unreachable)", id="isolation"
        ),
        pytest.param(
            {"kind": "icmp", "port": None, "count": 1},
            {},
            "'new' is of kind icmp, 'old' of kind tcp",
            id="kind",
        ),
        pytest.param({"port": 80}, {}, "'new' and 'old' differ in port", id="another-service"),
        pytest.param({"interval": "1s"}, {}, "differ in interval", id="another-interval"),
        pytest.param({"address": OLD}, {}, "takes the same way as 'old'", id="the-same-way"),
        pytest.param({}, {"old": "gone"}, "not found under probes: 'gone'", id="no-such-probe"),
        pytest.param({}, {"new": "old"}, "takes the same way as 'old'", id="with-itself"),
        pytest.param({}, {"network": "secret"}, "is classified", id="classified"),
        pytest.param({}, {"odd": "1"}, "unknown key", id="unknown-key"),
    ],
)
def test_what_is_no_pair_is_refused_in_one_line(
    tmp_path: Path, new: dict[str, Any], pair: dict[str, str], message: str
) -> None:
    probes = [
        {"name": "old", "address": OLD, **PROBE},
        {"name": "new", "address": NEW, **PROBE, **new},
    ]
    probes = [{key: it for key, it in one.items() if it is not None} for one in probes]
    secret = {"name": "secret", "kind": "dedicated", "classified": "true"}
    config = {"node": {"name": "n"}, "networks": [*NETWORKS, secret], "probes": probes}
    write(tmp_path / "netfold.yaml", {**config, "pairs": [PAIR | pair]})
    with pytest.raises(ConfigError) as raised:
        load(tmp_path / "netfold.yaml")
    (line,) = str(raised.value).splitlines()
    assert message in line


def test_the_same_address_by_another_source_is_another_way(tmp_path: Path) -> None:
    probes = [
        {"name": name, "address": OLD, "source": source, **PROBE}
        for name, source in (("old", OLD), ("new", NEW))
    ]
    config = {"node": {"name": "n"}, "networks": NETWORKS, "probes": probes, "pairs": [PAIR]}
    write(tmp_path / "netfold.yaml", config)
    assert load(tmp_path / "netfold.yaml").pairs == (Pair(**PAIR),)


def test_of_rounds_that_follow_each_other_fast_each_is_compared_with_its_own() -> None:
    """At 0.8 s apart, half of that is nearer than a second."""
    pairs = Pairs()
    old, new = icmp("old", interval_s=0.8), icmp("new", address="198.51.100.2", interval_s=0.8)
    pairs.follow([Pair(**PAIR)], [old, new])
    rounds = (
        *(round_of(old, 100, 0.010), round_of(new, 100.1, 0.012)),
        *(round_of(old, 100.8, 0.010), round_of(new, 100.9, 0.013)),
    )
    found = [it.slower_s for one in rounds for it in pairs.take(one)]
    assert found == [pytest.approx(0.002), pytest.approx(0.003)]


def test_a_pair_says_what_its_last_sixty_rounds_came_to_and_nothing_of_an_unknown_one() -> None:
    pairs = Pairs()
    pairs.follow([Pair(**PAIR)], [OLD_ICMP, NEW_ICMP])

    def said(at_s: float, slower_s: float | None, loss: float) -> dict[tuple[str, ...], float]:
        rtt_s = None if slower_s is None else 0.010 + slower_s
        reason = Reason.TIMEOUT if slower_s is None else None
        list(pairs.take(round_of(OLD_ICMP, at_s, 0.010, 0)))
        (found,) = pairs.take(round_of(NEW_ICMP, at_s, rtt_s, loss, reason))
        return {(it.metric.name[13:], *it.labels): it.value for it in pairs.samples(found)}

    for n in range(61):
        values = said(100 + 60 * n, 0.5 if n == 0 else 0.001 * (n % 2), 0.9 if n == 0 else 0.2)
    assert values["rounds", "portal"] == 60  # and the slow one before them is forgotten
    assert values["rtt_difference_seconds", "portal", "median"] == pytest.approx(0.0005)
    assert values["rtt_difference_seconds", "portal", "lower"] == pytest.approx(0, abs=1e-9)
    assert values["rtt_difference_seconds", "portal", "upper"] == pytest.approx(0.001)
    assert values["loss_difference_ratio", "portal"] == pytest.approx(0.2)
    assert values["info", "portal", "edu", "old", "new"] == 1
    dead = said(100 + 60 * 61, None, 1.0)
    assert dead["rounds", "portal"] == 59
    assert dead["loss_difference_ratio", "portal"] == pytest.approx(0.2 + 0.8 / 60)
    assert not any(key[0] == "rtt_difference_seconds" for key in dead)
