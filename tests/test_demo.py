"""`netfold demo` as a person starts it: in a process of its own, ended by a signal."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from agent.demo.habits import LINES, SERVERS
from agent.demo.networks import NETWORKS
from agent.demo.register import COMMUNITY, SECRETS, USER
from agent.demo.stage import may_ping
from agent.demo.town import LINES_OF_TOWN, MACHINES
from agent.history_reader import HistoryReader
from agent.judge.rates import TICK_S
from collectors.snmp import ifmib
from tests.agentproc import Agent, netfold
from tests.testbed import eventually, peer

pytestmark = pytest.mark.timeout(300)  # of wall time: it starts whole departments

START_S = 60.0
"""Of wall time, however many others work on the machine; what it takes is asked in CPU seconds."""


@dataclass(frozen=True, slots=True)
class Demo:
    agent: Agent
    folder: Path
    cpu_s: float
    """Of all its processes, from the start to the first verdicts served."""

    @property
    def config(self) -> Path:
        return self.folder / "netfold.yaml"

    def verdicts(self) -> dict[tuple[str, str], dict[str, Any]]:
        told = json.loads(self.agent.get("/api/v1/verdicts").body)
        return {(it["kind"], it["subject"]): it for it in told}


@contextmanager
def started(folder: Path, *args: str, **env: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Start it; it is ended at the end, whatever happens."""
    command = [sys.executable, "-m", "agent", "demo", "--listen", "127.0.0.1:0", *args]
    folder.mkdir(exist_ok=True)
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=os.environ | env, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(15)


@contextmanager
def serving(folder: Path, *args: str, **env: str) -> Iterator[Demo]:
    output = folder / "output"
    with started(folder, *args, **env) as process:

        def address() -> "re.Match[str] | None":
            assert process.poll() is None, output.read_text()
            return re.search(r"^serving http://([\d.:]+)/", output.read_text(), re.MULTILINE)

        found = eventually(address, deadline_s=START_S)
        whole = psutil.Process(process.pid)
        cpu_s = sum(sum(it.cpu_times()[:2]) for it in (whole, *whole.children()))
        home = re.search(r"^configuration: (.*)/netfold.yaml$", output.read_text(), re.MULTILINE)
        assert found
        assert home
        agent = Agent(found[1], output, output, process)
        yield Demo(agent, Path(home[1]), cpu_s)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with serving(tmp_path_factory.mktemp("demo")) as running:
        running.agent.wait_ready()
        yield running


def test_verdicts_with_their_reasons_are_printed_and_served_within_ten_seconds(demo: Demo) -> None:
    said = demo.agent.output.read_text()
    took = re.search(r"90 days of history: (\d+) lines, written in ([\d.]+) s of CPU", said)
    assert took
    assert float(took[2]) < 5
    assert demo.cpu_s < 10
    assert re.search(r"edu-north +│ idle .*more ticks above it would undo", said)
    assert demo.agent.value("netfold_link_verdict", "edu-north", "idle") == 1
    assert "edu-north" in demo.agent.get("/").body.decode()


def test_each_line_and_server_has_the_verdict_that_it_is_made_for(demo: Demo) -> None:
    expected = {("link", it.name): str(LINES[it.kind].verdict) for it in LINES_OF_TOWN}
    expected |= {("server", it.name): str(SERVERS[it.kind].verdict) for it in MACHINES}
    # Without a contract, with a season that nobody saw yet, and with an exemption.
    expected |= {("link", "ext-county"): "unknown", ("link", "flood-a"): "unknown"}
    expected |= {("link", "exam-a"): "exempt", ("group", "edu-core"): "normal"}
    expected |= {("system", "leave"): "in_use", ("system", "archive-search"): "suspected_unused"}
    verdicts = demo.verdicts()
    assert {it: verdicts[it]["status"] for it in expected} == expected
    assert verdicts["link", "edu-north"]["confirmed"]
    assert verdicts["network", "market"]["confirmed"]


@pytest.mark.skipif(not may_ping(), reason="successors are probed by ICMP")
def test_networks_are_in_all_phases_and_one_is_not_where_it_is_declared(demo: Demo) -> None:
    done = netfold("phase", "show", "-c", demo.config, "--json")
    found = {it["network"]: it for it in json.loads(done.stdout)}
    declared = {it.name: list(it.phases)[-1] for it in NETWORKS if it.phases}
    assert {it: found[it]["declared"] for it in declared} == declared
    seen = {it: one["observed"] for it, one in found.items()}
    # Tonight the successor of `civil` will have been there for a day more than its lines need.
    apart = {it for it in declared if seen[it] != declared[it]} - {"civil"}
    assert apart == {"stats"}
    assert found["stats"]["returning_traffic"]
    assert found["stats"]["mismatch"]


