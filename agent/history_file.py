"""The file that a history is in: its tables, how it is opened, and what becomes of a broken one."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from agent.clock import now

SCHEMA_VERSION = "3"
_OLDER = ("1", "2")
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

T = TypeVar("T")


class HistoryError(Exception):
    """The history cannot be read or written now; the message says why. Nothing stored was lost."""


class HistoryFile:
    """One file, open from construction until `close`; `opened` is called whenever it was opened.

    Raises:
        HistoryError: the file is locked, the disk is full, the folder may not be written, or the
            file is not a history of these ticks. A damaged file raises nothing: it is set aside.
    """

    def __init__(
        self, path: Path, tick_s: float, opened: Callable[[sqlite3.Connection], None]
    ) -> None:
        self._path = path
        self._meta = {"schema_version": SCHEMA_VERSION, "tick_s": str(tick_s)}
        self._opened = opened
        self.set_aside: list[Path] = []
        self._is_closed = True
        with self._named_errors():
            try:
                self._open()
            except sqlite3.DatabaseError as error:
                self._set_aside_damaged(error)
                self._open()

    def work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do the work; where the file turns out damaged, do it on a new one.

        Raises:
            HistoryError: it was not done; the same call may succeed later.
        """
        with self._named_errors():
            self._notice_removal()
            if self._is_closed:  # removed; or damaged and set aside, and no new one could be begun
                self._open()
            try:
                return work(self._db)
            except sqlite3.DatabaseError as error:
                self._set_aside_damaged(error)
                self._open()
                return work(self._db)

    def work_once(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do work that cannot be begun anew.

        Raises:
            HistoryError: it was not done; the file is as it was.
        """
        with self._named_errors():
            return work(self._db)

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
        with transaction(self._db) as db:  # all or nothing: half a schema would be refused for ever
            for statement in SCHEMA.split(";"):
                db.execute(statement)
            db.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", self._meta.items())
        self._opened(self._db)

    def _check_meta(self) -> None:
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_schema")}
        if not tables:
            return
        meta = dict(self._db.execute("SELECT * FROM meta")) if "meta" in tables else {}
        if meta in [self._meta | {"schema_version": older} for older in _OLDER]:
            self._take_over()
        elif meta != self._meta:
            seen = meta or f"the tables {', '.join(sorted(tables))}"
            msg = f"{self._path}: not a history of this version: {seen}, expected {self._meta}; "
            msg += "move it away, or set another data_dir"
            raise HistoryError(msg)

    def _take_over(self) -> None:
        """Forget where series stood, which was written otherwise: a gap until the next reading."""
        with transaction(self._db) as db:
            db.execute("DROP TABLE IF EXISTS readings")
            db.execute("DROP TABLE IF EXISTS standings")
            db.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (SCHEMA_VERSION,))

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


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Write all or nothing; readers of the file see it all at once."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, without its extension; 0 for an error of Python's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
