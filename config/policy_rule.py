"""One rule of a policy: a share of the window's time at or above a threshold, and its limit."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self, cast

from pydantic import BeforeValidator, Field, model_validator

from collectors.fields import Bandwidth, seen
from config.calendar import Calendar
from config.fields import Item, Percent

Measure = Literal["load", "rate", "cpu", "cores", "memory", "network"]
Status = Literal["low_use", "idle", "busy"]
STATUSES: tuple[Status, ...] = ("low_use", "idle", "busy")

_PERCENT = {"load", "cpu", "memory"}
_LIMITS = ("at_most", "more_than")
_NO_MEASURES = (*_LIMITS, "hours")


@dataclass(frozen=True, slots=True)
class Rule:
    """The share of time at or above `threshold` is at most (or more than) `limit`.

    `load`, `cpu` and `memory` are ratios, `rate` and `network` bit/s, `cores` busy cores; `limit`
    is a ratio, of the office hours of the calendar `hours` where there is one. As text it is exact:
    two rules of a policy are equal if their texts are.
    """

    measure: Measure
    threshold: float
    limit: float
    at_most: bool
    hours: Calendar | None = None

    def __str__(self) -> str:
        how = "at most" if self.at_most else "more than"
        places = 2 if self.measure in _PERCENT else 0
        text = f"{self.measure} >= {_plain(self.threshold, places)} {how} {_plain(self.limit, 2)}"
        return f"{text} in office hours" if self.hours else text

    @property
    def written(self) -> str:
        """The rule as a policy file has it: `{load: 10%, at_most: 5%}`."""
        in_percent = self.measure in _PERCENT
        threshold = _percent(self.threshold) if in_percent else _plain(self.threshold)
        how = "at_most" if self.at_most else "more_than"
        hours = ", hours: office" if self.hours else ""
        return f"{{{self.measure}: {threshold}, {how}: {_percent(self.limit)}{hours}}}"

    def is_no_laxer_than(self, other: "Rule") -> bool:
        """Whether "at most" by this rule implies "at most", and excludes "more than", by `other`.

        Time at or above a higher threshold is never longer; office hours and all hours say nothing
        of each other.
        """
        same = (self.measure, self.hours) == (other.measure, other.hours)
        return same and self.threshold <= other.threshold and self.limit <= other.limit


def _cores(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"\d{1,6}(\.\d{1,9})?", value) or float(value) == 0:
        msg = f"not a number of cores: {seen(value)}; write one above 0, as 0.5"
        raise ValueError(msg)
    return value


Level = Annotated[Percent, Field(gt=0, le=1)]
"""A part of a capacity, or of the time: above 0 % and at most 100 %."""

Limit = Annotated[Percent, Field(ge=0, lt=1)]
"""A share of time that rules something out: 100 % would always hold, or never."""

Cores = Annotated[float, BeforeValidator(_cores)]
"""Busy cores, as `0.5`."""


class WrittenRule(Item):
    """A rule as it is written: one measure with its threshold, one limit."""

    right_limit: ClassVar[str] = "at_most under low_use and idle, more_than under busy"

    at_most: Limit | None = None
    more_than: Limit | None = None
    hours: Literal["office"] | None = None

    @model_validator(mode="after")
    def _one_measure_one_limit(self) -> Self:
        known = [name for name in type(self).model_fields if name not in _NO_MEASURES]
        measures = self._given(known)
        if len(measures) != 1:
            problem = f"two measures: {', '.join(measures)}" if measures else "no measure"
            msg = f"{problem}; write one of {', '.join(known)} in each rule"
            raise ValueError(msg)
        limits = self._given(_LIMITS)
        if len(limits) != 1:
            problem = "two limits: at_most, more_than" if limits else "no limit"
            msg = f"{problem}; write {self.right_limit}"
            raise ValueError(msg)
        return self

    def rule(self, calendar: Calendar) -> Rule:
        """What it says; office hours are those of the calendar."""
        given = self.model_dump(exclude_none=True)
        hours = calendar if given.pop("hours", None) else None
        limit = next(given.pop(name) for name in _LIMITS if name in given)
        ((measure, threshold),) = given.items()
        return Rule(cast("Measure", measure), threshold, limit, self.at_most is not None, hours)

    def _given(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if getattr(self, name) is not None]


class LinkRule(WrittenRule):
    """A rule for links."""

    load: Level | None = None
    rate: Bandwidth | None = None


class UplinkRule(WrittenRule):
    """A rule for what may move onto an uplink."""

    right_limit: ClassVar[str] = "at_most"

    load: Level | None = None


class ServerRule(WrittenRule):
    """A rule for servers."""

    cpu: Level | None = None
    cores: Cores | None = None
    memory: Level | None = None
    network: Bandwidth | None = None


def _plain(value: float | Decimal, places: int = 0) -> str:
    """Write a number without exponent, exactly, with at least `places` decimals."""
    whole, _, decimals = format(Decimal(str(value)), "f").partition(".")
    decimals = decimals.rstrip("0").ljust(places, "0")
    return f"{whole}.{decimals}" if decimals else whole


def _percent(ratio: float) -> str:
    return f"{_plain(Decimal(str(ratio)).scaleb(2))}%"