def test_every_device_but_the_dead_one_answers_by_real_snmp(demo: Demo) -> None:
    kinds = {"snmp_interfaces", "snmp_host"}
    answers = {
        labels[0]: value
        for (name, *labels), value in demo.agent.values().items()
        if name == "netfold_collect_success" and labels[1] in kinds
    }
    assert len(answers) == 13
    assert {it for it, value in answers.items() if not value} == {"weather-r1"}


def test_net_snmp_reads_a_device_by_v3_and_by_v2c_alike(demo: Demo) -> None:
    v3 = ["-v3", "-l", "authPriv", "-u", USER, "-a", "SHA-256", "-x", "AES"]
    v3 += ["-A", SECRETS["auth.key"], "-X", SECRETS["priv.key"]]
    names = [it.title for it in LINES_OF_TOWN if it.device == "core-1"]
    said = walk(demo, "core-1", "snmpbulkwalk", *v3, ifmib.ALIAS)
    octets = re.findall(r"Hex-STRING: ((?:[0-9A-F]{2}\s+)+)", said)  # 16 a line
    assert [bytes.fromhex(it).decode() for it in octets] == names
    wrong = [*v3[:-3], "another-secret", *v3[-2:]]
    assert "Authentication failure" in walk(demo, "core-1", "snmpget", *wrong, ifmib.SYS_UPTIME)
    v2c = ("-v2c", "-c", COMMUNITY)
    bulk, step = (walk(demo, "edu-r1", it, *v2c, ifmib.NAME) for it in ("snmpbulkwalk", "snmpwalk"))
    assert bulk == step
    assert bulk.count("Hex-STRING") == 3
    whole = walk(demo, "srv-db1", "snmpbulkwalk", *v2c, ".1")
    assert "No more variables left" in whole
    assert "OID not increasing" not in whole


def walk(demo: Demo, device: str, tool: str, *args: str) -> str:
    """What a tool of net-snmp says of a device, numbers and octets as they are."""
    addresses = re.findall(rf"name: {device}\n  address: (\S+)", demo.config.read_text())
    done = peer(tool).run("-On", "-Ox", "-t", "5", "-r", "1", *_before_oid(args, addresses[0]))
    return done.stdout + done.stderr


def _before_oid(args: tuple[str, ...], address: str) -> tuple[str, ...]:
    return (*args[:-1], address, args[-1])


def test_live_rates_go_on_where_the_past_ended(demo: Demo) -> None:
    values = demo.agent.values()
    with HistoryReader(demo.folder / "data" / "history.sqlite") as reader:
        last = reader.last_tick
        assert last is not None
        names = [it.name for it in LINES_OF_TOWN]
        windows = dict(reader.traffic(names, last - 2, 3))
    for line in LINES_OF_TOWN:
        if line.kind == "lost":
            continue
        assert windows[line.name].rate.min() >= 0  # no tick is unseen
        since_s = values["netfold_link_seen_since_timestamp_seconds", line.name]
        # No gap since the line was first measured, and no rate that a port cannot carry.
        assert since_s <= (last - 11 * 288) * TICK_S
        assert values["netfold_link_rates_dropped_total", line.name] == 0


def test_what_is_wrong_in_the_town_shows(demo: Demo) -> None:
    values = demo.agent.values()
    assert values["netfold_probe_isolation_breached", "old-modem"] == 1
    assert values["netfold_probe_isolation_breached", "no-way-out"] == 0
    assert values["netfold_waivers_expired",] == 1
    assert values["netfold_journal_writable",] == 1


def test_the_plan_moves_some_lines_and_says_what_the_others_lack(demo: Demo) -> None:
    said = json.loads(netfold("plan", "-c", demo.config, "--json").stdout)
    moved = {name for it in said["waves"] for name in it["lines"]}
    assert {"market-a", "market-b", "civil-b"} <= moved
    (busy,) = [it for it in said["does_not_fit"] if it["lines"] == ["health-a"]]
    assert busy["obstacles"][0]["upgrade_bps"] == 10e9
    why = {it["network"]: it["why"] for it in said["left_out"]}
    assert (why["edu"], why["finance"]) == ("no_destination", "done")
    assert (why["exam"], why["secret"], why["land"]) == ("exempt", "classified", "done")


