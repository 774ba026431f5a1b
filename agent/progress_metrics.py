"""What /metrics says of progress: of all networks, of departments and levels, and what is due."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import get_args

from agent.judge.calendar import SHANGHAI
from agent.judge.counted import NONE, Amount, Bucket, Counted, Measure, Totals
from agent.judge.plan import still_due
from agent.judge.progress import Progress
from collectors.base import Metric, Sample
from config.register import Phase

_DAY_S = 86_400
_BITS = 8
_OF_PHASE = "{} in each phase, as declared and as observed."
_OF_STATE = "Networks that are exempt, migrated, interconnected, on the way or waiting, by {}."
NETWORKS = Metric(
    "netfold_progress_networks", "gauge", _OF_PHASE.format("Networks"), ("phase", "source")
)
LINES = Metric(
    "netfold_progress_lines",
    "gauge",
    _OF_PHASE.format("Lines of networks"),
    ("phase", "source"),
)
OF_DEPARTMENT = Metric(
    "netfold_progress_department_networks",
    "gauge",
    _OF_STATE.format("department"),
    ("department", "state"),
)
OF_LEVEL = Metric(
    "netfold_progress_level_networks", "gauge", _OF_STATE.format("level"), ("level", "state")
)
RATE = Metric(
    "netfold_progress_consolidated_ratio",
    "gauge",
    "Share of what is to be consolidated (all but exempt networks) that is, by each measure.",
    ("measure", "outcome"),
)
_YUAN_HELP = "Declared yearly cost of what is {}."
_BYTES_HELP = "Contracted bandwidth of what is {}."
_WHAT = {
    "saved": "given back",
    "reclaimable": "idle or of low use in networks that are not being moved",
}
YUAN = {
    it: Metric(f"netfold_progress_{it}_yuan", "gauge", _YUAN_HELP.format(words))
    for it, words in _WHAT.items()
}
BANDWIDTH = {
    it: Metric(f"netfold_progress_{it}_bytes_per_second", "gauge", _BYTES_HELP.format(words))
    for it, words in _WHAT.items()
}
REGIONS = Metric(
    "netfold_progress_regions",
    "gauge",
    "Regions that the configuration or a network names, and those with a connected network.",
    ("level", "state"),
)
OVERDUE = Metric(
    "netfold_progress_overdue_networks",
    "gauge",
    "Networks with a planned day that passed without its phase.",
)
DUE = Metric(
    "netfold_network_due_timestamp_seconds",
    "gauge",
    "End of the day (Asia/Shanghai) that a phase is planned for; absent once it is reached.",
    ("network", "milestone"),
)
MILESTONE_DUE = Metric(
    "netfold_progress_milestone_due_timestamp_seconds",
    "gauge",
    "End of the milestone's day (Asia/Shanghai).",
    ("milestone",),
)
MILESTONE_GOAL = Metric(
    "netfold_progress_milestone_goal_ratio",
    "gauge",
    "Share of the networks to consolidate that the milestone asks for.",
    ("milestone",),
)
MILESTONE_REACHED = Metric(
    "netfold_progress_milestone_reached_ratio",
    "gauge",
    "Share of the networks to consolidate that is as far as the milestone asks.",
    ("milestone",),
)
MILESTONE_MET = Metric(
    "netfold_progress_milestone_met", "gauge", "Whether the milestone is met.", ("milestone",)
)
FORECAST = Metric(
    "netfold_progress_forecast_timestamp_seconds",
    "gauge",
    "When all is done at the rate of the last 90 days, and at the ends of its 90 % interval.",
    ("bound",),
)
METRICS = (
    *(NETWORKS, LINES, OF_DEPARTMENT, OF_LEVEL, RATE, *YUAN.values(), *BANDWIDTH.values()),
    *(REGIONS, OVERDUE, DUE, MILESTONE_DUE, MILESTONE_GOAL, MILESTONE_REACHED, MILESTONE_MET),
    FORECAST,
)


def samples(found: Progress, networks: Sequence[Counted]) -> Iterator[Sample]:
    """Say all of it; without a network that moves there is nothing to say."""
    if not networks:
        return
    yield from _phases(found.total)
    yield from _states(found)
    yield from _amounts(found.total)
    for it in found.coverage:
        yield Sample(REGIONS, len(it.named), (it.level, "named"))
        yield Sample(REGIONS, len(it.covered), (it.level, "covered"))
    yield Sample(OVERDUE, len({it.network for it in found.overdue}))
    for network, phase, due in still_due(networks):
        yield Sample(DUE, _end_of(due), (network, phase))
    yield from _ahead(found)


def _phases(total: Totals) -> Iterator[Sample]:
    nothing = Amount()
    for source, of in (("declared", total.declared), ("observed", total.observed)):
        for phase in (*get_args(Phase), NONE):
            it = of.get(phase, nothing)
            yield Sample(NETWORKS, it.networks, (phase, source))
            yield Sample(LINES, it.lines, (phase, source))


def _states(found: Progress) -> Iterator[Sample]:
    groups = ((OF_DEPARTMENT, found.departments), (OF_LEVEL, found.levels))
    for metric, its in groups:
        for it in its:
            for bucket in get_args(Bucket):
                yield Sample(metric, it.of(bucket).networks, (it.name or "", bucket))


def _amounts(total: Totals) -> Iterator[Sample]:
    words = {"bps": "bandwidth", "yuan": "cost"}
    for measure in get_args(Measure):
        for outcome in ("migrated", "interconnected"):
            ratio = total.rate(outcome, measure)
            if ratio is not None:
                yield Sample(RATE, ratio, (words.get(measure, measure), outcome))
    for what, amount in (("saved", total.of("migrated")), ("reclaimable", total.reclaimable)):
        if amount is None:
            continue
        if (yuan := amount.known("yuan")) is not None:
            yield Sample(YUAN[what], yuan)
        if (bps := amount.known("bps")) is not None:
            yield Sample(BANDWIDTH[what], bps / _BITS)


def _ahead(found: Progress) -> Iterator[Sample]:
    for it in found.milestones:
        name = (it.milestone.name,)
        yield Sample(MILESTONE_DUE, _end_of(it.milestone.by), name)
        yield Sample(MILESTONE_GOAL, it.milestone.share, name)
        if it.networks:
            yield Sample(MILESTONE_REACHED, it.reached / it.networks, name)
            yield Sample(MILESTONE_MET, int(it.holds), name)
    for bound in ("earliest", "likely", "latest"):
        if (on := getattr(found.forecast, bound)) is not None:
            yield Sample(FORECAST, _end_of(on), (bound,))


def _end_of(day: date) -> float:
    """When a day is over; without the day after, which 9999-12-31 has not."""
    return datetime.combine(day, time(), SHANGHAI).timestamp() + _DAY_S
