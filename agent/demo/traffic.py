"""How much flows in the demo: pure, and the same again for the same name and tick.

Rates stand still within a tick of five minutes, so that what a device counts and what the history
holds are one thing. Days, weeks and month ends are those of Asia/Shanghai.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ticks = NDArray[np.int64]

DAY_TICKS = 288
HISTORY_DAYS = 90

_SHANGHAI_TICKS = 96
_FIRST_WEEKDAY = 3  # 1970-01-01 was a Thursday
_WORKING_DAYS = 5
_WEEKEND = 0.1
_ANSWERED = 0.3
"""What goes back, of what comes."""

_HOURS = (0, 7, 8.5, 9.5, 11.5, 12.5, 14, 16.5, 18, 20, 24)
_WORK = (0.02, 0.04, 0.5, 0.95, 1, 0.45, 0.9, 1, 0.4, 0.08, 0.02)
_NIGHT = (1.0, 4.0)
"""The hours of backups."""


@dataclass(frozen=True, slots=True)
class Habit:
    """How a line is used: `floor_bps` always, the rest as shares of its bandwidth.

    `growth` is what its last day has of its first day's use. All `…_days` are days before the
    demo's start: measured since `new_days`, no longer since `lost_days`, silent since `left_days`,
    and in use once more since `back_days`.
    """

    floor_bps: float = 3_000.0
    office: float = 0.0
    night: float = 0.0
    always: float = 0.0
    month_end: float = 0.0
    growth: float = 1.0
    new_days: float = HISTORY_DAYS
    lost_days: float | None = None
    left_days: float | None = None
    back_days: float | None = None


def rates(name: str, habit: Habit, bandwidth_bps: float, ticks: Ticks, now_tick: int) -> Floats:
    """Bit/s received and sent in each tick; NaN where the line was not measured."""
    age_days = (now_tick - ticks) / DAY_TICKS
    whole = _share(habit, ticks) * bandwidth_bps * _grown(habit, age_days)
    if habit.left_days is not None:
        left = age_days <= habit.left_days
        if habit.back_days is not None:
            left &= age_days > habit.back_days
        whole = np.where(left, 0.0, whole)
    both = np.stack([whole, whole * _ANSWERED]) + habit.floor_bps
    both *= np.stack([_around_one(name, ticks), _around_one(name + "/sent", ticks)])
    both = np.minimum(both, bandwidth_bps)
    unseen = age_days > habit.new_days
    if habit.lost_days is not None:
        unseen |= age_days <= habit.lost_days
    both[:, unseen] = np.nan
    return both


def level(name: str, base: float, office: float, ticks: Ticks) -> Floats:
    """A level that is `base` by night and `office` more in office hours."""
    found: Floats = (base + office * _office(ticks)) * _around_one(name, ticks)
    return found


def midnight(tick: int) -> int:
    """The tick that a day in Shanghai began with."""
    return tick - (tick + _SHANGHAI_TICKS) % DAY_TICKS


def noise(name: str, ticks: Ticks) -> Floats:
    """Evenly spread over 0 to 1, another value in each tick (splitmix64)."""
    mixed = ticks.astype(np.uint64) + np.uint64(zlib.crc32(name.encode()) << 32)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    found: Floats = (mixed >> np.uint64(11)) / 2.0**53
    return found


def _share(habit: Habit, ticks: Ticks) -> Floats:
    hour = _hour(ticks)
    night = (hour >= _NIGHT[0]) & (hour < _NIGHT[1])
    share: Floats = habit.always + habit.office * _office(ticks) + habit.night * night
    return np.where(_is_month_end(ticks), np.maximum(share, habit.month_end), share)


def _office(ticks: Ticks) -> Floats:
    weekday = (_day(ticks) + _FIRST_WEEKDAY) % 7
    found: Floats = np.interp(_hour(ticks), _HOURS, _WORK)
    return found * np.where(weekday < _WORKING_DAYS, 1.0, _WEEKEND)


def _is_month_end(ticks: Ticks) -> NDArray[np.bool_]:
    days = _day(ticks).astype("datetime64[D]")
    found: NDArray[np.bool_] = (days + 3).astype("datetime64[M]") != days.astype("datetime64[M]")
    return found


def _grown(habit: Habit, age_days: Floats) -> Floats:
    return 1 + (habit.growth - 1) * np.clip(1 - age_days / HISTORY_DAYS, 0, 1)


def _around_one(name: str, ticks: Ticks) -> Floats:
    return 0.85 + 0.3 * noise(name, ticks)


def _hour(ticks: Ticks) -> Floats:
    found: Floats = (ticks + _SHANGHAI_TICKS) % DAY_TICKS / 12
    return found


def _day(ticks: Ticks) -> Ticks:
    return (ticks + _SHANGHAI_TICKS) // DAY_TICKS
