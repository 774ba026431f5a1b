"""Files that are written whole, or not at all: a full disk leaves what was there."""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO


class WriteError(Exception):
    """The file cannot be written; the message is one line, and what was there is as it was."""


def write(out: Path, content: bytes, *, force: bool = False) -> None:
    """Put a file in place, on disk when this returns; one that is there only with `force`.

    What is written over keeps its mode, and root its owner; a link to it stays a link.

    Raises:
        WriteError: `out` is there and `force` is not said, is no ordinary file, or cannot be
            written.
    """
    fill(out, lambda stream: stream.write(content), force=force)


def fill(out: Path, by: Callable[[IO[bytes]], object], *, force: bool = False) -> None:
    """Do as `write` does with what would not fit into memory; what `by` raises, nothing is written.

    Raises:
        WriteError: as `write` does.
    """
    refuse(out, force=force)
    try:
        _replace(Path(os.path.realpath(out)), by)
    except OSError as error:
        msg = f"{out} cannot be written: {error.strerror}; name a file in a folder that is there"
        msg += " and has room"
        raise WriteError(msg) from error


def refuse(out: Path, *, force: bool) -> None:
    """Say no to what may not be written over, before any work is done for it.

    Raises:
        WriteError: as `write` does.
    """
    if not os.path.lexists(out):
        return
    if not force:
        msg = f"{out} is there already; name a new file, or say --force to write over it"
        raise WriteError(msg)
    if out.exists() and not out.is_file():
        msg = f"{out} is no ordinary file; name one"
        raise WriteError(msg)


def _replace(out: Path, by: Callable[[IO[bytes]], object]) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{out.name[:99]}.", dir=out.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            _resemble(handle, out)
            by(stream)
            stream.flush()
            os.fsync(handle)
        os.replace(name, out)  # noqa: PTH105 - `name` is mkstemp's text
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _resemble(handle: int, out: Path) -> None:
    try:
        old = out.stat()
    except FileNotFoundError:
        try:
            os.fchmod(handle, 0o640)
        except PermissionError:
            pass  # a disc that keeps no modes, as FAT does: what is written there is for all
        return
    if os.geteuid() == 0:
        os.fchown(handle, old.st_uid, old.st_gid)
    os.fchmod(handle, stat.S_IMODE(old.st_mode))
