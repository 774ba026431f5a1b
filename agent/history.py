"""The agent's own memory on disk: one SQLite row a tick, holding every series' rate.

A row packs float32 rates, indexed by slot, NaN where absent. Counters themselves never pass
through float: the last reading of every series is kept whole, so that a restarted agent goes on
where it stopped. Not for several threads: its caller gives it one of its own.
"""

import array
import itertools
import json
import math
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from agent.clock import now
from agent.judge.rates import TICK_S, Run, Tick
from agent.judge.status import Status
from agent.judge.tenure import Tenure
from agent.standing import STANDING_BYTES

SCHEMA_VERSION = "2"
SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS series (
    slot INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, identity TEXT NOT NULL,
    measure TEXT NOT NULL, last_tick INTEGER NOT NULL,
    UNIQUE (kind, subject, identity, measure));
CREATE TABLE IF NOT EXISTS ticks (tick INTEGER PRIMARY KEY, rates BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS runs (
    slot INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, bits TEXT NOT NULL,
    PRIMARY KEY (slot, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS standings (block INTEGER PRIMARY KEY, states BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS capacity (
    kind TEXT NOT NULL, subject TEXT NOT NULL, since_s REAL NOT NULL, bits_per_second REAL,
    PRIMARY KEY (kind, subject, since_s)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tenures (
    kind TEXT NOT NULL, subject TEXT NOT NULL, status TEXT NOT NULL, since_s REAL NOT NULL,
    low_since_s REAL, confirmed INTEGER NOT NULL, PRIMARY KEY (kind, subject)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ports (
    link TEXT PRIMARY KEY, up INTEGER NOT NULL, at_s REAL NOT NULL) WITHOUT ROWID;
"""
LOCK_WAIT_S = 0.5
"""Short, so that an agent told to stop does; its keeper tries again, so a lock is waited out."""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_NOT_NOW = {
    sqlite3.SQLITE_BUSY: "it is locked by another program",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it may only be read: its folder must be writable by this user",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: its folder must be writable by this user",
}
# A run only grows; a shorter one with its beginning is of a clock that was set back.
_LONGER_RUN = (
    "INSERT INTO runs VALUES (?, ?, ?, ?) ON CONFLICT (slot, first)"
    " DO UPDATE SET last = excluded.last, bits = excluded.bits WHERE excluded.last >= last"
)
_DAY_TICKS = 288
"""`series.last_tick` is behind by up to a day, so that not every tick rewrites every series."""


_BLOCK = 64
"""Standings in one row: a device's links end a tick together, and have slots side by side."""

T = TypeVar("T")


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


class HistoryError(Exception):
    """The history cannot be read or written now; the message says why. Nothing stored was lost."""


class History:
    """One history file, open from construction until `close`.

    Raises:
        HistoryError: the file is locked, the disk is full, the folder may not be written, or the
            file is not a history of these ticks. A damaged file raises nothing: it is set aside.
    """

    def __init__(self, path: Path, tick_s: float = TICK_S) -> None:
        self._path = path
        self._tick_s = tick_s
        self._slots: dict[tuple[str, ...], int] = {}
        self._last_ticks: dict[int, int] = {}
        self._known: dict[SeriesKey, tuple[int, ...]] = {}
        self.tick_count = 0
        self.set_aside: list[Path] = []
        self._is_closed = True
        with self._named_errors():
            try:
                self._open()
            except sqlite3.DatabaseError as error:
                self._set_aside_damaged(error)
                self._open()

    def write(self, records: dict[SeriesKey, Record], capacities: Iterable[Capacity] = ()) -> None:
        """Write all of it in one transaction; a rate that is there is never overwritten.

        Raises:
            HistoryError: nothing of it was written; the same call may succeed later.
        """
        capacities = list(capacities)
        with self._named_errors():
            self._or_anew(lambda: self._write(records, capacities))

    def fill(
        self, batches: Iterable[dict[SeriesKey, Record]], capacities: Iterable[Capacity] = ()
    ) -> None:
        """Write old series batch by batch in one transaction, so that memory stays small.

        Nobody else writes meanwhile. Rates that are there are never overwritten.

        Raises:
            HistoryError: nothing of it was written; the same call may succeed later.
        """
        with self._named_errors():
            try:
                with self._transaction() as db:
                    new = sum(self._fill(db, batch) for batch in batches)
                    for capacity in capacities:
                        self._step(db, capacity)
            except BaseException:
                self._load_slots()  # those given out in what was rolled back
                raise
        self.tick_count += new

    def states(self) -> dict[SeriesKey, bytes]:
        """Where every series stood when it was last written."""
        blocks = dict(self._read("SELECT block, states FROM standings"))
        found = {}
        for key in self.series():
            slot = self._slots[key.slots[0]]
            state = _state(blocks.get(slot // _BLOCK, b""), slot)
            if state.strip(b"\0"):
                found[key] = state
        return found

    def series(self) -> list[SeriesKey]:
        """Every series that is remembered."""
        query = (
            "SELECT kind, subject, identity, replace(measure, 'receive', 'octets')"
            " FROM series WHERE measure != 'transmit' ORDER BY slot"
        )
        return [SeriesKey(*row) for row in self._read(query)]

    def ticks(self, key: SeriesKey, first: int, last: int) -> list[Tick]:
        """The seen ticks of one series from number `first` to `last`, in order of time."""
        slots = [self._slots[slot] for slot in key.slots if slot in self._slots]
        query = "SELECT tick, rates FROM ticks WHERE tick BETWEEN ? AND ? ORDER BY tick"
        rows = self._read(query, (first, last)) if slots else []
        found = (Tick(tick, _picked(_unpacked(blob), slots)) for tick, blob in rows)
        return [tick for tick in found if not any(map(math.isnan, tick.values))]

    def runs(self, key: SeriesKey) -> list[Run]:
        """The runs of one series, in order of time."""
        query = "SELECT first, last, bits FROM runs WHERE slot = ? ORDER BY first"
        rows = self._read(query, (self._slots.get(key.slots[0], -1),))
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
        with self._named_errors(), self._transaction() as db:
            db.execute("DELETE FROM tenures")
            db.executemany("INSERT INTO tenures VALUES (?, ?, ?, ?, ?, ?)", rows)

    def note_ports(self, up: Mapping[str, bool], at_s: float) -> None:
        """Remember whether links' ports are up; of others stays what was last heard of them.

        Raises:
            HistoryError: nothing was written.
        """
        rows = [(link, int(is_up), at_s) for link, is_up in up.items()]
        with self._named_errors(), self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO ports VALUES (?, ?, ?)", rows)

    def prune(self, before_s: float, keep: int = 0) -> None:
        """Forget ticks and runs that ended before a wall time, and series that have no others.

        The newest `keep` ticks stay whatever the clock says: one that was set to a wrong year
        must not forget everything.

        Raises:
            HistoryError: nothing was forgotten; the same call may succeed later.
        """
        before = int(before_s // self._tick_s)
        newest = "SELECT min(tick) FROM (SELECT tick FROM ticks ORDER BY tick DESC LIMIT ?)"
        with self._named_errors():
            with self._transaction() as db:
                (oldest_kept,) = db.execute(newest, (keep,)).fetchone()
                before = before if oldest_kept is None else min(before, oldest_kept)
                gone = db.execute("DELETE FROM ticks WHERE tick < ?", (before,)).rowcount
                db.execute("DELETE FROM runs WHERE last < ?", (before,))
                db.execute("DELETE FROM series WHERE last_tick < ?", (before - _DAY_TICKS,))
            self.tick_count -= gone
            self._load_slots()

    def close(self) -> None:
        """Fold the write-ahead log into the file and close it."""
        self._db.close()

    def _open(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._db = sqlite3.connect(self._path, timeout=LOCK_WAIT_S, isolation_level=None)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise
        self._is_closed = False

    def _prepare(self) -> None:
        self._check_meta()
        self._db.execute("PRAGMA journal_mode = WAL")
        # A power cut may take the last commits, never the file; a kill takes nothing.
        self._db.execute("PRAGMA synchronous = NORMAL")
        with self._transaction() as db:  # all or nothing: half a schema would be refused for ever
            for statement in SCHEMA.split(";"):
                db.execute(statement)
            db.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", self._meta().items())
        (self.tick_count,) = self._db.execute("SELECT count(*) FROM ticks").fetchone()
        self._load_slots()

    def _check_meta(self) -> None:
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_schema")}
        if not tables:
            return
        meta = dict(self._db.execute("SELECT * FROM meta")) if "meta" in tables else {}
        if meta == self._meta() | {"schema_version": "1"}:
            self._take_over_the_first_version()
        elif meta != self._meta():
            seen = meta or f"the tables {', '.join(sorted(tables))}"
            msg = f"{self._path}: not a history of this version: {seen}, expected {self._meta()}; "
            msg += "move it away, or set another data_dir"
            raise HistoryError(msg)

    def _take_over_the_first_version(self) -> None:
        """Forget where series stood, which was written otherwise: a gap until the next reading."""
        with self._transaction() as db:
            db.execute("DROP TABLE IF EXISTS readings")
            db.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (SCHEMA_VERSION,))

    def _meta(self) -> dict[str, str]:
        return {"schema_version": SCHEMA_VERSION, "tick_s": str(self._tick_s)}

    def _load_slots(self) -> None:
        rows = list(self._db.execute("SELECT * FROM series"))
        self._slots = {tuple(row[1:5]): row[0] for row in rows}
        self._last_ticks = {row[0]: row[5] for row in rows}
        self._known.clear()

    def _write(self, records: dict[SeriesKey, Record], capacities: Iterable[Capacity]) -> None:
        try:
            with self._transaction() as db:
                new = self._fill(db, records)
                for capacity in capacities:
                    self._step(db, capacity)
        except BaseException:
            self._load_slots()  # those given out in what was rolled back
            raise
        self.tick_count += new

    def _fill(self, db: sqlite3.Connection, records: dict[SeriesKey, Record]) -> int:
        """Write ticks, runs and states; return how many ticks had no row yet."""
        if any(key not in self._known for key in records):
            self._load_slots()  # an import beside the agent may have given some out
        rates: defaultdict[int, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
        states: dict[int, bytes] = {}
        runs: list[tuple[int, int, int, str]] = []
        for key, record in records.items():
            slots = self._slots_of(db, key, record)
            for number, values in record.ticks:
                of_tick = rates[number]
                of_tick[0].extend(slots)
                of_tick[1].extend(values)
            if record.runs:
                runs += _rows(slots[0], record.runs.values())
            if record.state:
                states[slots[0]] = record.state
        db.executemany(_LONGER_RUN, runs)
        self._place(db, states)
        return sum(self._merge(db, number, *of_tick) for number, of_tick in rates.items())

    def _merge(
        self, db: sqlite3.Connection, number: int, slots: Sequence[int], values: Sequence[float]
    ) -> bool:
        """Put rates where the tick's row has none; return whether the row is new."""
        row = db.execute("SELECT rates FROM ticks WHERE tick = ?", (number,)).fetchone()
        rates = _unpacked(row[0]) if row else array.array("f")
        rates.extend([math.nan] * (1 + max(slots) - len(rates)))
        for slot, value in zip(slots, values, strict=True):
            if row is None or math.isnan(rates[slot]):
                rates[slot] = value
        db.execute("INSERT OR REPLACE INTO ticks VALUES (?, ?)", (number, _packed(rates)))
        return row is None

    def _place(self, db: sqlite3.Connection, states: Mapping[int, bytes]) -> None:
        """Put states into their blocks, each of which is written once."""
        blocks: dict[int, bytearray] = {}
        for slot, state in states.items():
            number, place = slot // _BLOCK, slot % _BLOCK * STANDING_BYTES
            if number not in blocks:
                row = db.execute("SELECT states FROM standings WHERE block = ?", (number,))
                known = row.fetchone() or (bytes(_BLOCK * STANDING_BYTES),)
                blocks[number] = bytearray(known[0])
            blocks[number][place : place + STANDING_BYTES] = state
        db.executemany("INSERT OR REPLACE INTO standings VALUES (?, ?)", blocks.items())

    def _slots_of(self, db: sqlite3.Connection, key: SeriesKey, record: Record) -> tuple[int, ...]:
        """The slots of a series, which is remembered for as long as it has ticks or runs."""
        ticks, slots = record.ticks, self._known.get(key)
        if len(ticks) == 1 and not record.runs:  # a tick of a regular poll
            last = ticks[0].number
        else:
            ends = [it.number for it in ticks] + [it.last for it in record.runs.values()]
            last = max(ends, default=0)
        if slots is None or last >= self._last_ticks[slots[0]] + _DAY_TICKS:
            slots = tuple(self._slot(db, slot, last) for slot in key.slots)
            self._known[key] = slots
        return slots

    def _slot(self, db: sqlite3.Connection, slot: tuple[str, ...], last_tick: int) -> int:
        """The number of a slot, given out on first use: the lowest that no series has."""
        number = self._slots.get(slot)
        if number is None:
            number = next(n for n in itertools.count() if n not in self._last_ticks)
            db.execute("INSERT INTO series VALUES (?, ?, ?, ?, ?, ?)", (number, *slot, last_tick))
            self._place(db, {number: bytes(STANDING_BYTES)})  # another series may have had the slot
            self._slots[slot] = number
            self._last_ticks[number] = last_tick
        elif last_tick >= self._last_ticks[number] + _DAY_TICKS:
            db.execute("UPDATE series SET last_tick = ? WHERE slot = ?", (last_tick, number))
            self._last_ticks[number] = last_tick
        return number

    @staticmethod
    def _step(db: sqlite3.Connection, capacity: Capacity) -> None:
        """Keep a capacity that differs from the one before it."""
        last = db.execute(
            "SELECT bits_per_second FROM capacity WHERE kind = ? AND subject = ?"
            " AND since_s <= ? ORDER BY since_s DESC LIMIT 1",
            (capacity.kind, capacity.subject, capacity.since_s),
        ).fetchone()
        if last is None or last[0] != capacity.bits_per_second:
            db.execute("INSERT OR REPLACE INTO capacity VALUES (?, ?, ?, ?)", capacity)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _read(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        def fetch() -> list[tuple[Any, ...]]:
            return self._db.execute(query, values).fetchall()

        with self._named_errors():
            return self._or_anew(fetch)

    def _or_anew(self, work: Callable[[], T]) -> T:
        """Do the work; where the file turns out damaged, do it on a new one."""
        self._notice_removal()
        if self._is_closed:  # removed; or damaged and set aside, and no new one could be begun
            self._open()
        try:
            return work()
        except sqlite3.DatabaseError as error:
            self._set_aside_damaged(error)
            self._open()
            return work()

    def _notice_removal(self) -> None:
        """Stop writing into a file that has no name any more: its end would be the data's."""
        if not self._is_closed and not self._path.exists():
            self._db.close()
            self._is_closed = True
            msg = f"{self._path}: it was removed while in use; a new one is begun"
            raise HistoryError(msg)

    def _set_aside_damaged(self, error: sqlite3.DatabaseError) -> None:
        """Rename the file under a dated name if the error says it is damaged, else raise it."""
        if _code(error) not in _DAMAGED:
            raise error
        self._db.close()
        self._is_closed = True
        stamp = datetime.fromtimestamp(now().wall_s, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        aside = self._path.with_name(f"{self._path.name}.damaged-{stamp}")
        for suffix in ("", "-wal", "-shm"):
            part = Path(f"{self._path}{suffix}")
            if part.exists():
                part.rename(f"{aside}{suffix}")
        self.set_aside.append(aside)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            msg = f"{self._path}: {_NOT_NOW.get(_code(error), str(error))}"
            raise HistoryError(msg) from error
        except OSError as error:
            msg = f"{self._path}: {error.strerror}: its folder must be writable by this user"
            raise HistoryError(msg) from error


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, without its extension; 0 for an error of Python's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _rows(slot: int, runs: Iterable[Run]) -> list[tuple[int, int, int, str]]:
    return [(slot, it.first, it.last, json.dumps(it.amounts)) for it in runs]


def _state(block: bytes, slot: int) -> bytes:
    place = slot % _BLOCK * STANDING_BYTES
    return block[place : place + STANDING_BYTES]


def _packed(rates: "array.array[float]") -> bytes:
    if sys.byteorder == "big":
        rates.byteswap()
    return rates.tobytes()


def _unpacked(blob: bytes) -> "array.array[float]":
    rates = array.array("f", blob)
    if sys.byteorder == "big":
        rates.byteswap()
    return rates


def _picked(rates: "array.array[float]", slots: Sequence[int]) -> tuple[float, ...]:
    return tuple(rates[slot] if slot < len(rates) else math.nan for slot in slots)
