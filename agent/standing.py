"""Where one series stands, as the agent remembers it and as its history keeps it.

All of a standing is numbers, so that thousands of them are written with every tick in a moment.
"""

from math import isnan, nan
from struct import Struct
from typing import NamedTuple

from agent.judge.rates import Fold, Run
from agent.series import SeriesKey
from collectors.base import CounterReading, GaugeReading, Moment

_COUNTER, _GAUGE = 1, 2

_BODY = Struct(
    "<"
    "BBxx"  # kind of reading, counter bits
    "dd"  # wall_s, steady_s
    "QQ"  # octets received and transmitted
    "ddq"  # uptime_s and port speed, or a level and for how long it holds; discontinuity
    "qdddd"  # the fold: tick, seconds covered and seen, amounts
    "qqdd"  # its run: first, last, amounts; without one, since when all is seen
    "QQI"  # the totals on /metrics, rates dropped
)
_PACK = _BODY.pack
STANDING_BYTES = _BODY.size
_NONE = -1
_MOST = 2**64


class Standing(NamedTuple):
    """A series' last reading, its open tick, its counters on /metrics.

    The fold is filled up to the reading.
    """

    reading: CounterReading | GaugeReading
    fold: Fold
    totals: tuple[int, int] = (0, 0)
    dropped: int = 0
    seen_since_s: float | None = None
    """Since when all is seen without a break; None: since the reading."""

    def packed(self) -> bytes:
        """Write it in `STANDING_BYTES` octets, without what its key says."""
        reading, fold, totals, dropped, since_s = self
        _, tick, covered_s, seen_s, amounts, run = fold
        amount, other = amounts if len(amounts) > 1 else (amounts[0], nan)
        # A run is open after a gap only: where none is, its place says how long there was none.
        run_first = run_last = _NONE
        run_amount, run_other = nan if since_s is None else since_s, nan
        if run is not None:
            run_first, run_last = run.first, run.last
            run_amount, run_other = (*run.amounts, nan)[:2]
        first: float | None
        second: float | None
        if isinstance(reading, GaugeReading):
            kind, bits, received, transmitted, moved = _GAUGE, 0, 0, 0, None
            _, _, _, (wall_s, steady_s), _, first, second = reading
        else:
            kind = _COUNTER
            _, _, _, (wall_s, steady_s), received, transmitted, bits, first, second, moved = reading
        return _PACK(
            kind,
            bits,
            wall_s,
            steady_s,
            received,
            transmitted,
            nan if first is None else first,
            nan if second is None else second,
            _NONE if moved is None else moved,
            tick,
            covered_s,
            seen_s,
            amount,
            other,
            run_first,
            run_last,
            run_amount,
            run_other,
            totals[0] % _MOST,
            totals[1] % _MOST,
            dropped,
        )


def unpacked(key: SeriesKey, octets: bytes) -> Standing | None:
    """Read what `packed` wrote of a series; None if it is of another form.

    Whether a disk changed some of it is known of whole rows (`agent/history_rows.py`).
    """
    if len(octets) != STANDING_BYTES:
        return None
    kind, bits, wall_s, steady_s, received, transmitted, first, second, moved, *rest = _BODY.unpack(
        octets
    )
    tick, covered_s, seen_s, *amounts, run_first, run_last, a, b, total, other, dropped = rest
    width = 2 if kind == _COUNTER else 1
    run = None if run_first == _NONE else Run(run_first, run_last, (a, b)[:width])
    fold = Fold(wall_s, tick, covered_s, seen_s, tuple(amounts[:width]), run)
    at, who = Moment(wall_s, steady_s), (key.kind, key.subject, key.identity)
    reading: CounterReading | GaugeReading
    if kind == _GAUGE:
        reading = GaugeReading(*who, at, key.measure, _known(first), second)  # type: ignore[arg-type]  # as it was written
    else:
        moved = None if moved == _NONE else moved
        levels = _known(first), _known(second)
        reading = CounterReading(*who, at, received, transmitted, bits, *levels, moved)  # type: ignore[arg-type]  # as it was written
    return Standing(reading, fold, (total, other), dropped, _known(a) if run is None else None)


def _known(level: float) -> float | None:
    return None if isnan(level) else level
