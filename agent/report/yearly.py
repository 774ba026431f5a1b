"""The connection part (接入进展) of the yearly report: what was reached in the year of the report.

The report is due before the end of February of the next year; a year is the calendar's.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from agent.judge.counted import Counted, Reached
from agent.judge.steps import LEFT
from config.register import Phase

PHASES: tuple[Phase, ...] = (
    *("connected", "dual_running", "cut_over", "retired", "funding_cut"),
    "interconnected",
)
"""What a year reports: from the first day of being joined to the money that is no longer asked."""


def yearly(networks: Sequence[Counted], today: date) -> dict[str, Any]:
    """Say of each phase which networks reached it this year, and before, or on no known day."""
    its = [it for it in networks if it.bucket != "exempt"]
    begins = date(today.year, 1, 1)
    done = [it for it in its if _is_this_year(_reached(it, "retired"), begins)]
    known = [it.amount.yuan for it in done if it.amount.priced]
    return {
        "year": today.year,
        "from": begins.isoformat(),
        "to": today.isoformat(),
        "due_before": date(today.year + 1, 3, 1).isoformat(),
        "in_scope": len(its),
        "phases": [_phase(its, it, begins, today) for it in PHASES],
        "saved_networks": [it.name for it in done],
        "saved_yuan": sum(known) if known or not done else None,
        "saved_without_cost": len(done) - len(known),
        "networks": [it for one in its for it in _moves(one, begins)],
    }


def _phase(networks: Sequence[Counted], phase: Phase, begins: date, today: date) -> dict[str, Any]:
    reached = [_reached(it, phase) for it in networks]
    ends = date(today.year, 12, 31)
    planned = [it for it in networks if (day := it.plan.get(phase)) and begins <= day <= ends]
    return {
        "phase": phase,
        "this_year": sum(_is_this_year(it, begins) for it in reached),
        "before": sum(it is not None and it.on < begins for it in reached),
        "day_unknown": sum(it is not None and it.on >= begins and not it.exact for it in reached),
        "planned_this_year": len(planned),
        "planned_and_open": sum(it.reached(phase) is None for it in planned),
    }


def _reached(one: Counted, phase: Phase) -> Reached | None:
    """Since when; a network that is joined keeps its lines, so nothing of it was given back."""
    return None if one.bucket == "interconnected" and phase in LEFT else one.reached(phase)


def _is_this_year(reached: Reached | None, begins: date) -> bool:
    return reached is not None and reached.exact and reached.on >= begins


def _moves(one: Counted, begins: date) -> Iterator[dict[str, Any]]:
    """A network that reached something this year, with the days."""
    days = {it: reached for it in PHASES if (reached := _reached(one, it))}
    if any(_is_this_year(it, begins) for it in days.values()):
        known = {phase: it.on.isoformat() if it.exact else None for phase, it in days.items()}
        yield {
            "network": one.name,
            "department": one.department,
            "region": one.region,
            "counts_as": one.phase,
            **{phase: known.get(phase) for phase in PHASES},
        }
