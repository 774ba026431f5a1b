"""What could be given back in each data centre: the cores, memory and disks of unused servers."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from agent.judge.status import OF_LINES, Status
from agent.server_windows import Sizes
from agent.systems import SystemVerdict
from agent.verdict import Verdict
from collectors.base import Metric, Sample
from config.agent import AgentConfig

_LABELS = ("data_centre", "bound")
_HELP = "{} of the data centre's idle and low-use servers: at least, and at most."
IDLE: dict[str, Metric] = {
    "cores": Metric("netfold_data_centre_idle_cores", "gauge", _HELP.format("Cores"), _LABELS),
    "memory_bytes": Metric(
        "netfold_data_centre_idle_memory_bytes", "gauge", _HELP.format("Memory"), _LABELS
    ),
    "disk_bytes": Metric(
        "netfold_data_centre_idle_disk_bytes", "gauge", _HELP.format("Disks"), _LABELS
    ),
}
SERVERS = Metric(
    "netfold_data_centre_servers",
    "gauge",
    "Servers of the data centre with each verdict.",
    ("data_centre", "status"),
)
METRICS = (*IDLE.values(), SERVERS)


class AtLeastAtMost(NamedTuple):
    """Bounds of an amount; None where a server that counts does not tell its size."""

    lower: float | None
    upper: float | None


class DataCentre(NamedTuple):
    """The verdicts of its servers, and by name of a size what unused ones have of it.

    At least: what idle and low-use servers have. At most: with those that are unknown as well.
    Exempt and standby servers are never counted.
    """

    name: str
    statuses: tuple[Status, ...]
    idle: dict[str, AtLeastAtMost]


def data_centres(
    config: AgentConfig, verdicts: Iterable[Verdict | SystemVerdict]
) -> list[DataCentre]:
    """Each data centre that servers name, in their order."""
    by_name = {it.subject: it for it in verdicts if isinstance(it, Verdict) and it.kind == "server"}
    of_centre: dict[str, list[Verdict]] = {}
    for server in config.servers:
        if server.data_centre and server.name in by_name:
            of_centre.setdefault(server.data_centre, []).append(by_name[server.name])
    return [_of(name, its) for name, its in of_centre.items()]


def samples(found: Iterable[DataCentre]) -> Iterator[Sample]:
    """Say all of them; a bound that is not known is absent."""
    for centre in found:
        for status in OF_LINES:
            yield Sample(SERVERS, centre.statuses.count(status), (centre.name, status.value))
        for size, bounds in centre.idle.items():
            for bound, amount in zip(("lower", "upper"), bounds, strict=True):
                if amount is not None:
                    yield Sample(IDLE[size], amount, (centre.name, bound))


def _of(name: str, verdicts: Sequence[Verdict]) -> DataCentre:
    proven = [it for it in verdicts if it.status.is_low]
    possible = [it for it in verdicts if it.status.is_low or it.status is Status.UNKNOWN]
    idle = {
        size: AtLeastAtMost(_at_least(_amounts(proven, size)), _at_most(_amounts(possible, size)))
        for size in Sizes._fields
    }
    return DataCentre(name, tuple(it.status for it in verdicts), idle)


def _amounts(verdicts: Iterable[Verdict], size: str) -> list[float | None]:
    return [None if it.sizes is None else getattr(it.sizes, size) for it in verdicts]


def _at_least(amounts: Sequence[float | None]) -> float | None:
    """What is known of them; without any known, nothing is."""
    known = [it for it in amounts if it is not None]
    return sum(known) if known or not amounts else None


def _at_most(amounts: Sequence[float | None]) -> float | None:
    known = [it for it in amounts if it is not None]
    return sum(known) if len(known) == len(amounts) else None
