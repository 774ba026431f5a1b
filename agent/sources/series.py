"""Windows from a CSV file: lines' traffic or servers' use, from whatever system recorded them.

Links: `subject,unix_time,receive_bps,transmit_bps,capacity_bps`; servers:
`subject,unix_time,cpu_ratio,memory_ratio,network_bps`. An empty cell is absent. A row falls in the
tick of its time; several rows in one tick are averaged, whatever their order.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.judge.bounds import Floats, Traffic, Usage, carried
from agent.sources.rows import KINDS, LINK_COLUMNS, Block, SeriesError, read_blocks
from config.policy import Measure

_MEASURES: Mapping[str, Measure] = {
    "cpu_ratio": "cpu",
    "memory_ratio": "memory",
    "network_bps": "network",
}
MOST_SUBJECTS = 50_000
"""More are no subjects: another column stands where their names belong."""

_PENDING = 4096
"""Ticks that wait to be added to those of their subject, at least."""


class Span(NamedTuple):
    """What is wanted of each subject: at most so many ticks, up to tick `last` or to its latest."""

    ticks: int
    last: int | None = None


class _Sums(NamedTuple):
    """By tick the sum and the count of each column's values; ticks in order, each once."""

    ticks: NDArray[np.int64]
    sums: Floats
    counts: NDArray[np.float32]

    def after(self, tick: int) -> "_Sums":
        """Without what is older."""
        start = int(np.searchsorted(self.ticks, tick))
        return _Sums(self.ticks[start:], self.sums[:, start:], self.counts[:, start:])


class Series:
    """One subject's ticks; those that nobody wants are let go of."""

    def __init__(self, subject: str, columns: tuple[str, ...], span: Span | None = None) -> None:
        self.subject = subject
        self.refused = 0
        """Cells that hold no possible value (negative, infinite, NaN): taken as absent."""
        self.last_tick = 0
        """The tick of its latest row, though it hold no value."""
        self._columns = columns
        self._span = span
        nothing = np.empty((len(columns), 0))
        self._known = _Sums(np.empty(0, dtype=np.int64), nothing, nothing.astype(np.float32))
        self._pending: list[_Sums] = []
        self._pending_ticks = 0

    def add(self, ticks: NDArray[np.int64], values: Floats, refused: int = 0) -> None:
        """Note rows: their ticks, and by column their values, NaN where absent."""
        self.refused += refused
        self.last_tick = max(self.last_tick, int(ticks.max()))
        known = ~np.isnan(values)
        piece = _summed(_Sums(ticks, np.where(known, values, 0.0), known.astype(np.float32)))
        self._pending.append(piece)
        self._pending_ticks += len(piece.ticks)
        if self._pending_ticks > max(_PENDING, len(self._known.ticks)):
            self._settle()

    def values(self, column: str, first: int, ticks: int) -> Floats:
        """The means of a column over a window; NaN where no row has it."""
        found = np.full(ticks, np.nan)
        its_ticks, values = self.known(column, first, first + ticks)
        found[its_ticks - first] = values
        return found

    def known(self, column: str, start: int, stop: int) -> tuple[NDArray[np.int64], Floats]:
        """The ticks from `start` to before `stop` that have a column, and its means in them."""
        self._settle()
        inside = slice(*np.searchsorted(self._known.ticks, (start, stop)))
        row = self._columns.index(column)
        sums, counts = self._known.sums[row, inside], self._known.counts[row, inside]
        has = counts > 0
        return self._known.ticks[inside][has], sums[has] / counts[has]

    @property
    def first_tick(self) -> int:
        """The tick of its earliest row that is still known; of its latest one without any."""
        self._settle()
        return int(self._known.ticks[0]) if len(self._known.ticks) else self.last_tick

    def _settle(self) -> None:
        if not self._pending:
            return
        pieces = [self._known, *self._pending]
        self._known = _summed(
            _Sums(
                np.concatenate([it.ticks for it in pieces]),
                np.concatenate([it.sums for it in pieces], axis=1),
                np.concatenate([it.counts for it in pieces], axis=1),
            )
        )
        if self._span is not None:
            last = self.last_tick if self._span.last is None else self._span.last
            self._known = self._known.after(last - self._span.ticks + 1)
        self._pending, self._pending_ticks = [], 0


@dataclass(frozen=True, slots=True)
class File:
    """All series of one file, in the order of their first rows."""

    kind: str  # "link" or "server"
    step_s: float
    series: tuple[Series, ...]

    def traffic(self, series: Series, ticks: int, last: int | None = None) -> Traffic:
        """A line's window of so many ticks, up to its latest row or to tick `last`."""
        end = series.last_tick if last is None else last
        first = end - ticks + 1
        receive, transmit, capacity = (
            series.values(column, first, ticks) for column in LINK_COLUMNS
        )
        receive[np.isnan(transmit)] = np.nan  # a tick is seen in both directions or in none
        transmit[np.isnan(receive)] = np.nan
        capacity[capacity <= 0] = np.nan
        return Traffic(first, receive, transmit, carried(capacity), (), self.step_s)

    def usage(self, series: Series, ticks: int, last: int | None = None) -> Usage:
        """A server's window; a column without any value in it is a measure that nobody read."""
        end = series.last_tick if last is None else last
        first = end - ticks + 1
        levels = {
            measure: series.values(column, first, ticks) for column, measure in _MEASURES.items()
        }
        known = {it: values for it, values in levels.items() if not np.isnan(values).all()}
        return Usage(first, known or {"cpu": levels["cpu"]}, self.step_s)


def read(
    path: Path,
    step_s: float,
    span: Span | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> File:
    """Read a file whole; of each subject only what is wanted stays in memory, without `span` all.

    Raises:
        SeriesError: at the first row that is none.
    """
    kind = ""
    found: dict[str, Series] = {}
    for kind, block in read_blocks(path, progress):
        _take(found, block, KINDS[kind], step_s, span)
        if len(found) > MOST_SUBJECTS:
            msg = f"{path}: more than {MOST_SUBJECTS} subjects; is their column another one?"
            raise SeriesError(msg)
    if not found:
        msg = f"{path}: no rows below the heading; there is nothing to judge"
        raise SeriesError(msg)
    return File(kind, step_s, tuple(found.values()))


def _take(
    found: dict[str, Series],
    block: Block,
    columns: tuple[str, ...],
    step_s: float,
    span: Span | None,
) -> None:
    """Hand each subject its rows of a block."""
    ticks = (block.times_s // step_s).astype(np.int64)
    for subject, at in _by_subject(block.subjects):
        series = found.get(subject)
        if series is None:
            series = found[subject] = Series(subject, columns, span)
        series.add(ticks[at], block.values[:, at], int(block.refused[at].sum()))


def _by_subject(subjects: list[str]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Each subject with the places of its rows, in the order of their first ones."""
    numbers: dict[str, int] = {}
    codes = np.array([numbers.setdefault(it, len(numbers)) for it in subjects])
    order = np.argsort(codes, kind="stable")
    stops = np.cumsum(np.bincount(codes))
    for subject, start, stop in zip(numbers, [0, *stops[:-1]], stops, strict=True):
        yield subject, order[start:stop]


def _summed(sums: _Sums) -> _Sums:
    """Bring ticks in order, and add up what falls in the same one."""
    if np.all(np.diff(sums.ticks) > 0):
        return sums
    ticks, at = np.unique(sums.ticks, return_inverse=True)

    def added(rows: NDArray[Any]) -> Floats:
        return np.array([np.bincount(at, row, len(ticks)) for row in rows])

    return _Sums(ticks, added(sums.sums), added(sums.counts).astype(np.float32))
