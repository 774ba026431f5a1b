"""The agent as a process: how it starts, reloads, ends, and what it says of bad input."""

import fcntl
import gzip
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from tests.agentproc import Agent, netfold, running, write
from tests.testbed import eventually, free_port, peer

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"


def tcp(name: str, port: int, **options: object) -> dict[str, object]:
    return {"name": name, "kind": "tcp", "address": "127.0.0.1", "port": port, **options}


@pytest.fixture
def listener() -> "socket.socket":
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_without_a_configuration_it_watches_this_host_and_prints_a_table(tmp_path: Path) -> None:
    output = tmp_path / "output"
    address = f"127.0.0.1:{free_port('tcp')}"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "agent", "run", "--listen", address],
            env=os.environ | {"XDG_STATE_HOME": str(tmp_path)},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: "until Ctrl-C" in output.read_text(), deadline_s=30)
    finally:
        process.terminate()
        code = process.wait(10)
    said = output.read_text()
    assert code == 0
    assert "this-host" in said
    assert "loopback" in said
    assert f"serving http://{address}/metrics" in said
    assert (tmp_path / "netfold" / "history.sqlite").exists()


@pytest.mark.parametrize(
    "redirection",
    [
        pytest.param("", id="whose-reader-went-away"),
        pytest.param(">/dev/full", id="on-a-full-disk"),
        pytest.param(">&-", id="closed"),
        pytest.param(">&- 2>&- <&-", id="closed-like-all-streams"),
    ],
)
def test_an_output_that_cannot_be_written_does_not_stop_it(
    tmp_path: Path, redirection: str
) -> None:
    log, address = tmp_path / "log", f"127.0.0.1:{free_port('tcp')}"
    command = [sys.executable, "-m", "agent", "run", "--listen", address]
    reader, writer = os.pipe()
    os.close(reader)
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" {redirection}', "sh", *command],
            env=os.environ | {"XDG_STATE_HOME": str(tmp_path)},
            stdout=writer,
            stderr=stderr,
        )
    os.close(writer)
    agent = Agent(address, log, log, process)
    try:
        agent.wait_ready()
        eventually(lambda: (agent.value("netfold_server_cores", "this-host") or 0) > 0)
        assert agent.end() == 0
    finally:
        process.kill()
    assert "Traceback" not in log.read_text()


def test_a_name_server_that_never_answers_does_not_delay_the_end(tmp_path: Path) -> None:
    alone = ["unshare", *([] if os.geteuid() == 0 else ["-Ur"]), "-n", "-m"]
    tools = all(map(shutil.which, ("unshare", "mount")))
    if not tools or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("no namespaces to be had here for a name server of our own")
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:30\n")
    ip = peer("ip")
    its = f"env PATH={ip.env['PATH']} LD_LIBRARY_PATH={ip.env['LD_LIBRARY_PATH']} {ip.binary}"
    prepare = f"{its} link set lo up && mount --bind {tmp_path}/resolv.conf /etc/resolv.conf"
    script = [sys.executable, "-c", WITH_A_SILENT_NAME_SERVER, str(tmp_path)]
    command = [*alone, "sh", "-c", f'{prepare} && exec "$@"', "sh", *script]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert float(done.stdout) < 2


WITH_A_SILENT_NAME_SERVER = textwrap.dedent("""
    import socket, sys, time
    from pathlib import Path
    from tests.agentproc import running
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    web = {"name": "web", "kind": "tcp", "address": "web.example.org", "port": 80, "timeout": "1s"}
    with running(Path(sys.argv[1]), {"probes": [web]}) as agent:
        server.settimeout(20)
        assert b"example" in server.recv(512)
        started = time.monotonic()
        assert agent.end(within_s=20) == 0
        print(time.monotonic() - started)
""")


def test_a_listen_address_that_is_none_is_bad_usage() -> None:
    done = netfold("run", "--listen", "22:22")
    assert done.returncode == 2
    assert "not an address: '22:22'" in done.stderr


def test_sigterm_ends_it_well_within_2_s(tmp_path: Path) -> None:
    with running(tmp_path, {"servers": [{"name": "me", "local": "true"}]}) as agent:
        agent.wait_ready()
        started = time.monotonic()
        assert agent.end() == 0
        assert time.monotonic() - started < 2


