"""The running agent judges: verdicts on /metrics, kept over a restart."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from agent.clock import now
from agent.history import Capacity, History, Record, SeriesKey
from agent.judge.rates import Tick
from tests.agentproc import Agent, running
from tests.testbed import eventually, free_port

TICKS = 8_640


def department(folder: Path) -> dict[str, Any]:
    """Two networks at NICs that are not there, with thirty days of history up to now."""
    data = folder / "data"
    data.mkdir(parents=True)
    end = int(now().wall_s // 300)
    history = History(data / "history.sqlite")
    for link, rate in (("silent", 0.0), ("used", 2e7)):
        ticks = [Tick(number, (rate, 0.0)) for number in range(end - TICKS - 5, end)]
        key = SeriesKey("link", link, "local/none", "octets")
        history.write({key: Record(ticks)}, [Capacity("link", link, 0.0, 1e8)])
    history.close()
    networks = [
        {"name": "edu", "kind": "dedicated", "annual_cost_yuan": "1680000"},
        {"name": "tax", "kind": "dedicated", "annual_cost_yuan": "900000"},
    ]
    links = [
        {"name": name, "network": network, "bandwidth": "100M", "interface": {"local": nic}}
        for name, network, nic in (("silent", "edu", "none0"), ("used", "tax", "none1"))
    ]
    return {"networks": networks, "links": links}


def judged(agent: Agent) -> dict[tuple[str, ...], float]:
    eventually(lambda: agent.value("netfold_assessment_last_run_timestamp_seconds"), deadline_s=20)
    return agent.values()


def test_verdicts_stand_on_metrics_within_seconds_of_the_start(tmp_path: Path) -> None:
    config = department(tmp_path)
    with running(tmp_path, config) as agent:
        values = judged(agent)
        said = {it["subject"]: it for it in json.loads(agent.get("/api/v1/verdicts").body)}
    assert said["silent"]["status"] == said["edu"]["status"] == "idle"
    since_s = values["netfold_link_verdict_since_timestamp_seconds", "silent"]
    assert datetime.fromisoformat(said["silent"]["since"]).timestamp() == pytest.approx(since_s)
    assert values["netfold_link_verdict", "silent", "idle"] == 1
    assert values["netfold_link_verdict", "silent", "normal"] == 0
    assert values["netfold_link_verdict", "used", "normal"] == 1
    assert values["netfold_network_verdict", "edu", "idle"] == 1
    assert values["netfold_network_reclaimable_yuan", "edu"] == 1_680_000
    assert values["netfold_network_reclaimable_yuan", "tax"] == 0
    assert values["netfold_link_verdict_confirmed", "silent"] == 0
    assert values["netfold_link_load_ratio", "used", "p95"] == 0.2
    assert values["netfold_link_seen_ratio", "used"] == 1
    rule = "low_use: load >= 0.10 at most 0.05"
    assert values["netfold_link_time_above_ratio", "used", rule, "lower"] == 1
    assert any(name[0] == "netfold_policy_info" for name in values)


def test_since_when_a_verdict_stands_outlives_a_restart_and_a_week_confirms_it(
    tmp_path: Path,
) -> None:
    config = department(tmp_path)
    with running(tmp_path, config) as agent:
        since_s = judged(agent)["netfold_link_verdict_since_timestamp_seconds", "silent"]
    with running(tmp_path, config) as agent:
        again = judged(agent)
    assert again["netfold_link_verdict_since_timestamp_seconds", "silent"] == since_s
    history = History(tmp_path / "data" / "history.sqlite")
    week_ago_s = since_s - 7 * 86_400
    tenures = {
        subject: tenure._replace(since_s=week_ago_s, low_since_s=week_ago_s)
        for subject, tenure in history.tenures().items()
    }
    history.keep(tenures)
    history.close()
    with running(tmp_path, config) as agent:
        later = judged(agent)
    assert later["netfold_link_verdict_confirmed", "silent"] == 1
    assert later["netfold_network_verdict_confirmed", "edu"] == 1
    assert later["netfold_link_verdict_confirmed", "used"] == 0


def test_a_server_is_judged_too_and_shown_beside_the_lines(tmp_path: Path) -> None:
    end = int(now().wall_s // 300)
    (tmp_path / "data").mkdir()
    history = History(tmp_path / "data" / "history.sqlite")
    levels = {"cpu": 0.01, "memory": 0.6, "cores": 4.0, "receive": 0.0}
    for measure, level in levels.items():
        values = (level, level) if measure == "receive" else (level,)
        ticks = [Tick(number, values) for number in range(end - 14 * 288 - 5, end)]
        name = "octets" if measure == "receive" else measure
        history.write({SeriesKey("server", "db1", "none", name): Record(ticks)})
    history.close()
    server = {"name": "db1", "local": True, "data_centre": "市政务云"}
    with running(tmp_path, {"servers": [server]}) as agent:
        values = judged(agent)
        (said,) = json.loads(agent.get("/api/v1/verdicts").body)
        page = agent.get("/?lang=en").body.decode()
    assert values["netfold_server_verdict", "db1", "idle"] == 1
    assert values["netfold_server_verdict_confirmed", "db1"] == 0
    assert ("netfold_server_verdict_since_timestamp_seconds", "db1") in values
    assert said["evidence"]["memory"]["p50"] == pytest.approx(0.6)
    assert '<td data-label="Data centre">市政务云</td>' in page
    assert '<td class="number" data-label="Mean memory">60.0%</td>' in page


def test_a_new_line_is_judged_by_its_contract_at_once(tmp_path: Path) -> None:
    network = {"name": "edu", "kind": "dedicated"}
    link = {"name": "a", "network": "edu", "interface": {"local": "none"}, "bandwidth": "100M"}
    with running(tmp_path, {"networks": [network], "links": [link]}) as agent:
        judged(agent)
        (said,) = (it for it in json.loads(agent.get("/api/v1/verdicts").body) if it["evidence"])
    assert said["evidence"]["capacity_bps"] == 1e8
    assert said["earliest"] is not None


def test_a_new_line_is_unknown_and_nothing_of_it_is_made_up(tmp_path: Path) -> None:
    network = {"name": "edu", "kind": "dedicated"}
    link = {"name": "a", "network": "edu", "interface": {"local": "none"}}
    with running(tmp_path, {"networks": [network], "links": [link]}) as agent:
        values = judged(agent)
    assert values["netfold_link_verdict", "a", "unknown"] == 1
    assert values["netfold_link_seen_ratio", "a"] == 0
    assert not any(name[0] == "netfold_link_load_ratio" for name in values)
    assert values["netfold_network_reclaimable_yuan", "edu"] == 0


def test_what_probes_saw_before_the_start_counts_at_once(tmp_path: Path) -> None:
    end = int(now().wall_s // 300)
    history = History(tmp_path / "history.sqlite")
    for measure, level in (("up", 0.5), ("rtt", 0.25)):
        key = SeriesKey("probe", "gw", "tcp/127.0.0.1", measure)
        history.write({key: Record([Tick(number, (level,)) for number in range(end - 400, end)])})
    history.close()
    probe = {"name": "gw", "kind": "tcp", "address": "127.0.0.1", "port": free_port("tcp")}
    config = {
        "data_dir": str(tmp_path),
        "networks": [{"name": "ext", "kind": "extranet"}],
        "probes": [probe | {"network": "ext", "purpose": "gateway"}],
    }
    with running(tmp_path / "agent", config) as agent:
        values = judged(agent)
    for kind, name in (("probe", "gw"), ("network", "ext")):
        for bound in ("lower", "upper"):
            assert values[f"netfold_{kind}_availability_ratio", name, "24h", bound] == 0.5
    assert values["netfold_probe_availability_ratio", "gw", "30d", "lower"] < 0.03
    assert values["netfold_probe_availability_ratio", "gw", "30d", "upper"] > 0.97
    assert values["netfold_probe_sla_met", "gw", "gateway", "latency"] == 0
    assert values["netfold_probe_sla_met", "gw", "gateway", "availability"] == 0  # at most 0.98


def test_an_agent_that_has_probes_only_says_what_they_saw(tmp_path: Path) -> None:
    probe = {"name": "gw", "kind": "tcp", "address": "127.0.0.1", "port": free_port("tcp")}
    with running(tmp_path, {"probes": [probe]}) as agent:
        values = judged(agent)
    assert values["netfold_probe_availability_ratio", "gw", "24h", "upper"] == 1
