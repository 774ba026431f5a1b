"""A department judged by its own history, and the history read as windows."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.assessment import assess
from agent.history import Capacity, History, HistoryError, Record, SeriesKey
from agent.history_reader import HistoryReader
from agent.judge.calendar import SHANGHAI, last_occurrence, next_end
from agent.judge.rates import Run, Tick
from agent.verdict import Verdict
from config.load import load
from tests.agentproc import netfold, write

DAY = 288
TICKS = 30 * DAY
END = 6_000_000  # 2027-01-15T08:00 in UTC
FIRST = END - TICKS
TODAY = date(2027, 1, 16)


def key(link: str, identity: str = "r1/ge0") -> SeriesKey:
    return SeriesKey("link", link, identity, "octets")


def ticks(rate: float, numbers: Iterable[int] = range(FIRST, END)) -> list[Tick]:
    return [Tick(number, (rate, 0.0)) for number in numbers]


def fill(path: Path, rates: dict[str, float], capacity: dict[str, float | None]) -> None:
    """Thirty days of steady traffic for each link."""
    history = History(path)
    steps = [Capacity("link", link, FIRST * 300.0, bps) for link, bps in capacity.items()]
    history.write({key(link): Record(ticks(rate)) for link, rate in rates.items()}, steps)
    history.close()


def department(folder: Path, links: list[dict[str, Any]], **networks: dict[str, Any]) -> Path:
    """A configuration whose links are at NICs of this host; its history is in `data`."""
    path = folder / "netfold.yaml"
    kinds = [{"name": name, "kind": "dedicated", **more} for name, more in networks.items()]
    placed = [{"interface": {"local": f"eth{n}"}, **link} for n, link in enumerate(links)]
    node = {"name": "test"}
    write(path, {"node": node, "data_dir": "data", "networks": kinds, "links": placed})
    return path


def verdicts(path: Path, today: date = TODAY) -> dict[str, Verdict]:
    config = load(path)
    with HistoryReader(config.data_dir / "history.sqlite") as reader:
        return {it.subject: it for it in assess(config, reader, END, today)}


def link(name: str, network: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "network": network, "bandwidth": "100M", **more}


def test_a_department_is_judged_by_its_history(tmp_path: Path) -> None:
    until = {"reason": "灾备", "approver": "网络中心", "until": "2027-06-30"}
    path = department(
        tmp_path,
        [
            link("silent", "edu"),
            link("three-percent", "edu"),
            link("used", "tax"),
            link("main", "court", group="court"),
            link("spare", "court", group="court", role="backup"),
            link("drill", "rescue", exempt=until),
            link("unheard-of", "new"),
        ],
        edu={},
        tax={},
        court={},
        rescue={},
        new={},
        empty={},
    )
    rates = {"silent": 0, "three-percent": 3e6, "used": 2e7, "main": 8e7, "spare": 0, "drill": 0}
    (tmp_path / "data").mkdir()
    fill(tmp_path / "data" / "history.sqlite", rates, dict.fromkeys([*rates, "unheard-of"], 1e8))
    found = verdicts(path)
    assert {name: it.status.value for name, it in found.items()} == {
        "silent": "idle",
        "three-percent": "low_use",
        "used": "normal",
        "main": "busy",
        "spare": "standby",
        "court": "normal",
        "drill": "exempt",
        "rescue": "exempt",
        "unheard-of": "unknown",
        "edu": "low_use",
        "tax": "normal",
        "new": "unknown",
        "empty": "unknown",
    }
    assert found["drill"].judgement.status == "idle"
    assert found["edu"].members == ("silent", "three-percent")


def test_an_expired_exemption_counts_no_more(tmp_path: Path) -> None:
    until = {"reason": "灾备", "approver": "网络中心", "until": "2027-01-15"}
    path = department(tmp_path, [link("a", "edu", exempt=until)], edu={})
    (tmp_path / "data").mkdir()
    fill(tmp_path / "data" / "history.sqlite", {"a": 0}, {"a": 1e8})
    assert verdicts(path, date(2027, 1, 15))["edu"].status == "exempt"
    assert verdicts(path, date(2027, 1, 16))["edu"].status == "idle"


def test_a_group_carries_its_verdict_to_its_primary(tmp_path: Path) -> None:
    path = department(
        tmp_path,
        [link("a", "edu", group="g"), link("b", "edu", group="g", role="backup")],
        edu={},
    )
    (tmp_path / "data").mkdir()
    fill(tmp_path / "data" / "history.sqlite", {"a": 0, "b": 3e7}, {"a": 1e8, "b": 1e8})
    found = verdicts(path)
    assert (found["a"].status, found["b"].status, found["g"].status) == (
        "normal",
        "standby",
        "normal",
    )
    assert found["edu"].members == ("g",)


def test_a_declared_busy_period_must_have_been_seen(tmp_path: Path) -> None:
    path = department(
        tmp_path,
        [
            link("a", "edu", busy_periods=["month_end"]),
            link("b", "edu", busy_periods=["06-01..06-10"]),
        ],
        edu={},
    )
    (tmp_path / "data").mkdir()
    fill(tmp_path / "data" / "history.sqlite", {"a": 0, "b": 0}, {"a": 1e8, "b": 1e8})
    found = verdicts(path)
    assert found["a"].status == "idle"  # the window holds December's end
    assert found["b"].status == "unknown"  # last June is before the history


def test_windows_join_the_series_of_a_link_that_was_bound_anew(tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite")
    history.write(
        {
            key("a", "r1/ge0"): Record(ticks(1.0, range(10, 13)), {13: Run(13, 14, (5.0, 6.0))}),
            key("a", "r1/ge9"): Record(ticks(2.0, range(15, 18))),
            key("b"): Record(ticks(3.0, range(10, 18))),
        },
        [
            Capacity("link", "a", 0.0, None),
            Capacity("link", "a", 14 * 300.0, 1e6),
            Capacity("link", "a", 16 * 300.0, 2e6),
            Capacity("link", "a", 17 * 300.0, None),
        ],
    )
    history.close()
    with HistoryReader(tmp_path / "history.sqlite") as reader:
        windows = dict(reader.traffic(["a", "b", "c"], 10, 8))
    nan = np.nan
    np.testing.assert_array_equal(windows["a"].receive, [1, 1, 1, nan, nan, 2, 2, 2])
    np.testing.assert_array_equal(windows["a"].capacity, [*[1e6] * 6, 2e6, nan])
    assert windows["a"].runs == (Run(13, 14, (5.0, 6.0)),)
    np.testing.assert_array_equal(windows["b"].receive, [3.0] * 8)
    assert np.isnan(windows["c"].receive).all()
    assert np.isnan(windows["c"].capacity).all()


def test_hundreds_of_links_are_read_in_stripes_each_to_its_own_window(tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite")
    names = [f"l{n}" for n in range(300)]
    history.write({key(name): Record(ticks(float(n), range(5))) for n, name in enumerate(names)})
    history.close()
    with HistoryReader(tmp_path / "history.sqlite") as reader:
        for n, (name, traffic) in enumerate(reader.traffic(names, 0, 5)):
            assert name == names[n]
            assert list(traffic.receive) == [float(n)] * 5


def test_a_history_is_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    history = History(path)
    history.write({key("a"): Record(ticks(1.0, range(3)))})
    with HistoryReader(path) as reader:
        history.write({key("a"): Record(ticks(2.0, range(3, 5)))})
        assert reader.last_tick == 4
        ((_, traffic),) = reader.traffic(["a"], 0, 5)
    history.close()
    assert list(traffic.receive) == [1, 1, 1, 2, 2]


def test_a_missing_history_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="cannot be read as a history"):
        HistoryReader(tmp_path / "none.sqlite")
    path = department(tmp_path, [link("a", "edu")], edu={})
    done = netfold("assess", "-c", path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "cannot be read as a history: it is not there, or may not be seen" in line


def test_assess_and_explain_read_the_agents_history(tmp_path: Path) -> None:
    path = department(tmp_path, [link("a", "edu")], edu={})
    (tmp_path / "data").mkdir()
    fill(tmp_path / "data" / "history.sqlite", {"a": 0}, {"a": 1e8})
    at = datetime.fromtimestamp(END * 300, UTC).isoformat()
    done = netfold("assess", "-c", path, "--at", at, "--json")
    assert done.returncode == 0, done.stderr
    said = {it["subject"]: it for it in json.loads(done.stdout)}
    assert (said["a"]["kind"], said["a"]["status"]) == ("link", "idle")
    assert said["a"]["evidence"]["capacity_bps"] == 1e8
    assert (said["edu"]["status"], said["edu"]["members"]) == ("idle", ["a"])
    assert said["edu"]["evidence"] is None
    words = netfold("explain", "a", "-c", path, "--at", at).stdout
    assert words.startswith("link a: idle\n")
    stricter = tmp_path / "policy.yaml"
    stricter.write_text("links: {idle: [{rate: 1k, at_most: 0%}, {load: 5%, at_most: 0.1%}]}\n")
    done = netfold("assess", "-c", path, "--at", at, "--policy", stricter, "--json")
    assert json.loads(done.stdout)[0]["policy"] != said["a"]["policy"]
    both = netfold("assess", "-c", path, "--series", path)
    assert (both.returncode, both.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("period", "now", "begin", "end"),
    [
        ("month_end", (2027, 1, 16), (2026, 12, 29), (2027, 1, 1)),
        ("month_end", (2027, 2, 1), (2027, 1, 29), (2027, 2, 1)),
        ("month_end", (2027, 1, 31), (2026, 12, 29), (2027, 1, 1)),
        ("month_end", (2028, 3, 2), (2028, 2, 27), (2028, 3, 1)),
        ("quarter_end", (2027, 3, 31), (2026, 12, 29), (2027, 1, 1)),
        ("quarter_end", (2027, 4, 1), (2027, 3, 29), (2027, 4, 1)),
        ("06-01..06-10", (2027, 6, 10), (2026, 6, 1), (2026, 6, 11)),
        ("06-01..06-10", (2027, 6, 11), (2027, 6, 1), (2027, 6, 11)),
        ("12-25..01-05", (2027, 1, 5), (2025, 12, 25), (2026, 1, 6)),
        ("12-25..01-05", (2027, 1, 6), (2026, 12, 25), (2027, 1, 6)),
        ("02-20..02-29", (2027, 5, 1), (2027, 2, 20), (2027, 3, 1)),
    ],
)
def test_the_last_occurrence_of_a_period_is_over(
    period: str, now: tuple[int, int, int], begin: tuple[int, int, int], end: tuple[int, int, int]
) -> None:
    now_s, begin_s, end_s = (datetime(*it, tzinfo=SHANGHAI).timestamp() for it in (now, begin, end))
    assert last_occurrence(period, now_s) == (begin_s, end_s)


@pytest.mark.parametrize(
    ("period", "now", "end"),
    [
        ("month_end", (2027, 1, 30, 12), (2027, 2, 1)),
        ("month_end", (2027, 2, 1), (2027, 3, 1)),
        ("quarter_end", (2026, 12, 31, 23), (2027, 1, 1)),
        ("quarter_end", (2027, 1, 1), (2027, 4, 1)),
        ("06-01..06-10", (2027, 6, 11), (2028, 6, 11)),
        ("12-25..01-05", (2026, 12, 26), (2027, 1, 6)),
        ("12-25..01-05", (2027, 1, 6), (2028, 1, 6)),
    ],
)
def test_the_next_end_of_a_period_is_after_now(
    period: str, now: tuple[int, ...], end: tuple[int, int, int]
) -> None:
    now_s = datetime(*now, tzinfo=SHANGHAI).timestamp()  # type: ignore[arg-type, misc]
    assert next_end(period, now_s) == datetime(*end, tzinfo=SHANGHAI).timestamp()


DECEMBER = int(datetime(2026, 12, 29, tzinfo=SHANGHAI).timestamp()) // 300
JUNE = int(datetime(2026, 6, 1, tzinfo=SHANGHAI).timestamp()) // 300


def of_silent_line(folder: Path, period: str, *records: tuple[str, list[Tick]]) -> Verdict:
    """The verdict on a line that is silent now, and whose history holds those records too."""
    path = department(folder, [link("a", "edu", busy_periods=[period])], edu={})
    (folder / "data").mkdir()
    history = History(folder / "data" / "history.sqlite")
    for identity, its in records:
        history.write({key("a", identity): Record(its)}, [Capacity("link", "a", 0.0, 1e8)])
    silence = ticks(0.0, range(FIRST, END))
    history.write({key("a"): Record(silence)}, [Capacity("link", "a", 0.0, 1e8)])
    history.close()
    return verdicts(path)["a"]


def test_one_busy_day_of_a_season_within_the_window_keeps_a_line_from_being_idle(
    tmp_path: Path,
) -> None:
    # Five hours at 15 %: 0.7 % of thirty days, but 7 % of the three days of the month's end.
    busy = ("r1/ge0", ticks(1.5e7, range(DECEMBER, DECEMBER + 60)))
    assert of_silent_line(tmp_path, "quarter_end", busy).judgement.unproven == ("quarter_end",)
    (tmp_path / "undeclared").mkdir()
    other = of_silent_line(tmp_path / "undeclared", "06-01..06-10", busy)
    assert other.judgement.outcomes[-1].holds is True  # without the season it would be of low use


def test_a_season_long_before_the_window_proves_it_even_at_another_interface(
    tmp_path: Path,
) -> None:
    june = range(JUNE, JUNE + 10 * DAY)
    assert of_silent_line(tmp_path, "06-01..06-10", ("r1/ge9", ticks(0.0, june))).status == "idle"
    for name, unproven in (("used", ticks(2e7, june)), ("half", ticks(0.0, june[: 5 * DAY]))):
        (tmp_path / name).mkdir()
        found = of_silent_line(tmp_path / name, "06-01..06-10", ("r1/ge9", unproven))
        assert (found.status, found.judgement.unproven) == ("unknown", ("06-01..06-10",))
        over = datetime(2027, 6, 11, tzinfo=SHANGHAI).timestamp()
        assert found.earliest_s == over


def test_a_season_that_the_retention_forgot_proves_nothing(tmp_path: Path) -> None:
    june = ("r1/ge0", ticks(0.0, range(JUNE, JUNE + 10 * DAY)))
    assert of_silent_line(tmp_path, "06-01..06-10", june).status == "idle"
    history = History(tmp_path / "data" / "history.sqlite")
    history.prune((END - 180 * DAY) * 300.0)
    history.close()
    assert verdicts(tmp_path / "netfold.yaml")["a"].status == "unknown"


def test_the_season_of_a_month_end_is_its_last_three_days_in_shanghai(tmp_path: Path) -> None:
    # Used up to the minute in which the 29th begins there, and again when the new year has begun.
    before = ticks(2e7, range(DECEMBER - 12, DECEMBER))
    after = ticks(2e7, range(DECEMBER + 3 * DAY, DECEMBER + 3 * DAY + 12))
    found = of_silent_line(tmp_path, "month_end", ("r1/ge0", before + after))
    assert found.status == "low_use"
    assert found.judgement.unproven == ()