def test_both_formats_and_gzip_are_served_by_the_accept_headers(tmp_path: Path) -> None:
    with running(tmp_path, {"servers": [{"name": "me", "local": "true"}]}) as agent:
        agent.wait_ready()
        classic = agent.get("/metrics")
        assert classic.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert b'netfold_server_cores{server="me"}' in classic.body
        strict = agent.get("/metrics", Accept=OPENMETRICS)
        assert strict.headers["Content-Type"].startswith("application/openmetrics-text; version=1")
        families = {family.name for family in openmetrics(strict.body.decode())}
        assert {"netfold_build", "netfold_server_cores", "netfold_history_ticks"} <= families
        packed = agent.get("/metrics", **{"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert b"netfold_build_info" in gzip.decompress(packed.body)
        several = agent.get("/metrics", **{"Accept-Encoding": "deflate, gzip"})
        assert several.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"GET /metrics HTTP/9.9\r\n\r\n", id="no-such-version"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n", id="a-long-header"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="tls"),
    ],
)
def test_garbage_is_refused_without_a_traceback(tmp_path: Path, garbage: bytes) -> None:
    with running(tmp_path, {}) as agent:
        host, port = agent.address.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.sendall(garbage)
            assert b"400 Bad Request" in client.recv(4_096)
        assert agent.get("/-/healthy").status == 200
    assert "Traceback" not in agent.log.read_text()


