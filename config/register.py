"""What the register declares beyond what is measured: filing, protection, plans, machine rooms."""

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, Self, cast

from pydantic import Field, ValidationInfo, field_validator, model_validator

from collectors.fields import seen
from config.fields import Day, Item, Text, Yuan

Step = Literal[
    "surveyed",
    "baselined",
    "planned",
    "connected",
    "dual_running",
    "cut_over",
    "observing",
    "retired",
    "funding_cut",
]
"""A phase on the way of a network whose lines are given back, in their order."""

Phase = Literal[Step, "interconnected", "reverted", "exempt"]
Level = Literal["central", "province", "city", "county", "township"]
"""Of whom something is; a village counts as its township."""

Count = Annotated[int, Field(ge=1, le=1_000_000)]
"""A number of things that are there."""


class Filing(Item):
    """The filing record (备案) of a project: what was built, by whom, of whose money."""

    project: Text | None = None
    builder: Text | None = None
    investment_yuan: Yuan | None = None
    operation_cost_yuan: Yuan | None = None
    funding_channel: Text | None = None
    data_resources: Text | None = None
    application_systems: Text | None = None


class Protection(Item):
    """A record of protection: 等级保护 (`graded`, levels 1 to 5), or 分级保护 (`classified`)."""

    scheme: Literal["graded", "classified"] = "graded"
    level: Literal["1", "2", "3", "4", "5", "secret", "confidential", "top_secret"] | None = None
    number: Text | None = None
    assessed_on: Day | None = None
    expires_on: Day | None = None

    @field_validator("level")
    @classmethod
    def _level_of_its_scheme(cls, value: str | None, info: ValidationInfo) -> str | None:
        scheme = info.data.get("scheme")
        if value is not None and scheme and value.isdecimal() != (scheme == "graded"):
            known = "1 to 5" if scheme == "graded" else "secret, confidential or top_secret"
            msg = f"not a level of scheme {scheme}: {seen(value)}; write {known}"
            raise ValueError(msg)
        return value

    @field_validator("expires_on")
    @classmethod
    def _ends_after_it_began(cls, value: date | None, info: ValidationInfo) -> date | None:
        assessed_on = info.data.get("assessed_on")
        if value is not None and assessed_on is not None and value <= assessed_on:
            msg = f"{value} is not after the assessment of {assessed_on}; write a later day"
            raise ValueError(msg)
        return value


class Plan(Item):
    """By which day each phase is to be reached; the phases that are no steps have none."""

    baselined: Day | None = None
    planned: Day | None = None
    connected: Day | None = None
    dual_running: Day | None = None
    cut_over: Day | None = None
    observing: Day | None = None
    retired: Day | None = None
    funding_cut: Day | None = None
    interconnected: Day | None = None

    @model_validator(mode="after")
    def _in_the_order_of_the_phases(self) -> Self:
        steps = [(name, day) for name, day in self.days().items() if name != "interconnected"]
        for (name, day), (after, later) in pairwise(steps):
            if later < day:
                msg = f"{after} on {later} is before {name} on {day}; plan it for that day or later"
                raise ValueError(msg)
        return self

    def days(self) -> dict[Phase, date]:
        """The days that are planned, by phase, in the order of the phases."""
        fields = cast("tuple[Phase, ...]", tuple(type(self).model_fields))
        return {name: day for name in fields if (day := getattr(self, name))}
