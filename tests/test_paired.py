"""Two paths compared: the median of paired differences, its interval, and what is not known."""

import random
from datetime import date
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.judge.gates import Gate
from agent.judge.paired import Parity, Spread, mean_spread, no_more, rank, spread
from agent.judge.phases import PhaseEvidence, stand
from config.policy import load_policy

POLICY = load_policy().phases

DIFFERENCES = st.lists(
    st.none() | st.floats(-1, 1, allow_nan=False, width=32), min_size=1, max_size=80
)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(1, 0, id="one-round-has-no-interval"),
        pytest.param(5, 0, id="five-rounds-have-none-yet"),
        pytest.param(6, 1, id="six-are-the-first"),
        pytest.param(9, 2, id="nine"),
        pytest.param(12, 3, id="twelve"),
        pytest.param(17, 5, id="seventeen"),
        pytest.param(20, 6, id="twenty"),
        pytest.param(60, 22, id="sixty"),
    ],
)
def test_the_rank_is_that_of_printed_tables_of_the_sign_test(count: int, expected: int) -> None:
    assert rank(count) == expected


@given(st.integers(1, 400))
def test_the_rank_is_the_largest_that_is_sure_enough(count: int) -> None:
    def tail(k: int) -> int:
        return sum(comb(count, it) for it in range(k))

    assert 40 * tail(rank(count)) <= 2**count < 40 * tail(rank(count) + 1)


def test_the_interval_holds_the_true_median_at_least_95_times_in_100() -> None:
    chance = random.Random(7)  # noqa: S311 - chance that can be repeated
    held = 0
    for _ in range(1000):
        found = spread([chance.expovariate(1) ** 3 for _ in range(30)])
        assert found is not None
        assert found.lower is not None
        assert found.upper is not None
        held += found.lower <= 0.6931471805599453**3 <= found.upper
    assert held >= 950


def test_median_and_interval_of_ten_rounds() -> None:
    assert spread([0.01 * it for it in (3, 1, 4, 2, 5, 9, 10, 6, 8, 7)]) == Spread(
        0.055, 0.02, 0.09
    )


def test_of_six_rounds_the_ends_are_the_least_and_the_greatest() -> None:
    assert spread([0.6, 0.1, 0.3, 0.2, 0.5, 0.4]) == Spread(0.35, 0.1, 0.6)
    assert spread([0.1, 0.2, 0.3, 0.4, 0.5]) == Spread(0.3, None, None)


def test_the_mean_of_what_is_known_and_what_the_others_could_make_of_it() -> None:
    assert mean_spread([0.25, -0.25, 0.75, None]) == Spread(0.25, -0.0625, 0.4375)
    assert mean_spread([0.5, 0.0]) == Spread(0.25, 0.25, 0.25)


def test_nothing_is_known_of_no_rounds_and_of_unknown_ones() -> None:
    assert spread([]) is None
    assert spread([None] * 20) is None
    assert mean_spread([]) is None
    assert mean_spread([None]) is None


def test_each_round_that_is_not_known_widens_the_interval_until_there_is_none() -> None:
    known = [it / 1000 for it in range(12)]
    assert spread(known) == Spread(0.0055, 0.002, 0.009)
    found = spread([*known[:6], None, *known[6:]])
    assert found == Spread(0.0055, 0.001, 0.01)
    assert spread([*known, *[None] * 12]) == Spread(0.0055, None, None)


@given(DIFFERENCES, st.lists(st.floats(-1, 1, allow_nan=False, width=32), min_size=80, max_size=80))
def test_whatever_the_unknown_rounds_were_the_interval_would_lie_within(
    differences: list[float | None], truth: list[float]
) -> None:
    real = [it if it is not None else truth[n] for n, it in enumerate(differences)]
    bounds, whole = spread(differences), spread(real)
    if bounds and whole and bounds.lower is not None and bounds.upper is not None:
        assert whole.lower is not None
        assert whole.upper is not None
        assert bounds.lower <= whole.lower <= whole.upper <= bounds.upper
    loss, mean = mean_spread(differences), sum(real) / len(real)
    if loss is not None:
        assert loss.lower is not None
        assert loss.upper is not None
        assert loss.lower - 1e-6 <= mean <= loss.upper + 1e-6


def test_a_limit_is_kept_or_not_or_nobody_knows() -> None:
    assert no_more(5, 1, 5) is True
    assert no_more(5, 5.1, 9) is False
    assert no_more(5, 4, 6) is None
    assert no_more(5, 5, 6) is None
    assert no_more(5, None, None) is None
    assert no_more(5, None, 4) is True


def gates(*parities: Parity) -> dict[str, Gate]:
    standing = stand(PhaseEvidence(date(2027, 3, 1), parities=parities), POLICY)
    return {it.name: it for it in standing.asked("cut_over") if it.name.startswith("no_")}


def parity(slower_ms: tuple[float, float], lossier: tuple[float, float], pair: str = "p") -> Parity:
    ends = [it / 1000 for it in slower_ms]
    return Parity(pair, Spread(ends[0], *ends), Spread(lossier[0], *lossier))


@pytest.mark.parametrize(
    ("parities", "slower", "lossier"),
    [
        pytest.param((parity((-3, -2), (-0.2, -0.1)),), True, True, id="better"),
        pytest.param((parity((0, 5), (0, 0.01)),), True, True, id="as-much-worse-as-may-be"),
        pytest.param((parity((5.1, 9), (0.02, 0.03)),), False, False, id="worse"),
        pytest.param((parity((4, 6), (0, 0.02)),), None, None, id="not-decided"),
        pytest.param((Parity("p", None, None),), None, None, id="nothing-seen"),
        pytest.param(
            (parity((0, 1), (0, 0)), Parity("q", None, None)), None, None, id="one-of-two-not-seen"
        ),
        pytest.param(
            (parity((9, 9), (0, 0)), Parity("q", None, None)), False, None, id="one-of-two-worse"
        ),
    ],
)
def test_gates_of_parity_have_three_values(
    parities: tuple[Parity, ...], slower: bool | None, lossier: bool | None
) -> None:
    found = gates(*parities)
    assert (found["no_slower"].holds, found["no_lossier"].holds) == (slower, lossier)
    for it in found.values():
        assert (it.holds is None) == bool(it.unseen)


def test_gates_say_what_was_seen_and_what_is_asked() -> None:
    found = gates(parity((0.8, 1.2), (0.001, 0.002), "portal"))
    assert found["no_slower"][2:4] == ("portal 0.8 ms (0.8 ms to 1.2 ms)", "at most 5 ms slower")
    assert found["no_lossier"][2:4] == (
        "portal 0.10% (0.10% to 0.20%)",
        "at most 1.00% more lost",
    )


def test_a_network_without_pairs_is_not_asked_for_parity() -> None:
    assert gates() == {}
