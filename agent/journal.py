"""The log of decisions: who declared what and when, each entry chained to the one before.

One canonical JSON object a line: keys sorted, no blanks, UTF-8. `digest` is the SHA-256 of the
line without it, and `previous` the digest of the entry before. So whoever noted one digest can tell
later whether any byte up to it was changed or lost.
"""

import errno
import fcntl
import hashlib
import json
import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from agent.bounded_lock import lock

Kind = Literal["phase", "override", "exemption", "policy", "import", "register"]
BY_CONFIG = "config"
"""Who an entry is by that the agent made of what its configuration says."""

NO_DIGEST = "0" * 64
"""What stands before the first entry."""

_BUSY = "is being written by another program"
_FILE = "journal.jsonl"
_AT = "%Y-%m-%dT%H:%M:%SZ"
_TEXTS = ("at", "kind", "subject", "by", "previous", "digest")
_TYPES = {"n": int, "what": dict, **dict.fromkeys(_TEXTS, str)}


class JournalError(Exception):
    """The journal cannot be read, is damaged or cannot be written; one line says what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision; `n` counts from 1, `at` is in UTC, to the second."""

    n: int
    at: str
    kind: str
    subject: str
    what: Mapping[str, Any]
    by: str
    previous: str
    digest: str

    @property
    def at_s(self) -> float:
        """When it was written, in UTC epoch seconds."""
        return datetime.fromisoformat(self.at).timestamp()


@dataclass(frozen=True, slots=True)
class Content:
    """The entries that stand unbroken, and what is wrong with the line after them, if anything."""

    entries: tuple[Entry, ...]
    problem: str | None = None

    @property
    def head(self) -> str:
        """The digest of the last unbroken entry."""
        return self.entries[-1].digest if self.entries else NO_DIGEST

    def has(self, digest: str) -> bool:
        """Whether a digest that was noted earlier stands in the chain."""
        return digest == NO_DIGEST or any(it.digest == digest for it in self.entries)


def journal_in(data_dir: Path) -> Path:
    """Where the journal of a data folder is."""
    return data_dir / _FILE


def read(path: Path) -> Content:
    """Read a journal to its end, or to the first line that is damaged; none is an empty one.

    Whoever holds it for longer than LOCK_S is the `problem`, since there may be more to come. This
    waits for it, and so belongs off the loop.

    Raises:
        JournalError: it cannot be read at all.
    """
    try:
        with path.open("rb") as file:
            # So that half a line is a crash's, not a writer's.
            is_locked = lock(file.fileno(), fcntl.LOCK_SH)
            content = parse(file.read())
            return content if is_locked else replace(content, problem=_BUSY)
    except FileNotFoundError:
        return Content(())
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}; run this as the agent's user"
        raise JournalError(msg) from error


def head(data_dir: Path) -> str:
    """The digest that whatever leaves this agent should bear: the journal's last one.

    Raises:
        JournalError: it cannot be read, or is damaged.
    """
    path = journal_in(data_dir)
    return _unbroken(path, read(path)).head


@dataclass(slots=True)
class Journal:
    """A journal that nobody else writes meanwhile; made by `opened`."""

    path: Path
    entries: list[Entry]
    _descriptor: int

    def append(
        self, kind: Kind, subject: str, what: Mapping[str, Any], by: str, at_s: float
    ) -> Entry:
        """Add an entry, on disk when this returns; `at_s` is in UTC epoch seconds.

        Raises:
            JournalError: it could not be written; the journal is as it was.
        """
        last = self.entries[-1] if self.entries else None
        at = datetime.fromtimestamp(int(at_s), UTC).strftime(_AT)
        fields = {
            "n": last.n + 1 if last else 1,
            "at": at,
            "kind": kind,
            "subject": subject,
            "what": dict(what),
            "by": by,
            "previous": last.digest if last else NO_DIGEST,
        }
        try:
            line = _canonical(fields | {"digest": _digest(fields)}) + b"\n"
            entry = parse(line, before=last).entries[0]  # as whoever reads it will have it
            self._write(line)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "not text that UTF-8 can hold"
            msg = f"{self.path}: nothing was written: {why}"
            raise JournalError(msg) from error
        self.entries.append(entry)
        return entry

    def _write(self, line: bytes) -> None:
        size = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, line)
            os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, size)  # what nobody was told of is no entry
            raise
        if written != len(line):
            os.ftruncate(self._descriptor, size)
            raise OSError(errno.ENOSPC, "the disk is full")


