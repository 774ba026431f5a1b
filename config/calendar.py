"""When offices work: hours of the day, and which days are worked, in Asia/Shanghai.

Public holidays and the weekends worked in exchange are decreed a year at a time: of a year that
neither the operator nor the shipped file has, nothing is guessed.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from collectors.fields import seen
from collectors.files import path_in
from config.document import Document, Form
from config.fields import Item
from config.problems import ConfigError
from config.reader import read
from config.validate import validate

_SHIPPED = Path(__file__).parent / "calendar.yaml"
_FORM = Form((), "config/calendar.yaml", "years: [{year: 2027, …}]")
_LEAP_YEAR = 2000
_MINUTES = 24 * 60
_SATURDAY = 5


def _office_hours(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d\d):(\d\d)-(\d\d):(\d\d)", value)
    hour, minute, last_hour, last_minute = map(int, match.groups()) if match else (0, 60, 0, 0)
    begin, end = hour * 60 + minute, last_hour * 60 + last_minute
    if max(minute, last_minute) > 59 or not begin < end <= _MINUTES:  # noqa: PLR2004 - of an hour
        msg = f"not office hours: {seen(value)}; write when they begin and end, as 09:00-18:00"
        raise ValueError(msg)
    return begin, end


def _days(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d\d-\d\d)(?:\.\.(\d\d-\d\d))?", value)
    first, last = (match[1], match[2] or match[1]) if match else ("", "")
    if not (_is_day(first) and _is_day(last) and first <= last):
        msg = f"not days of a year: {seen(value)}; write 05-01, or 05-01..05-05"
        raise ValueError(msg)
    return first, last


def _is_day(month_day: str) -> bool:
    try:
        date.fromisoformat(f"{_LEAP_YEAR}-{month_day}")
    except ValueError:
        return False
    return True


OfficeHours = Annotated[tuple[int, int], BeforeValidator(_office_hours)]
"""Begin and end in minutes of the day, written `09:00-18:00`."""

Days = Annotated[tuple[str, str], BeforeValidator(_days)]
"""First and last day, both included, written `05-01..05-05` or `05-01`."""


class Year(Item):
    """What is decreed for one year: days off, and weekends that are worked."""

    year: int = Field(ge=1950, le=2199, examples=["2027"])
    holidays: tuple[Days, ...] = ()
    working_days: tuple[Days, ...] = ()

    def works_on(self, day: date) -> bool:
        """Whether offices work on a day of it; a working day wins over a holiday."""
        if any(first <= f"{day:%m-%d}" <= last for first, last in self.working_days):
            return True
        off = any(first <= f"{day:%m-%d}" <= last for first, last in self.holidays)
        return day.weekday() < _SATURDAY and not off


class _File(Item):
    """The whole of a file of years."""

    years: tuple[Year, ...] = Field(examples=["[{year: 2027, holidays: [01-01]}]"])

    @field_validator("years")
    @classmethod
    def _each_once(cls, value: tuple[Year, ...]) -> tuple[Year, ...]:
        years = [it.year for it in value]
        if twice := sorted({it for it in years if years.count(it) > 1}):
            msg = f"the same year twice: {twice[0]}; write each once"
            raise ValueError(msg)
        return value


def _years(value: object, info: ValidationInfo) -> object:
    """Load the years of a file; its mistakes are told with those of the policy."""
    path = path_in(value, info)
    return load_years(path) if isinstance(path, Path) else value


class Calendar(Item):
    """Office hours; `years` are the operator's own and win over those that netfold ships."""

    hours: OfficeHours = Field((9 * 60, 18 * 60), validate_default=True)
    years: Annotated[tuple[Year, ...], BeforeValidator(_years)] = ()

    def works_on(self, day: date) -> bool | None:
        """Whether offices work on a day; None in a year that nobody knows."""
        own = next((it for it in self.years if it.year == day.year), None)
        decreed = own or _shipped().get(day.year)
        return None if decreed is None else decreed.works_on(day)


def load_years(path: Path) -> tuple[Year, ...]:
    """Read a file of years.

    Raises:
        ConfigError: with every mistake in it, at once.
    """
    document = Document(path, _FORM)
    found = validate(document, _File, (), document.data) if read(document, path) else None
    problems = document.problems()
    if problems or found is None:
        raise ConfigError(problems)
    return found.years


@cache
def _shipped() -> Mapping[int, Year]:
    return {it.year: it for it in load_years(_SHIPPED)}
