"""From two readings of a counter to the ticks of the history: which seconds are known, and how.

A *span* is a stretch of wall time whose octets are known. A span of at most one tick is split over
its ticks in proportion to time; a tick that such spans cover wholly is *seen*. A longer span only
says how much crossed the line altogether: its ticks form a *run* with known amounts.
"""

import math
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from collectors.base import (
    CLOCK_DRIFT,
    CLOCK_TOLERANCE_S,
    CounterReading,
    GaugeReading,
    Moment,
)

TICK_S = 300.0
PLAUSIBLE = 1.25
"""A port carries its speed; a little more is a counter that the device refreshes late."""


UPTIME_MODULUS_S = 2**32 / 100
"""sysUpTime counts hundredths of a second in 32 bits (RFC 3418), so of more it proves nothing."""

COUNTER64_BITS = 64
"""Such a counter does not wrap in a device's life (RFC 2863 section 3.1.6)."""

_EPSILON_S = 1e-3  # floats of epoch seconds resolve 0.24 us; a tick sums up to some hundred of them


class Gap(StrEnum):
    """Why nothing is known of the time between two readings."""

    CLOCK = "clock"
    DISCONTINUITY = "discontinuity"
    RESTART = "restart"
    FELL = "fell"
    MAY_HAVE_WRAPPED = "may_have_wrapped"
    UNPROVEN = "unproven"
    IMPLAUSIBLE = "implausible"


