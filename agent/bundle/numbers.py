"""Which number a node's last bundle had: kept in its data folder, so that none is given twice."""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent import whole_file
from agent.bounded_lock import lock
from agent.bundle.errors import BundleError
from agent.bundle.keys import PublicKey

SUFFIX = ".netfold.tar"
_STATE, _LOCK = "bundles.json", "bundles.lock"
_LONGEST = 64
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Last:
    """The last bundle of a key, which ended before `end_tick`, with the journal's length then."""

    number: int = 0
    digest: str | None = None
    end_tick: int = 0
    journal_entries: int = 0


class Numbers:
    """The numbers that one key has given."""

    def __init__(self, data_dir: Path, key: PublicKey) -> None:
        """Read them.

        Raises:
            BundleError: the file cannot be read, or is not as netfold writes it.
        """
        self._path = data_dir / _STATE
        self._key = key.fingerprint
        self._all = self._read()
        self.last = self._all.get(self._key, Last())

    def keep(self, last: Last) -> None:
        """Enter a bundle that is on the disk.

        Raises:
            BundleError: it cannot be written; the next command counts the bundle all the same.
        """
        self._all[self._key] = self.last = last
        said = {key: asdict(it) for key, it in self._all.items()}
        try:
            whole_file.write(self._path, (json.dumps(said, indent=1) + "\n").encode(), force=True)
        except whole_file.WriteError as error:
            msg = f"{error}; bundle {last.number} is made, and counted by the next command that "
            msg += "finds it in its folder"
            raise BundleError(msg) from error

    def _read(self) -> dict[str, Last]:
        try:
            said: Any = json.loads(self._path.read_bytes())
            return {key: _last(**it) for key, it in said.items()}
        except FileNotFoundError:
            return {}
        except OSError as error:
            msg = f"{self._path}: cannot be read: {error.strerror}; run this as the agent's user"
            raise BundleError(msg) from error
        except (ValueError, TypeError, AttributeError, RecursionError):
            msg = (
                f"{self._path}: not as netfold writes it; bring it back from a backup, or move it "
            )
            msg += "away and make a new key: numbers begin anew with it"
            raise BundleError(msg) from None


def _last(number: int, digest: str, end_tick: int, journal_entries: int) -> Last:
    """What the file says of a bundle that was made.

    Raises:
        TypeError: a key is missing, or one too many, or the digest is no text.
        ValueError: one is not as it was written.
    """
    numbers = (number, end_tick, journal_entries)
    if not all(type(it) is int and it >= 0 for it in numbers) or not number:
        raise ValueError
    if not _DIGEST.fullmatch(digest):
        raise ValueError
    return Last(number, digest, end_tick, journal_entries)


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Be the only one that makes bundles of this data folder.

    Raises:
        BundleError: another one does, or the folder may not be written.
    """
    path = data_dir / _LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        msg = f"{path}: cannot be written: {error.strerror}; run this as the agent's user"
        raise BundleError(msg) from error
    try:
        if not _locked(path, descriptor):
            msg = f"{path}: another command is making bundles of this node; wait for its end"
            raise BundleError(msg)
        yield
    finally:
        os.close(descriptor)


def _locked(path: Path, descriptor: int) -> bool:
    try:
        return lock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        msg = f"{path}: cannot be locked: {error.strerror}; keep the data folder on a local disk"
        raise BundleError(msg) from error


def in_file_names(node: str) -> str:
    """A node's name as far as every file system has it; never a path."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", node)[:_LONGEST]


def file_name(node: str, number: int) -> str:
    """What a bundle is called when it is made."""
    return f"{in_file_names(node)}-{number:06d}{SUFFIX}"
