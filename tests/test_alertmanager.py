"""An alert travels: a real agent, a real Prometheus with the alerts, a real Alertmanager."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import yaml

from agent.clock import now
from agent.history import Capacity, History, Record, SeriesKey
from agent.journal import opened
from agent.judge.rates import Tick
from dashboards.alerts import alerting_rules
from dashboards.build import GENERATED
from tests.agentproc import running
from tests.alertmanager import Alertmanager, alertmanager
from tests.department import department, device, link
from tests.peers import Prometheus, prometheus, scraping
from tests.snmpd import Snmpd, planted
from tests.testbed import eventually, free_port, peer

SHIPPED = GENERATED.parent / "alertmanager.yml"
CONFIG = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
ALERTS = {it["alert"]: it for group in alerting_rules()["groups"] for it in group["rules"]}
DAY_S = 86_400
DAY = 288
"""Ticks of a day."""

LAST_HOUR = 12
"""Ticks of it: wherever midnight falls, one day has enough of them to be no quiet one."""

Calls = SimpleQueue[tuple[str, dict[str, Any]]]


def test_amtool_finds_no_fault_in_the_example_and_it_holds_no_secret() -> None:
    said = peer("amtool").run("check-config", SHIPPED)
    assert (said.returncode, said.stderr) == (0, "")
    assert "2 inhibit rules" in said.stdout
    text = SHIPPED.read_text(encoding="utf-8")
    assert not re.search(r"^[^#]*(password|secret|token|api_key|routing_key):", text, re.MULTILINE)


@pytest.mark.parametrize("alert", ALERTS.values(), ids=list(ALERTS))
def test_every_alert_goes_where_its_severity_belongs(alert: dict[str, Any]) -> None:
    """What nobody uses never pages."""
    severity = alert["labels"]["severity"]
    labels = (f"alertname={alert['alert']}", f"severity={severity}")
    asked = ("config", "routes", "test", f"--config.file={SHIPPED}", *labels)
    wanted = {"info": "digest", "warning": "operators", "critical": "pager"}[severity]
    assert peer("amtool").run(*asked).stdout.split() == [wanted]


def test_what_silences_and_what_is_silenced_are_alerts_and_never_critical_ones() -> None:
    for rule in CONFIG["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            named = re.fullmatch(r'alertname=~?"([\w|]+)"', matcher)
            assert named is not None
            severities = {ALERTS[it]["labels"]["severity"] for it in named[1].split("|")}
            assert severities == {"warning"}
        # Two nodes may name a device, a link or a network alike.
        assert {"job", "instance"} < set(rule["equal"])


def test_traffic_that_returns_after_the_cutover_travels_to_alertmanager(tmp_path: Path) -> None:
    """The agent is restarted in between: it judges at its start, and else every ten minutes."""
    folder, returned = tmp_path / "agent", ("TrafficReturned", "edu")
    given = cut_over(folder) | {"listen": f"127.0.0.1:{free_port('tcp')}"}
    with watching(given["listen"], tmp_path) as (server, manager):
        with running(folder, given):
            quiet = 'netfold_network_returning_traffic{network="edu"} == 0'
            eventually(lambda: server.query(quiet), deadline_s=60)
            assert returned not in manager.states()
        end = int(now().wall_s // 300)
        carry(folder, 5e6, range(end - LAST_HOUR, end))
        with running(folder, given):
            eventually(lambda: manager.states().get(returned) == "active", deadline_s=60)
            (it,) = (a for a in manager.alerts() if a["labels"]["alertname"] == returned[0])
    assert it["receivers"] == [{"name": "operators"}]
    assert it["annotations"]["summary_zh"] == "专网 edu 的旧线路出现回流"


def test_a_line_that_is_down_and_a_device_that_is_silent_silence_what_is_behind_them(
    tmp_path: Path,
) -> None:
    """The one cause is active; its echoes are there, and nobody is told of them."""
    down, silent = ("LinkDown", "hall"), ("DeviceUnreachable", "r1")
    probe = ("ProbeFailing", "gw")
    with Snmpd(tmp_path / "snmpd", rows=planted(7, "Gi0/7", OPER_STATUS=2)) as r1:
        given = department(tmp_path, [device("r1", r1.port)], links=[link("hall", "r1", "Gi0/7")])
        given["probes"] = [tcp("gw", free_port("tcp"), network="edu")]
        with (
            running(tmp_path / "agent", given) as agent,
            watching(agent.address, tmp_path) as (_, manager),
        ):
            told = {down: "active", probe: "suppressed"}
            eventually(lambda: manager.states() == told, deadline_s=60)
            by_name = {it["labels"]["alertname"]: it for it in manager.alerts()}
            inhibited = by_name["ProbeFailing"]["status"]["inhibitedBy"]
            assert inhibited == [by_name["LinkDown"]["fingerprint"]]
            r1.stop()
            told = {silent: "active", probe: "suppressed"}
            eventually(lambda: manager.states() == told, deadline_s=60)


def test_with_a_second_line_a_failing_probe_is_told_beside_the_line_that_is_down(
    tmp_path: Path,
) -> None:
    rows = [*planted(7, "Gi0/7", OPER_STATUS=2), *planted(8, "Gi0/8")]
    with Snmpd(tmp_path / "snmpd", rows=rows) as r1:
        links = [link("hall", "r1", "Gi0/7"), link("spare", "r1", "Gi0/8")]
        given = department(tmp_path, [device("r1", r1.port)], links=links)
        given["probes"] = [tcp("gw", free_port("tcp"), network="edu")]
        with (
            running(tmp_path / "agent", given) as agent,
            watching(agent.address, tmp_path) as (_, manager),
        ):
            told = {("LinkDown", "hall"): "active", ("ProbeFailing", "gw"): "active"}
            eventually(lambda: manager.states() == told, deadline_s=60)


def test_a_breach_of_isolation_reaches_the_pager_at_once(tmp_path: Path) -> None:
    """What must not be reached is the pager itself, which listens."""
    with pager() as (port, calls):
        given = {"probes": [tcp("canary", port, expect="unreachable")]}
        with (
            running(tmp_path / "agent", given) as agent,
            watching(agent.address, tmp_path, port),
        ):
            token, call = calls.get(timeout=60)
    assert token == "Bearer planted-token"
    assert (call["receiver"], call["commonLabels"]["alertname"]) == ("pager", "IsolationBreached")
    assert call["commonAnnotations"]["summary_zh"].startswith("隔离被突破")


def tcp(name: str, port: int, **more: str) -> dict[str, Any]:
    """A probe of loopback, every second."""
    address = {"address": "127.0.0.1", "port": port}
    return {"name": name, "kind": "tcp", "interval": "1s", "timeout": "1s", **address, **more}


def cut_over(folder: Path) -> dict[str, Any]:
    """A network that was cut over a fortnight ago; of its line all but the last hour is known."""
    data = folder / "data"
    data.mkdir(parents=True)
    with opened(data) as journal:
        declared = {"phase": "cut_over"}
        journal.append("phase", "edu", declared, "wang", now().wall_s - 14 * DAY_S)
    end = int(now().wall_s // 300)
    begun = end - 14 * DAY
    carry(folder, 5e6, range(begun - 20 * DAY, begun))
    carry(folder, 900.0, range(begun, end - LAST_HOUR))
    network = {"name": "edu", "kind": "dedicated", "owner": "市教育局"}
    line = {"name": "hall", "network": "edu", "bandwidth": "100M", "interface": {"local": "none0"}}
    return {"networks": [network], "links": [line]}


def carry(folder: Path, rate_bps: float, ticks: range) -> None:
    """Write what the line carried while no agent runs."""
    history = History(folder / "data" / "history.sqlite")
    record = Record([Tick(it, (rate_bps, rate_bps / 3)) for it in ticks])
    key = SeriesKey("link", "hall", "local/none0", "octets")
    history.write({key: record}, [Capacity("link", "hall", 0.0, 1e8)])
    history.close()


@contextmanager
def watching(
    agent: str, folder: Path, pager_port: int | None = None
) -> Iterator[tuple[Prometheus, Alertmanager]]:
    """A Prometheus with the alerts that scrapes an agent, and an Alertmanager with the example.

    Two things are not as shipped: what an alert waits for is 2 s at most, and pager and mail server
    are where the test has them (nobody is where the mail goes).
    """
    rules = folder / "alerts.yml"
    rules.write_text(json.dumps(hurried()))
    told = json.loads(json.dumps(CONFIG))
    (folder / "pager.token").write_text("planted-token")
    told["global"]["smtp_smarthost"] = f"127.0.0.1:{free_port('tcp')}"
    (hook,) = told["receivers"][2]["webhook_configs"]
    hook["url"] = f"http://127.0.0.1:{pager_port or free_port('tcp')}/pager"
    hook["http_config"]["authorization"]["credentials_file"] = str(folder / "pager.token")
    config = scraping(agent)
    config["global"]["evaluation_interval"] = "1s"
    with alertmanager(told, folder / "alertmanager") as manager:
        to = {"alertmanagers": [{"static_configs": [{"targets": [manager.address]}]}]}
        config |= {"rule_files": [str(rules)], "alerting": to}
        with prometheus(config, folder / "prometheus") as server:
            yield server, manager


def hurried() -> dict[str, Any]:
    """The alerts as they are shipped, but that they wait 2 s where they wait at all."""
    rules = json.loads(json.dumps(alerting_rules()))
    for it in rules["groups"][0]["rules"]:
        if it.get("for", "0s") != "0s":
            it["for"] = "2s"
    return dict(rules)


@contextmanager
def pager() -> Iterator[tuple[int, Calls]]:
    """Listen on loopback; what is posted comes out with the token it bears."""
    calls: Calls = SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            calls.put((self.headers["Authorization"], json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the test does."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_port, calls
        finally:
            server.shutdown()
            thread.join()
