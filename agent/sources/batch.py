"""Some subjects' samples as they came from a server, made arrays by tick."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from agent.judge.bounds import Floats, carried
from agent.recorder import LINK_CAPACITY, LINK_RECEIVE, LINK_SEEN_SINCE, LINK_TRANSMIT
from agent.sources.promapi import Found
from agent.sources.scraped import Level, Line
from agent.sources.windows import SourceError
from collectors import server
from collectors.base import Metric
from collectors.link import PORT_SPEED

_BITS = 8

_Key = tuple[tuple[str, str], ...]
"""The labels of a series."""


class Asked(NamedTuple):
    """What is asked of a kind of subject, whose name is the label `kind`.

    `constants` stand until the next one is told; `seen_since` says where the counters tell nothing,
    None: they always have 64 bits; `levels` are means by tick.
    """

    kind: str
    constants: tuple[Metric, ...]
    receive: Metric
    transmit: Metric
    seen_since: Metric | None = None
    levels: tuple[Metric, ...] = ()

    @property
    def sampled(self) -> tuple[Metric, ...]:
        """What is wanted as it was scraped."""
        since = () if self.seen_since is None else (self.seen_since,)
        return (self.receive, self.transmit, *since, *self.levels)


LINKS = Asked("link", (LINK_CAPACITY, PORT_SPEED), LINK_RECEIVE, LINK_TRANSMIT, LINK_SEEN_SINCE)
SERVERS = Asked(
    "server",
    (server.CORES, server.MEMORY),
    server.RECEIVE,
    server.TRANSMIT,
    levels=(server.CPU, server.MEMORY_USED),
)


class Batch:
    """What the server at `url` holds of some subjects in the window from tick number `first`."""

    def __init__(self, url: str, asked: Asked, first: int, ticks: int, tick_s: float) -> None:
        self._url = url
        self.first, self.ticks, self.tick_s = first, ticks, tick_s
        self.untold: set[str] = set()
        """Those whose agent did not say where its counters tell nothing: it was an older one."""
        self._asked = asked
        self._constants: defaultdict[str, dict[str, Floats]] = defaultdict(dict)
        self._lines: defaultdict[str, dict[_Key, Line]] = defaultdict(dict)
        self._levels: defaultdict[tuple[str, str], dict[_Key, Level]] = defaultdict(dict)

    def take_constants(self, found: Iterable[Found]) -> None:
        """Note what was in force at ticks' beginnings."""
        for series in found:
            known = self._constants[series.labels.get(self._asked.kind, "")]
            values = known.setdefault(series.labels["__name__"], np.full(self.ticks, np.nan))
            at = np.rint(np.array(series.times_s) / self.tick_s).astype(int) - self.first
            inside = (at >= 0) & (at < self.ticks)
            values[at[inside]] = np.array(series.values)[inside]

    def take_samples(self, found: Iterable[Found]) -> None:
        """Go on with what was scraped next."""
        together: defaultdict[_Key, dict[str, Mapping[float, float]]] = defaultdict(dict)
        for series in found:
            labels = {name: it for name, it in series.labels.items() if name != "__name__"}
            by_time = dict(zip(series.times_s, series.values, strict=True))
            together[tuple(sorted(labels.items()))][series.labels.get("__name__", "")] = by_time
        for key, series_of in together.items():
            subject = dict(key).get(self._asked.kind, "")
            self._take_counters(subject, key, series_of)
            for metric in self._asked.levels:
                self._take_levels(subject, key, metric.name, series_of.get(metric.name, {}))

    def is_known(self, subject: str) -> bool:
        """Whether anything was scraped of it."""
        return bool(self._lines.get(subject)) or any(name == subject for name, _ in self._levels)

    def constant(self, subject: str, metric: Metric) -> Floats:
        """What was in force by tick; NaN throughout where it was never told."""
        values = self._constants.get(subject, {}).get(metric.name)
        return np.full(self.ticks, np.nan) if values is None else carried(values)

    def rates(self, subject: str) -> tuple[Floats, Floats]:
        """Received and transmitted bit/s by tick.

        Raises:
            SourceError: two series saw one tick.
        """
        lines = self._lines.get(subject, {})
        for line in lines.values():
            line.end()
        return (
            self._joined(subject, {key: it.receive for key, it in lines.items()}),
            self._joined(subject, {key: it.transmit for key, it in lines.items()}),
        )

    def level(self, subject: str, metric: Metric) -> Floats:
        """The mean level by tick.

        Raises:
            SourceError: two series saw one tick.
        """
        levels = self._levels.get((subject, metric.name), {})
        return self._joined(subject, {key: it.values for key, it in levels.items()})

    def _take_counters(
        self, subject: str, key: _Key, series_of: Mapping[str, Mapping[float, float]]
    ) -> None:
        received, transmitted = (
            series_of.get(it.name, {}) for it in (self._asked.receive, self._asked.transmit)
        )
        if not (received and transmitted):
            return
        since = {} if (told := self._asked.seen_since) is None else series_of.get(told.name, {})
        line = self._line(subject, key)
        for at_s, octets in received.items():
            if at_s in transmitted:
                line.take(at_s, octets, transmitted[at_s], since.get(at_s))
        if told is not None and not received.keys() <= since.keys():
            self.untold.add(subject)

    def _take_levels(
        self, subject: str, key: _Key, metric: str, values: Mapping[float, float]
    ) -> None:
        for at_s, value in values.items():
            levels = self._levels[subject, metric]
            if key not in levels:
                levels[key] = Level(self.first, self.ticks, self.tick_s)
            levels[key].take(at_s, value)

    def _line(self, subject: str, key: _Key) -> Line:
        lines = self._lines[subject]
        if key not in lines:
            speed_bps = _BITS * self.constant(subject, PORT_SPEED)
            is_wide = self._asked.seen_since is None
            lines[key] = Line(self.first, speed_bps, self.tick_s, is_wide=is_wide)
        return lines[key]

    def _joined(self, subject: str, parts: Mapping[_Key, Floats]) -> Floats:
        joined = np.full(self.ticks, np.nan)
        for part in parts.values():
            seen = ~np.isnan(part)
            if np.any(seen & ~np.isnan(joined)):
                twice = _ambiguous(f"{self._asked.kind} {subject!r}", list(parts))
                msg = f"{self._url}: {twice}"
                raise SourceError(msg)
            joined[seen] = part[seen]
        return joined


def _ambiguous(subject: str, keys: list[_Key]) -> str:
    """Say by which label two agents' subjects of one name can be told from each other."""
    one, other = dict(keys[0]), dict(keys[1])
    name = next((it for it in one if one[it] != other.get(it)), "instance")
    seen = f"{one.get(name)!r} and {other.get(name)!r}"
    right = f"write under prometheus: labels: {{{name}: {one.get(name)}}}"
    return f"{subject} is there twice at one time, with {name} {seen}; {right}"
