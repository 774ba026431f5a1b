"""Old records of lines taken into the history, and the history given out as the same CSV.

What is taken in is a series of its own beside the agent's, so that nothing of that is touched.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np

from agent.history import Capacity, History, Record, SeriesKey
from agent.history_reader import HistoryReader
from agent.judge.bounds import Floats, Traffic
from agent.judge.plural import counted
from agent.judge.rates import Tick
from agent.sources.rows import KEYS, LINK_COLUMNS
from agent.sources.series import File, Series
from agent.sources.windows import SourceError
from agent.verdict_json import iso
from config.agent import AgentConfig
from config.problems import hint

IMPORTED = "imported"
"""The identity of what came from elsewhere, where others have device and interface."""

BATCH_TICKS = 288


@dataclass(slots=True)
class Taken:
    """What an import came to, in ticks of one line each."""

    links: int
    ticks: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        taken, there, older = (self.ticks[it] for it in ("taken", "there", "older"))
        text = f"took {counted(taken, 'tick')} of {counted(self.links, 'link')} into the history"
        text += f"; {there} that it had stay as they are" if there else ""
        return text + (f"; {older} older than its retention are left out" if older else "")


def take(
    file: File,
    config: AgentConfig,
    path: Path,
    now_s: float,
    progress: Callable[[float], None] = lambda _: None,
) -> Taken:
    """Take a file's lines into the history at `path`, all or nothing, an agent running or not.

    A tick that was seen already stays as it is, and so does each capacity from the first one on
    that the history knows.

    Raises:
        SourceError: the file's lines are not those of the configuration, or its clock is wrong.
        HistoryError: the history cannot be written now; nothing was taken.
    """
    _check(file, [link.name for link in config.links], now_s)
    oldest = int((now_s - config.retention_s) // file.step_s) + 1
    newest = int(now_s // file.step_s) - 1  # the open tick is the agent's own
    taken = Taken(len(file.series))
    history = History(path, file.step_s)
    try:
        with HistoryReader(path, file.step_s) as reader:
            steps = [it for one in file.series for it in _steps(file, one, history, oldest, newest)]
            history.fill(_batches(file, reader, (oldest, newest), taken, progress), steps)
    finally:
        history.close()
    return taken


def give(
    config: AgentConfig,
    reader: HistoryReader,
    output: TextIO,
    note: str | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Write every seen tick of every link as `assess --series` and `take` read it.

    What crossed in a time that was not seen has no place in such rows. `note` is the first line.
    """
    if note is not None:
        output.write(f"{note}\n")
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow([*KEYS, *LINK_COLUMNS])
    first, last = reader.first_tick, reader.last_tick
    if first is None or last is None:
        return
    links = [link.name for link in config.links]
    for start in range(first, last + 1, BATCH_TICKS):
        for link, traffic in reader.traffic(links, start, min(BATCH_TICKS, last + 1 - start)):
            writer.writerows(_rows(link, traffic))
        progress((start + BATCH_TICKS - first) / (last + 1 - first))


def _check(file: File, links: Sequence[str], now_s: float) -> None:
    if file.kind != "link":
        msg = "it holds servers; only lines' records can be taken into the history"
        raise SourceError(msg)
    for series in file.series:
        if series.subject not in links:
            msg = f"no link {series.subject!r} in the configuration; "
            msg += f"{hint(series.subject, links, 'there are {}')}; nothing was taken"
            raise SourceError(msg)
        if series.last_tick * file.step_s > now_s:
            seen = f"{series.subject!r} has a row of {iso(series.last_tick * file.step_s)}"
            msg = f"{seen}, but here it is {iso(now_s)}: one of the clocks is wrong; set it right"
            msg += ", or correct unix_time; nothing was taken"
            raise SourceError(msg)


def _batches(
    file: File,
    reader: HistoryReader,
    between: tuple[int, int],
    taken: Taken,
    progress: Callable[[float], None],
) -> Iterator[dict[SeriesKey, Record]]:
    """A day of all lines at a time, without what the history has."""
    oldest, newest = between
    start = min(series.first_tick for series in file.series)
    stop = min(newest, max(series.last_tick for series in file.series)) + 1
    if start < oldest:
        taken.ticks["older"] = sum(_count(file, it, start, oldest) for it in file.series)
    start = max(start, oldest)
    links = [series.subject for series in file.series]
    for first in range(start, stop, BATCH_TICKS):
        ticks = min(BATCH_TICKS, stop - first)
        known = reader.traffic(links, first, ticks)
        batch = {}
        for series, (link, own) in zip(file.series, known, strict=True):
            rows = file.traffic(series, ticks, first + ticks - 1)
            its = list(_new_ticks(rows, own, taken))
            if its:
                batch[SeriesKey("link", link, IMPORTED, "octets")] = Record(its)
        yield batch
        progress((first + ticks - start) / (stop - start))


def _new_ticks(rows: Traffic, own: Traffic, taken: Taken) -> Iterator[Tick]:
    there = ~np.isnan(own.rate)
    found = ~np.isnan(rows.rate)
    taken.ticks["there"] += int(np.count_nonzero(found & there))
    for at in np.flatnonzero(found & ~there).tolist():
        taken.ticks["taken"] += 1
        yield Tick(rows.first + at, (float(rows.receive[at]), float(rows.transmit[at])))


def _count(file: File, series: Series, start: int, stop: int) -> int:
    receive, transmit = (series.known(it, start, stop) for it in LINK_COLUMNS[:2])
    return len(np.intersect1d(receive[0], transmit[0]))


def _steps(
    file: File, series: Series, history: History, oldest: int, newest: int
) -> Iterator[Capacity]:
    """The capacities of a line that changed, before those that the history knows already."""
    own = history.capacities("link", series.subject)
    until_s = own[0].since_s if own else np.inf
    ticks, values = series.known("capacity_bps", oldest, newest + 1)
    before = None
    for tick, bps in zip(ticks.tolist(), values.tolist(), strict=True):
        if bps > 0 and bps != before and tick * file.step_s < until_s:
            before = bps
            yield Capacity("link", series.subject, tick * file.step_s, bps)


def _rows(link: str, traffic: Traffic) -> Iterator[tuple[str, ...]]:
    columns: tuple[Floats, ...] = (traffic.receive, traffic.transmit, traffic.capacity)
    for at in np.flatnonzero(~np.isnan(traffic.rate)).tolist():
        time_s = (traffic.first + at) * traffic.tick_s
        # Nine digits hold all that the history keeps of a rate (a float of 32 bits).
        rates = (f"{column[at]:.9g}" for column in columns[:2])
        capacity = "" if np.isnan(traffic.capacity[at]) else f"{traffic.capacity[at]:.15g}"
        yield (link, f"{time_s:.15g}", *rates, capacity)
