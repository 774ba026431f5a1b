"""The history as windows for the judge: read-only, beside the agent that writes it.

Rows are read in stripes of slots, so that thousands of links never stand in memory together.
"""

import json
import math
import os
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
from agent.judge.status import Status
from agent.judge.tenure import Tenure

TOGETHER = 672
"""Links read in one pass over the rows: SQLite reads each row to its end every time."""

STRIPE = 1344
"""Slots read in one pass: 30 days of them are 46 MB, however far apart those of the links are.

No power of two, or the same slot of many rows would fall into one line of the processor's cache.
"""

_TURNED = 64
"""Rows made columns at once: as many as the processor's cache holds."""

_RATE_BYTES = 4
_NAN_BYTE = b"\xff"
"""Four of them are NaN in IEEE 754."""


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
        self._steps = self._load_steps()

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

    def tenures(self) -> dict[tuple[str, str], Tenure]:
        """Since when each subject (kind and name) has the verdict that the agent last gave it."""
        return {
            (kind, subject): Tenure(Status(status), since_s, low_since_s, bool(confirmed))
            for kind, subject, status, since_s, low_since_s, confirmed in self._rows(
                "SELECT * FROM tenures"
            )
        }

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
            receive, transmit = _joined(
                [[rates[slot] for slot in one] for one in self._series[link]], ticks
            )
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

    def _load_steps(self) -> defaultdict[str, list[tuple[float, float]]]:
        """Each link's dated capacities from the first known one on, NaN where none is."""
        found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        query = (
            "SELECT subject, since_s, bits_per_second FROM capacity WHERE kind = 'link'"
            " ORDER BY subject, since_s"
        )
        for link, since_s, bps in self._rows(query):
            if bps is not None or found[link]:
                found[link].append((since_s, np.nan if bps is None else bps))
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
            block = self._block(start, stripe[-1] - start + 1, first, ticks)
            for slot in stripe:
                yield slot, block[slot - start]

    def _block(self, start: int, width: int, first: int, ticks: int) -> NDArray[np.float32]:
        """The rates of `width` slots from `start`, one after another; NaN where not seen."""
        block = np.empty((width, ticks), dtype=np.float32)
        query = "SELECT tick, substr(rates, ?, ?) FROM ticks WHERE tick BETWEEN ? AND ?"
        octets = width * _RATE_BYTES
        for done in range(0, ticks, _TURNED):
            some = range(first + done, first + min(done + _TURNED, ticks))
            where = (start * _RATE_BYTES + 1, octets, some[0], some[-1])
            rows = dict(self._rows(query, where))
            seen = b"".join(rows.get(tick, b"").ljust(octets, _NAN_BYTE) for tick in some)
            values = np.frombuffer(seen, dtype="<f4").reshape(len(some), width)
            block[:, done : done + len(some)] = values.T
        return block

    def _runs(self, series: Iterable[_Series], first: int, last: int) -> Iterator[Run]:
        query = "SELECT first, last, bits FROM runs WHERE slot = ? AND last >= ? AND first <= ?"
        for one in series:
            for run_first, run_last, bits in self._rows(query, (one.receive, first, last)):
                yield Run(run_first, run_last, tuple(json.loads(bits)))

    def _capacity(self, link: str, first: int, ticks: int) -> Floats:
        """The bit/s in force at each tick's beginning; the first one known holds before it too.

        Whoever declares a contract late has had it before: nothing else was ever declared.
        """
        steps = self._steps[link]
        found = np.full(ticks, steps[0][1] if steps else np.nan)
        for since_s, bps in steps[1:]:
            begin = max(0, math.ceil(since_s / self.tick_s) - first)
            found[begin:] = bps
        return found

    def _rows(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._db.execute(query, values)
        except sqlite3.Error as error:
            raise self._named(error) from error

    def _named(self, error: sqlite3.Error) -> HistoryError:
        why = str(error)
        if error.sqlite_errorcode == sqlite3.SQLITE_CANTOPEN:
            there = os.path.lexists(self._path)  # False also where a folder above it is closed
            why = "it may not be opened" if there else "it is not there, or may not be seen"
        return HistoryError(f"{self._path}: cannot be read as a history: {why}")


def _joined(bindings: Iterable[Sequence[NDArray[np.float32]]], ticks: int) -> Floats:
    """Both directions of a link over its bindings; NaN where none of them saw it."""
    both, *others = [np.array(rates, dtype=np.float64) for rates in bindings] or [
        np.full((2, ticks), np.nan)
    ]
    for one in others:
        np.copyto(both, one, where=~np.isnan(one).any(axis=0))
    return both
