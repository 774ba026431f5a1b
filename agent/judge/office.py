"""Which ticks of a window are office hours, and which may be, in a year that no calendar knows."""

from datetime import date
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.calendar import Calendar

Flags = NDArray[np.bool_]
_DAY_S = 86_400
_AHEAD_S = 8 * 3600
"""Asia/Shanghai is so far ahead of UTC all year."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()


class Hours(NamedTuple):
    """Flags a tick; one that is not certain may yet be `possible`."""

    certain: Flags
    possible: Flags
    unknown_years: tuple[int, ...]


@lru_cache(maxsize=64)
def hours(calendar: Calendar, first: int, ticks: int, tick_s: float) -> Hours:
    """Say of each tick from number `first` whether it begins in office hours."""
    local_s = (first + np.arange(ticks)) * tick_s + _AHEAD_S
    days, since_midnight_s = np.divmod(local_s, _DAY_S)
    begin_s, end_s = (minutes * 60 for minutes in calendar.hours)
    in_hours = (since_midnight_s >= begin_s) & (since_midnight_s < end_s)
    each, of_tick = np.unique(days.astype(np.int64), return_inverse=True)
    dates = [date.fromordinal(_EPOCH_DAY + int(day)) for day in each]
    works = [calendar.works_on(day) for day in dates]
    certain = np.array([it is True for it in works], dtype=bool)[of_tick]
    possible = np.array([it is not False for it in works], dtype=bool)[of_tick]
    unknown = {day.year for day, it in zip(dates, works, strict=True) if it is None}
    return Hours(in_hours & certain, in_hours & possible, tuple(sorted(unknown)))