def test_it_is_ready_when_every_target_has_been_measured_once(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        (tmp_path / "community").touch(mode=0o600)
        (tmp_path / "community").write_text("public")
        device = {
            "name": "r1",
            "address": f"127.0.0.1:{silent.getsockname()[1]}",
            "credential": "old",
            "timeout": "1s",
            "waiver": {"until": "2099-01-01", "reason": "test", "approver": "test"},
        }
        old = {"name": "old", "version": "2c", "community": {"file": "community"}}
        with running(tmp_path, {"credentials": [old], "devices": [device]}) as agent:
            answer = agent.get("/-/ready")
            assert (answer.status, answer.body) == (503, b"1 targets to be measured yet\n")
            agent.wait_ready()
            assert agent.value("netfold_collect_success", "r1", "snmp_interfaces") == 0
            failed = ("netfold_collect_failures_total", "r1", "snmp_interfaces", "timeout")
            assert agent.value(*failed) == 1


def test_a_port_in_use_is_one_clear_line_and_exit_2(
    tmp_path: Path, listener: socket.socket
) -> None:
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    path = tmp_path / "netfold.yaml"
    write(path, {"node": {"name": "test"}, "listen": address, "data_dir": "data"})
    done = netfold("run", "-c", path)
    assert done.returncode == 2
    assert done.stderr == (
        f"netfold: cannot listen on {address}: Address already in use; "
        "set another `listen`, or --listen\n"
    )


def test_a_data_folder_in_use_is_one_clear_line_and_exit_2(tmp_path: Path) -> None:
    with running(tmp_path, {}):
        path = tmp_path / "other.yaml"
        listen = f"127.0.0.1:{free_port('tcp')}"
        write(path, {"node": {"name": "test"}, "listen": listen, "data_dir": "data"})
        done = netfold("run", "-c", path)
    assert done.returncode == 2
    assert done.stderr == (
        f"netfold: another netfold uses the data folder {tmp_path}/data; "
        "stop it or set another `data_dir`\n"
    )


@pytest.mark.parametrize("command", ["run", "once", "check"])
def test_a_bad_configuration_is_its_mistakes_and_exit_2(tmp_path: Path, command: str) -> None:
    path = tmp_path / "netfold.yaml"
    path.write_text("node: {name: test, regoin: '440300'}\nlisten: 22:22\n")
    done = netfold(command, "-c", path)
    assert done.returncode == 2
    assert f"{path}:1: node.regoin: unknown key; did you mean 'region'?" in done.stderr
    assert f"{path}:2: listen: not an address: '22:22'" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("way", ["SIGHUP", "POST"])
def test_a_reload_takes_a_good_file_and_keeps_the_old_one_against_a_bad_one(
    tmp_path: Path, listener: socket.socket, way: str
) -> None:
    port = listener.getsockname()[1]
    success = "netfold_config_last_reload_successful"

    def reload(agent: Agent) -> None:
        if way == "SIGHUP":
            agent.process.send_signal(signal.SIGHUP)
        else:
            agent.get("/-/reload", method="POST")

    with running(tmp_path, {"probes": [tcp("one", port), tcp("two", port)]}) as agent:
        agent.wait_ready()
        assert agent.value(success) == 1
        path = tmp_path / "netfold.yaml"
        good = {"node": {"name": "test"}, "data_dir": "data", "listen": agent.address}
        path.write_text("node: {nmae: test}\n")
        reload(agent)
        eventually(lambda: agent.value(success) == 0)
        assert agent.value("netfold_probe_success", "one") == 1
        assert "configuration not taken" in agent.log.read_text()
        write(path, good | {"probes": [tcp("two", port), tcp("three", port)]})
        reload(agent)
        eventually(lambda: agent.value("netfold_probe_success", "three") == 1)
        assert agent.value(success) == 1
        assert agent.value("netfold_probe_success", "two") == 1
        assert agent.value("netfold_probe_success", "one") is None
        eventually(lambda: not any("one" in series for series in agent.values()), deadline_s=20)
        assert agent.value("netfold_collect_success", "one", "tcp") is None


def test_a_refused_reload_says_what_is_wrong(tmp_path: Path) -> None:
    with running(tmp_path, {}) as agent:
        (tmp_path / "netfold.yaml").write_text("node: {nmae: test}\n")
        answer = agent.get("/-/reload", method="POST")
        assert answer.status == 500
        assert b"the old configuration is in force" in answer.body
        assert b"netfold.yaml:1: node.nmae: unknown key; did you mean 'name'?" in answer.body
        assert agent.get("/-/reload").status == 405


def test_a_probe_that_begins_to_fail_shows_it_at_once_with_its_reason(
    tmp_path: Path, listener: socket.socket
) -> None:
    port = listener.getsockname()[1]
    with running(tmp_path, {"probes": [tcp("web", port, interval="1s", timeout="1s")]}) as agent:
        agent.wait_ready()
        assert agent.value("netfold_probe_success", "web") == 1
        assert agent.value("netfold_probe_rtt_seconds", "web", "mean") is not None
        listener.close()
        eventually(lambda: agent.value("netfold_probe_success", "web") == 0)
        assert agent.value("netfold_probe_rtt_seconds", "web", "mean") is None
        assert agent.value("netfold_collect_failures_total", "web", "tcp", "refused") >= 1


def test_scrapes_during_shutdown_are_whole_or_refused(tmp_path: Path) -> None:
    seen: list[bytes] = []
    errors: list[OSError] = []
    with running(tmp_path, {"servers": [{"name": "me", "local": "true"}]}) as agent:
        agent.wait_ready()

        def scrape() -> None:
            while not errors:
                try:
                    seen.append(agent.get("/metrics", Accept=OPENMETRICS).body)
                except OSError as error:
                    errors.append(error)

        thread = threading.Thread(target=scrape)
        thread.start()
        eventually(lambda: len(seen) > 5)
        assert agent.end() == 0
        thread.join(10)
    assert all(body.endswith(b"# EOF\n") for body in seen)
    assert isinstance(errors[0].__cause__ or errors[0], OSError)
    assert "Traceback" not in agent.log.read_text()


def test_a_damaged_history_is_set_aside_and_said(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "history.sqlite").write_bytes(b"this is no history" * 1_000)
    with running(tmp_path, {}) as agent:
        eventually(lambda: agent.value("netfold_history_set_aside_total") == 1)
        assert agent.value("netfold_history_ticks") == 0
    assert "damaged history set aside" in agent.log.read_text()
    (aside,) = data.glob("history.sqlite.damaged-*")
    assert aside.read_bytes() == b"this is no history" * 1_000


def test_a_locked_history_is_said_and_waited_for_while_measuring_goes_on(
    tmp_path: Path, listener: socket.socket
) -> None:
    failures = "netfold_history_write_failures_total"
    probe = tcp("web", listener.getsockname()[1])
    with running(tmp_path, {}) as agent:
        eventually(lambda: agent.value("netfold_history_ticks") == 0)
    other = sqlite3.connect(tmp_path / "data" / "history.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    config = {"probes": [probe], "servers": [{"name": "me", "local": "true"}]}
    with running(tmp_path, config) as agent:
        eventually(lambda: (agent.value(failures) or 0) >= 1)
        agent.wait_ready()
        assert agent.value("netfold_probe_success", "web") == 1
        assert agent.value("netfold_history_ticks") is None
        other.execute("ROLLBACK")
        other.close()
    assert "it is locked by another program" in agent.log.read_text()


def test_the_data_folder_is_free_again_after_a_kill(tmp_path: Path) -> None:
    with running(tmp_path, {}) as agent:
        assert agent.end(signal.SIGKILL) == -signal.SIGKILL
    with (tmp_path / "data" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with running(tmp_path, {}) as agent:
        assert agent.value("netfold_history_write_failures_total") == 0


def test_an_agent_loads_only_what_its_configuration_needs(
    tmp_path: Path, listener: socket.socket
) -> None:
    path = tmp_path / "netfold.yaml"
    probe = tcp("web", listener.getsockname()[1])
    listen = f"127.0.0.1:{free_port('tcp')}"
    config = {"node": {"name": "test"}, "data_dir": "data", "listen": listen, "probes": [probe]}
    write(path, config)
    loaded = textwrap.dedent(f"""
        import asyncio, sys
        from pathlib import Path
        from agent.app import Agent
        from agent.cli import run
        from agent.cli.source import read
        async def measure():
            agent, ended = Agent(lambda: read(Path({str(path)!r}))), asyncio.Event()
            serving = asyncio.create_task(agent.serve(ended))
            await agent.first_round()
            ended.set()
            await serving
        asyncio.run(measure())
        print(sorted({{"pysnmp", "psutil", "rich", "numpy"}} & sys.modules.keys()))
    """)
    command = [sys.executable, "-c", loaded]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_what_is_no_mistake_but_may_not_be_meant_is_noted(tmp_path: Path) -> None:
    (tmp_path / "key").touch(mode=0o600)
    (tmp_path / "key").write_text("public")
    waiver = {"until": "2020-01-01", "reason": "old", "approver": "网络中心"}
    address = "127.0.0.1"
    config = {
        "node": {"name": "test"},
        "credentials": [{"name": "old", "version": "2c", "community": {"file": "key"}}],
        "networks": [{"name": "edu", "kind": "dedicated"}],
        "devices": [{"name": "r1", "address": address, "credential": "old", "waiver": waiver}],
        "links": [{"name": "a", "network": "edu", "interface": {"device": "r1", "name": "ge0"}}],
    }
    path = tmp_path / "netfold.yaml"
    write(path, config)
    done = netfold("check", "-c", path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == [
        "note: link a has no bandwidth: it can never be shown to be idle",
        "note: the waiver of device r1 ended on 2020-01-01: renew it, or use SNMPv3",
    ]
    write(path, {"node": {"name": "test"}})
    nothing = "nothing is measured: there is no device, probe or server"
    assert nothing in netfold("check", "-c", path).stdout
    assert "nothing to measure" in netfold("once", "-c", path).stdout


@pytest.mark.parametrize("command", [["once"], ["check", "-c", "{config}"], ["--help"]])
def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path, command: list[str]) -> None:
    path = tmp_path / "netfold.yaml"
    write(path, {"node": {"name": "test"}})
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "agent", *(it.format(config=path) for it in command)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "netfold: cannot write the output: No space left on device\n"


def test_a_terminal_without_chinese_gets_question_marks_and_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "netfold.yaml"
    node = {"name": "test"}
    network = {"name": "教育", "kind": "local"}
    link = {"name": "l", "network": "教育", "interface": {"local": "lo"}}
    write(path, {"node": node, "networks": [network], "links": [link]})
    done = netfold("once", "-c", path, PYTHONIOENCODING="latin-1")
    assert done.returncode == 0
    assert "??" in done.stdout
    assert done.stderr == ""


def test_a_narrow_terminal_folds_and_never_cuts_a_name(tmp_path: Path) -> None:
    name = "edu-core-with-a-long-name"
    path = tmp_path / "netfold.yaml"
    network = {"name": "net", "kind": "local"}
    link = {"name": name, "network": "net", "interface": {"local": "lo"}}
    write(path, {"node": {"name": "test"}, "networks": [network], "links": [link]})
    done = netfold("once", "-c", path, COLUMNS="60", FORCE_COLOR="1", TERM="dumb")
    assert "…" not in done.stdout
    assert "edu-core" in done.stdout
