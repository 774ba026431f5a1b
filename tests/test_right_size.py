"""Which lines could be smaller: never one that could then be busy, or that is to go."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.judge.bounds import Traffic
from agent.judge.right_size import right_size
from agent.judge.status import Status
from agent.judge.verdict import judge
from config.policy import load_policy
from tests.agentproc import netfold, write
from tests.test_assessment import END, department, fill, link

M = 1e6
POLICY = load_policy(None)
USUAL = POLICY.right_sizing.bandwidths
TICKS = 30 * 288
NUMBER = np.arange(TICKS)


def line(rate: "float | np.ndarray", capacity: float = 100 * M) -> Traffic:
    values = np.broadcast_to(np.asarray(rate, dtype=float), TICKS).copy()
    return Traffic(0, values, values * 0, np.full(TICKS, capacity))


@pytest.mark.parametrize(
    ("traffic", "bandwidth_bps"),
    [
        pytest.param(line(3 * M), 10 * M, id="3M: 4M would be busy"),
        pytest.param(line(12 * M), 20 * M, id="12M: 60 % of 20M"),
        pytest.param(line(14 * M), 50 * M, id="14M: 70 % of 20M is busy"),
        pytest.param(line(50 * M), None, id="50M of 100M: as it should be"),
        pytest.param(
            line(np.where(NUMBER < 432, 90 * M, 1 * M)), 2 * M, id="5 % of peaks do not count"
        ),
        pytest.param(line(np.where(NUMBER < 433, 90 * M, 1 * M)), None, id="a tick more does"),
        pytest.param(line(3 * M, np.nan), None, id="its capacity is not known"),
        pytest.param(line(np.where(NUMBER < 500, np.nan, 1 * M)), None, id="5.8 % was not seen"),
    ],
)
def test_the_smallest_bandwidth_that_is_surely_enough(
    traffic: Traffic, bandwidth_bps: float | None
) -> None:
    assert right_size([traffic], POLICY.links, USUAL) == bandwidth_bps


def test_a_busy_period_is_to_fit_too() -> None:
    assert right_size([line(3 * M), line(12 * M)], POLICY.links, USUAL) == 20 * M
    assert right_size([line(3 * M), line(np.nan)], POLICY.links, USUAL) is None


@given(st.lists(st.floats(0, 1e8), min_size=1, max_size=20), st.data())
def test_a_smaller_line_is_never_busy_whatever_was_not_seen(
    rates: list[float], data: st.DataObject
) -> None:
    values = np.resize(np.array(rates), 200)
    seen = values.copy()
    seen[data.draw(st.integers(0, 200)) :] = np.nan
    window = Traffic(0, seen, seen * 0, np.full(200, 100 * M))
    found = right_size([window], POLICY.links, USUAL)
    if found is not None:
        truly = Traffic(0, values, values * 0, np.full(200, found))
        unseen = np.where(np.isnan(seen), data.draw(st.floats(0, 1e9)), values)
        assert judge(truly, POLICY.links).status is not Status.BUSY
        filled = Traffic(0, unseen, unseen * 0, np.full(200, found))
        assert judge(filled, POLICY.links).status is not Status.BUSY


def test_what_it_saves_is_said_where_both_prices_are_known(tmp_path: Path) -> None:
    mstp: dict[str, Any] = {"annual_cost_yuan": "168000", "line_type": "MSTP"}
    names = ("a", "b", "c", "moving", "idle")
    path = department(
        tmp_path,
        [
            link("a", "edu", **mstp),
            link("b", "edu"),
            link("c", "edu", annual_cost_yuan="168000"),
            link("moving", "tax", **mstp),
            link("idle", "edu", **mstp),
        ],
        edu={},
        tax={"phase": "dual_running"},
    )
    price = {"bandwidth": "10M", "annual_cost_yuan": "24000", "line_type": "MSTP"}
    write(path, json.loads(path.read_text()) | {"prices": [price]})
    (tmp_path / "data").mkdir()
    rates = dict.fromkeys(names, 3e6) | {"idle": 0.0}
    fill(tmp_path / "data" / "history.sqlite", rates, dict.fromkeys(names, 1e8))
    at = datetime.fromtimestamp(END * 300, UTC).isoformat()
    done = netfold("assess", "-c", path, "--at", at, "--json")
    assert done.returncode == 0, done.stderr
    said = {it["subject"]: it.get("right_size") for it in json.loads(done.stdout)}
    assert said["a"] == {"bandwidth_bps": 1e7, "annual_saving_yuan": 144_000}
    assert said["b"] == said["c"] == {"bandwidth_bps": 1e7, "annual_saving_yuan": None}
    assert said["moving"] is said["idle"] is said["edu"] is None
    words = netfold("explain", "a", "-c", path, "--at", at).stdout
    assert "10 Mbit/s would do: it would surely not be busy, and cost 144,000 yuan" in words


def sized_groups(folder: Path, **rates: float) -> dict[str, Any]:
    """What `assess` says of groups of 100M lines: one, two alike, and two that are not."""
    mstp: dict[str, Any] = {"annual_cost_yuan": "168000", "line_type": "MSTP"}
    path = department(
        folder,
        [
            link("one", "edu", group="single", **mstp),
            link("spare", "edu", group="single", role="backup", **mstp),
            link("left", "edu", group="pair", **mstp),
            link("right", "edu", group="pair", **mstp),
            link("wide", "edu", group="odd", **mstp),
            link("narrow", "edu", group="odd", **mstp | {"bandwidth": "10M"}),
            link("still", "edu", group="idle", **mstp),
        ],
        edu={},
    )
    price = {"bandwidth": "10M", "annual_cost_yuan": "24000", "line_type": "MSTP"}
    write(path, json.loads(path.read_text()) | {"prices": [price]})
    (folder / "data").mkdir()
    names = ("one", "spare", "left", "right", "wide", "narrow", "still")
    capacities = dict.fromkeys(names, 1e8) | {"narrow": 1e7}
    fill(folder / "data" / "history.sqlite", dict.fromkeys(names, 0.0) | rates, capacities)
    at = datetime.fromtimestamp(END * 300, UTC).isoformat()
    done = netfold("assess", "-c", path, "--at", at, "--json")
    assert done.returncode == 0, done.stderr
    explained = netfold("explain", "pair", "-c", path, "--at", at).stdout
    found = {it["subject"]: it.get("right_size") for it in json.loads(done.stdout)}
    return {**found, "words": explained}


def test_a_group_is_sized_by_what_its_lines_carry_together(tmp_path: Path) -> None:
    its = {"one": 2e6, "spare": 3e6, "left": 5e6, "right": 5e6, "wide": 5e6, "narrow": 1e6}
    said = sized_groups(tmp_path, **its)
    assert said["single"] == {"bandwidth_bps": 1e7, "annual_saving_yuan": 144_000}
    assert said["pair"] == {"bandwidth_bps": 1e7, "annual_saving_yuan": 288_000}
    assert said["odd"] is said["idle"] is None
    assert said["one"] is said["spare"] is said["left"] is None  # the group is what is sized
    assert "10 Mbit/s for each primary would do" in said["words"]


def test_a_group_whose_present_size_is_right_has_no_smaller_one(tmp_path: Path) -> None:
    said = sized_groups(tmp_path, one=5e7, spare=1e7, left=6e7, right=6e7)
    assert said["single"] is said["pair"] is None
