"""How far everyone is: all networks counted by department, region and level, held to the plan."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from agent.judge.counted import Counted, Totals, by, has_reached, totals
from agent.judge.forecast import Forecast, forecast
from agent.judge.plan import Met, Overdue, Planned, met, overdue, planned
from agent.judge.regions import LEVELS, around, level_of, plain
from config.milestones import Milestone
from config.register import Level


class Coverage(NamedTuple):
    """Of the regions of a level that are named, those with a network that is connected or further.

    Named are the regions of the configuration's `regions:` and those of its networks.
    """

    level: Level
    named: tuple[str, ...]
    covered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """All that is said of progress on one day."""

    today: date
    total: Totals
    departments: tuple[Totals, ...]
    regions: tuple[Totals, ...]
    """Of each region with all that lies in it; None last: without a region."""
    levels: tuple[Totals, ...]
    coverage: tuple[Coverage, ...]
    plan: tuple[Planned, ...]
    overdue: tuple[Overdue, ...]
    milestones: tuple[Met, ...]
    forecast: Forecast


def progress(
    networks: Sequence[Counted],
    regions: Iterable[str],
    milestones: Iterable[Milestone],
    today: date,
) -> Progress:
    """Count them; `regions` are those that ought to be covered, beside the networks' own."""
    levels = dict(by(networks, lambda it: it.level))
    return Progress(
        today=today,
        total=totals(None, networks),
        departments=tuple(totals(*it) for it in by(networks, lambda it: it.department)),
        regions=tuple(_regions(networks)),
        levels=tuple(totals(it, levels[it]) for it in (*LEVELS, None) if it in levels),
        coverage=tuple(_coverage(networks, regions)),
        plan=tuple(planned(networks, today)),
        overdue=tuple(overdue(networks, today)),
        milestones=tuple(met(milestones, networks, today)),
        forecast=forecast(networks, today),
    )


def _regions(networks: Iterable[Counted]) -> Iterator[Totals]:
    """Rolled up: a province has what its cities have, and so on."""
    found: dict[str, list[Counted]] = {}
    nowhere = []
    for it in networks:
        for region in around(it.region) if it.region else ():
            found.setdefault(region, []).append(it)
        if not it.region:
            nowhere.append(it)
    for region in sorted(found, key=lambda it: it.ljust(12, "0")):
        yield totals(region, found[region])
    if nowhere:
        yield totals(None, nowhere)


def _coverage(networks: Sequence[Counted], regions: Iterable[str]) -> Iterator[Coverage]:
    its = [(plain(it.region), it.phase) for it in networks if it.region]
    named = {plain(it) for it in regions} | {region for region, _ in its}
    covered = {region for region, phase in its if has_reached(phase, "connected")}
    for level in LEVELS:
        of_level = sorted(it for it in named if level_of(it) == level)
        if of_level:
            yield Coverage(level, tuple(of_level), tuple(it for it in of_level if it in covered))
