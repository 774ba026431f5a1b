"""The rows of a CSV file of series, a block at a time: ten million of them pass in seconds."""

import csv
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from agent.judge.bounds import Floats
from agent.sources.windows import SourceError

LINK_COLUMNS = ("receive_bps", "transmit_bps", "capacity_bps")
SERVER_COLUMNS = ("cpu_ratio", "memory_ratio", "network_bps")
KINDS = {"link": LINK_COLUMNS, "server": SERVER_COLUMNS}
KEYS = ("subject", "unix_time")

NOTE = "# netfold journal "
"""How a first line begins that bears the journal's digest, as exports have it; it is skipped."""

BLOCK = 65_536
"""Rows in memory as texts: 25 MB of them."""

_LATEST_S = 2**40
"""No clock says more; a time beyond it is another unit, as milliseconds would soon be."""

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class SeriesError(SourceError):
    """The file cannot be read as series: where, what was seen, what would be right, in a line."""


class Block(NamedTuple):
    """Some rows, column by column: `values` are NaN where absent or impossible.

    `refused` counts the impossible ones (negative, infinite, NaN) of each row.
    """

    subjects: list[str]
    times_s: Floats
    values: Floats
    refused: NDArray[np.int_]


class Rows:
    """One file, open: its `kind`, and its blocks.

    Raises:
        SeriesError: it cannot be read, or its heading is none.
    """

    def __init__(self, path: Path, stream: TextIO) -> None:
        self._path = path
        self._stream = stream
        rows = csv.reader(stream, strict=True)
        first = next(rows, [])
        if first and first[0].startswith(NOTE):  # a spreadsheet may have put commas after it
            first = next(rows, [])
        self._header = [name.strip() for name in first]
        self._first_line = rows.line_num
        self.kind = _kind(path, self._header, self._first_line)

    def blocks(self) -> Iterator[Block]:
        """All rows, in order.

        Raises:
            SeriesError: at the first row that is none.
        """
        while lines := list(islice(self._stream, BLOCK)):
            columns = _plain(lines, len(self._header))
            if columns is None:
                break
            yield self._block(columns)
        # From the first line on that is not plain (quoted, blank, ragged), by the book.
        rows = csv.reader(chain(lines, self._stream), strict=True)
        while some := list(islice(rows, BLOCK)):
            if some := [row for row in some if any(row)]:
                whole = all(len(row) == len(self._header) for row in some)
                yield self._block(list(zip(*some, strict=True)) if whole else None)

    def _block(self, cells: Sequence[Sequence[str]] | None) -> Block:
        """Some rows, given as columns (None: ragged), as numbers."""
        if cells is None:
            raise self._mistake()
        columns = dict(zip(self._header, cells, strict=True))
        try:
            times_s, *values = (_numbers(columns[it]) for it in ("unix_time", *KINDS[self.kind]))
        except ValueError:
            raise self._mistake() from None
        if not np.all((times_s >= 0) & (times_s < _LATEST_S)):
            raise self._mistake()
        found = np.array(values)
        possible = np.isfinite(found) & (found >= 0)
        found[~possible] = np.nan
        refused = np.zeros(len(times_s), dtype=int)
        for name, is_possible in zip(KINDS[self.kind], possible, strict=True):
            for at in np.flatnonzero(~is_possible).tolist():
                refused[at] += bool(columns[name][at].strip())
        subjects = [it.strip() for it in columns["subject"]]
        return Block(subjects, times_s, found, refused)

    def _mistake(self) -> SeriesError:
        """Find the first row that is none: read again, for only now must each be looked at."""
        with opened(self._path) as stream:
            rows = csv.reader(stream, strict=True)
            for row in rows:
                if rows.line_num > self._first_line and any(row):
                    problem = _problem(self._header, row, KINDS[self.kind])
                    if problem:
                        return SeriesError(f"{self._path}:{rows.line_num}: {problem}")
        return SeriesError(f"{self._path}: changed while it was read; try again")


def opened(path: Path) -> TextIO:
    """Open a file in UTF-8, or in the UTF-16 that its first octets tell."""
    with path.open("rb") as stream:
        encoding = "utf-16" if stream.read(2) in _UTF_16 else "utf-8-sig"
    return path.open(encoding=encoding, newline="")


def read_blocks(
    path: Path, progress: Callable[[float], None] = lambda _: None
) -> Iterator[tuple[str, Block]]:
    """Every block of a file, each with the kind of its subjects; `progress` is told the part read.

    Raises:
        SeriesError: at the first thing that is wrong.
    """
    try:
        size = path.stat().st_size
        with opened(path) as stream:
            rows = Rows(path, stream)
            for block in rows.blocks():
                yield rows.kind, block
                progress(stream.buffer.tell() / size)
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}; name a CSV file"
        raise SeriesError(msg) from error
    except UnicodeError as error:
        msg = f"{path}: not a CSV file in UTF-8: {error}; save it as one: what Excel saves in China"
        msg += f" is GBK, and iconv -f GB18030 -t UTF-8 {path.name} reads it"
        raise SeriesError(msg) from error
    except csv.Error as error:
        msg = f"{path}: not a CSV file in UTF-8: {error}; save it as one"
        raise SeriesError(msg) from error


def _kind(path: Path, header: list[str], line: int) -> str:
    for kind, columns in KINDS.items():
        if sorted(header) == sorted((*KEYS, *columns)):
            return kind
    seen = ",".join(header)[:80] or "an empty file"
    links, servers = (",".join([*KEYS, *it]) for it in (LINK_COLUMNS, SERVER_COLUMNS))
    msg = f"{path}:{max(line, 1)}: not a heading of series: {seen!r}; write {links} or {servers}"
    raise SeriesError(msg)


def _plain(lines: Sequence[str], width: int) -> list[list[str]] | None:
    """Lines without quotes as columns, several times faster than by the csv module; None if not."""
    text = "".join(lines)
    if '"' in text or {line.count(",") for line in lines} != {width - 1}:
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    cells = text.replace("\n", ",").split(",")
    return [cells[column::width] for column in range(width)]


def _numbers(cells: Sequence[str]) -> Floats:
    """A column of numbers, NaN where a cell is empty.

    Raises:
        ValueError: one of them is no number.
    """
    try:
        return np.array([float(it or "nan") for it in cells])
    except ValueError:
        return np.array([float(it.strip() or "nan") for it in cells])


def _problem(header: Sequence[str], row: Sequence[str], columns: Sequence[str]) -> str | None:
    if len(row) != len(header):
        return f"{len(row)} cells, but the heading has {len(header)}; write one for each"
    cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
    text = cells["unix_time"]
    time_s = _number(text)
    if time_s is None or not 0 <= time_s < _LATEST_S:
        return f"unix_time: not seconds since 1970: {text[:40]!r}; write as 1795300000"
    for column in columns:
        text = cells[column]
        if text and _number(text) is None:
            return f"{column}: not a number: {text[:40]!r}; write one, or leave it empty"
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