@contextmanager
def opened(data_dir: Path) -> Iterator[Journal]:
    """Open a data folder's journal for writing, made if it is not there; others wait meanwhile.

    Raises:
        JournalError: it cannot be opened, another program holds it for longer than LOCK_S, or it
            is damaged: then nothing is ever added to it.
    """
    path = journal_in(data_dir)
    with ExitStack() as stack:
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            stack.callback(os.close, descriptor)  # ends the lock
            if not lock(descriptor, fcntl.LOCK_EX):
                raise JournalError(_busy(path))
            if not os.fstat(descriptor).st_size:
                _begin(descriptor, data_dir)
            with open(descriptor, "rb", closefd=False) as file:
                content = _unbroken(path, parse(file.read()))
        except OSError as error:
            msg = f"{path}: cannot be written: {error.strerror}; run this as the agent's user"
            raise JournalError(msg) from error
        yield Journal(path, list(content.entries), descriptor)


def user() -> str:
    """Who runs this command: the name of its real user id, or the id where it has no name.

    A user who is called as the agent's own entries are by is told apart: no name holds a colon.
    """
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
    return f"user:{name}" if name == BY_CONFIG else name


def parse(text: bytes, before: Entry | None = None) -> Content:
    """Take a journal apart, line by line, up to the first that does not follow from the others."""
    entries: list[Entry] = []
    *lines, rest = text.split(b"\n")
    for number, line in enumerate(lines, 1):
        entry = _entry(line, entries[-1] if entries else before)
        if isinstance(entry, str):
            return Content(tuple(entries), f"line {number} {entry}")
        entries.append(entry)
    problem = f"line {len(lines) + 1} is cut off: it was being written when the machine stopped"
    return Content(tuple(entries), problem if rest else None)


def _entry(line: bytes, before: Entry | None) -> Entry | str:
    """The entry of a line, or what is wrong with it."""
    try:
        fields = json.loads(line)
        entry = Entry(**fields)
        datetime.strptime(entry.at, _AT)  # noqa: DTZ007 - only its form is asked
        if _canonical(fields) != line:  # else a byte could change that the digest does not see
            return "is not as netfold writes it"
    except (TypeError, ValueError, RecursionError):
        return "is no entry of a journal"
    if any(type(value) is not _TYPES[name] for name, value in fields.items()):
        return "is no entry of a journal"
    if (entry.n, entry.previous) != ((before.n + 1, before.digest) if before else (1, NO_DIGEST)):
        return "does not follow from the one before it: entries were removed, added or moved"
    if entry.digest != _digest({it: fields[it] for it in fields if it != "digest"}):
        return "was changed: its digest is another one"
    return entry


def _unbroken(path: Path, content: Content) -> Content:
    if content.problem is None:
        return content
    if content.problem == _BUSY:
        raise JournalError(_busy(path))
    cut_off = "cut off" in content.problem
    remedy = "remove that piece of a line" if cut_off else "bring it back from a backup"
    msg = f"{path}: {content.problem}; nothing is added to it: keep a copy, then {remedy}, "
    msg += "or move the file away for a new one to begin"
    raise JournalError(msg)


def _busy(path: Path) -> str:
    return f"{path}: {_BUSY}; try again, and if it stays so, end the one that has it open"


def _canonical(fields: Mapping[str, Any]) -> bytes:
    text = json.dumps(
        fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def _digest(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(fields)).hexdigest()


def _begin(journal: int, folder: Path) -> None:
    """Give a new file to whoever has the folder, which root may not be; make its name last.

    It outlives a power cut only once the folder is written.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        owner = os.fstat(descriptor)
        if os.geteuid() == 0:
            os.fchown(journal, owner.st_uid, owner.st_gid)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
