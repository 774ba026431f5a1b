"""A gate: a named check with what was seen, what is asked, and whether it holds."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from agent.judge.paired import Spread, no_more
from agent.judge.plural import counted
from agent.judge.verdict import all_hold


class Gate(NamedTuple):
    """One check; while it is not known, `holds` is None and `unseen` what was not seen."""

    name: str
    holds: bool | None
    value: str | None
    threshold: str
    unseen: str = ""


def gate(name: str, holds: bool | None, wanted: str, unseen: str = "") -> Gate:
    """A check that is a yes or a no."""
    if holds is None:
        return Gate(name, None, None, wanted, unseen)
    return Gate(name, holds, "yes" if holds else "no", wanted)


def one_of(name: str, value: str | None, allowed: Sequence[str]) -> Gate:
    """A declared word that has to be one of some."""
    return Gate(name, value in allowed, value or "nothing", " or ".join(allowed))


def none_of(name: str, left: Sequence[str] | None, what: str, unseen: str = "") -> Gate:
    """A list that has to be empty; None: not known."""
    if left is None:
        return Gate(name, None, None, f"none {what}", unseen)
    value = f"{', '.join(left)} {what}" if left else "none"
    return Gate(name, not left, value, f"none {what}")


def declared_only(name: str, holds: bool) -> Gate:
    """What is never measured, as of a classified network: it holds once a person says so."""
    return Gate(name, holds, "declared" if holds else "not declared", "declared: never measured")


def days_at_least(name: str, now: bool | None, days: int, at_most: int, least: int) -> Gate:
    """A number of days without a break on which something held, or may have held: `at_most`.

    `now`: whether it held on the last day known.
    """
    value, wanted = counted(days, "day"), counted(least, "day")
    if now is False:
        return Gate(name, False, "0 days", wanted)
    if days >= least:
        return Gate(name, True, value, wanted)
    if now is None or at_most >= least:
        return Gate(name, None, value, wanted, "the days before" if days else "the last days")
    return Gate(name, False, value, wanted)


def within(
    name: str,
    found: Mapping[str, Spread | None],
    limit: float,
    worded: Callable[[float], str],
    what: str,
) -> Gate:
    """Differences between paths, each of which is to be at most the limit; None: not known."""
    known = {pair: it for pair, it in found.items() if it is not None}
    holds = all_hold(it and no_more(limit, it.lower, it.upper) for it in found.values())
    seen = [f"{pair} {_spread(it, worded)}" for pair, it in known.items()]
    unseen = "" if holds is not None else "enough rounds by both paths before the cutover"
    return Gate(name, holds, ", ".join(seen) or None, f"at most {worded(limit)} {what}", unseen)


def _spread(it: Spread, worded: Callable[[float], str]) -> str:
    lower, upper = ("?" if end is None else worded(end) for end in (it.lower, it.upper))
    return f"{worded(it.middle)} ({lower} to {upper})"
