"""`netfold probe`: one target, one round, the whole story."""

import re
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.agentproc import netfold, write
from tests.certificates import NAME, authority, greeting, serving, tls, until_hung_up


def probed(folder: Path, name: str, *probes: dict[str, Any]) -> tuple[int, str, str]:
    """Exit code, what was told (times left out) and what was said on stderr."""
    write(folder / "n.yaml", {"node": {"name": "n"}, "probes": list(probes)})
    done = netfold("probe", name, "-c", folder / "n.yaml")
    return done.returncode, re.sub(r"[\d.]+ ms", "T ms", done.stdout), done.stderr


def tcp(port: int, **more: Any) -> dict[str, Any]:
    return {"name": "web", "kind": "tcp", "address": "127.0.0.1", "port": port, **more}


@pytest.fixture
def closed_port() -> Any:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def test_a_good_round_is_told_from_the_name_to_the_verdict(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        probe = tcp(port, address="localhost", family="ipv4", purpose="portal")
        code, told, complaint = probed(tmp_path, "web", probe)
    assert (code, complaint) == (0, "")
    lines = [line.strip() for line in told.splitlines()]
    assert lines[:7] == [
        "tcp web: localhost",
        "every 60 s, timeout 5 s, purpose portal, ipv4",
        "T ms  begin",
        "T ms  asking the resolver for localhost",
        "T ms  localhost leads to 127.0.0.1",
        f"T ms  connecting to 127.0.0.1 port {port}",
        "T ms  connected from 127.0.0.1",
    ]
    assert lines[7] == "T ms  end"
    assert any(line.startswith("netfold_probe_rtt_seconds (stat mean): ") for line in lines)
    assert lines[-1] == "good: it answered"


def test_each_kind_tells_its_steps(tmp_path: Path) -> None:
    own = authority(tmp_path)
    url = "http://127.0.0.1:{}/login?key=abc"
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    with serving(tls(own.server())) as port:
        options = {"name": "c", "kind": "tls", "port": port, "ca": str(own.file)}
        options |= {"address": "127.0.0.1", "server_name": NAME}
        told = probed(tmp_path, "c", options)
    steps = steps_of(told)
    assert re.search(
        r"tls_expiry_timestamp_seconds: \d{4}-\d\d-\d\d [\d:]{8} UTC$", told[1], re.MULTILINE
    )
    assert steps[2:4] == ["connected from 127.0.0.1", "shaking hands"]
    assert re.fullmatch(r"agreed on TLSv1\.3, TLS_\w+", steps[4])
    with serving(greeting(page)) as port:
        web = {"name": "w", "kind": "http", "url": url.format(port)}
        steps = steps_of(probed(tmp_path, "w", web))
    assert steps[1] == f"request: GET http://127.0.0.1:{port}/login", "without what may be a key"
    assert steps[-3:] == ["answered with status 200", "read a body of 2 bytes", "end"]
    with serving(until_hung_up) as port:
        ask = {"name": "d", "kind": "dns", "address": "127.0.0.1", "port": port, "query": "a.test"}
        told = probed(tmp_path, "d", ask | {"transport": "tcp", "timeout": "300ms"})
    assert steps_of(told)[2:4] == ["connected from 127.0.0.1", "asking 127.0.0.1 for a.test. A"]
    assert "\nbad: timeout: 127.0.0.1: no answer within 0.3 s\n" in told[1]


def steps_of(told: tuple[int, str, str]) -> list[str]:
    return re.findall(r"^ *T ms  (.*)$", told[1], re.MULTILINE)


def test_a_fault_of_this_node_says_what_to_do(tmp_path: Path) -> None:
    code, told, _ = probed(tmp_path, "web", tcp(9, address="127.255.255.255"))
    assert code == 1
    assert told.splitlines()[-3:] == [
        "nothing is known of the target: local: 127.255.255.255: Network is unreachable",
        "what to do: the fault is on this node: see its routes, addresses, firewall and limits",
        "more: docs/operating.md#local",
    ]


def test_a_bad_round_names_the_reason_and_what_to_do(tmp_path: Path, closed_port: int) -> None:
    code, told, _ = probed(tmp_path, "web", tcp(closed_port))
    assert code == 1
    assert told.splitlines()[-3:] == [
        "bad: refused: 127.0.0.1: Connection refused",
        "what to do: nobody listens there: check the port, and that the service runs",
        "more: docs/operating.md#refused",
    ]


def test_a_breach_and_what_proves_nothing_are_told_apart(tmp_path: Path, closed_port: int) -> None:
    code, told, _ = probed(tmp_path, "web", tcp(closed_port, expect="unreachable"))
    assert (code, "must not answer from here" in told) == (1, True)
    assert "isolation is breached: reached: it answered, which it must not (refused: " in told
    elsewhere = tcp(closed_port, expect="unreachable", source="192.0.2.77")
    code, told, _ = probed(tmp_path, "web", elsewhere)
    assert code == 1
    assert "nothing is known of the target: local: " in told


def test_the_name_of_both_families_tries_each(tmp_path: Path, closed_port: int) -> None:
    both = tcp(closed_port, address="localhost", family="both")
    code, told, _ = probed(tmp_path, "web", both)
    assert code == 1
    assert re.findall(r"^tcp (\S+):", told, re.MULTILINE) == ["web-ipv4", "web-ipv6"]


def test_a_name_that_is_none_gets_a_hint(tmp_path: Path) -> None:
    code, told, complaint = probed(tmp_path, "wep", tcp(1))
    assert (code, told, complaint) == (2, "", "no target 'wep'; did you mean 'web'?\n")
