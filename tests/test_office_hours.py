"""Office hours: which days are worked, what is not known of them, and rules that ask for them."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from holidays.countries.china import China, ChinaStaticHolidays
from hypothesis import given
from hypothesis import strategies as st

from agent.judge.bounds import NOTHING_KNOWN, Bounds, Traffic, bound, bound_within
from agent.judge.evidence import of_traffic
from agent.judge.office import Hours, hours
from agent.judge.rates import Run
from agent.judge.verdict import judge
from config.calendar import Calendar
from config.policy import LinkPolicy, load_policy
from config.problems import ConfigError

M = 1e6
OFFICE = Calendar()


def tick(*time: int) -> int:
    """The tick that begins at a time in UTC."""
    return int(datetime(*time, tzinfo=UTC).timestamp() // 300)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-11-20", True),
        ("2026-11-21", False),
        ("2026-01-04", True),  # a Sunday worked in exchange
        ("2026-02-14", True),
        ("2026-10-10", True),
        ("2026-10-01", False),
        ("2026-02-20", False),  # a Friday of Spring Festival
        ("2025-10-08", False),
        ("2099-01-01", None),
    ],
)
def test_exchanged_days_are_known_and_an_undecreed_year_is_not_guessed(
    day: str, works: bool | None
) -> None:
    assert OFFICE.works_on(date.fromisoformat(day)) is works


def test_an_own_year_wins_over_the_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("calendar: {hours: 08:30-17:30, years: own.yaml}\n")
    (tmp_path / "own.yaml").write_text(
        "years:\n  - {year: 2099, holidays: [01-01..01-03], working_days: [01-04]}\n"
        "  - {year: 2026, holidays: [11-20]}\n"
    )
    calendar = load_policy(path).calendar
    assert calendar.hours == (510, 1050)
    days = ("2099-01-01", "2099-01-04", "2099-01-05", "2099-01-10", "2026-11-20")
    found = [calendar.works_on(date.fromisoformat(day)) for day in days]
    assert found == [False, True, True, False, False]
    assert load_policy(path).hash != load_policy().hash


LIBRARY = [it for it in ChinaStaticHolidays.special_public_holidays if it >= 2012]


@pytest.mark.parametrize("year", LIBRARY)
def test_every_year_that_the_library_knows_is_shipped_as_it_knows_it(year: int) -> None:
    decreed = China(years=year)
    first = date(year, 1, 1).toordinal()
    days = [date.fromordinal(n) for n in range(first, date(year + 1, 1, 1).toordinal())]
    assert [it for it in days if OFFICE.works_on(it) is not decreed.is_working_day(it)] == []


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("calendar: {hours: 9-18}", "not office hours: '9-18'; write when they begin and end"),
        ("calendar: {hours: 18:00-09:00}", "not office hours: '18:00-09:00'"),
        ("calendar: {hours: 09:00-24:01}", "not office hours"),
        ("calendar: {hours: 09:60-18:00}", "not office hours"),
        ("calendar: {hour: 09:00-18:00}", "calendar.hour: unknown key"),
        ("calendar: {years: none.yaml}", "none.yaml"),
        ("calendar: {years: bad.yaml}", "bad.yaml:1: years[0].holidays[0]: not days of a year"),
        ("calendar: {years: twice.yaml}", "the same year twice: 2027; write each once"),
        ("links: {low_use: [{load: 10%, at_most: 5%, hours: night}]}", "hours"),
        (
            "links: {low_use: [{load: 10%, at_most: 5%, hours: office}]}",
            "idle would not imply low_use",
        ),
    ],
)
def test_a_mistake_in_a_calendar_is_said(tmp_path: Path, written: str, says: str) -> None:
    (tmp_path / "policy.yaml").write_text(written)
    (tmp_path / "bad.yaml").write_text("years: [{year: 2027, holidays: [02-30]}]")
    (tmp_path / "twice.yaml").write_text("years: [{year: 2027}, {year: 2027}]")
    with pytest.raises(ConfigError) as caught:
        load_policy(tmp_path / "policy.yaml")
    assert any(says in str(it) for it in caught.value.problems), caught.value.problems


def test_nine_to_six_in_shanghai_are_108_ticks_a_working_day() -> None:
    week = hours(OFFICE, tick(2026, 11, 15, 16), 7 * 288, 300.0)  # Monday 16 November, there
    assert np.flatnonzero(week.certain)[[0, 107, 108]].tolist() == [108, 215, 288 + 108]
    assert week.certain.sum() == week.possible.sum() == 5 * 108
    exchanged = hours(OFFICE, tick(2026, 10, 4, 16), 7 * 288, 300.0)  # 5 to 7 off, 10 worked
    assert np.unique(np.flatnonzero(exchanged.certain) // 288).tolist() == [3, 4, 5]


def test_in_an_unknown_year_any_day_may_be_worked_and_no_night() -> None:
    week = hours(OFFICE, tick(2099, 1, 4, 16), 7 * 288, 300.0)
    assert (week.certain.sum(), week.possible.sum()) == (0, 7 * 108)
    assert week.unknown_years == (2099,)


def line(first: int, busy: np.ndarray, rate: float, otherwise: float = 0.0) -> Traffic:
    values = np.where(busy, rate, otherwise)
    return Traffic(first, values, values * 0, np.full(len(busy), 100 * M))


def office_policy(folder: Path) -> LinkPolicy:
    path = folder / "policy.yaml"
    rules = "{load: 10%, at_most: 5%, hours: office}"
    path.write_text(
        f"links: {{low_use: [{rules}], idle: [{rules}, {{rate: 16k, at_most: 1%}}], "
        "busy: [{load: 70%, more_than: 5%, hours: office}]}\n"
    )
    return load_policy(path).links


def test_a_rule_of_office_hours_sees_nothing_of_the_nightly_backup(tmp_path: Path) -> None:
    first = tick(2026, 10, 19, 16)
    night = np.arange(30 * 288) % 288 < 24
    backup = line(first, night, 40 * M)
    links = office_policy(tmp_path)
    (rule,) = links.low_use
    assert str(rule) == "load >= 0.10 at most 0.05 in office hours"
    assert rule.written == "{load: 10%, at_most: 5%, hours: office}"
    assert judge(backup, load_policy().links).status == "normal"
    assert judge(backup, links).status == "low_use"
    day = hours(OFFICE, first, 30 * 288, 300.0).certain
    assert judge(line(first, day, 80 * M), links).status == "busy"


def test_figures_of_office_hours_stand_beside_those_of_all_hours() -> None:
    first = tick(2026, 10, 19, 16)
    when = hours(OFFICE, first, 30 * 288, 300.0)
    found = of_traffic(line(first, when.certain, 40 * M, 1 * M), OFFICE)
    assert found.office is not None
    assert (found.office.mean, found.office.p95) == pytest.approx((0.4, 0.4))
    assert found.office.ticks == when.certain.sum()
    assert found.mean is not None
    assert found.mean < 0.2
    late = of_traffic(line(tick(2099, 1, 5), np.zeros(288, bool), M), OFFICE).office
    assert late is not None
    assert (late.ticks, late.mean, late.unknown_years) == (0, None, (2099,))


def test_a_year_that_nobody_knows_leaves_open_only_what_it_could_change() -> None:
    first = tick(2099, 1, 4, 16)
    silent = line(first, np.zeros(7 * 288, bool), 0.0)
    assert silent.time_above("load", 0.1, OFFICE) == Bounds(0, 0)
    monday = np.arange(7 * 288) < 288  # a holiday, perhaps
    assert line(first, monday, 50 * M).time_above("load", 0.1, OFFICE) == Bounds(0, 1)
    always = line(first, np.ones(7 * 288, bool), 50 * M)
    assert always.time_above("load", 0.1, OFFICE) == Bounds(1, 1)


def test_a_window_without_office_hours_proves_nothing_by_them() -> None:
    saturday = line(tick(2026, 11, 20, 16), np.zeros(288, bool), 0.0)
    assert saturday.time_above("load", 0.1, OFFICE) == NOTHING_KNOWN


def test_the_bits_of_a_run_are_known_in_office_hours_too() -> None:
    first = tick(2026, 11, 15, 16)
    traffic = line(first, np.zeros(288, bool), 0.0)
    traffic.receive[110:130] = traffic.transmit[110:130] = np.nan
    run = Run(first + 110, first + 129, (300 * 10 * M * 2, 0.0))  # lifts two ticks at most
    known = Traffic(first, traffic.receive, traffic.transmit, traffic.capacity, (run,))
    assert traffic.time_above("load", 0.1, OFFICE) == Bounds(0, 20 / 108)
    assert known.time_above("load", 0.1, OFFICE) == Bounds(0, 2 / 108)


CELLS = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0, np.nan]), st.sampled_from(["yes", "no", "perhaps"])),
    min_size=1,
    max_size=9,
)


@given(CELLS, st.data())
def test_whatever_was_unseen_and_undecreed_the_share_lies_between_the_bounds(
    cells: list[tuple[float, str]], data: st.DataObject
) -> None:
    values = np.array([value for value, _ in cells])
    when = Hours(
        np.array([it == "yes" for _, it in cells]), np.array([it != "no" for _, it in cells]), ()
    )
    found = bound_within(values, 0.5, when)
    truly = [data.draw(st.booleans()) if np.isnan(value) else value > 0.5 for value, _ in cells]
    office = [it == "yes" or (it == "perhaps" and data.draw(st.booleans())) for _, it in cells]
    if any(office):
        share = sum(a and b for a, b in zip(truly, office, strict=True)) / sum(office)
        assert found.lower <= share <= found.upper
    if all(it == "yes" for _, it in cells):
        assert found == bound(values, 0.5)
