"""The history as windows for the judge: read-only, beside the agent that writes it.

Rows are read in stripes of slots, so that thousands of links never stand in memory together.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from agent.history import HistoryError
from agent.judge.bounds import Floats, Traffic
from agent.judge.rates import TICK_S, Run

TOGETHER = 512
"""Links read in one pass over the rows: SQLite reads a row to the last of its slots each time."""

STRIPE = 1024
"""Slots read in one pass: 30 days of them are 35 MB, however far apart those of the links are."""
_RATE_BYTES = 4


class _Series(NamedTuple):
    """Both slots of one binding of a link."""

    receive: int
    transmit: int


class HistoryReader:
    """One history file, read while it may be written; a context manager.

    Raises:
        HistoryError: there is no such history, or it cannot be read.
    """

    def __init__(self, path: Path, tick_s: float = TICK_S) -> None:
        self._path = path
        self.tick_s = tick_s
        try:
            self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        except sqlite3.Error as error:
            raise self._named(error) from error
        self._series = self._load_series()
        self._levels = self._load_levels()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @property
    def first_tick(self) -> int | None:
        """The earliest tick that anything was seen in; None if the history is empty."""
        ((first,),) = self._rows("SELECT min(tick) FROM ticks")
        return None if first is None else int(first)

    @property
    def last_tick(self) -> int | None:
        """The latest tick that anything was seen in; None if the history is empty."""
        ((last,),) = self._rows("SELECT max(tick) FROM ticks")
        return None if last is None else int(last)

    def traffic(
        self, links: Sequence[str], first: int, ticks: int
    ) -> Iterator[tuple[str, Traffic]]:
        """Each link's window from tick number `first`; NaN where nothing was seen.

        A link that was bound anew has several series: each tick is of the one that saw it.
        """
        for start in range(0, len(links), TOGETHER):
            yield from self._together(links[start : start + TOGETHER], first, ticks)

    def levels(
        self,
        measures: Sequence[str],
        probes: Sequence[str],
        first: int,
        ticks: int,
        kind: str = "probe",
    ) -> Iterator[tuple[str, Mapping[str, Floats]]]:
        """Each probe's (or system's) levels from tick number `first`; NaN where nothing was seen.

        A probe of another address has another series: each tick is of the one that saw it.
        """
        together = 2 * TOGETHER // len(measures)  # a link has two slots
        for start in range(0, len(probes), together):
            some = probes[start : start + together]
            slots = {
                slot
                for it in some
                for measure in measures
                for slot in self._levels[kind, it, measure]
            }
            values = dict(self._rates(sorted(slots), first, ticks))
            for probe in some:
                yield (
                    probe,
                    {it: self._level((kind, probe, it), values, ticks) for it in measures},
                )

    def bindings(
        self, kind: str, subjects: Sequence[str], first: int, ticks: int
    ) -> Iterator[tuple[str, list[dict[str, NDArray[np.float32]]]]]:
        """All that was read of each subject from tick number `first`, by measure.

        One mapping a binding: a server that is another device now has several.
        """
        found: defaultdict[str, defaultdict[str, dict[str, int]]] = defaultdict(
            lambda: defaultdict(dict)
        )
        query = "SELECT subject, identity, measure, slot FROM series WHERE kind = ? ORDER BY slot"
        for subject, identity, measure, slot in self._rows(query, (kind,)):
            found[subject][identity][measure] = slot
        together = TOGETHER // 4  # a server has seven slots, a link two
        for start in range(0, len(subjects), together):
            some = {it: list(found[it].values()) for it in subjects[start : start + together]}
            slots = {slot for its in some.values() for one in its for slot in one.values()}
            values = dict(self._rates(sorted(slots), first, ticks))
            for subject, its in some.items():
                yield subject, [{it: values[slot] for it, slot in one.items()} for one in its]

    def ports(self, since_s: float) -> dict[str, bool]:
        """Whether each link's port was up when last heard of; older than `since_s` is left out."""
        tables = {name for (name,) in self._rows("SELECT name FROM sqlite_schema")}
        if "ports" not in tables:  # of an agent that did not keep them
            return {}
        query = "SELECT link, up FROM ports WHERE at_s >= ?"
        return {link: bool(up) for link, up in self._rows(query, (since_s,))}

    def _level(
        self, key: tuple[str, str, str], values: Mapping[int, NDArray[np.float32]], ticks: int
    ) -> Floats:
        level = np.full(ticks, np.nan)
        for slot in self._levels[key]:
            seen = ~np.isnan(values[slot])
            level[seen] = values[slot][seen]
        return level

    def _together(
        self, links: Sequence[str], first: int, ticks: int
    ) -> Iterator[tuple[str, Traffic]]:
        slots = {slot for link in links for one in self._series[link] for slot in one}
        rates = dict(self._rates(sorted(slots), first, ticks))
        for link in links:
            both = np.full((2, ticks), np.nan)
            for one in self._series[link]:
                rate = np.array([rates[one.receive], rates[one.transmit]], dtype=np.float64)
                np.copyto(both, rate, where=~np.isnan(rate).any(axis=0))
            receive, transmit = both
            runs = tuple(self._runs(self._series[link], first, first + ticks - 1))
            capacity = self._capacity(link, first, ticks)
            yield link, Traffic(first, receive, transmit, capacity, runs, self.tick_s)

    def _load_series(self) -> dict[str, list[_Series]]:
        pairs: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        query = "SELECT subject, identity, measure, slot FROM series WHERE kind = 'link'"
        for subject, identity, measure, slot in self._rows(query):
            pairs[subject, identity][measure] = slot
        found: defaultdict[str, list[_Series]] = defaultdict(list)
        for (subject, _), slots in pairs.items():
            found[subject].append(_Series(slots["receive"], slots["transmit"]))
        return found

    def _load_levels(self) -> defaultdict[tuple[str, str, str], list[int]]:
        found: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        query = "SELECT kind, subject, measure, slot FROM series WHERE kind != 'link' ORDER BY slot"
        for kind, subject, measure, slot in self._rows(query):
            found[kind, subject, measure].append(slot)
        return found

    def _rates(
        self, slots: Sequence[int], first: int, ticks: int
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """The rates of slots over a window, stripe by stripe."""
        left = list(slots)
        while left:
            start = left[0]
            stripe = [slot for slot in left if slot < start + STRIPE]
            del left[: len(stripe)]
            width = stripe[-1] - start + 1
            block = np.full((ticks, width), np.nan, dtype=np.float32)
            query = "SELECT tick, substr(rates, ?, ?) FROM ticks WHERE tick BETWEEN ? AND ?"
            where = (start * _RATE_BYTES + 1, width * _RATE_BYTES, first, first + ticks - 1)
            for tick, blob in self._rows(query, where):
                values = np.frombuffer(blob, dtype="<f4")
                block[tick - first, : len(values)] = values
            for slot in stripe:
                yield slot, block[:, slot - start]

    def _runs(self, series: Iterable[_Series], first: int, last: int) -> Iterator[Run]:
        query = "SELECT first, last, bits FROM runs WHERE slot = ? AND last >= ? AND first <= ?"
        for one in series:
            for run_first, run_last, bits in self._rows(query, (one.receive, first, last)):
                yield Run(run_first, run_last, tuple(json.loads(bits)))

    def _capacity(self, link: str, first: int, ticks: int) -> Floats:
        """The bit/s in force at each tick's beginning; the first one known holds before it too.

        Whoever declares a contract late has had it before: nothing else was ever declared.
        """
        query = (
            "SELECT since_s, bits_per_second FROM capacity"
            " WHERE kind = 'link' AND subject = ? ORDER BY since_s"
        )
        steps = list(self._rows(query, (link,)))
        while steps and steps[0][1] is None:
            del steps[0]
        if not steps:
            return np.full(ticks, np.nan)
        since_s = np.array([step[0] for step in steps])
        bps = np.array([np.nan if step[1] is None else step[1] for step in steps])
        starts_s = (first + np.arange(ticks)) * self.tick_s
        at = np.maximum(np.searchsorted(since_s, starts_s, side="right") - 1, 0)
        found: Floats = bps[at]
        return found

    def _rows(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._db.execute(query, values)
        except sqlite3.Error as error:
            raise self._named(error) from error

    def _named(self, error: sqlite3.Error) -> HistoryError:
        return HistoryError(f"{self._path}: cannot be read as a history: {error}")
