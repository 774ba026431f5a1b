"""Numbers and days as people read them."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from agent.judge.calendar import SHANGHAI

UNKNOWN = "–"

FIGURES = ("seen_ratio", "mean", "p95", "peak", "capacity_bps")
"""Of a line's evidence, in the order in which pages show it."""

SERVER_FIGURES = ("seen_ratio", "cpu_mean", "cpu_p95", "cpu_peak", "memory_mean")
"""Of a server's evidence: how much of its CPU was seen, and how it and the memory were used."""

MEASURE_FIGURES = ("seen_ratio", "mean", "p95", "p99", "peak")
"""Of each measure of a server: how much of it was seen, and what."""

_RULE = re.compile(r"(\w+): (\w+) >= (\S+) (at most|more than) (\S+)( in office hours)?")


class RuleSeen(NamedTuple):
    """A rule, and between which shares of the time the data put it; `text` is its exact name.

    `measure` is a key of the words.
    """

    text: str
    status: str
    measure: str
    level: str
    limit: str
    lower: str
    upper: str
    holds: str
    in_office_hours: bool


def figures(evidence: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What was seen of a line, each figure with its name."""
    return tuple(
        (name, (bandwidth if name == "capacity_bps" else percent)(evidence[name]))
        for name in FIGURES
    )


def office_figures(evidence: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was seen of a line in office hours; None where that is not known."""
    office = evidence.get("office")
    if office is None:
        return None
    return {"mean": percent(office["mean"]), "p95": percent(office["p95"])} | {
        "unknown_years": office["unknown_years"]
    }


def server_figures(evidence: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What was seen of a server, each figure with its name."""
    cpu, memory = evidence["cpu"], evidence.get("memory") or {}
    shown = (cpu["seen_ratio"], cpu["mean"], cpu["p95"], cpu["peak"], memory.get("mean"))
    return tuple(zip(SERVER_FIGURES, map(percent, shown), strict=True))


class MeasureSeen(NamedTuple):
    """What was seen of a measure, each figure with its name; `name` is a key of the words."""

    name: str
    figures: tuple[tuple[str, str], ...]


def measures(evidence: Mapping[str, Any]) -> list[MeasureSeen]:
    """What was seen of each measure of a server, in its unit."""
    return [
        MeasureSeen(
            f"of_{measure}",
            tuple(
                (name, percent(its[name]) if name == "seen_ratio" else level(measure, its[name]))
                for name in MEASURE_FIGURES
            ),
        )
        for measure, its in evidence.items()
    ]


def level(measure: str, value: float | None) -> str:
    """A measured level in its measure's unit: bit/s, cores, or a percentage."""
    if measure == "network":
        return bandwidth(value if value is None else float(f"{value:.3g}"))
    if measure == "cores":
        return UNKNOWN if value is None else f"{value:.3g}"
    return percent(value)


def rule(said: Mapping[str, Any]) -> RuleSeen:
    """A rule of a verdict, its level a ratio, a rate or a number of cores."""
    found = _RULE.fullmatch(said["rule"])
    if found is None:
        msg = f"not a rule: {said['rule']!r}"
        raise ValueError(msg)
    status, measure, threshold, how, limit, office = found.groups()
    sign = "≤" if how == "at most" else ">"
    lower, upper = (f"{share:.2%}" for share in said["share"])
    return RuleSeen(
        text=said["rule"],
        status=status,
        measure=f"of_{measure}",
        level=f"≥ {_threshold(measure, threshold)}",
        limit=f"{sign} {exact(limit)}",
        lower=lower,
        upper=upper,
        holds=str(said["holds"]),
        in_office_hours=office is not None,
    )


def day(iso: str) -> str:
    """The day in Asia/Shanghai."""
    return datetime.fromisoformat(iso).astimezone(SHANGHAI).date().isoformat()


def percent(ratio: float | None) -> str:
    """A ratio as a percentage."""
    return UNKNOWN if ratio is None else f"{ratio:.1%}"


def bandwidth(bps: float | None) -> str:
    """A rate in the largest unit of which it is at least one."""
    if bps is None:
        return UNKNOWN
    for limit, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if bps >= limit:
            return f"{bps / limit:g} {prefix}bit/s"
    return f"{bps:g} bit/s"


def _threshold(measure: str, written: str) -> str:
    if measure in {"rate", "network"}:
        return bandwidth(float(written))
    return f"{float(written):g}" if measure == "cores" else exact(written)


def exact(ratio: str) -> str:
    """A ratio as a policy writes it, as a percentage with all its digits."""
    return f"{float(ratio) * 100:g}%"
