"""The policy: the reviewed rules that verdicts are given by, in a file of their own."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, InstanceOf, ValidationInfo, field_validator

from collectors.fields import Bandwidth, Duration
from config.calendar import Calendar
from config.document import Document, Form, Raw
from config.fields import Item
from config.policy_checks import check_between, read_plan_rules, read_rules
from config.policy_rule import Level, Limit, LinkRule, Measure, Rule, ServerRule, WrittenRule
from config.problems import ConfigError
from config.reader import read
from config.validate import validate

__all__ = [
    "LinkPolicy",
    "Measure",
    "PhasePolicy",
    "PlanPolicy",
    "Policy",
    "Rule",
    "ServerPolicy",
    "SystemPolicy",
    "UsePolicy",
    "load_policy",
]

_SHIPPED = Path(__file__).parent / "policy.yaml"
_FORM = Form((), "config/policy.yaml", "links: {window: 30d}")
_TICK_S = 300
_DAY_S = 86400


def _whole_ticks(value: float) -> float:
    if value % _TICK_S:
        msg = f"not in whole ticks of 5m: {value:.10g}s; write a multiple of 5m, as 30d"
        raise ValueError(msg)
    return value


Window = Annotated[Duration, Field(ge=_DAY_S, le=400 * _DAY_S), AfterValidator(_whole_ticks)]
"""The seconds that a verdict looks back over: whole ticks, 1 to 400 days."""

Days = Annotated[int, Field(ge=1, le=366)]
"""A number of whole days."""

Cutovers = Annotated[int, Field(ge=1, le=100_000)]
"""How many lines or groups may be cut over together."""


class UsePolicy(Item):
    """What makes a subject low_use, idle or busy: within one status all rules must hold."""

    window_s: Window = Field(alias="window")
    confirm_after_s: Duration = Field(alias="confirm_after")
    low_use: tuple[InstanceOf[Rule], ...]
    idle: tuple[InstanceOf[Rule], ...]
    busy: tuple[InstanceOf[Rule], ...]

    @field_validator("confirm_after_s")
    @classmethod
    def _within_the_window(cls, value: float, info: ValidationInfo) -> float:
        window_s = info.data.get("window_s", value)
        if value > window_s:
            msg = f"longer than the window: {value / _DAY_S:.10g}d of {window_s / _DAY_S:.10g}d; "
            raise ValueError(msg + "write at most that")
        return value


class LinkPolicy(UsePolicy):
    """What links, groups and networks are judged by: load and rate."""


class ServerPolicy(UsePolicy):
    """What servers are judged by: cpu, cores, memory and network."""


class SystemPolicy(Item):
    """For how long a system had no client, and how much of that (a ratio) was watched."""

    window_s: Window = Field(alias="window")
    watched: Level


class RightSizing(Item):
    """The bandwidths that lines are usually sold with."""

    bandwidths: tuple[Bandwidth, ...] = Field(examples=["[10M, 100M]"])

    @field_validator("bandwidths")
    @classmethod
    def _in_order(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(sorted(set(value)))


class PhasePolicy(Item):
    """What proves a step of a migration: whole days, a share of a day, and a line's noise floor.

    On a quiet day a line is at or above `floor_rate_bps` for at most `floor_share` of it; on a
    green one every probe of the successor was answered for at least `green` of it. A pair's new
    path is no worse if it is at most `slower_s` slower, and loses at most `lossier` more.
    """

    green: Level
    green_days: Days
    floor_rate_bps: Bandwidth = Field(alias="floor_rate")
    floor_share: Limit
    settled_days: Days
    floor_days: Days
    parity_days: Days
    slower_s: Duration = Field(alias="slower")
    lossier: Limit


class PlanPolicy(Item):
    """What an uplink must be proven to bear, all that moves to it included; cutovers a wave."""

    uplinks: tuple[InstanceOf[Rule], ...]
    cutovers: Cutovers


@dataclass(frozen=True)  # without slots, which leave no place for what is cached
class Policy:
    """All rules in force."""

    links: LinkPolicy
    servers: ServerPolicy
    systems: SystemPolicy
    calendar: Calendar
    right_sizing: RightSizing
    phases: PhasePolicy
    plan: PlanPolicy

    @cached_property
    def hash(self) -> str:
        """What a verdict names its policy by: `sha256:` and the digest of the canonical form.

        That is JSON in ASCII, keys sorted, without blanks: per section the seconds and ratios as
        numbers, and each status as the sorted texts of its rules, as "load >= 0.10 at most 0.05";
        of the calendar the minutes of its hours, and the operator's own years; the bandwidths in
        ascending order; the days, shares and floor of the phases; the plan's rules and cutovers.
        So comments, order and spelling (1000k, 1M) change nothing; any other number does.
        """
        text = json.dumps(self.terms, sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    @property
    def terms(self) -> dict[str, dict[str, Any]]:
        """All that the hash covers, in its canonical form: section, name, value."""
        return {
            "links": _canonical(self.links),
            "servers": _canonical(self.servers),
            "systems": _canonical(self.systems),
            "calendar": self.calendar.model_dump(),
            "right_sizing": self.right_sizing.model_dump(),
            "phases": self.phases.model_dump(),
            "plan": _canonical(self.plan),
        }


def load_policy(path: Path | None = None) -> Policy:
    """Read a policy; what it leaves out, and all of it without a path, is as netfold ships it.

    Raises:
        ConfigError: with every mistake in it, at once.

    """
    document = Document(path or _SHIPPED, _FORM)
    policy = None
    if read(document, document.file):
        _fill_in(document)
        policy = _build(document)
    problems = document.problems()
    if problems or policy is None:
        raise ConfigError(problems)
    return policy


P = TypeVar("P", bound=UsePolicy)


class _File(Item):
    """The top of a policy file; its sections are read one by one."""

    links: object = None
    servers: object = None
    systems: object = None
    calendar: object = None
    right_sizing: object = None
    phases: object = None
    plan: object = None


def _canonical(section: Item) -> dict[str, object]:
    return {
        name: sorted(map(str, value)) if isinstance(value, tuple) else float(value)
        for name, value in section
    }


@cache
def _shipped() -> Mapping[str, Raw]:
    document = Document(_SHIPPED, _FORM)
    read(document, _SHIPPED)
    return document.data


def _fill_in(document: Document) -> None:
    """Add the defaults that are left out; they have no place, so that one can tell them."""
    for section, default in _shipped().items():
        written = document.data.setdefault(section, default)
        if isinstance(written, dict) and isinstance(default, dict):
            document.data[section] = {**default, **written}


def _build(document: Document) -> Policy | None:
    validate(document, _File, (), document.data)
    calendar = validate(document, Calendar, ("calendar",), document.data["calendar"])
    office = calendar or Calendar()
    links = _use(document, "links", LinkPolicy, LinkRule, office)
    servers = _use(document, "servers", ServerPolicy, ServerRule, office)
    systems = validate(document, SystemPolicy, ("systems",), document.data["systems"])
    sizing = validate(document, RightSizing, ("right_sizing",), document.data["right_sizing"])
    phases = validate(document, PhasePolicy, ("phases",), document.data["phases"])
    plan = _plan(document)
    if links and servers and systems and calendar and sizing and phases and plan:
        return Policy(links, servers, systems, calendar, sizing, phases, plan)
    return None


def _plan(document: Document) -> PlanPolicy | None:
    found = read_plan_rules(document)
    made = {"uplinks": tuple(filter(None, found))} if found is not None else {}
    return validate(document, PlanPolicy, ("plan",), document.data["plan"], made)


def _use(
    document: Document,
    section: str,
    model: type[P],
    rule_model: type[WrittenRule],
    calendar: Calendar,
) -> P | None:
    found = read_rules(document, section, rule_model, calendar)
    made: dict[str, object] = {it: tuple(filter(None, rules)) for it, rules in found.items()}
    policy = validate(document, model, (section,), document.data[section], made)
    check_between(document, section, found)
    return policy
