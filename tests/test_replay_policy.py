"""Another policy tried on the same data, and the past judged by what was in force then."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.history import Capacity, History, Record
from tests.agentproc import netfold
from tests.test_assessment import END, FIRST, department, fill, key, link, ticks

AT = datetime.fromtimestamp(END * 300, UTC).isoformat()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = department(
        tmp_path, [link("a", "edu"), link("b", "edu"), link("c", "tax")], edu={}, tax={}
    )
    (tmp_path / "data").mkdir()
    rates = {"a": 3e6, "b": 0.0, "c": 5e7}
    fill(tmp_path / "data" / "history.sqlite", rates, dict.fromkeys(rates, 1e8))
    (tmp_path / "strict.yaml").write_text(
        "links:\n  low_use: [{load: 10%, at_most: 5%}, {load: 2%, at_most: 5%}]\n"
        "  idle: [{rate: 16k, at_most: 1%}, {load: 2%, at_most: 0.1%}]\n"
    )
    return path


def test_assess_says_which_subjects_another_policy_changes_and_why(config: Path) -> None:
    args = ("assess", "-c", config, "--at", AT, "--policy", config.parent / "strict.yaml")
    done = netfold(*args)
    assert done.returncode == 0, done.stderr
    assert "2 of 5 subjects change under this policy" in done.stdout
    said = {it["subject"]: it for it in json.loads(netfold(*args, "--json").stdout)}
    assert said["a"]["status"] == "normal"
    assert said["a"]["change"] == {
        "from": "low_use",
        "why": "low_use: load >= 0.02 at most 0.05: seen 100.00% of 8640 ticks: disproven",
    }
    assert said["edu"]["change"] == {"from": "low_use", "why": "made of a, b"}
    assert "change" not in said["b"]
    assert "change" not in said["c"]


def test_the_policy_in_force_changes_nothing(config: Path) -> None:
    (config.parent / "same.yaml").write_text("{}\n")
    done = netfold("assess", "-c", config, "--at", AT, "--policy", config.parent / "same.yaml")
    assert "0 of 5 subjects change under this policy" in done.stdout
    assert "subjects change" not in netfold("assess", "-c", config, "--at", AT).stdout


def test_a_series_is_compared_with_the_policy_that_netfold_brings(config: Path) -> None:
    rows = [f"a,{number * 300},3e6,0,1e8" for number in range(FIRST, END)]
    path = config.parent / "a.csv"
    path.write_text("\n".join(["subject,unix_time,receive_bps,transmit_bps,capacity_bps", *rows]))
    done = netfold("assess", "--series", path, "--policy", config.parent / "strict.yaml", "--json")
    (said,) = json.loads(done.stdout)
    assert said["change"]["from"] == "low_use"


def test_a_longer_window_than_that_of_the_policy_compared_with_is_read_whole(
    tmp_path: Path,
) -> None:
    rows = [f"a,{number * 300},0,0,1e8" for number in range(END - 40 * 288, END)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["subject,unix_time,receive_bps,transmit_bps,capacity_bps", *rows]))
    (tmp_path / "long.yaml").write_text("links: {window: 40d}\n")
    done = netfold("assess", "--series", path, "--policy", tmp_path / "long.yaml", "--json")
    (said,) = json.loads(done.stdout)
    assert said["evidence"]["ticks"] == 40 * 288
    assert said["evidence"]["seen_ratio"] == 1
    assert "subjects change" not in netfold("assess", "--series", path).stdout


def test_the_past_is_judged_by_the_capacity_of_its_date(tmp_path: Path) -> None:
    path = department(tmp_path, [link("a", "edu")], edu={})
    upgrade = END + 20
    history = History(tmp_path / "data" / "history.sqlite")
    steps = [Capacity("link", "a", FIRST * 300.0, 1e7), Capacity("link", "a", upgrade * 300.0, 1e9)]
    numbers = range(FIRST, END + 40 * 288)
    history.write({key("a"): Record(ticks(2e6, numbers))}, steps)
    history.close()
    later = datetime.fromtimestamp((END + 40 * 288) * 300, UTC).isoformat()
    found = {}
    for at in (AT, later):
        done = netfold("assess", "-c", path, "--at", at, "--json")
        found[at] = json.loads(done.stdout)[0]
    assert (found[AT]["status"], found[AT]["evidence"]["capacity_bps"]) == ("normal", 1e7)
    assert (found[later]["status"], found[later]["evidence"]["capacity_bps"]) == ("low_use", 1e9)
    before = datetime.fromtimestamp((FIRST - 9999) * 300, UTC).isoformat()
    done = netfold("assess", "-c", path, "--at", before, "--json")
    assert json.loads(done.stdout)[0]["status"] == "unknown"
