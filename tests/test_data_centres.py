"""Idle capacity of data centres: proven, possible, and not known."""

from pathlib import Path
from typing import Any

from agent.data_centres import AtLeastAtMost, DataCentre, data_centres, samples
from agent.judge.status import Status
from config.load import load
from tests.agentproc import netfold
from tests.test_server_verdict import END, GB, IDLE, configured, judged

BIG = {"memory_bytes": 64 * GB, "disk_bytes": 500 * GB}


def server(name: str, centre: str | None = "政务云", **more: Any) -> dict[str, Any]:
    return {"name": name, "data_centre": centre, **more} if centre else {"name": name, **more}


def found(folder: Path, *servers: dict[str, Any], **levels: Any) -> dict[str, DataCentre]:
    verdicts = judged(folder, *servers, **levels)
    config = load(configured(folder, *servers))
    return {it.name: it for it in data_centres(config, verdicts.values())}


def test_what_is_proven_to_be_unused_and_what_may_be(tmp_path: Path) -> None:
    until = {"reason": "灾备", "approver": "网络中心", "until": "2027-06-30"}
    servers = [
        server("idle"),
        server("low"),
        server("busy"),
        server("open"),
        server("spare", role="standby"),
        server("drill", exempt=until),
        server("elsewhere", "省政务云"),
        server("homeless", None),
    ]
    half_seen = {"cpu": 0.01, "cores": 4}
    centres = found(
        tmp_path,
        *servers,
        idle=IDLE | BIG,
        low=IDLE | BIG | {"cpu": 0.05},
        busy=IDLE | BIG | {"cpu": 0.9},
        open=half_seen | BIG,
        spare=IDLE | BIG,
        drill=IDLE | BIG,
        elsewhere=IDLE | {"cpu": 0.9},
        homeless=IDLE,
    )
    assert list(centres) == ["政务云", "省政务云"]
    assert centres["政务云"].idle == {
        "cores": AtLeastAtMost(8, 12),
        "memory_bytes": AtLeastAtMost(128 * GB, 192 * GB),
        "disk_bytes": AtLeastAtMost(1000 * GB, 1500 * GB),
    }
    assert centres["政务云"].statuses.count(Status.STANDBY) == 1
    assert set(centres["省政务云"].idle.values()) == {AtLeastAtMost(0, 0)}


def test_a_size_that_was_not_told_is_no_zero(tmp_path: Path) -> None:
    centres = found(tmp_path, server("a"), server("b"), a=IDLE | BIG, b=IDLE)
    idle = centres["政务云"].idle
    assert idle["cores"] == (8, 8)
    assert idle["memory_bytes"] == (64 * GB, None)  # b has some too
    said = {(it.metric.name, *it.labels): it.value for it in samples(centres.values())}
    assert said["netfold_data_centre_idle_memory_bytes", "政务云", "lower"] == 64 * GB
    assert ("netfold_data_centre_idle_memory_bytes", "政务云", "upper") not in said
    assert said["netfold_data_centre_servers", "政务云", "idle"] == 2
    (tmp_path / "other").mkdir()
    alone = found(tmp_path / "other", server("c"), c=IDLE)
    assert alone["政务云"].idle["disk_bytes"] == (None, None)


def test_assess_shows_a_table_of_data_centres(tmp_path: Path) -> None:
    found(tmp_path, server("a"), server("b"), a=IDLE | BIG, b={"cpu": 0.01, "cores": 2})
    at = "2027-01-15T08:00"
    assert END * 300 == 1_800_000_000
    done = netfold("assess", "-c", tmp_path / "netfold.yaml", "--at", at)
    assert done.returncode == 0, done.stderr
    (row,) = (line for line in done.stdout.splitlines() if "政务云" in line)
    assert "1 of 2" in row
    assert "4 to 6" in row
