"""Progress: every network counted once, and held to its plan, its milestones and its pace."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.judge.counted import NOTHING, Amount, Bucket, Counted, Totals, has_reached
from agent.judge.forecast import forecast, interval
from agent.judge.plan import Met, Planned, still_due
from agent.judge.progress import progress
from agent.judge.regions import around, level_of
from config.milestones import Milestone, historic
from config.register import Phase

TODAY = date(2027, 6, 1)
LINE = Amount(1, 2, 20e6, 1000.0, 1, 1)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def network(name: str, *steps: tuple[Phase | None, int], **more: Any) -> Counted:
    """A network of two lines, declared so many days ago each; observed is as declared."""
    timeline = tuple((phase, ago(days)) for phase, days in steps)
    last = steps[-1][0] if steps else None
    given = {
        "amount": LINE,
        "decided": True,
        "declared": last,
        "observed": last,
        "phase": last,
        "timeline": timeline,
    }
    return Counted(name, **(given | more))


PHASES = [*get_args(Phase), None]
REGIONS = [None, "440000", "440300", "440304", "440305", "440304001002", "110000", "440300000000"]

networks = st.lists(
    st.builds(
        Counted,
        name=st.text("abc", min_size=1),
        amount=st.builds(
            Amount,
            st.just(1),
            *[st.integers(0, 9)] * 3,
            *[st.integers(0, 1)] * 2,
        ),
        department=st.sampled_from([None, "市教育局", "市水务局"]),
        region=st.sampled_from(REGIONS),
        level=st.sampled_from([None, "central", "city", "county"]),
        declared=st.sampled_from(PHASES),
        observed=st.sampled_from(PHASES),
        phase=st.sampled_from(PHASES),
        exempt=st.booleans(),
        low=st.sampled_from([NOTHING, LINE]),
        decided=st.just(value=True),
        plan=st.dictionaries(
            st.sampled_from(["connected", "cut_over", "retired", "interconnected"]),
            st.integers(-200, 200).map(ago),
        ),
        timeline=st.lists(
            st.tuples(st.sampled_from(PHASES), st.integers(0, 200).map(ago)), max_size=4
        ).map(lambda it: tuple(sorted(it, key=lambda step: step[1]))),
    ),
    max_size=12,
)


def sums_to(parts: Iterable[Totals], whole: Totals) -> None:
    its = list(parts)
    figures: list[Callable[[Totals], Amount]] = [
        lambda it: it.all,
        lambda it: it.to_consolidate,
        lambda it: it.reclaimable or NOTHING,
    ]
    for figure in figures:
        total = NOTHING
        for it in its:
            total = total.plus(figure(it))
        assert total == figure(whole)
    for bucket in get_args(Bucket):
        assert sum(it.of(bucket).yuan for it in its) == whole.of(bucket).yuan
        assert sum(it.of(bucket).lines for it in its) == whole.of(bucket).lines


@given(networks)
def test_the_numbers_add_up_and_each_network_is_counted_once(its: list[Counted]) -> None:
    found = progress(its, (), (), TODAY)
    sums_to(found.departments, found.total)
    sums_to(found.levels, found.total)
    outermost = [it for it in found.regions if it.name is None or it.name.endswith("0000")]
    sums_to(outermost, found.total)
    for one in (found.total, *found.departments, *found.levels, *found.regions):
        for by_phase in (one.declared, one.observed, one.buckets):
            assert sum(it.networks for it in by_phase.values()) == one.all.networks
            assert sum(it.lines for it in by_phase.values()) == one.all.lines
        assert one.all.priced <= one.all.networks
    for it in found.plan:
        assert it.networks == it.on_time + it.late + it.undated + it.overdue + it.to_come
    assert len(found.overdue) == sum(it.overdue for it in found.plan)
    for of_level in found.coverage:
        assert set(of_level.covered) <= set(of_level.named)


@given(networks)
def test_what_is_saved_on_its_way_or_exempt_is_never_reclaimable_too(its: list[Counted]) -> None:
    waiting = [it for it in its if it.bucket == "waiting"]
    total = progress(its, (), (), TODAY).total
    if total.reclaimable is None:
        assert waiting
        assert total.undecided == len(waiting)
    else:
        assert total.reclaimable.yuan == sum(it.low.yuan for it in waiting)


@pytest.mark.parametrize(
    ("phase", "more", "bucket"),
    [
        pytest.param("planned", {}, "waiting", id="planned"),
        pytest.param(None, {}, "waiting", id="nothing-declared"),
        pytest.param("connected", {}, "on_the_way", id="connected"),
        pytest.param("reverted", {}, "on_the_way", id="reverted"),
        pytest.param("observing", {}, "on_the_way", id="observing"),
        pytest.param("retired", {}, "migrated", id="retired"),
        pytest.param("funding_cut", {}, "migrated", id="funding-cut"),
        pytest.param("interconnected", {}, "interconnected", id="kept-and-joined"),
        pytest.param("exempt", {}, "exempt", id="declared-exempt"),
        pytest.param("retired", {"exempt": True}, "exempt", id="an-exemption-in-force"),
        pytest.param(
            "retired",
            {"phase": "reverted"},
            "on_the_way",
            id="retired-but-traffic-is-back",
        ),
        pytest.param("retired", {"phase": None}, "on_the_way", id="retired-says-one"),
        pytest.param("retired", {"observed": None}, "migrated", id="not-known-is-not-disproven"),
    ],
)
def test_a_network_counts_as_declared_unless_the_data_disprove_it(
    phase: Phase | None, more: Any, bucket: str
) -> None:
    assert network("a", (phase, 10), **more).bucket == bucket


def test_a_rate_has_what_is_to_be_consolidated_for_its_denominator() -> None:
    its = [
        network("a", ("retired", 9)),
        network("b", ("interconnected", 9)),
        network("c", ("planned", 9)),
        network("d", ("planned", 9), low=LINE),
        network("e", ("planned", 9), exempt=True, low=LINE),
    ]
    total = progress(its, (), (), TODAY).total
    assert total.to_consolidate == Amount(4, 8, 80e6, 4000, 4, 4)
    for measure in ("networks", "lines", "bps", "yuan"):
        assert total.rate("migrated", measure) == 0.25
        assert total.rate("interconnected", measure) == 0.25
    assert (total.of("migrated"), total.reclaimable) == (LINE, LINE)
    nothing = progress(its[-1:], (), (), TODAY).total
    assert nothing.rate("migrated", "networks") is None


def test_only_the_lines_that_are_low_are_reclaimable_of_a_network_that_is_used() -> None:
    part = Amount(0, 1, 10e6, 400.0, 1, 1)
    total = progress([network("a", ("planned", 9), low=part)], (), (), TODAY).total
    assert total.reclaimable == part


def test_what_nobody_declared_or_judged_is_not_known_and_not_0() -> None:
    poor = Amount(1, 2)
    total = progress(
        [network("a", ("planned", 9), amount=poor, decided=False)], (), (), TODAY
    ).total
    assert (total.reclaimable, total.undecided) == (None, 1)
    assert (total.all.known("yuan"), total.all.known("bps"), total.all.known("lines")) == (
        *(None, None, 2),
    )
    assert total.rate("migrated", "networks") == 0
    assert total.rate("migrated", "yuan") is None
    assert total.of("migrated").known("yuan") == 0


@pytest.mark.parametrize(
    ("steps", "due", "became"),
    [
        pytest.param((("surveyed", 99), ("connected", 10)), 10, "on_time", id="on-the-day"),
        pytest.param((("surveyed", 99), ("connected", 10)), 11, "late", id="a-day-late"),
        pytest.param((("surveyed", 99), ("cut_over", 10)), 11, "late", id="with-a-further-one"),
        pytest.param((("connected", 10),), 11, "undated", id="so-when-first-declared"),
        pytest.param((("connected", 10),), 10, "on_time", id="but-before-it-was-due"),
        pytest.param((("surveyed", 99),), 1, "overdue", id="yesterday"),
        pytest.param((("surveyed", 99),), 0, "to_come", id="today-is-not-over"),
        pytest.param(
            (("connected", 50), ("planned", 20), ("connected", 5)),
            30,
            "late",
            id="given-up-between",
        ),
        pytest.param(
            (("surveyed", 90), ("cut_over", 50), ("reverted", 20)), 40, "on_time", id="reverted-ran"
        ),
        pytest.param((("interconnected", 10),), 10, "on_time", id="joined-is-as-good"),
    ],
)
def test_a_planned_day_is_held_against_the_journals(steps: Any, due: int, became: str) -> None:
    one = network("a", *steps, plan={"connected": ago(due)})
    (found,) = progress([one], (), (), TODAY).plan
    expected = dict.fromkeys(("on_time", "late", "undated", "overdue", "to_come"), 0) | {became: 1}
    assert found == Planned("connected", 1, **expected)


def test_the_overdue_list_begins_with_what_is_longest_due() -> None:
    its = [
        network("a", ("surveyed", 99), plan={"connected": ago(3), "cut_over": ago(1)}),
        network("b", ("surveyed", 99), plan={"connected": ago(9)}, department="市水务局"),
        network("c", ("exempt", 99), plan={"connected": ago(9)}),
    ]
    found = progress(its, (), (), TODAY).overdue
    assert [(it.network, it.phase, it.days) for it in found] == [
        *(("b", "connected", 9), ("a", "connected", 3), ("a", "cut_over", 1)),
    ]
    assert found[0].department == "市水务局"
    assert list(still_due(its)) == [
        *(("a", "connected", ago(3)), ("a", "cut_over", ago(1)), ("b", "connected", ago(9))),
    ]


def milestone(share: float, by: date, phase: Any = "retired") -> Milestone:
    return Milestone(name="m", by=by, share=share, phase=phase)


def reckoned(it: Milestone, *its: Counted) -> Met:
    (found,) = progress(its, (), [it], TODAY).milestones
    return found


def test_a_milestone_is_met_by_so_many_networks_on_the_day_of_the_last_that_it_needs() -> None:
    its = [
        network("a", ("surveyed", 99), ("retired", 40)),
        network("b", ("surveyed", 99), ("interconnected", 20)),
        network("c", ("surveyed", 99), ("retired", 5)),
        network("d", ("surveyed", 99)),
        network("e", ("exempt", 99)),
    ]
    half = reckoned(milestone(0.5, ago(30)), *its)
    assert half[1:] == (4, 2, 3, ago(20), False)
    assert half.holds
    most = reckoned(milestone(0.9, ago(1)), *its)
    assert most[1:] == (4, 4, 3, None, True)
    assert not reckoned(milestone(0.9, TODAY), *its).overdue
    assert reckoned(milestone(0.7, TODAY), *[network("x", ("retired", 1))] * 10).needed == 7
    nobody = reckoned(milestone(0.5, ago(1)))
    assert (nobody.holds, nobody.overdue) == (False, False)


def test_a_milestone_asks_for_one_network_at_least_and_never_for_more_than_there_are() -> None:
    waits = network("a", ("surveyed", 9))
    least = reckoned(milestone(1e-12, ago(1)), *[waits] * 3)
    assert (least.needed, least.holds, least.overdue) == (1, False, True)
    assert reckoned(milestone(1e-12, ago(1))).needed == 0
    assert reckoned(milestone(1, ago(1)), *[waits] * 3).needed == 3


def test_a_milestone_that_one_of_unknown_day_may_have_met_before_has_no_day() -> None:
    on_its_day = network("a", ("surveyed", 99), ("retired", 40))
    found = reckoned(milestone(0.5, ago(1)), on_its_day, network("b", ("retired", 5)))
    assert (found.holds, found.met_on) == (True, None)
    earlier = reckoned(milestone(1, ago(1)), on_its_day, network("b", ("retired", 50)))
    assert (earlier.holds, earlier.met_on) == (True, ago(40))


def test_the_plan_is_told_in_the_order_of_the_phases() -> None:
    its = [
        network("a", ("surveyed", 9), plan={"cut_over": ago(1), "retired": TODAY}),
        network("b", ("surveyed", 9), plan={"connected": ago(1), "retired": TODAY}),
    ]
    found = progress(its, (), (), TODAY).plan
    assert [(it.phase, it.networks) for it in found] == [
        *(("connected", 1), ("cut_over", 1), ("retired", 2)),
    ]


def test_that_all_was_so_when_first_declared_meets_a_milestone_on_no_known_day() -> None:
    found = reckoned(milestone(1, ago(30)), network("a", ("retired", 5)))
    assert (found.holds, found.met_on, found.overdue) == (True, None, False)


def test_the_deadlines_of_the_documents_are_history() -> None:
    assert {it.by.year for it in historic()} == {2017, 2018, 2020}
    assert [it.by for it in historic()] == sorted(it.by for it in historic())


@pytest.mark.parametrize(
    ("region", "level"),
    [
        *(("440000", "province"), ("440300", "city"), ("440304", "county")),
        *(("440304001000", "township"), ("440304001002", "township"), ("440300000000", "city")),
    ],
)
def test_a_code_says_its_level(region: str, level: str) -> None:
    assert level_of(region) == level


def test_a_village_lies_in_a_township_a_county_a_city_and_a_province() -> None:
    expected = ("440000", "440300", "440304", "440304001000", "440304001002")
    assert around("440304001002") == expected
    assert around("440300000000") == ("440000", "440300")


def test_regions_are_rolled_up_and_those_that_nobody_reached_are_named() -> None:
    its = [
        network("a", ("retired", 9), region="440304"),
        network("b", ("planned", 9), region="440305"),
        network("c", ("connected", 9), region="440300"),
        network("d", ("connected", 9)),
    ]
    found = progress(its, ["440306", "440304000000"], (), TODAY)
    counts = [(it.name, it.all.networks) for it in found.regions]
    assert counts == [("440000", 3), ("440300", 3), ("440304", 1), ("440305", 1), (None, 1)]
    assert [(it.level, it.named, it.covered) for it in found.coverage] == [
        ("city", ("440300",), ("440300",)),
        ("county", ("440304", "440305", "440306"), ("440304",)),
    ]


@pytest.mark.parametrize(
    ("count", "lower", "upper"),
    [(0, 0.0, 2.996), (1, 0.0513, 4.744), (10, 5.425, 16.962), (100, 84.14, 118.08)],
)
def test_the_interval_is_the_exact_one_of_the_tables(
    count: int, lower: float, upper: float
) -> None:
    assert interval(count) == pytest.approx((lower, upper), rel=1e-3)


def done(days: int) -> Counted:
    return network(f"n{days}", ("surveyed", 200), ("retired", days))


def test_a_forecast_goes_on_as_in_the_last_ninety_days() -> None:
    its = [*map(done, (1, 20, 30, 89, 90, 150)), *[network("w", ("planned", 200))] * 8]
    found = forecast(its, TODAY)
    assert (found.remaining, found.completed, found.days, found.why) == (8, 4, 90, None)
    assert found.likely == TODAY + timedelta(days=180)  # 8 at 4 in 90 days
    assert found.earliest == TODAY + timedelta(days=round(8 * 90 / found.at_most))
    assert found.latest == TODAY + timedelta(days=round(8 * 90 / found.at_least))


@pytest.mark.parametrize(
    ("its", "why"),
    [
        pytest.param([], "no_networks", id="nothing-there"),
        pytest.param([done(5)], "all_done", id="all-is-done"),
        pytest.param(
            [done(100), network("w", ("planned", 99))], "no_completions", id="none-lately"
        ),
        pytest.param(
            [network("a", ("retired", 5)), network("w", ("planned", 99))],
            "no_completions",
            id="one-whose-day-nobody-knows",
        ),
        pytest.param([network("w", ("planned", 0))], "began_today", id="the-first-day"),
    ],
)
def test_without_a_completion_there_is_no_forecast(its: list[Counted], why: str) -> None:
    found = forecast(its, TODAY)
    assert (found.why, found.likely, found.earliest) == (why, None, None)


def test_a_journal_younger_than_ninety_days_counts_for_as_long_as_it_is() -> None:
    its = [network("a", ("planned", 30), ("retired", 3)), network("b", ("planned", 30))]
    found = forecast(its, TODAY)
    assert (found.days, found.likely) == (30, TODAY + timedelta(days=30))


def test_a_clock_that_was_set_back_completes_nothing_in_the_past() -> None:
    """What was declared on days yet to come is no pace, and no forecast is before today."""
    ahead = network("a", ("planned", -2), ("retired", -9))
    waits = network("b", ("planned", -2))
    found = forecast([ahead, waits], TODAY)
    assert (found.days, found.completed, found.why) == (0, 0, "began_today")
    found = forecast([ahead, done(3), waits], TODAY)
    assert (found.completed, found.days) == (1, 90)
    assert found.earliest is not None
    assert found.earliest > TODAY


def test_what_would_take_longer_than_a_century_has_no_day() -> None:
    its = [done(3), *[network("w", ("planned", 200))] * 200]
    found = forecast(its, TODAY)
    assert found.latest is None
    assert found.earliest == TODAY + timedelta(days=round(200 * 90 / found.at_most))


def test_who_is_joined_has_reached_all_and_who_is_not_is_not_joined() -> None:
    assert has_reached("interconnected", "funding_cut")
    assert not has_reached("funding_cut", "interconnected")
    assert not has_reached(None, "surveyed")
    assert replace(network("a"), plan={"connected": TODAY}).reached("connected") is None
