"""Where a series stands, as octets: whatever it is, it comes back; whatever else, nothing does."""

from hypothesis import given
from hypothesis import strategies as st

from agent.history import SeriesKey
from agent.judge.rates import Fold, Run
from agent.standing import STANDING_BYTES, Standing, unpacked
from collectors.base import CounterReading, GaugeReading, Moment

OCTETS = SeriesKey("link", "edu-a", "r1/ge-0/0/1", "octets")
CPU = SeriesKey("server", "db1", "r1", "cpu")

seconds = st.floats(0, 2**40)
count = st.integers(0, 2**64 - 1)
number = st.integers(0, 2**62)
unknown = st.none()


def runs(width: int) -> st.SearchStrategy[Run | None]:
    amounts = st.tuples(*[seconds] * width)
    return unknown | st.builds(Run, number, number, amounts)


@st.composite
def folds(draw: st.DrawFn, until_s: float, width: int) -> Fold:
    amounts = draw(st.tuples(*[seconds] * width))
    return Fold(until_s, draw(number), draw(seconds), draw(seconds), amounts, draw(runs(width)))


@st.composite
def standings(draw: st.DrawFn) -> tuple[SeriesKey, Standing]:
    at = Moment(draw(seconds), draw(seconds))
    totals, dropped = (draw(count), draw(count)), draw(st.integers(0, 2**32 - 1))
    if draw(st.booleans()):
        level = draw(unknown | st.floats(0, 1))
        gauge = GaugeReading(*CPU[:3], at, "cpu", level, draw(seconds))  # type: ignore[arg-type]
        return CPU, Standing(gauge, draw(folds(at.wall_s, 1)), totals, dropped)
    counters = CounterReading(
        *OCTETS[:3],  # type: ignore[arg-type]
        at,
        draw(count),
        draw(count),
        draw(st.sampled_from([32, 64])),
        draw(unknown | seconds),
        draw(unknown | seconds),
        draw(unknown | st.integers(0, 2**32)),
    )
    fold = draw(folds(at.wall_s, 2))
    since_s = None if fold.run else draw(unknown | seconds)
    return OCTETS, Standing(counters, fold, totals, dropped, since_s)


@given(standings())
def test_whatever_stands_comes_back(drawn: tuple[SeriesKey, Standing]) -> None:
    key, standing = drawn
    octets = standing.packed()
    assert len(octets) == STANDING_BYTES
    assert unpacked(key, octets) == standing


@given(st.binary(max_size=2 * STANDING_BYTES).filter(lambda it: len(it) != STANDING_BYTES))
def test_what_is_longer_or_shorter_is_nothing(octets: bytes) -> None:
    assert unpacked(OCTETS, octets) is None