def test_check_accepts_the_configuration_and_the_journal_is_whole(demo: Demo) -> None:
    checked = netfold("check", "-c", demo.config)
    assert checked.returncode == 0, checked.stderr
    assert "no mistakes" in checked.stdout
    verified = netfold("journal", "verify", "-c", demo.config)
    assert "unbroken" in verified.stdout


def test_a_second_demo_beside_it_says_that_the_port_is_taken(demo: Demo, tmp_path: Path) -> None:
    done = netfold("demo", "--listen", demo.agent.address, TMPDIR=str(tmp_path))
    assert done.returncode == 2
    line = f"netfold: cannot listen on {demo.agent.address}: Address already in use; "
    assert done.stderr == f"{line}set another --listen\n"
    assert not list(tmp_path.iterdir())


def test_everything_is_removed_when_it_is_interrupted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(tmp_path, "--folder", str(home)) as demo:
        children = psutil.Process(demo.agent.process.pid).children(recursive=True)
        assert (home / "data" / "history.sqlite").exists()
        assert demo.agent.end(signal.SIGINT) == 0
    assert not home.exists()
    assert not any(it.is_running() for it in children)
    with socket.socket() as client:
        host, port = demo.agent.address.rsplit(":", 1)
        assert client.connect_ex((host, int(port))) != 0


def test_one_that_is_ended_while_it_begins_leaves_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with started(tmp_path, "--folder", str(home)) as process:
        eventually((home / "data" / "history.sqlite").exists, deadline_s=START_S)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert not home.exists()
    assert "Traceback" not in (tmp_path / "output").read_text()


def test_keep_keeps_it_and_an_empty_folder_that_was_there_stays(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with serving(tmp_path, "--folder", str(home), "--keep") as demo:
        assert demo.agent.end() == 0
    assert netfold("explain", "edu-north", "-c", home / "netfold.yaml").returncode == 0
    assert f"kept in {home}" in (tmp_path / "output").read_text()


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    done = netfold("demo", "--listen", "127.0.0.1:0", "--folder", tmp_path)
    said = f"netfold: {tmp_path} is not empty; name an empty folder, or none\n"
    assert (done.returncode, done.stderr) == (2, said)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = netfold("demo", "--listen", "127.0.0.1:0", "--folder", tmp_path / "file" / "in")
    said = f"netfold: cannot use {tmp_path}/file/in: Not a directory; name another --folder\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_prometheus_starts_with_rules_and_proves_the_same_by_the_same_past(tmp_path: Path) -> None:
    path = peer("promtool").env["PATH"]
    libraries = peer("promtool").env["LD_LIBRARY_PATH"]
    with serving(tmp_path, "--prometheus", PATH=path, LD_LIBRARY_PATH=libraries) as demo:
        output = tmp_path / "output"

        def address() -> "re.Match[str] | None":
            return re.search(
                r"^Prometheus, .*: http://(.*)/graph$", output.read_text(), re.MULTILINE
            )

        found = eventually(address, deadline_s=2 * START_S)
        assert found
        server = Agent(found[1], output, output, demo.agent.process)
        eventually(lambda: _is_there(server), deadline_s=START_S)
        rules = json.loads(server.get("/api/v1/rules").body)["data"]["groups"]
        assert {it["name"] for it in rules} > {"netfold-alerts"}
        own = demo.verdicts()
        done = netfold(
            *("assess", "-c", demo.config, "--prometheus", f"http://{found[1]}", "--json"),
            timeout_s=START_S,
        )
        told = {
            it["subject"]: it["status"] for it in json.loads(done.stdout) if it["kind"] == "link"
        }
        assert told == {name: it["status"] for (kind, name), it in own.items() if kind == "link"}
        assert demo.agent.end(signal.SIGINT, within_s=20) == 0
        assert not demo.folder.exists()


def _is_there(server: Agent) -> bool:
    try:
        return server.get("/-/ready").status == 200
    except OSError:
        return False


def test_a_prometheus_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = netfold("demo", "--listen", "127.0.0.1:0", "--prometheus", PATH=str(tmp_path))
    said = "netfold: --prometheus needs prometheus and promtool on the PATH; "
    assert (done.returncode, done.stderr) == (2, said + "on Debian: apt install prometheus\n")


def test_who_may_not_send_icmp_is_known_before_anything_is_probed() -> None:
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*unshare, "true"], check=False).returncode
    ):
        pytest.skip("no namespaces here")
    code = "from agent.demo.stage import may_ping; from tests.icmp_lab import drop_capabilities"
    code += "; drop_capabilities(); print(may_ping())"
    done = subprocess.run(
        [*unshare, sys.executable, "-c", code],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
