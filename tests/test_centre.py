"""One centre for many agents: what it loads, and that real nodes reach it as the manual says."""

import re
import shutil
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request

import pytest
import trustme
import yaml

from agent.catalogue import catalogue
from agent.facts import NETWORK_PHASE, NODE_INFO
from agent.observe import BREACHED
from agent.progress_metrics import METRICS as PROGRESS
from agent.verdict_metrics import CONFIRMED, LAST_RUN, RECLAIMABLE, SINCE, VERDICT
from dashboards.build import GENERATED
from dashboards.rules import IS_ABOVE, recording_rules
from tests.agentproc import Agent, running
from tests.large_department import what_it_says
from tests.peers import DIRECTLY, Prometheus, agent_mode, prometheus, promtool
from tests.secured import TLS, ask, certify, secured, trusting
from tests.testbed import eventually
from tests.victoria import victoria

CENTRE = GENERATED.parent / "centre"
MANUAL = (GENERATED.parents[1] / "docs" / "centre.md").read_text(encoding="utf-8")
NODE = {"name": "sz-edu-01", "department": "市教育局", "region": "440300", "level": "city"}
WANTS_CLIENTS = {
    "tls_server_config": TLS["tls_server_config"]
    | {
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": "ca.crt",
        "client_allowed_sans": ["127.0.0.1"],
    }
}


def shipped(name: str) -> dict[str, Any]:
    """A configuration as it is shipped, but scraping every second."""
    config: dict[str, Any] = yaml.safe_load((CENTRE / name).read_text(encoding="utf-8"))
    config["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s"}
    return config


@pytest.fixture
def ca(tmp_path: Path) -> trustme.CA:
    """An authority; its certificate, and one for the centre and one for the node, in tmp_path."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    for name in ("centre", "node", "server"):
        certify(tmp_path, authority, name)
    return authority


@pytest.mark.usefixtures("ca")
def test_promtool_finds_no_fault_in_what_the_centre_and_the_node_load(tmp_path: Path) -> None:
    beside = tmp_path / "centre"
    shutil.copytree(GENERATED, tmp_path / "generated")
    shutil.copytree(CENTRE, beside)
    for name in ("ca.crt", "centre.crt", "centre.key", "node.crt", "node.key"):
        shutil.copy(tmp_path / name, beside)
    said = promtool("check", "config", beside / "prometheus.yml")
    assert said.returncode == 0, said.stderr
    assert "SUCCESS: 3 rule files found" in said.stdout
    said = promtool("check", "config", "--agent", beside / "agent.yml")
    assert said.returncode == 0, said.stderr


def test_a_centre_scrapes_with_its_certificate_and_instance_is_the_nodes_name(
    tmp_path: Path, ca: trustme.CA
) -> None:
    with node(tmp_path, ca) as agent:
        enrol(agent, ca, tmp_path / "nodes")
        with centre(tmp_path) as server:
            eventually(lambda: server.value("up"), deadline_s=20)
            (up,) = server.query("up")
            (info,) = server.query("netfold_node_info")
    assert up["metric"] == {"__name__": "up", "job": "netfold", "instance": "sz-edu-01"}
    facts = {"node": "sz-edu-01", **{it: NODE[it] for it in ("department", "region", "level")}}
    assert {k: info["metric"][k] for k in facts} == facts
    assert not [it for it in info["metric"] if it.startswith("exported_")]


@pytest.mark.parametrize("stranger", [False, True], ids=["no-certificate", "a-strangers"])
def test_without_a_certificate_of_its_own_a_centre_sees_the_node_down(
    tmp_path: Path, ca: trustme.CA, *, stranger: bool
) -> None:
    config = shipped("prometheus.yml")
    tls = config["scrape_configs"][0]["tls_config"]
    if stranger:
        certify(tmp_path, trustme.CA(), "centre")
    else:
        del tls["cert_file"], tls["key_file"]
    with node(tmp_path, ca) as agent:
        enrol(agent, ca, tmp_path / "nodes")
        with centre(tmp_path, config) as server:
            wrong = eventually(lambda: errors(server), deadline_s=20)[0]
            eventually(lambda: server.value("up") == 0, deadline_s=20)
    assert "tls: " in wrong
    assert "certificate" in wrong


@pytest.mark.usefixtures("ca")
def test_a_node_in_agent_mode_shows_its_certificate_and_writes_to_victoriametrics(
    tmp_path: Path,
) -> None:
    config = shipped("agent.yml")
    (scrape,), (write,) = config["scrape_configs"], config["remote_write"]
    with (
        running(tmp_path / "agent", {"node": NODE}) as agent,
        victoria((), tmp_path / "victoria") as behind,
        asking_for_certificates(behind, tmp_path) as front,
    ):
        scrape["http_sd_configs"] = [{"url": f"http://{agent.address}/sd"}]
        write["url"] = front + urlsplit(write["url"]).path
        with agent_mode(config, tmp_path):
            there = Prometheus(behind, tmp_path / "log")
            eventually(lambda: there.query("netfold_node_info"), deadline_s=30)
            (info,) = there.query("netfold_node_info")
            (up,) = there.query("up")
    assert info["metric"]["instance"] == info["metric"]["node"] == "sz-edu-01"
    assert (info["metric"]["department"], info["metric"]["job"]) == ("市教育局", "netfold")
    assert set(up["metric"]) == {"__name__", "job", "instance"}


@contextmanager
def node(folder: Path, ca: trustme.CA) -> Iterator[Agent]:
    """A real agent that lets nobody in without a certificate."""
    its = folder / "agent"
    certify(its, ca)
    ca.cert_pem.write_to_path(str(its / "ca.crt"))
    with secured(its, WANTS_CLIENTS, {"node": NODE}) as agent:
        yield agent


def enrol(agent: Agent, ca: trustme.CA, nodes: Path) -> None:
    """Keep what the node says of itself, as the manual does with curl."""
    answer = ask(agent, "/sd", trusting(ca, ca.issue_cert("127.0.0.1")))
    nodes.mkdir()
    (nodes / "sz-edu-01.json").write_bytes(answer.body)


@contextmanager
def centre(folder: Path, config: dict[str, Any] | None = None) -> Iterator[Prometheus]:
    """A centre's Prometheus, the shipped one."""
    config = config or shipped("prometheus.yml")
    config["rule_files"] = [str(CENTRE / it) for it in config["rule_files"]]
    with prometheus(config, folder) as server:
        yield server


