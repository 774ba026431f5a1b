"""The agent's own memory on disk: one SQLite row a tick, holding every series' rate.

A row packs float32 rates, indexed by slot, NaN where absent. Counters themselves never pass
through float: the last reading of every series is kept whole, so that a restarted agent goes on
where it stopped. Not for several threads: its caller gives it one of its own.
"""

import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent import history_rows
from agent.history_file import HistoryError, HistoryFile, transaction
from agent.history_slots import DAY_TICKS, Slots
from agent.judge.rates import TICK_S, Run, Tick
from agent.judge.status import Status
from agent.judge.tenure import Tenure
from agent.series import Capacity, Record, SeriesKey

__all__ = ["Capacity", "History", "HistoryError", "Record", "SeriesKey"]

# A run only grows; a shorter one with its beginning is of a clock that was set back.
_LONGER_RUN = (
    "INSERT INTO runs VALUES (?, ?, ?, ?) ON CONFLICT (slot, first)"
    " DO UPDATE SET last = excluded.last, bits = excluded.bits WHERE excluded.last >= last"
)


class History:
    """One history file, open from construction until `close`.

    Raises:
        HistoryError: the file is locked, the disk is full, the folder may not be written, or the
            file is not a history of these ticks. A damaged file raises nothing: it is set aside.
    """

    def __init__(self, path: Path, tick_s: float = TICK_S) -> None:
        self._tick_s = tick_s
        self._slots = Slots()
        self.tick_count = 0
        self._others = 0
        self._file = HistoryFile(path, tick_s, self._opened)

    @property
    def set_aside(self) -> Sequence[Path]:
        """The damaged files that were renamed, the latest one last."""
        return self._file.set_aside

    def write(self, records: dict[SeriesKey, Record], capacities: Iterable[Capacity] = ()) -> None:
        """Write all of it in one transaction; a rate that is there is never overwritten.

        Raises:
            HistoryError: nothing of it was written; the same call may succeed later.
        """
        capacities = list(capacities)
        self._file.work(lambda db: self._write(db, [records], capacities))

    def fill(
        self, batches: Iterable[dict[SeriesKey, Record]], capacities: Iterable[Capacity] = ()
    ) -> None:
        """Write old series batch by batch in one transaction, so that memory stays small.

        Nobody else writes meanwhile. Rates that are there are never overwritten.

        Raises:
            HistoryError: nothing of it was written; the same call may succeed later.
        """
        self._file.work_once(lambda db: self._write(db, batches, capacities))

    def states(self) -> dict[SeriesKey, bytes]:
        """Where every series stood when it was last written."""
        states = self._file.work(history_rows.states)
        slots = {key: self._slots.of(key)[0] for key in self.series()}
        return {key: states[slot] for key, slot in slots.items() if slot in states}

    def series(self) -> list[SeriesKey]:
        """Every series that is remembered."""
        query = (
            "SELECT kind, subject, identity, replace(measure, 'receive', 'octets')"
            " FROM series WHERE measure != 'transmit' ORDER BY slot"
        )
        return [SeriesKey(*row) for row in self._read(query)]

    def ticks(self, key: SeriesKey, first: int, last: int) -> list[Tick]:
        """The seen ticks of one series from number `first` to `last`, in order of time."""
        slots = self._slots.of(key)
        query = "SELECT tick, rates FROM ticks WHERE tick BETWEEN ? AND ? ORDER BY tick"
        rows = self._read(query, (first, last)) if slots else []
        found = (Tick(tick, _picked(history_rows.rates_of(blob), slots)) for tick, blob in rows)
        return [tick for tick in found if not any(map(math.isnan, tick.values))]

    def runs(self, key: SeriesKey) -> list[Run]:
        """The runs of one series, in order of time."""
        query = "SELECT first, last, bits FROM runs WHERE slot = ? ORDER BY first"
        rows = [row for slot in self._slots.of(key)[:1] for row in self._read(query, (slot,))]
        return [Run(first, last, tuple(json.loads(bits))) for first, last, bits in rows]

    def capacities(self, kind: str, subject: str) -> list[Capacity]:
        """The dated steps of one subject's capacity, in order of time."""
        query = "SELECT * FROM capacity WHERE kind = ? AND subject = ? ORDER BY since_s"
        return [Capacity(*row) for row in self._read(query, (kind, subject))]

    def tenures(self) -> dict[tuple[str, str], Tenure]:
        """Since when each subject (kind and name) has its verdict."""
        return {
            (kind, subject): Tenure(Status(status), since_s, low_since_s, bool(confirmed))
            for kind, subject, status, since_s, low_since_s, confirmed in self._read(
                "SELECT * FROM tenures"
            )
        }

    def keep(self, tenures: Mapping[tuple[str, str], Tenure]) -> None:
        """Replace what is known of verdicts; subjects that are no more are forgotten.

        Raises:
            HistoryError: what was known before still is.
        """
        rows = [(*subject, *tenure) for subject, tenure in tenures.items()]

        def replace(db: sqlite3.Connection) -> None:
            with transaction(db):
                db.execute("DELETE FROM tenures")
                db.executemany("INSERT INTO tenures VALUES (?, ?, ?, ?, ?, ?)", rows)

        self._file.work_once(replace)

    def note_ports(self, up: Mapping[str, bool], at_s: float) -> None:
        """Remember whether links' ports are up; of others stays what was last heard of them.

        Raises:
            HistoryError: nothing was written.
        """
        rows = [(link, int(is_up), at_s) for link, is_up in up.items()]

        def replace(db: sqlite3.Connection) -> None:
            with transaction(db):
                db.executemany("INSERT OR REPLACE INTO ports VALUES (?, ?, ?)", rows)

        self._file.work_once(replace)

    def prune(self, before_s: float, keep: int = 0) -> None:
        """Forget ticks and runs that ended before a wall time, and series that have no others.

        The newest `keep` ticks stay whatever the clock says: one that was set to a wrong year
        must not forget everything.

        Raises:
            HistoryError: nothing was forgotten; the same call may succeed later.
        """
        before = int(before_s // self._tick_s)
        self._file.work_once(lambda db: self._prune(db, before, keep))

    def close(self) -> None:
        """Fold the write-ahead log into the file and close it."""
        self._file.close()

    def _opened(self, db: sqlite3.Connection) -> None:
        self._count_ticks(db)
        self._slots.load(db)

    def _count_ticks(self, db: sqlite3.Connection) -> None:
        self._others = _others_commits(db)
        (self.tick_count,) = db.execute("SELECT count(*) FROM ticks").fetchone()

    def _write(
        self,
        db: sqlite3.Connection,
        batches: Iterable[dict[SeriesKey, Record]],
        capacities: Iterable[Capacity],
    ) -> None:
        try:
            with transaction(db):
                new = sum(self._fill(db, batch) for batch in batches)
                for capacity in capacities:
                    _step(db, capacity)
        except BaseException:
            self._slots.load(db)  # those given out in what was rolled back
            raise
        self.tick_count += new
        if self._others != _others_commits(db):
            self._count_ticks(db)

    def _fill(self, db: sqlite3.Connection, records: dict[SeriesKey, Record]) -> int:
        """Write ticks, runs and states; return how many ticks had no row yet."""
        # Another series may have had a slot that is given anew.
        states = dict.fromkeys(self._slots.give(db, records.keys()), history_rows.NOWHERE)
        rates: defaultdict[int, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
        runs: list[tuple[int, int, int, str]] = []
        given = self._slots.given
        for key, record in records.items():
            slots = given[key]
            for number, values in record.ticks:
                seen, its = rates[number]
                seen += slots
                its += values
            if record.runs:
                runs += _rows(slots[0], record.runs.values())
                self._slots.note(db, slots, max(it.last for it in record.runs.values()))
            if record.state:
                states[slots[0]] = record.state
        db.executemany(_LONGER_RUN, runs)
        history_rows.place(db, states)
        new = 0
        for number, (seen, its) in rates.items():
            self._slots.note(db, seen, number)
            new += history_rows.merge(db, number, seen, its)
        return new

    def _prune(self, db: sqlite3.Connection, before: int, keep: int) -> None:
        newest = "SELECT min(tick) FROM (SELECT tick FROM ticks ORDER BY tick DESC LIMIT ?)"
        with transaction(db):
            (oldest_kept,) = db.execute(newest, (keep,)).fetchone()
            before = before if oldest_kept is None else min(before, oldest_kept)
            gone = db.execute("DELETE FROM ticks WHERE tick < ?", (before,)).rowcount
            db.execute("DELETE FROM runs WHERE last < ?", (before,))
            db.execute("DELETE FROM series WHERE last_tick < ?", (before - DAY_TICKS,))
        self.tick_count -= gone
        self._slots.load(db)

    def _read(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._file.work(lambda db: db.execute(query, values).fetchall())


def _others_commits(db: sqlite3.Connection) -> int:
    """Give a number that moves when another connection, as that of an import, has committed."""
    (version,) = db.execute("PRAGMA data_version").fetchone()
    return int(version)


def _step(db: sqlite3.Connection, capacity: Capacity) -> None:
    """Keep a capacity that differs from the one before it."""
    last = db.execute(
        "SELECT bits_per_second FROM capacity WHERE kind = ? AND subject = ?"
        " AND since_s <= ? ORDER BY since_s DESC LIMIT 1",
        (capacity.kind, capacity.subject, capacity.since_s),
    ).fetchone()
    if last is None or last[0] != capacity.bits_per_second:
        db.execute("INSERT OR REPLACE INTO capacity VALUES (?, ?, ?, ?)", capacity)


def _rows(slot: int, runs: Iterable[Run]) -> list[tuple[int, int, int, str]]:
    return [(slot, it.first, it.last, json.dumps(it.amounts)) for it in runs]


def _picked(rates: Sequence[float], slots: Sequence[int]) -> tuple[float, ...]:
    return tuple(rates[slot] if slot < len(rates) else math.nan for slot in slots)