class Span(NamedTuple):
    """Known amounts between two wall times in s: bits per direction, or one level times seconds."""

    start_s: float
    end_s: float
    amounts: tuple[float, ...]
    since_boot: bool = False
    """Whether the counters began anew at its start, instead of going on."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end_s - self.start_s


class Tick(NamedTuple):
    """One seen tick: its number since the epoch, and its means (bit/s, or the level)."""

    number: int
    values: tuple[float, ...]


class Run(NamedTuple):
    """Ticks first to last, none of them seen, and what crossed in all of them together."""

    first: int
    last: int
    amounts: tuple[float, ...]


class Fold(NamedTuple):
    """Where the filling of ticks stands: the open tick, how much of it is known, the open run."""

    until_s: float
    tick: int
    covered_s: float
    seen_s: float
    amounts: tuple[float, ...]
    run: Run | None


def bridge(before: CounterReading, after: CounterReading, tick_s: float = TICK_S) -> Span | Gap:
    """Say what crossed between two readings of one interface (RFC 2863 counters), or why not.

    After a restart only the time since the boot is known, and only if both counters fell.
    A span longer than a tick needs sysUpTime to prove that nothing restarted within it.
    """
    elapsed_s = after.at.wall_s - before.at.wall_s
    if elapsed_s <= 0:
        return Gap.CLOCK
    if before.discontinuity != after.discontinuity:
        return Gap.DISCONTINUITY
    restarted = _restarted(before, after, elapsed_s, tick_s)
    if isinstance(restarted, Gap):
        return restarted
    start_s = before.at.wall_s
    if restarted and after.uptime_s is not None:
        start_s = max(start_s, after.at.wall_s - after.uptime_s)
    octets = _octets_since_boot(before, after) if restarted else _octets(before, after)
    if isinstance(octets, Gap):
        return octets
    amounts = (octets[0] * 8.0, octets[1] * 8.0)
    span = Span(start_s, after.at.wall_s, amounts, since_boot=restarted)
    return _doubt(span, after.counter_bits, _port_speed_bps(before, after)) or span


def seen_since(
    before: CounterReading, after: CounterReading, span: Span | Gap, so_far_s: float, tick_s: float
) -> float:
    """Since which wall time all up to the reading `after` is seen without a break.

    `so_far_s` says it of the reading before. What crossed in a span of more than a tick is known
    only altogether, so that nothing of it is seen.
    """
    if isinstance(span, Gap) or not _is_short(span, tick_s):
        return after.at.wall_s
    return span.start_s if span.start_s > before.at.wall_s or span.since_boot else so_far_s


def hold(before: GaugeReading, after: GaugeReading) -> Span | Gap:
    """Let a level stand until the next reading, but no longer than it says it holds."""
    if before.value is None:
        return Gap.UNPROVEN
    start_s = before.at.wall_s
    elapsed_s = after.at.wall_s - start_s
    if elapsed_s <= 0 or not _clocks_agree(before.at, after.at, elapsed_s):
        return Gap.CLOCK
    seconds = min(elapsed_s, before.holds_s)
    return Span(start_s, start_s + seconds, (before.value * seconds,))


def pieces(span: Span, tick_s: float = TICK_S) -> list[Span]:
    """Cut the span of a level into such as make ticks seen: it is the same at each moment."""
    if _is_short(span, tick_s):
        return [span]
    count = math.ceil(span.seconds / tick_s)
    edges = [span.start_s + span.seconds * part / count for part in range(count)]
    amounts = tuple(amount / count for amount in span.amounts)
    return [Span(start, end, amounts) for start, end in pairwise([*edges, span.end_s])]


def begin(at_s: float, width: int, tick_s: float = TICK_S) -> Fold:
    """Start filling at a wall time of which nothing is known before; `width` amounts a tick."""
    return Fold(at_s, int(at_s // tick_s), 0.0, 0.0, (0.0,) * width, None)


def advance(
    fold: Fold, span: Span, tick_s: float = TICK_S
) -> tuple[Fold, tuple[Tick, ...], tuple[Run, ...]]:
    """Add a span; return the ticks it finished and the runs it lengthened (by their `first`).

    A span that does not begin where the last one ended leaves the time between unknown.

    Raises:
        ValueError: the span begins before the end of the last one.

    """
    if span.start_s < fold.until_s - _EPSILON_S:
        msg = f"span begins at {span.start_s}, before the end of the last one at {fold.until_s}"
        raise ValueError(msg)
    if span.start_s > fold.until_s + _EPSILON_S:
        fold = begin(span.start_s, len(span.amounts), tick_s)
    seen = _is_short(span, tick_s)
    if seen and fold.until_s < span.end_s < (fold.tick + 1) * tick_s:  # as nearly all of them
        return _cover(fold, span, span.end_s), (), ()
    return _fill(fold, span, tick_s, seen=seen)


def _fill(
    fold: Fold, span: Span, tick_s: float, *, seen: bool
) -> tuple[Fold, tuple[Tick, ...], tuple[Run, ...]]:
    """Fill ticks up to the span's end; it makes them `seen`, or part of a run."""
    ticks: list[Tick] = []
    runs: dict[int, Run] = {}
    while fold.until_s < span.end_s:
        fold = fold if seen else _leap(fold, span, tick_s)
        end_s = (fold.tick + 1) * tick_s
        until_s = min(end_s, span.end_s)
        fold = _cover(fold, span, until_s) if seen else _know(fold, until_s)
        if fold.until_s >= end_s:
            tick = _seen(fold, tick_s)
            ticks += [tick] if tick else []
            fold = _close(fold, tick_s)
            if fold.run:
                runs[fold.run.first] = fold.run
    if not seen:
        # All of a long span belongs to its run: a share left to a tick that is not part of the
        # run would make the run's amounts less than what may have crossed in it.
        run = fold.run or Run(fold.tick, fold.tick - 1, (0.0,) * len(span.amounts))
        fold = fold._replace(run=_more(run, run.last, span.amounts))
        if run.last >= run.first and fold.run:
            runs[run.first] = fold.run
    return fold, tuple(ticks), tuple(runs.values())


def _is_short(span: Span, tick_s: float) -> bool:
    return span.end_s - span.start_s <= tick_s + _EPSILON_S


