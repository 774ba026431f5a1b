"""The rules of one section of a policy: each by itself, and what must hold between them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from config.calendar import Calendar
from config.document import Document, Loc
from config.policy_rule import STATUSES, Measure, Rule, Status, UplinkRule, WrittenRule
from config.validate import validate

Found = Mapping[Status, Sequence[Rule | None]]
"""The rules of each status that is a list; None stands where one has a mistake."""

_MAIN: Mapping[str, Measure] = {"links": "load", "servers": "cpu"}


def read_rules(
    document: Document, section: str, model: type[WrittenRule], calendar: Calendar
) -> Found:
    """Read the rules of a section, each of which stands as a `model`."""
    found: dict[Status, list[Rule | None]] = {}
    for status in STATUSES:
        loc = (section, status)
        rows = document.value(loc)
        if isinstance(rows, list):
            rules: list[Rule | None] = []
            for at, row in enumerate(rows):
                made = validate(document, model, (*loc, at), row)
                rule = made.rule(calendar) if made else None
                rules.append(rule and _rule(document, (*loc, at), status, rule))
            found[status] = rules
            _some(document, loc, rules)
            _no_two_alike(document, loc, rules)
    return found


def read_plan_rules(document: Document) -> list[Rule | None] | None:
    """Read what an uplink must bear: "at most" alone, of all hours; None if that is no list."""
    loc = ("plan", "uplinks")
    rows = document.value(loc)
    if not isinstance(rows, list):
        return None
    rules: list[Rule | None] = []
    for at, row in enumerate(rows):
        made = validate(document, UplinkRule, (*loc, at), row)
        if made and made.hours:
            msg = "an uplink must bear what crosses it at all hours; take this out"
            document.report((*loc, at, "hours"), msg)
            made = None
        rule = made.rule(Calendar()) if made else None
        rules.append(rule and _rule(document, (*loc, at), "uplinks", rule))
    _some(document, loc, rules)
    _no_two_alike(document, loc, rules)
    return rules


def check_between(document: Document, section: str, found: Found) -> None:
    """Report an idle that is not low_use, and a busy that can be; after mistakes, nothing more."""
    if any(loc[0] == section for loc in document.unknown):
        return  # a misspelt status would be taken for its default
    whole = {status: rules for status, rules in found.items() if rules and None not in rules}
    rules = {status: [rule for rule in whole.get(status, ()) if rule] for status in STATUSES}
    if rules["low_use"] and rules["idle"]:
        _idle_implies_low_use(document, section, rules)
    if rules["low_use"] and rules["busy"]:
        _busy_excludes_low_use(document, section, rules)


def _rule(
    document: Document, loc: Loc, status: Status | Literal["uplinks"], rule: Rule
) -> Rule | None:
    if rule.at_most == (status == "busy"):
        written, right = ("at_most", "more_than") if rule.at_most else ("more_than", "at_most")
        meant = replace(rule, at_most=not rule.at_most).written
        document.report((*loc, written), f"{status} takes {right} alone; write {meant}")
        return None
    return rule


def _some(document: Document, loc: Loc, rules: Sequence[object]) -> None:
    if not rules:
        msg = "an empty list, which would always hold; write a rule, or leave this out for the "
        document.report(loc, f"{msg}default")


def _no_two_alike(document: Document, loc: Loc, rules: Sequence[Rule | None]) -> None:
    first: dict[tuple[Measure, float, bool], Loc] = {}
    for at, rule in enumerate(rules):
        if rule:
            here = (*loc, at)
            other = first.setdefault((rule.measure, rule.threshold, rule.hours is not None), here)
            if other != here:
                name, place = document.key(other), document.place(other)
                msg = f"the same measure and threshold as {name} ({place}); keep one of them"
                document.report(here, msg)


def _idle_implies_low_use(
    document: Document, section: str, rules: Mapping[Status, Sequence[Rule]]
) -> None:
    """Each main rule of low_use must follow from one of idle."""
    for at, low in enumerate(rules["low_use"]):
        strict = any(idle.is_no_laxer_than(low) for idle in rules["idle"])
        if low.measure == _MAIN[section] and not strict:
            msg = "idle would not imply low_use: no idle rule is as strict as low_use's "
            msg += f"{low.written}; write this under idle too, or one with lower numbers"
            document.report(_written(document, (section, "idle"), (section, "low_use", at)), msg)


def _busy_excludes_low_use(
    document: Document, section: str, rules: Mapping[Status, Sequence[Rule]]
) -> None:
    """Each main rule of busy must be impossible under one of low_use."""
    for at, busy in enumerate(rules["busy"]):
        excluded = any(low.is_no_laxer_than(busy) for low in rules["low_use"])
        if busy.measure == _MAIN[section] and not excluded:
            msg = f"busy's {busy.written} can hold together with low_use; raise its numbers to "
            msg += "those of a low_use rule or above, or write under low_use "
            msg += replace(busy, at_most=True).written
            document.report(_written(document, (section, "busy", at), (section, "low_use")), msg)


def _written(document: Document, loc: Loc, other: Loc) -> Loc:
    """Return `loc` or, where that is a default, what it does not go with."""
    return loc if loc in document.places else other