def errors(server: Prometheus) -> list[str]:
    """What went wrong with the last scrapes."""
    return [it["lastError"] for it in server.targets() if it["lastError"]]


@contextmanager
def asking_for_certificates(url: str, folder: Path) -> Iterator[str]:
    """Stand before a server that asks for none, where nginx would; the address to write to."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {it: self.headers[it] for it in ("Content-Type", "Content-Encoding")}
            request = Request(url + self.path, body, headers)  # noqa: S310 - a loopback address
            with DIRECTLY.open(request, timeout=10) as answer:
                self.send_response(answer.status)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the test does."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.crt"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_the_manuals_arithmetic_is_that_of_a_real_agent(tmp_path: Path) -> None:
    """A third of the lines each is idle, of low use and used: what is said differs a little.

    Every network has a line in both: one without says less of itself.
    """
    few, more = (series(what_it_says(tmp_path / str(it), links=it)) for it in (6, 9))
    said = re.findall(r"^\| a link \| (\d+) \|$", MANUAL, re.MULTILINE)
    assert said == [f"{(more - few) / 3:.0f}"]
    at_once, *sums = (it["rules"] for it in recording_rules()["groups"])
    thresholds = [it for it in at_once if it["record"] == IS_ABOVE]
    recorded = len(at_once) + sum(map(len, sums)) * len(thresholds)
    assert f"`rules.yml` records {recorded} series more for each link" in MANUAL


def test_what_goes_on_to_a_centre_above_are_verdicts_and_what_they_are_worth() -> None:
    snippets = [yaml.safe_load(it) for it in re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL)]
    (kept,) = (it["write_relabel_configs"][0] for it in snippets if "write_relabel_configs" in it)
    names = {it.name for it in catalogue() if re.fullmatch(kept["regex"], it.name)}
    wanted = (*PROGRESS, *VERDICT.values(), *SINCE.values(), *CONFIRMED.values(), RECLAIMABLE)
    assert {it.name for it in (*wanted, NODE_INFO, NETWORK_PHASE, BREACHED, LAST_RUN)} <= names
    assert not [it for it in names if it.endswith("_total")]


def series(text: str) -> int:
    return len(re.findall(r"^\w", text, re.MULTILINE))
