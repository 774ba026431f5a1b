from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.judge.status import Status
from agent.judge.tenure import Tenure, carry

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S


def history(*statuses: str) -> list[Tenure]:
    """One verdict a day."""
    found: list[Tenure] = []
    for day, status in enumerate(statuses):
        before = found[-1] if found else None
        found.append(carry(before, Status(status), day * DAY_S, WEEK_S))
    return found


def test_a_low_verdict_is_confirmed_after_a_week() -> None:
    tenures = history(*["idle"] * 9)
    assert [it.confirmed for it in tenures] == [False] * 7 + [True] * 2
    assert {it.since_s for it in tenures} == {0.0}


def test_moving_between_idle_and_low_use_does_not_begin_the_week_anew() -> None:
    tenures = history("low_use", *["idle"] * 3, *["low_use"] * 4)
    assert tenures[-1] == Tenure(Status.LOW_USE, 4 * DAY_S, 0.0, True)


def test_one_day_of_another_verdict_does() -> None:
    tenures = history(*["idle"] * 6, "unknown", *["idle"] * 6)
    assert not any(it.confirmed for it in tenures)
    assert tenures[-1].low_since_s == 7 * DAY_S


def test_nothing_but_low_verdicts_is_ever_confirmed() -> None:
    assert not any(it.confirmed for it in history(*["normal"] * 20))


@given(st.lists(st.sampled_from(sorted(Status)), min_size=2, max_size=30))
def test_since_moves_only_with_the_verdict(statuses: list[str]) -> None:
    for one, following in pairwise(history(*statuses)):
        assert (one.since_s == following.since_s) == (one.status is following.status)