def _leap(fold: Fold, span: Span, tick_s: float) -> Fold:
    """Take a long span's whole ticks into the run at once: there may be years of them."""
    last = int(span.end_s // tick_s)
    is_at_a_start = fold.until_s <= fold.tick * tick_s
    if not is_at_a_start or last <= fold.tick:
        return fold
    zeros = (0.0,) * len(fold.amounts)
    run = _more(fold.run or Run(fold.tick, fold.tick - 1, zeros), last - 1, zeros)
    return Fold(last * tick_s, last, 0.0, 0.0, zeros, run)


def _cover(fold: Fold, span: Span, until_s: float) -> Fold:
    """Cover the open tick up to `until_s`, at most its end, by a span that makes it seen."""
    from_s, tick, covered_s, seen_s, so_far, run = fold
    start_s, end_s, amounts, _ = span
    seconds = until_s - from_s
    part = seconds / (end_s - start_s)
    amounts = tuple([a + part * b for a, b in zip(so_far, amounts, strict=True)])
    return Fold(until_s, tick, covered_s + seconds, seen_s + seconds, amounts, run)


def _know(fold: Fold, until_s: float) -> Fold:
    """Cover the open tick up to `until_s` by a span of which only the whole is known."""
    return fold._replace(until_s=until_s, covered_s=fold.covered_s + until_s - fold.until_s)


def _seen(fold: Fold, tick_s: float) -> Tick | None:
    if fold.seen_s < tick_s - _EPSILON_S:
        return None
    return Tick(fold.tick, tuple(amount / tick_s for amount in fold.amounts))


def _close(fold: Fold, tick_s: float) -> Fold:
    """Open the next tick; one known but not seen lengthens the run, any other ends it."""
    run = None
    if fold.seen_s < tick_s - _EPSILON_S <= fold.covered_s:
        run = fold.run or Run(fold.tick, fold.tick - 1, (0.0,) * len(fold.amounts))
        run = _more(run, fold.tick, fold.amounts)
    return Fold(fold.until_s, fold.tick + 1, 0.0, 0.0, (0.0,) * len(fold.amounts), run)


def _more(run: Run, last: int, amounts: tuple[float, ...]) -> Run:
    return Run(run.first, last, tuple(a + b for a, b in zip(run.amounts, amounts, strict=True)))


def _restarted(
    before: CounterReading, after: CounterReading, elapsed_s: float, tick_s: float
) -> bool | Gap:
    """Whether the counting system booted between the readings, as its uptime tells."""
    if before.uptime_s is None or after.uptime_s is None:
        if elapsed_s > tick_s + _EPSILON_S or after.at.steady_s < before.at.steady_s:
            return Gap.UNPROVEN
        return False if _clocks_agree(before.at, after.at, elapsed_s) else Gap.CLOCK
    if elapsed_s >= UPTIME_MODULUS_S:
        return Gap.UNPROVEN
    moved_s = after.uptime_s - before.uptime_s - elapsed_s
    drift_s = (moved_s + UPTIME_MODULUS_S / 2) % UPTIME_MODULUS_S - UPTIME_MODULUS_S / 2
    tolerance_s = _tolerance_s(elapsed_s)
    if abs(drift_s) <= tolerance_s:
        return False
    if after.uptime_s < before.uptime_s and after.uptime_s <= elapsed_s + tolerance_s:
        return True
    return Gap.CLOCK


def _clocks_agree(before: Moment, after: Moment, elapsed_s: float) -> bool:
    steady_s = after.steady_s - before.steady_s
    return abs(steady_s - elapsed_s) <= _tolerance_s(elapsed_s)


def _tolerance_s(elapsed_s: float) -> float:
    return CLOCK_TOLERANCE_S + CLOCK_DRIFT * elapsed_s


def _octets(before: CounterReading, after: CounterReading) -> tuple[int, int] | Gap:
    """Octets received and transmitted by an unbroken counter; 32 bits may wrap once."""
    if before.counter_bits != after.counter_bits:
        return Gap.FELL
    receive = after.receive_bytes - before.receive_bytes
    transmit = after.transmit_bytes - before.transmit_bytes
    if after.counter_bits == COUNTER64_BITS and min(receive, transmit) < 0:
        return Gap.FELL
    modulus: int = 2**after.counter_bits
    return receive % modulus, transmit % modulus


def _octets_since_boot(before: CounterReading, after: CounterReading) -> tuple[int, int] | Gap:
    fell = (
        after.receive_bytes < before.receive_bytes and after.transmit_bytes < before.transmit_bytes
    )
    return (after.receive_bytes, after.transmit_bytes) if fell else Gap.RESTART


def _doubt(span: Span, counter_bits: int, speed_bps: float | None) -> Gap | None:
    """Why the span cannot be believed, by the speed of the port (never the contract's)."""
    may_wrap = speed_bps is None or speed_bps * span.seconds / 8 >= 2**counter_bits
    if may_wrap and counter_bits < COUNTER64_BITS:
        return Gap.MAY_HAVE_WRAPPED
    if speed_bps is not None and max(span.amounts) > PLAUSIBLE * speed_bps * span.seconds:
        return Gap.IMPLAUSIBLE
    return None


def _port_speed_bps(before: CounterReading, after: CounterReading) -> float | None:
    """The faster of both speeds, for a port that was set anew in between."""
    known = [it.port_speed_bps for it in (before, after) if it.port_speed_bps is not None]
    return max(known, default=None)
