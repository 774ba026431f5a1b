"""Progress as JSON, and by that as pages show it; null is what there is nothing of."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, get_args

from agent.judge.counted import Amount, Bucket, Measure, Totals
from agent.judge.forecast import CONFIDENCE
from agent.judge.progress import Progress
from config.milestones import historic

MEASURES = get_args(Measure)
"""What a consolidation rate is of."""

GROUPS = ("department", "region", "level")

TO_CONSOLIDATE = "all networks but the exempt ones"
NAMED = "the regions that `regions:` or a network names"


def said_of(found: Progress) -> dict[str, Any]:
    """All of it, with the denominators by name."""
    groups: Sequence[Iterable[Totals]] = (found.departments, found.regions, found.levels)
    return {
        "date": found.today.isoformat(),
        "denominators": {"to_consolidate": TO_CONSOLIDATE, "regions": NAMED},
        "total": _totals(found.total),
        **{
            f"by_{group}": [{group: it.name, **_totals(it)} for it in its]
            for group, its in zip(GROUPS, groups, strict=True)
        },
        "coverage": [
            {
                "level": it.level,
                "named": len(it.named),
                "covered": len(it.covered),
                "ratio": round(len(it.covered) / len(it.named), 6),
                "not_covered": [region for region in it.named if region not in it.covered],
            }
            for it in found.coverage
        ],
        "plan": [it._asdict() for it in found.plan],
        "overdue": [it._asdict() | {"due": it.due.isoformat()} for it in found.overdue],
        **_ahead(found),
        "history": [
            {"name": it.name, "title": it.title, "by": it.by.isoformat(), "source": it.source}
            for it in historic()
        ],
    }


def _ahead(found: Progress) -> dict[str, Any]:
    milestones = [
        {
            "name": it.milestone.name,
            "title": it.milestone.title,
            "by": it.milestone.by.isoformat(),
            "phase": it.milestone.phase,
            "share": it.milestone.share,
            "networks": it.networks,
            "needed": it.needed,
            "reached": it.reached,
            "met": it.holds,
            "met_on": _day(it.met_on),
            "overdue": it.overdue,
        }
        for it in found.milestones
    ]
    it = found.forecast
    ahead = it._asdict() | {"confidence": CONFIDENCE}
    ahead |= {"at_least": round(it.at_least, 3), "at_most": round(it.at_most, 3)}
    ahead |= {name: _day(getattr(it, name)) for name in ("earliest", "likely", "latest")}
    return {"milestones": milestones, "forecast": ahead}


def _totals(it: Totals) -> dict[str, Any]:
    return {
        "all": _amount(it.all),
        "to_consolidate": _amount(it.to_consolidate),
        **{bucket: _amount(it.of(bucket)) for bucket in get_args(Bucket)},
        "reclaimable": None if it.reclaimable is None else _amount(it.reclaimable),
        "undecided": it.undecided,
        "rates": {
            outcome: {measure: _ratio(it.rate(outcome, measure)) for measure in MEASURES}
            for outcome in ("migrated", "interconnected")
        },
        "declared": _phases(it.declared),
        "observed": _phases(it.observed),
        "without_cost": it.all.networks - it.all.priced,
        "without_bandwidth": it.all.networks - it.all.sized,
    }


def _phases(of: Any) -> dict[str, Any]:
    return {phase: {"networks": it.networks, "lines": it.lines} for phase, it in sorted(of.items())}


def _amount(it: Amount) -> dict[str, float | None]:
    return {measure: it.known(measure) for measure in MEASURES}


def _ratio(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()
