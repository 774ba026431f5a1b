"""From a real snmpd through the agent into a real Prometheus, and through a kill."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from agent.clock import now
from agent.history import History
from tests.agentproc import Agent, netfold, running, write
from tests.department import department, device, link
from tests.peers import classic_text_only, prometheus, promtool, scraping
from tests.snmpd import SECRETS, Snmpd, planted
from tests.testbed import eventually, free_port

KIND = "snmp_interfaces"
LAST_SUCCESS = "netfold_collect_last_success_timestamp_seconds"
LINK = "netfold_link_"
TICKS = "netfold_history_ticks"
OCTETS = {
    f"{LINK}receive_bytes_total": "1.3.6.1.2.1.31.1.1.1.6",
    f"{LINK}transmit_bytes_total": "1.3.6.1.2.1.31.1.1.1.10",
}


@pytest.mark.parametrize("credential", ["v2c", "v3"])
def test_counters_on_metrics_equal_snmpgets_of_the_same_columns(
    tmp_path: Path, credential: str
) -> None:
    with Snmpd(tmp_path / "snmpd") as snmpd:
        config = department(
            tmp_path, [device("r1", snmpd.port, credential)], links=[link("edu-a", "r1", "lo")]
        )
        with running(tmp_path, config) as agent:
            agent.wait_ready()
            index = socket.if_nametoindex("lo")
            for _ in range(3):
                # snmpd reads the kernel's counters anew only every few seconds: ask it, let the
                # agent poll, ask it again.
                last = agent.value(LAST_SUCCESS, "r1", KIND)
                before = counters(snmpd, index)
                eventually(lambda last=last: agent.value(LAST_SUCCESS, "r1", KIND) > last + 1)
                seen = agent.values()
                after = counters(snmpd, index)
                for name in OCTETS:
                    assert before[name] <= seen[name, "edu-a"] <= after[name], name
            assert agent.value(f"{LINK}up", "edu-a") == 1
            assert agent.value(f"{LINK}capacity_bytes_per_second", "edu-a") == 12.5e6


def counters(snmpd: Snmpd, index: int) -> dict[str, int]:
    found = snmpd.get(*(f"{column}.{index}" for column in OCTETS.values()))
    return dict(zip(OCTETS, map(int, found), strict=True))


def test_prometheus_takes_every_sample_in_both_formats(tmp_path: Path) -> None:
    with Snmpd(tmp_path / "snmpd") as snmpd, socket.create_server(("127.0.0.1", 0)) as listener:
        web = {"name": "web", "kind": "tcp", "address": "127.0.0.1", "network": "edu"}
        web |= {"port": listener.getsockname()[1], "purpose": "gateway"}
        config = department(
            tmp_path,
            [device("r1", snmpd.port, "v3"), device("dead", free_port("udp"), timeout="500ms")],
            links=[link("edu-a", "r1", "lo") | {"annual_cost_yuan": "168000"}],
            servers=[{"name": "me", "local": "true", "data_centre": "市政务云"}],
            probes=[web, {"name": "ping", "kind": "icmp", "address": "127.0.0.1"}],
        )
        with running(tmp_path, config) as agent:
            agent.wait_ready()
            with (
                classic_text_only(agent.address) as classic,
                prometheus(scraping(agent.address, classic), tmp_path / "prometheus") as server,
            ):
                eventually(lambda: server.value("sum(up)") == 2, deadline_s=30)
                for target in server.targets():
                    assert (target["health"], target["lastError"]) == ("up", "")
                eventually(lambda: server.value("min(count_over_time(up[1m]))") >= 3)
                assert server.rejected_samples() == 0
                assert server.value("min(scrape_samples_scraped) > 50") is not None
                two = server.query(f"{LINK}receive_bytes_total")
                assert {series["metric"]["link"] for series in two} == {"edu-a"}
                assert len(two) == 2
                joined = (
                    f"{LINK}receive_bytes_total * on (job, instance, link)"
                    f' group_left (network) {LINK}info{{network="edu"}}'
                )
                assert len(server.query(joined)) == 2
            text = agent.get("/metrics", Accept="text/plain;version=0.0.4").body.decode()
            check = promtool("check", "metrics", input_text=text)
            assert (check.returncode, check.stdout, check.stderr) == (0, "", "")
            strict = agent.get("/metrics", Accept="application/openmetrics-text;version=1.0.0")
            assert len(list(openmetrics(strict.body.decode()))) > 30
            said = agent.log.read_text() + agent.output.read_text() + text
            assert not any(secret in said for secret in SECRETS)


def test_of_50_devices_with_5_dead_the_live_45_are_each_polled_on_time(tmp_path: Path) -> None:
    interval_s = 3.0
    with ExitStack() as stack:
        daemons = [Snmpd(tmp_path / f"snmpd{n}") for n in range(45)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(stack.enter_context, daemons))
        silent = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(5)]
        for one in silent:
            one.bind(("127.0.0.1", 0))
        ports = [*(daemon.port for daemon in daemons), *(it.getsockname()[1] for it in silent)]
        timing = {"interval": f"{interval_s:g}s", "timeout": "2s"}
        devices = [device(f"r{n}", port) | timing for n, port in enumerate(ports)]
        config = department(
            tmp_path, devices, links=[link(f"l{n}", f"r{n}", "lo") for n in range(50)]
        )
        agent = stack.enter_context(running(tmp_path, config))
        agent.wait_ready()
        polls: defaultdict[str, set[float]] = defaultdict(set)
        until = time.monotonic() + 5 * interval_s
        while time.monotonic() < until:
            for (name, *labels), value in agent.values().items():
                if name == LAST_SUCCESS:
                    polls[labels[0]].add(value)
            time.sleep(0.3)
        dead = [agent.value("netfold_collect_success", f"r{n}", KIND) for n in range(45, 50)]
    assert dead == [0.0] * 5
    assert polls.keys() == {f"r{n}" for n in range(45)}
    for name, times in polls.items():
        _, *regular = sorted(times)  # the first was at the start, not in the device's place
        gaps = [b - a for a, b in pairwise(regular)]
        assert len(gaps) >= 2, name
        assert max(gaps) < interval_s + 1, (name, gaps)


def test_after_kill_9_every_finished_tick_is_there_and_the_gap_is_bridged(tmp_path: Path) -> None:
    """Ticks of 3 s; polls every second; a million octets cross while the agent is dead."""
    tick_s = 3.0
    path = tmp_path / "data" / "history.sqlite"
    port = {"HC_IN_OCTETS": 5_000_000, "HC_OUT_OCTETS": 7_000_000}
    with Snmpd(tmp_path / "snmpd", rows=planted(7, "ge7", **port)) as snmpd:
        config = department(
            tmp_path, [device("r1", snmpd.port, "v3")], links=[link("a", "r1", "ge7")]
        )
        with running(tmp_path, config, tick_s=tick_s) as agent:
            eventually(lambda: (agent.value(TICKS) or 0) >= 2, deadline_s=40)
            agent.end(signal.SIGKILL)
        killed_s = now().wall_s
        finished = ticks_of(path, tick_s)
        assert len(finished) >= 2
        snmpd.plant(planted(7, "ge7", **port | {"HC_IN_OCTETS": 6_000_000}))
        eventually(lambda: now().wall_s > killed_s + 2.5 * tick_s)
        with running(tmp_path, config, tick_s=tick_s) as agent:
            eventually(lambda: (agent.value(TICKS) or 0) >= len(finished) + 2, deadline_s=40)
            assert agent.end() == 0
    again = ticks_of(path, tick_s)
    assert again[: len(finished)] == finished
    assert {tick.values for tick in again} == {(0.0, 0.0)}
    gap = int(killed_s // tick_s) + 1
    (run,) = (run for run in runs_of(path, tick_s) if run.first <= gap <= run.last)
    assert run.amounts == (8e6, 0.0)
    assert not {tick.number for tick in again} & set(range(run.first, run.last + 1))


def test_a_device_that_wraps_renumbers_and_restarts_keeps_its_links_apart(tmp_path: Path) -> None:
    def rows(indexes: tuple[int, int], octets: tuple[int, int]) -> list[str]:
        """Interfaces a and b, with 32-bit counters only."""
        narrow = {"HC_IN_OCTETS": None, "HC_OUT_OCTETS": None, "HIGH_SPEED": 100}
        names = zip(("a", "b"), indexes, octets, strict=True)
        return [
            row
            for name, index, count in names
            for row in planted(index, name, IN_OCTETS=count, **narrow)
        ]

    def received(agent: Agent) -> tuple[float | None, float | None]:
        values = agent.values()
        a, b = (values.get((f"{LINK}receive_bytes_total", name)) for name in ("a", "b"))
        return a, b

    with Snmpd(tmp_path / "snmpd", rows=rows((1, 2), (2**32 - 100, 5_000))) as snmpd:
        links = [link(name, "r1", name) for name in ("a", "b")]
        config = department(tmp_path, [device("r1", snmpd.port)], links=links)
        with running(tmp_path, config) as agent:
            eventually(lambda: received(agent) == (2**32 - 100, 5_000))
            snmpd.plant(rows((1, 2), (50, 6_000)))
            eventually(lambda: received(agent) == (2**32 + 50, 6_000))
            snmpd.plant(rows((2, 1), (60, 7_000)))
            eventually(lambda: received(agent) == (2**32 + 60, 7_000))
            snmpd.stop()
            snmpd.plant(rows((3, 9), (10, 20)))
            snmpd.start()
            eventually(lambda: received(agent) == (10, 20), deadline_s=30)


def ticks_of(path: Path, tick_s: float) -> list[Any]:
    history = History(path, tick_s)
    try:
        (key,) = history.series()
        return history.ticks(key, 0, 2**40)
    finally:
        history.close()


def runs_of(path: Path, tick_s: float) -> list[Any]:
    history = History(path, tick_s)
    try:
        (key,) = history.series()
        return history.runs(key)
    finally:
        history.close()


NEW_COLLECTOR = '''
"""Is a file there?"""
from pathlib import Path

from collectors.base import CollectError, Metric, Reason, Sample, Target, collector

SIZE = Metric("netfold_file_bytes", "gauge", "Size of a file.", ("target",))


class FileTarget(Target):
    """Options of `kind: file_size`."""

    path: str


@collector("file_size", FileTarget, SIZE)
async def collect(target, tools):
    try:
        return [Sample(SIZE, Path(target.path).stat().st_size, (target.name,))]
    except OSError as error:
        raise CollectError.of(error) from error
'''


def test_a_new_collector_is_one_new_file_dropped_into_the_package(tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    for package in ("agent", "collectors", "config"):
        shutil.copytree(root / package, tmp_path / package)
    (tmp_path / "collectors" / "file_size.py").write_text(NEW_COLLECTOR)
    config = tmp_path / "netfold.yaml"
    probe = {"name": "me", "kind": "file_size", "address": "localhost", "path": str(config)}
    write(config, {"node": {"name": "n"}, "data_dir": "data", "probes": [probe]})
    command = [sys.executable, "-m", "agent", "once", "-c", config, "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '"netfold_file_bytes"' in done.stdout
    write(config, {"node": {"name": "n"}, "probes": [probe | {"paht": "x"}]})
    wrong = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "unknown key; did you mean 'path'?" in wrong.stderr
    page = [sys.executable, "-m", "agent.catalogue", "metrics.md"]
    subprocess.run(page, cwd=tmp_path, check=True)
    assert "| `netfold_file_bytes` | gauge | `target` |" in (tmp_path / "metrics.md").read_text()


def test_check_live_says_of_every_target_whether_it_answers(tmp_path: Path) -> None:
    with Snmpd(tmp_path / "snmpd", rows=planted(7, "ge7")) as snmpd:
        refused = {"name": "web", "kind": "tcp", "address": "127.0.0.1", "port": free_port("tcp")}
        links = [link("a", "r1", "ge7") | {"bandwidth": "12T"}]
        config = department(tmp_path, [device("r1", snmpd.port)], links=links, probes=[refused])
        path = tmp_path / "netfold.yaml"
        write(path, {"node": {"name": "test"}, "data_dir": "data", **config})
        done = netfold("check", "-c", path, "--live")
    assert done.returncode == 1
    advice = "nobody listens there: check the port, and that the service runs"
    assert done.stdout.splitlines() == [
        f"{path}: no mistakes: 1 network, 1 device, 1 link, 0 servers, 0 systems, 1 probe",
        f"tcp web (127.0.0.1): refused: 127.0.0.1: Connection refused; {advice}",
        f"snmp_interfaces r1 (127.0.0.1:{snmpd.port}): ok",
        "note: link a: a bandwidth of 12 Tbit/s on a port of 1 Gbit/s",
    ]


def test_once_as_json_says_what_metrics_would(tmp_path: Path) -> None:
    with Snmpd(tmp_path / "snmpd", rows=planted(7, "ge7", HC_IN_OCTETS=2**60 + 1)) as snmpd:
        config = department(tmp_path, [device("r1", snmpd.port)], links=[link("a", "r1", "ge7")])
        path = tmp_path / "netfold.yaml"
        write(path, {"node": {"name": "test"}, "data_dir": "data", **config})
        done = netfold("once", "-c", path, "--json")
    said = json.loads(done.stdout)
    samples = [*said["facts"], *said["observations"][0]["samples"]]
    values = {it["name"]: it["value"] for it in samples if it["labels"].get("link") == "a"}
    assert values[f"{LINK}receive_bytes_total"] == 2**60 + 1
    assert values[f"{LINK}capacity_bytes_per_second"] == 12.5e6
    assert values[f"{LINK}port_speed_bytes_per_second"] == 125e6
