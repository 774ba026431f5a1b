"""What the history keeps of one subject, in words that measuring and keeping share."""

from dataclasses import dataclass, field
from typing import NamedTuple

from agent.judge.rates import Run, Tick


class SeriesKey(NamedTuple):
    """What a series is of: a link's or server's octets (two slots), or one level of a server."""

    kind: str
    subject: str
    identity: str
    measure: str  # "octets", "cpu" or "memory"

    @property
    def slots(self) -> tuple[tuple[str, ...], ...]:
        """The rows of table `series` that it fills, by their unique columns."""
        measures = ("receive", "transmit") if self.measure == "octets" else (self.measure,)
        return tuple((self.kind, self.subject, self.identity, measure) for measure in measures)


@dataclass(slots=True)
class Record:
    """What is to be written of one series, all of it or nothing: ticks, runs, where it stands."""

    ticks: list[Tick] = field(default_factory=list)
    runs: dict[int, Run] = field(default_factory=dict)
    state: bytes = b""
    """Of `STANDING_BYTES`; empty where nothing is known of it."""


class Capacity(NamedTuple):
    """From `since_s` on a subject could carry this much, in bit/s; None: not known."""

    kind: str
    subject: str
    since_s: float
    bits_per_second: float | None
