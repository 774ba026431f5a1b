import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import termios
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from agent.cli.discovered import FILL_IN_BANDWIDTH, FILL_IN_NETWORK, as_yaml
from collectors.link import BoundLink
from collectors.snmp.binding import bind
from collectors.snmp.client import SnmpClient
from collectors.snmp.inventory import Interface, Inventory, System
from config.load import load
from tests.replay import Replay, replaying
from tests.replayed import Device
from tests.snmpd import SECRETS, Snmpd
from tests.testbed import free_port

ROWS = [
    "1.3.6.1.2.1.2.2.1.1.1 integer 1",
    "1.3.6.1.2.1.2.2.1.2.1 string GigabitEthernet0/0/1",
    "1.3.6.1.2.1.2.2.1.2.2 string GigabitEthernet0/0/2",
    "1.3.6.1.2.1.2.2.1.3.1 integer 6",
    "1.3.6.1.2.1.2.2.1.5.1 gauge 4294967295",
    "1.3.6.1.2.1.2.2.1.5.2 gauge 100000000",
    "1.3.6.1.2.1.2.2.1.7.1 integer 1",
    "1.3.6.1.2.1.2.2.1.8.1 integer 1",
    "1.3.6.1.2.1.2.2.1.8.2 integer 7",
    "1.3.6.1.2.1.2.2.1.10.2 counter 77",
    "1.3.6.1.2.1.2.2.1.13.1 counter 1",
    "1.3.6.1.2.1.2.2.1.14.1 counter 2",
    "1.3.6.1.2.1.2.2.1.16.2 counter 88",
    "1.3.6.1.2.1.2.2.1.19.1 counter 3",
    "1.3.6.1.2.1.2.2.1.20.1 counter 4",
    "1.3.6.1.2.1.31.1.1.1.1.1 string GE1",
    "1.3.6.1.2.1.31.1.1.1.1.9 string Tunnel 9",
    "1.3.6.1.2.1.31.1.1.1.6.1 counter64 18446744073709551615",
    "1.3.6.1.2.1.31.1.1.1.10.1 counter64 9007199254740993",
    "1.3.6.1.2.1.31.1.1.1.15.1 gauge 10000",
    "1.3.6.1.2.1.31.1.1.1.18.1 string 教育专网",
]

CONFIG = """\
node: {{name: n1}}
credentials:
  - {{name: v3, version: 3, user: monitor, auth: {{protocol: SHA-256, secret: {{file: auth.key}}}},
     priv: {{protocol: AES-128, secret: {{file: priv.key}}}}}}
networks:
  - {{name: edu, kind: dedicated}}
{more}"""


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    system = ["sysName r1", "sysDescr A router", "sysobjectid 1.3.6.1.4.1.99999.7"]
    rows = [row.encode().decode("latin-1") for row in ROWS]
    with Snmpd(tmp_path_factory.mktemp("snmpd"), system, rows=rows) as daemon:
        yield daemon


