"""Phases by evidence alone: which gates hold on which day, and what that comes to."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.judge.bounds import NOTHING_KNOWN, Bounds
from agent.judge.days import Day
from agent.judge.paired import Parity
from agent.judge.phases import ASKED, PhaseEvidence, Standing, stand
from agent.judge.steps import LEFT, STEPS
from config.policy import load_policy
from config.register import Phase

POLICY = load_policy().phases
TODAY = date(2027, 3, 1)
QUIET, LOUD, HIDDEN = Bounds(0, 0), Bounds(0.5, 0.5), NOTHING_KNOWN
GREEN, RED = Bounds(1, 1), Bounds(0.9, 0.9)
FELL = (1, LOUD, GREEN)
"""A day of use, so that the silence after it is a fall."""
READY = PhaseEvidence(
    TODAY,
    destination="extranet",
    planned=("cut_over", "retired"),
    undecided=(),
    unseen_periods=(),
    ports_up=("edu-a",),
    contracts_end=date(2027, 12, 31),
)


def days(*spans: tuple[int, Bounds | None, Bounds | None], today: date = TODAY) -> tuple[Day, ...]:
    """Spans of days alike, the last of them ending yesterday; today is just begun."""
    flat = [(above, available) for count, above, available in spans for _ in range(count)]
    flat.append((HIDDEN, HIDDEN))
    first = today - timedelta(days=len(flat) - 1)
    return tuple(Day(first + timedelta(days=n), *it) for n, it in enumerate(flat))


def standing(*spans: tuple[int, Bounds | None, Bounds | None], **more: Any) -> Standing:
    return stand(replace(READY, days=days(*spans), **more), POLICY)


def holds(it: Standing, name: str) -> bool | None:
    (found,) = [gate for gate in it.gates if gate.name == name]
    assert (found.holds is None) == bool(found.unseen), found
    return found.holds


@pytest.mark.parametrize(
    ("spans", "more", "observed"),
    [
        pytest.param((), {"missing_facts": ("owner",)}, None, id="nothing-declared"),
        pytest.param((), {"undecided": ("edu-a",)}, "surveyed", id="window-not-decided"),
        pytest.param((), {"undecided": None}, "surveyed", id="window-not-seen"),
        pytest.param((), {"unseen_periods": ("month_end",)}, "surveyed", id="month-end-not-seen"),
        pytest.param((), {"destination": None}, "baselined", id="no-destination"),
        pytest.param((), {"planned": ("retired",)}, "baselined", id="no-day-of-cutover"),
        pytest.param((), {}, "planned", id="no-successor-yet"),
        pytest.param(((6, LOUD, GREEN),), {}, "planned", id="green-six-days-of-seven"),
        pytest.param(((7, LOUD, GREEN),), {}, "connected", id="green-seven-days"),
        pytest.param(((8, LOUD, GREEN),), {}, "dual_running", id="both-a-day-later"),
        pytest.param(
            ((8, LOUD, GREEN), (1, QUIET, GREEN)), {}, "cut_over", id="the-first-quiet-day"
        ),
        pytest.param(
            ((8, LOUD, GREEN), (2, QUIET, GREEN)), {}, "cut_over", id="a-weekend-is-not-observed"
        ),
        pytest.param(((8, LOUD, GREEN), (3, QUIET, GREEN)), {}, "observing", id="three-quiet-days"),
        pytest.param(
            (FELL, (40, QUIET, GREEN)), {}, "observing", id="thirty-days-and-a-port-that-is-up"
        ),
        pytest.param(
            (FELL, (40, QUIET, GREEN)), {"ports_up": ()}, "observing", id="the-contract-runs"
        ),
        pytest.param(((40, QUIET, GREEN),), {}, "connected", id="always-idle-is-not-moved"),
        pytest.param(
            ((40, QUIET, GREEN),),
            {"ports_up": (), "contracts_end": date(2027, 2, 28)},
            "connected",
            id="always-idle-and-given-back-but-not-declared",
        ),
        pytest.param(
            ((40, QUIET, GREEN),), {"declared": "cut_over"}, "observing", id="idle-but-declared"
        ),
        pytest.param(
            ((40, QUIET, GREEN),),
            {"declared": "dual_running", "cut_over_on": TODAY - timedelta(days=9)},
            "observing",
            id="idle-but-declared-before",
        ),
        pytest.param(
            ((9, HIDDEN, GREEN), (31, QUIET, GREEN)), {}, "connected", id="nobody-saw-it-fall"
        ),
        pytest.param(
            (FELL, (30, QUIET, GREEN)),
            {"ports_up": (), "contracts_end": date(2027, 2, 28)},
            "retired",
            id="port-down-and-contract-over",
        ),
        pytest.param(
            (FELL, (29, QUIET, GREEN)),
            {"ports_up": (), "contracts_end": date(2027, 2, 28)},
            "observing",
            id="a-day-short-of-thirty",
        ),
        pytest.param(
            (FELL, (30, QUIET, GREEN)),
            {"ports_up": (), "contracts_end": TODAY},
            "observing",
            id="the-contract-ends-today",
        ),
        pytest.param(
            (),
            {"declared": "funding_cut", "contracts_end": date(2027, 2, 28)},
            "funding_cut",
            id="budgets-are-declared",
        ),
        pytest.param(
            (), {"declared": "funding_cut"}, "planned", id="no-budget-is-cut-while-a-contract-runs"
        ),
        pytest.param(
            (),
            {"declared": "funding_cut", "contracts_end": None},
            "planned",
            id="a-word-alone-cuts-no-budget",
        ),
        pytest.param(((9, LOUD, GREEN), (1, LOUD, RED)), {}, "planned", id="a-red-day-shuts-it"),
        pytest.param(((9, QUIET, GREEN), (1, QUIET, RED)), {}, "planned", id="cut-off-too"),
        pytest.param(
            ((8, LOUD, GREEN), (40, QUIET, GREEN)),
            {"basic_database": True},
            "dual_running",
            id="a-database-that-has-not-moved-blocks",
        ),
        pytest.param(((40, QUIET, GREEN),), {"exempt": True}, "exempt", id="exempt"),
    ],
)
def test_the_furthest_phase_that_is_proven(spans: Any, more: Any, observed: str | None) -> None:
    assert standing(*spans, **more).observed == observed


@pytest.mark.parametrize(
    ("spans", "more", "upheld"),
    [
        pytest.param((), {"declared": "retired"}, "observing", id="the-contract-runs"),
        pytest.param(((40, QUIET, GREEN),), {"declared": "observing"}, "observing", id="proven"),
        pytest.param((), {"declared": "observing"}, "observing", id="not-known-is-not-disproven"),
        pytest.param(
            ((9, LOUD, GREEN),), {"declared": "cut_over"}, "dual_running", id="still-loud"
        ),
        pytest.param(((9, LOUD, RED),), {"declared": "retired"}, "planned", id="and-never-green"),
        pytest.param((), {"declared": None}, None, id="nothing-declared"),
        pytest.param(
            ((8, QUIET, GREEN), (1, LOUD, GREEN)),
            {"declared": "observing", "cut_over_on": TODAY - timedelta(5)},
            "reverted",
            id="traffic-returned",
        ),
    ],
)
def test_a_network_counts_as_the_furthest_phase_that_is_not_disproven(
    spans: Any, more: Any, upheld: Phase | None
) -> None:
    assert standing(*spans, **more).upheld == upheld


def test_what_was_not_seen_proves_no_floor_and_no_return() -> None:
    """The last day seen says how things stand; after three days nobody knows."""
    before = ((8, LOUD, GREEN), (20, QUIET, GREEN))
    hidden = standing(*before, (2, HIDDEN, HIDDEN), declared="observing", cut_over_on=TODAY)
    assert hidden.observed == "cut_over"
    assert (hidden.unproven, hidden.mismatch) == (None, None)
    longer = standing(*before, (3, HIDDEN, HIDDEN), declared="observing")
    assert holds(longer, "line_at_floor") is None
    assert longer.observed == "planned"
    assert (longer.unproven, longer.mismatch, longer.returned) == (None, None, None)


def test_thirty_days_at_the_floor_are_thirty_days_proven_without_a_break() -> None:
    over = {"ports_up": (), "contracts_end": date(2027, 1, 1)}
    with_gap = standing(FELL, (15, QUIET, GREEN), (1, HIDDEN, None), (29, QUIET, GREEN), **over)
    assert (holds(with_gap, "floor_held"), with_gap.observed) == (None, "observing")
    a_day_later = standing(FELL, (15, QUIET, GREEN), (1, HIDDEN, None), (30, QUIET, GREEN), **over)
    assert (holds(a_day_later, "floor_held"), a_day_later.observed) == (True, "retired")


def test_gates_without_evidence_are_not_known() -> None:
    bare = stand(replace(READY, ports_up=None, contracts_end=None, undecided=None), POLICY)
    unknown = {it.name for it in bare.gates if it.holds is None}
    assert unknown >= {"successor_green", "successor_up", "line_at_floor", "floor_held"}
    assert unknown >= {"ports_down", "contracts_ended", "use_decided", "both_ran"}


def test_traffic_that_returns_after_a_cutover_is_reverted_the_same_day() -> None:
    """Of today only some ticks are seen: they prove a return, and never a floor."""
    cut_over = {"declared": "observing", "cut_over_on": TODAY - timedelta(days=10)}
    quiet = days((9, LOUD, GREEN), (10, QUIET, GREEN))
    evidence = replace(READY, days=quiet, **cut_over)
    before = stand(evidence, POLICY)
    assert (before.observed, before.returned, before.unproven) == ("observing", False, False)
    few = (*quiet[:-1], Day(TODAY, Bounds(0.009, 0.6), HIDDEN))
    assert stand(replace(evidence, days=few), POLICY).observed == "observing"
    back = (*quiet[:-1], Day(TODAY, Bounds(0.011, 0.6), HIDDEN))
    after = stand(replace(evidence, days=back), POLICY)
    assert (after.observed, after.returned, after.residual) == ("reverted", True, False)
    assert (after.unproven, after.mismatch) == (True, True)
    settled = stand(replace(evidence, days=back, declared="reverted"), POLICY)
    assert (settled.observed, settled.unproven, settled.mismatch) == ("reverted", False, False)


def test_traffic_that_never_went_is_residual() -> None:
    it = standing((20, LOUD, GREEN), declared="cut_over", cut_over_on=TODAY - timedelta(days=5))
    assert (it.observed, it.returned, it.residual) == ("dual_running", False, True)
    assert (it.unproven, it.mismatch) == (True, True)


def test_a_budget_is_not_cut_while_the_old_lines_are_in_use() -> None:
    over = {"contracts_end": date(2027, 1, 1), "cut_over_on": TODAY - timedelta(days=5)}
    it = standing((20, LOUD, GREEN), declared="funding_cut", **over)
    assert (it.observed, it.residual) == ("dual_running", True)
    assert (it.unproven, it.mismatch) == (True, True)


def test_the_day_of_the_cutover_itself_accuses_nobody() -> None:
    yesterday = TODAY - timedelta(days=1)
    it = standing((20, LOUD, GREEN), declared="cut_over", cut_over_on=yesterday)
    assert (it.returned, it.residual) == (None, None)
    quiet = standing(FELL, (1, QUIET, GREEN), declared="cut_over", cut_over_on=yesterday)
    assert (quiet.returned, quiet.residual) == (False, False)


def test_a_line_that_was_never_declared_cut_over_cannot_revert() -> None:
    it = standing((8, LOUD, GREEN), (8, QUIET, GREEN), (1, LOUD, GREEN), declared="dual_running")
    assert (it.observed, it.returned, it.mismatch) == ("dual_running", None, False)


def test_a_line_that_is_kept_on_purpose_ends_interconnected() -> None:
    kept = {"interconnect": True, "planned": ("interconnected",)}
    assert standing((7, LOUD, GREEN), **kept).observed == "interconnected"
    assert standing((6, LOUD, GREEN), **kept).observed == "planned"
    assert standing((40, QUIET, GREEN), **kept, ports_up=()).observed == "connected"


def test_of_a_classified_network_only_what_is_declared_counts() -> None:
    never: dict[str, Any] = {"classified": True, "destination": "intranet"}
    never |= dict.fromkeys(("ports_up", "undecided", "unseen_periods", "contracts_end"))
    assert standing(declared="surveyed", **never).observed == "surveyed"
    assert standing(declared="baselined", planned=(), **never).observed == "baselined"
    declared: tuple[Phase, ...] = (
        "planned",
        "connected",
        "cut_over",
        "observing",
        "retired",
        "funding_cut",
    )
    for phase in declared:
        it = standing(declared=phase, cut_over_on=TODAY - timedelta(days=9), **never)
        assert (it.observed, it.mismatch, it.returned) == (phase, False, None)
    blocked = standing(declared="cut_over", **never, basic_database=True)
    assert (blocked.observed, blocked.unproven) == ("dual_running", True)
    abroad = standing(declared="cut_over", **(never | {"destination": "extranet"}))
    assert (abroad.observed, abroad.unproven) == ("baselined", True)


def test_what_is_exempt_is_accused_of_nothing_but_counts_as_what_is_not_disproven() -> None:
    cut_over_on = TODAY - timedelta(days=5)
    back = ((9, LOUD, GREEN), (3, QUIET, GREEN), (1, LOUD, GREEN))
    for spans in (back, ((20, LOUD, GREEN),)):
        it = standing(*spans, declared="observing", cut_over_on=cut_over_on, exempt=True)
        assert (it.observed, it.upheld) == ("exempt", "dual_running")
        assert (it.returned, it.residual, it.unproven, it.mismatch) == (None, None, None, None)
    declared = standing((20, LOUD, GREEN), declared="exempt", exempt=True)
    assert declared.mismatch is False


def test_a_declaration_behind_or_ahead_is_a_mismatch_and_only_one_ahead_is_unproven() -> None:
    behind = standing(FELL, (40, QUIET, GREEN), declared="dual_running")
    assert (behind.mismatch, behind.unproven) == (True, False)
    ahead = standing((8, LOUD, GREEN), declared="observing")
    assert (ahead.mismatch, ahead.unproven) == (True, True)
    undeclared = standing((8, LOUD, GREEN))
    assert (undeclared.mismatch, undeclared.unproven) == (None, None)


def test_a_line_that_is_always_silent_did_not_fall_and_a_day_not_seen_may_be_one_of_use() -> None:
    idle = standing((40, QUIET, GREEN))
    assert (holds(idle, "line_fell"), holds(idle, "line_at_floor")) == (False, True)
    assert holds(standing((9, HIDDEN, GREEN), (31, QUIET, GREEN)), "line_fell") is None
    assert holds(standing(), "line_fell") is None
    declared = standing((40, QUIET, GREEN), declared="observing", cut_over_on=TODAY)
    assert (holds(declared, "line_fell"), declared.mismatch) == (True, False)


def test_gates_say_one_day_and_what_is_missing() -> None:
    it = {gate.name: gate for gate in standing((1, LOUD, GREEN), missing_facts=("owner",)).gates}
    assert (it["successor_green"].value, it["both_ran"].threshold) == ("1 day", "1 day")
    assert (it["facts_declared"].value, it["facts_declared"].threshold) == (
        "owner missing",
        "none missing",
    )
    assert it["use_decided"].value == "none"


def test_every_gate_that_a_phase_asks_is_there_once() -> None:
    one = standing(declared="exempt", parities=(Parity("portal", None, None),))
    names = [it.name for it in one.gates]
    assert len(set(names)) == len(names)
    assert {name for asked in ASKED.values() for name in asked} == set(names)


SHARE = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda it: Bounds(min(it), max(it)))


@given(
    st.lists(st.tuples(st.none() | SHARE, st.none() | SHARE), max_size=50),
    st.sampled_from((None, *STEPS)),
    st.data(),
)
def test_losing_what_was_seen_of_days_never_proves_more(
    seen: list[tuple[Bounds | None, Bounds | None]], declared: Phase | None, data: st.DataObject
) -> None:
    cut_over_on = TODAY - timedelta(days=data.draw(st.integers(0, 40)))
    evidence = replace(
        READY, declared=declared, cut_over_on=cut_over_on if declared in LEFT else None
    )
    whole = days(*((1, *it) for it in seen))
    hidden = data.draw(st.sets(st.integers(0, len(whole) - 1)))
    less = tuple(Day(it.day, HIDDEN, None) if n in hidden else it for n, it in enumerate(whole))
    full = {it.name: it.holds for it in stand(replace(evidence, days=whole), POLICY).gates}
    poor = stand(replace(evidence, days=less), POLICY)
    for name in ("successor_green", "line_fell", "floor_settled", "floor_held"):
        assert not holds(poor, name) or full[name], name
    loud = [it for it in less if it.above and it.above.lower > POLICY.floor_share]
    assert loud or not (poor.returned or poor.residual)
