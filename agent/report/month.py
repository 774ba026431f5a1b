"""A month of the calendar in Asia/Shanghai, and which one a report is of."""

import re
from datetime import date, datetime, time
from typing import NamedTuple, Self

from agent.judge.calendar import SHANGHAI

_DECEMBER = 12


class ReportError(Exception):
    """What is asked cannot be reported; one line says what was seen and what would be right."""


class Month(NamedTuple):
    """A month, as 2026-10."""

    year: int
    month: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Read YYYY-MM.

        Raises:
            ReportError: it is no month of this century.
        """
        match = re.fullmatch(r"(20\d\d)-(0[1-9]|1[0-2])", text)
        if match is None:
            msg = f"--month: not a month: {text!r}; write it as 2026-10"
            raise ReportError(msg)
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, at_s: float) -> Self:
        """The month that a wall time lies in."""
        day = datetime.fromtimestamp(at_s, SHANGHAI)
        return cls(day.year, day.month)

    @property
    def before(self) -> "Month":
        """The month before it."""
        return Month(self.year, self.month - 1) if self.month > 1 else Month(self.year - 1, 12)

    @property
    def from_s(self) -> float:
        """When it begins."""
        return _midnight_s(date(self.year, self.month, 1))

    @property
    def to_s(self) -> float:
        """When it is over."""
        year, month = (self.year + 1, 1) if self.month == _DECEMBER else (self.year, self.month + 1)
        return _midnight_s(date(year, month, 1))

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02}"


def chosen(asked: Month | None, at_s: float, first_s: float) -> Month:
    """The month asked for, else the last whole one before `at_s` that the history touches.

    `first_s` is when the history begins.

    Raises:
        ReportError: the month asked for is to come, or lies before the history.
    """
    if asked is None:
        last = Month.of(at_s).before
        return last if last.to_s > first_s else Month.of(at_s)
    if asked.from_s >= at_s:
        upto = f"{datetime.fromtimestamp(at_s, SHANGHAI):%Y-%m-%d %H:%M}"
        msg = f"--month {asked} begins after the report's time, {upto} in Asia/Shanghai; "
        msg += f"name a month up to {Month.of(at_s)}"
        raise ReportError(msg)
    if asked.to_s <= first_s:
        first = Month.of(first_s)
        msg = f"--month {asked} is before the history, which begins in {first}; name a month "
        msg += f"from {first} on"
        raise ReportError(msg)
    return asked


def _midnight_s(day: date) -> float:
    return datetime.combine(day, time(), SHANGHAI).timestamp()