def netfold(*args: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", "-m", "agent", *map(str, args)]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[1])} | environment
    said = subprocess.run(
        command, env=env, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert not any(secret in said.stdout + said.stderr for secret in SECRETS)
    assert "Traceback" not in said.stderr
    return said


def discover(snmpd: Snmpd, *args: str) -> "subprocess.CompletedProcess[str]":
    address = f"127.0.0.1:{snmpd.port}"
    return netfold("discover", address, *args, NETFOLD_COMMUNITY="planted-community")


def found(snmpd: Snmpd) -> dict[str, Any]:
    said = discover(snmpd, "--json")
    assert (said.returncode, said.stderr) == (0, "")
    whole = json.loads(said.stdout)
    assert isinstance(whole, dict)
    return whole


def config(folder: Path, more: str = "") -> Path:
    for name, secret in (("auth.key", "planted-auth-key"), ("priv.key", "planted-priv-key")):
        (folder / name).write_text(secret)
        (folder / name).chmod(0o600)
    path = folder / "netfold.yaml"
    path.write_text(CONFIG.format(more=more))
    return path


def test_json_says_what_the_device_is(snmpd: Snmpd) -> None:
    system = found(snmpd)["system"]
    assert system.pop("uptime_seconds") > 0
    expected = {"description": "A router", "object_id": "1.3.6.1.4.1.99999.7", "name": "r1"}
    assert system == expected


def test_json_lists_every_row_that_any_column_names_with_null_for_what_is_absent(
    snmpd: Snmpd,
) -> None:
    first, second, third = found(snmpd)["interfaces"]
    assert first == {
        "index": 1,
        "name": "GE1",
        "description": "GigabitEthernet0/0/1",
        "alias": "教育专网",
        "type": 6,
        "speed_bits_per_second": 10_000_000_000,
        "admin_status": "up",
        "oper_status": "up",
        "receive_bytes": 18446744073709551615,
        "transmit_bytes": 9007199254740993,
        "counter_bits": 64,
        "receive_errors": 2,
        "transmit_errors": 4,
        "receive_discards": 1,
        "transmit_discards": 3,
    }
    assert {key for key, value in second.items() if value is None} == {
        *("name", "alias", "type", "admin_status"),
        *("receive_errors", "transmit_errors", "receive_discards", "transmit_discards"),
    }
    assert (second["receive_bytes"], second["transmit_bytes"], second["counter_bits"]) == (
        77,
        88,
        32,
    )
    assert (second["speed_bits_per_second"], second["oper_status"]) == (10**8, "lowerLayerDown")
    assert {key: value for key, value in third.items() if value is not None} == {
        "index": 9,
        "name": "Tunnel 9",
    }


def test_json_gives_memory_and_storage_in_bytes(snmpd: Snmpd) -> None:
    whole = found(snmpd)
    assert list(whole) == ["system", "interfaces", "processors", "memory", "storage"]
    (memory,) = whole["memory"]
    assert set(memory) == {"description", "total_bytes", "used_bytes", "used_ratio"}
    pages = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    assert pages
    assert memory["total_bytes"] == int(pages[1]) * 1024
    assert memory["used_ratio"] == memory["used_bytes"] / memory["total_bytes"]
    disk = {"description", "total_bytes", "used_bytes"}
    assert all(set(one) == disk for one in whole["storage"])


def test_planted_processors_are_listed(tmp_path: Path) -> None:
    lines = [
        "override 1.3.6.1.2.1.25.3.3.1.2.99999 integer 44",
        'override 1.3.6.1.2.1.25.3.2.1.3.99999 octet_str "a core"',
    ]
    with Snmpd(tmp_path, lines) as daemon:
        planted = {"index": "99999", "description": "a core", "utilisation_ratio": 0.44}
        assert planted in found(daemon)["processors"]


def test_a_device_without_host_resources_shows_the_memory_that_ucd_gives(tmp_path: Path) -> None:
    with Snmpd(tmp_path, views=["included .1", "excluded .1.3.6.1.2.1.25"]) as daemon:
        (memory,) = found(daemon)["memory"]
    assert 0 < memory["used_bytes"] < memory["total_bytes"]


def test_a_device_that_has_next_to_nothing_is_shown_all_the_same(tmp_path: Path) -> None:
    with Snmpd(tmp_path, views=["included .1.3.6.1.2.1.1.3"]) as daemon:
        whole = found(daemon)
        assert discover(daemon).returncode == 0
        assert discover(daemon, "--yaml").returncode == 0
    assert whole.pop("system").pop("name") is None
    assert whole == {"interfaces": [], "processors": [], "memory": [], "storage": []}


def test_the_table_is_what_a_person_needs(snmpd: Snmpd) -> None:
    said = discover(snmpd)
    assert (said.returncode, said.stderr) == (0, "")
    lines = said.stdout.splitlines()
    heading, _, counted, _, columns, first, second, *_ = lines
    assert heading.strip() == "r1 · A router"
    assert counted.strip() == "2 interfaces: 1 up, 1 lowerLayerDown"
    assert columns.split()[:4] == ["index", "name", "alias", "state"]
    assert first.split()[:6] == ["1", "GE1", "教育专网", "up", "10", "Gbit/s"]
    assert second.split()[:4] == ["2", "GigabitEthernet0/0/2", "-", "lowerLayerDown"]
    assert lines[-1].strip() == "1 row more has neither a state nor counters; see --json"


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    paths = {path.stem: path for path in (Path(__file__).parent / "fixtures/recordings").iterdir()}
    devices = {name: Device(path) for name, path in paths.items()}
    mute = Device(paths["speeds"], silent_after="1.3.6.1.2.1.2.2.1.8.5")
    with replaying(devices | {"mute": mute}) as one:
        yield one


def replayed(replay: Replay, name: str, *args: str) -> "subprocess.CompletedProcess[str]":
    return netfold("discover", str(replay.agent(name)), *args, NETFOLD_COMMUNITY="public")


def on_a_terminal(replay: Replay, name: str, *args: str) -> str:
    """What a terminal of 80 columns shows, without its colours; a pipe gets nothing of it."""
    mine, its = pty.openpty()
    termios.tcsetwinsize(its, (40, 80))
    command = [sys.executable, "-m", "agent", "discover", str(replay.agent(name)), *args]
    env = os.environ | {"NETFOLD_COMMUNITY": "public", "TERM": "xterm"}
    with subprocess.Popen(command, env=env, stdin=its, stdout=its, stderr=its) as process:
        os.close(its)
        shown = b""
        while data := _read(mine):
            shown += data
    os.close(mine)
    assert process.returncode == 0
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""  # how Linux says that nobody writes any longer


@pytest.mark.parametrize("name", ["names", "speeds", "old"])
def test_a_terminal_of_80_columns_is_wide_enough(replay: Replay, name: str) -> None:
    shown = on_a_terminal(replay, name).partition("interfaces:")[2]
    assert len(shown.splitlines()) > 4
    assert all(cell_len(line.rstrip()) <= 80 for line in shown.splitlines())


def test_a_terminal_is_told_how_far_it_has_come_and_a_pipe_is_not(replay: Replay) -> None:
    shown = on_a_terminal(replay, "speeds", "--json")
    assert re.search(r"[1-9]\d* values read", shown)
    piped = replayed(replay, "speeds", "--json")
    assert piped.stderr == ""
    assert len(json.loads(piped.stdout)["interfaces"]) == 12


def test_a_device_that_falls_silent_in_mid_table_shows_nothing_of_it(replay: Replay) -> None:
    assert one_line(replayed(replay, "mute", "--json"), 1).startswith("timeout: ")


async def test_what_yaml_gives_loads_and_binds_every_line_to_its_own_interface(
    replay: Replay, tmp_path: Path
) -> None:
    pasted = replayed(replay, "names", "--yaml").stdout
    for word, filled in (("NETWORK", "edu"), ("CREDENTIAL", "v3")):
        pasted = pasted.replace(f"FILL-IN-THE-{word}", filled)
    path = config(tmp_path, pasted.replace("FILL-IN-THE-CONTRACTED-BANDWIDTH", "100M"))
    said = netfold("check", "-c", path)
    assert said.returncode == 0, said.stdout + said.stderr
    links = load(path).links
    client = SnmpClient()
    bound = [
        BoundLink(link=link.name, by=link.interface.bound_by[0], value=link.interface.bound_by[1])
        for link in links
        if link.interface.bound_by
    ]
    binding = await bind(client, replay.agent("names"), "r1", bound)
    await client.close()
    assert binding.unbound == ()
    assert [one.index for one in binding.bound] == [str(index) for index in range(1, 10)]
    assert Counter(one.link.by for one in binding.bound) == {
        "description": 3,
        "name": 3,
        "alias": 2,
        "index": 1,
    }


def test_yaml_leaves_out_what_can_be_no_line(replay: Replay) -> None:
    pasted = replayed(replay, "speeds", "--yaml").stdout
    named = re.findall(r'name: "odd-switch-(\w+)"', pasted)
    assert named == ["GE1", "10GE2", "Vlan3", "GE4", "FE5", "GE8", "LAG12"]


HOSTILE = [
    *("plain", "a: b # c", "- x", "'", '"', "\\", "{a}", "[b]", "政务外网", "", "   "),
    *("line\nbreak", "bell\x07", "\x85", "😀\x00", "a\u3000b", "\ufeff", "x" * 300, "&a *b !c %d"),
]


@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=20), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_interfaces_are_called_the_yaml_loads(names: list[str]) -> None:
    interfaces = tuple(
        Interface(
            *(index, name.strip(), names[0].strip(), names[-1].strip(), 6, 10**9, "up", "up"),
            *(1, 2, 64, 0, 0, 0, 0),
        )
        for index, name in enumerate(names, start=1)
    )
    system = System(description=None, object_id=None, name=names[0], uptime_seconds=None)
    pasted = as_yaml(Inventory(system, interfaces, (), (), ()), "198.51.100.1", "v3")
    filled = pasted.replace(FILL_IN_NETWORK, "edu").replace(FILL_IN_BANDWIDTH, "100M")
    with tempfile.TemporaryDirectory() as folder:
        links = load(config(Path(folder), filled)).links
    assert len(links) == len(names)
    for link, interface in zip(links, interfaces, strict=True):
        key, value = link.interface.bound_by or ("", "")
        assert str(getattr(interface, key)) == value


def test_yaml_can_be_pasted_and_check_names_what_is_still_to_be_said(
    snmpd: Snmpd, tmp_path: Path
) -> None:
    snippet = discover(snmpd, "--yaml").stdout
    said = netfold("check", "-c", config(tmp_path, snippet))
    assert said.returncode == 2
    problems = (said.stdout + said.stderr).splitlines()
    assert any("'FILL-IN-THE-CREDENTIAL'" in line and "not found" in line for line in problems)
    assert any("'FILL-IN-THE-NETWORK'" in line and "not found" in line for line in problems)
    assert any("not a bandwidth: 'FILL-IN-THE" in line for line in problems)


def test_yaml_is_a_valid_configuration_once_filled_in(snmpd: Snmpd, tmp_path: Path) -> None:
    address = f"127.0.0.1:{snmpd.port}"
    path = config(tmp_path)
    said = netfold("discover", address, "-c", path, "--credential", "v3", "--yaml")
    assert said.stdout == (
        f'devices:\n  - name: "r1"\n    address: "{address}"\n    credential: "v3"\n'
        "links:\n"
        '  - name: "r1-GE1"\n    network: FILL-IN-THE-NETWORK\n'
        '    interface: {device: "r1", name: "GE1"}\n'
        "    bandwidth: FILL-IN-THE-CONTRACTED-BANDWIDTH  # 教育专网\n"
    )
    filled = said.stdout.replace("FILL-IN-THE-NETWORK", "edu")
    filled = filled.replace("FILL-IN-THE-CONTRACTED-BANDWIDTH", "100M")
    assert netfold("check", "-c", config(tmp_path, filled)).returncode == 0


def test_the_community_may_come_from_a_file(snmpd: Snmpd, tmp_path: Path) -> None:
    key = tmp_path / "community.key"
    key.write_text("planted-community\n")
    key.chmod(0o644)
    command = ("discover", f"127.0.0.1:{snmpd.port}", "--community-file", key, "--json")
    refused = one_line(netfold(*command), 2)
    assert refused.endswith(f"{key}: its mode is 0644; run chmod o-rwx {key}")
    key.chmod(0o600)
    assert json.loads(netfold(*command).stdout)["system"]["name"] == "r1"


def one_line(said: "subprocess.CompletedProcess[str]", code: int) -> str:
    assert (said.returncode, said.stdout) == (code, "")
    (line,) = said.stderr.splitlines()
    return line


def test_who_refuses_is_said_in_one_line_with_what_to_try(snmpd: Snmpd) -> None:
    port = free_port("udp")
    said = netfold("discover", f"127.0.0.1:{port}", NETFOLD_COMMUNITY="any")
    line = one_line(said, 1)
    assert line.startswith(f"refused: 127.0.0.1 port {port}: Connection refused; ")
    assert line.endswith("check the port, and that the service runs")


def test_a_wrong_community_is_said_to_look_like_silence(snmpd: Snmpd) -> None:
    said = netfold("discover", f"127.0.0.1:{snmpd.port}", NETFOLD_COMMUNITY="not-this-one")
    assert one_line(said, 1).startswith("timeout: ")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        pytest.param(["127.0.0.1"], "no community: set NETFOLD_COMMUNITY", id="no-community"),
        pytest.param(["127.0.0.1:99999"], "not an address: '127.0.0.1:99999'", id="no-such-port"),
        pytest.param(["r1", "--community-file", "none"], "No such file", id="no-such-file"),
        pytest.param(["r1", "--credential", "v3"], "belong together", id="no-configuration"),
        pytest.param(["r1", "-c", "{config}"], "belong together", id="no-credential"),
        pytest.param(
            ["r1", "-c", "{config}", "--credential", "v33"], "did you mean 'v3'?", id="misspelt"
        ),
        pytest.param(["r1", "-c", "none", "--credential", "v3"], "none:1:", id="no-such-config"),
    ],
)
def test_bad_usage_is_said_in_one_line(tmp_path: Path, args: list[str], said: str) -> None:
    path = config(tmp_path)
    environment = {} if "no community" in said else {"NETFOLD_COMMUNITY": "any"}
    answer = netfold("discover", *(arg.format(config=path) for arg in args), **environment)
    assert said in one_line(answer, 2)
