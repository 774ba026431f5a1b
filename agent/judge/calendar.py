"""When a declared busy period last ended, in Asia/Shanghai."""

from datetime import date, datetime, time, timedelta, timezone
from itertools import pairwise

SHANGHAI = timezone(timedelta(hours=8))
"""China keeps one time all year; dates in contracts, waivers and policies are meant in it."""

_END_DAYS = 3
"""A month's or quarter's end is its last three days."""

_QUARTER_MONTHS = 3


def last_occurrence(period: str, before_s: float) -> tuple[float, float]:
    """Begin and end, in epoch seconds, of the last occurrence that was over at `before_s`.

    `period` is `month_end`, `quarter_end` or `MM-DD..MM-DD`, both days included; one that ends
    before it begins passes new year.
    """
    today = datetime.fromtimestamp(before_s, SHANGHAI).date()
    over = [(begin, end) for begin, end in _spans(period, today) if _epoch_s(end) <= before_s]
    begin, end = max(over)
    return _epoch_s(begin), _epoch_s(end)


def next_end(period: str, after_s: float) -> float:
    """When the occurrence that is under way or comes next will be over, in epoch seconds."""
    today = datetime.fromtimestamp(after_s, SHANGHAI).date()
    return min(_epoch_s(end) for _, end in _spans(period, today) if _epoch_s(end) > after_s)


def _spans(period: str, today: date) -> list[tuple[date, date]]:
    """The occurrences of the years around a day, each up to the day after its last."""
    return _ends(period, today) if period.endswith("_end") else _dates(period, today)


def _ends(period: str, today: date) -> list[tuple[date, date]]:
    """The last three days of each month or quarter."""
    firsts = [date(today.year + n // 12, n % 12 + 1, 1) for n in range(-12, 25)]
    months = list(pairwise(firsts))
    if period == "quarter_end":
        months = [it for it in months if it[0].month % _QUARTER_MONTHS == 0]
    return [(following - timedelta(days=_END_DAYS), following) for _, following in months]


def _dates(period: str, today: date) -> list[tuple[date, date]]:
    begin, end = (tuple(map(int, text.split("-"))) for text in period.split(".."))
    passes_new_year = end < begin
    return [
        (_day(year, begin), _day(year + passes_new_year, end) + timedelta(days=1))
        for year in range(today.year - 2, today.year + 2)
    ]


def _day(year: int, month_day: tuple[int, ...]) -> date:
    """A day of a year; 29 February is the 28th where there is none."""
    month, day = month_day
    try:
        return date(year, month, day)
    except ValueError:
        return date(year, month, day - 1)


def _epoch_s(day: date) -> float:
    return datetime.combine(day, time(), SHANGHAI).timestamp()
