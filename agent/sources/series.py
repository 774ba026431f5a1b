"""Windows from a CSV file: lines' traffic or servers' use, from whatever system recorded them.

Links: `subject,unix_time,receive_bps,transmit_bps,capacity_bps`; servers:
`subject,unix_time,cpu_ratio,memory_ratio,network_bps`. An empty cell is absent. A row falls in the
tick of its time; several rows in one tick are averaged, whatever their order.
"""

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np

from agent.judge.bounds import Floats, Traffic, Usage, carried
from config.policy import Measure

LINK_COLUMNS = ("receive_bps", "transmit_bps", "capacity_bps")
SERVER_COLUMNS = ("cpu_ratio", "memory_ratio", "network_bps")
_MEASURES: Mapping[str, Measure] = {
    "cpu_ratio": "cpu",
    "memory_ratio": "memory",
    "network_bps": "network",
}
_LATEST_S = 2**40
"""No clock says more; a time beyond it is another unit, as milliseconds would soon be."""


class SeriesError(Exception):
    """The file cannot be read as series: where, what was seen, what would be right, in a line."""


@dataclass(slots=True)
class Series:
    """One subject's ticks: by number and column the sum and count of its rows' values."""

    subject: str
    sums: dict[int, dict[str, list[float]]] = field(default_factory=dict)
    refused: int = 0
    """Cells that hold no possible value (negative, infinite, NaN): taken as absent."""

    def touch(self, tick: int) -> None:
        """Note a row: one without any value still says how far the subject's rows go."""
        self.sums.setdefault(tick, {})

    def add(self, tick: int, column: str, value: float) -> None:
        """Note one value in its tick."""
        total = self.sums[tick].setdefault(column, [0.0, 0])
        total[0] += value
        total[1] += 1

    @property
    def last_tick(self) -> int:
        """The tick of its latest row."""
        return max(self.sums)

    def values(self, column: str, first: int, ticks: int) -> Floats:
        """The means of a column over a window; NaN where no row has it."""
        found = np.full(ticks, np.nan)
        for tick, columns in self.sums.items():
            if column in columns and first <= tick < first + ticks:
                total, count = columns[column]
                found[tick - first] = total / count
        return found


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


def read(path: Path, step_s: float) -> File:
    """Read a file whole.

    Raises:
        SeriesError: at the first row that is none.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return _read(path, stream, step_s)
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}; name a CSV file"
        raise SeriesError(msg) from error
    except (UnicodeDecodeError, csv.Error) as error:
        msg = f"{path}: not a CSV file in UTF-8: {error}; save it as one"
        raise SeriesError(msg) from error


def _read(path: Path, stream: TextIO, step_s: float) -> File:
    rows = csv.reader(stream, strict=True)
    header = [name.strip() for name in next(rows, [])]
    kind, columns = _kind(path, header)
    found: dict[str, Series] = {}
    for row in rows:
        where = f"{path}:{rows.line_num}"
        if not any(row):
            continue
        if len(row) != len(header):
            msg = (
                f"{where}: {len(row)} cells, but the heading has {len(header)}; write one for each"
            )
            raise SeriesError(msg)
        cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
        tick = int(_time_s(where, cells["unix_time"]) // step_s)
        series = found.setdefault(cells["subject"], Series(cells["subject"]))
        series.touch(tick)
        for column, value in _values(where, cells, columns):
            if value is None:
                series.refused += 1
            else:
                series.add(tick, column, value)
    if not found:
        msg = f"{path}: no rows below the heading; there is nothing to judge"
        raise SeriesError(msg)
    return File(kind, step_s, tuple(found.values()))


def _kind(path: Path, header: list[str]) -> tuple[str, tuple[str, ...]]:
    for kind, columns in (("link", LINK_COLUMNS), ("server", SERVER_COLUMNS)):
        if set(header) == {"subject", "unix_time", *columns}:
            return kind, columns
    seen = ",".join(header)[:80] or "an empty file"
    links, servers = (
        ",".join(["subject", "unix_time", *it]) for it in (LINK_COLUMNS, SERVER_COLUMNS)
    )
    msg = f"{path}:1: not a heading of series: {seen!r}; write {links} or {servers}"
    raise SeriesError(msg)


def _time_s(where: str, text: str) -> float:
    try:
        time_s = float(text)
    except ValueError:
        time_s = math.nan
    if not 0 <= time_s < _LATEST_S:
        msg = f"{where}: unix_time: not seconds since 1970: {text[:40]!r}; write as 1795300000"
        raise SeriesError(msg)
    return time_s


def _values(
    where: str, cells: Mapping[str, str], columns: tuple[str, ...]
) -> Iterator[tuple[str, float | None]]:
    """The values that are there; None for one that cannot be."""
    for column in columns:
        text = cells[column]
        if not text:
            continue
        try:
            value = float(text)
        except ValueError:
            msg = f"{where}: {column}: not a number: {text[:40]!r}; write one, or leave it empty"
            raise SeriesError(msg) from None
        yield column, value if math.isfinite(value) and value >= 0 else None
