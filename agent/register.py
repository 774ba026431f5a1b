"""Imports of the register: a file of sheets checked whole, then written as one YAML file.

`take` is the one place that writes an import; whoever has to note that there was one does it there.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from agent.judge.counted import counted
from config.sheets.columns import Sheet
from config.sheets.importing import imported
from config.writer import as_yaml

_HEAD = (
    "Written by `netfold register import`: change the table and import it again, or this file\n"
    "and no table any more. It belongs under `include:` of a configuration."
)


class TakeError(Exception):
    """The file cannot be written; the message is one line."""


class Taken(NamedTuple):
    """What an import came to: items by section, and the SHA-256 of the file that was written."""

    out: Path
    counts: Mapping[str, int]
    digest: str

    def __str__(self) -> str:
        return f"{self.out}: {in_words(self.counts)}"


def in_words(counts: Mapping[str, int]) -> str:
    """How many items there are of each section, as: 2 networks, 1 machine room."""
    said = (
        counted(count, name.replace("_", " ").removesuffix("s")) for name, count in counts.items()
    )
    return ", ".join(said) or "nothing"


def take(file: Path, only: Sheet | None, out: Path, *, force: bool = False) -> Taken:
    """Import a file of sheets into `out`: all of it, or nothing.

    Raises:
        SheetError: with a line for everything that is wrong in the file.
        TakeError: `out` is there and `force` is not said, or it cannot be written.

    """
    if not force and os.path.lexists(out):
        msg = f"{out} is there already, with comments perhaps; name a new file, or say --force"
        raise TakeError(msg)
    found = imported(file, only)
    content = as_yaml(found.data, _HEAD).encode()
    try:
        _write(out, content)
    except OSError as error:
        msg = f"{out} cannot be written: {error.strerror}; name a file in a folder that is there"
        raise TakeError(msg) from error
    return Taken(out, found.counts, hashlib.sha256(content).hexdigest())


def _write(out: Path, content: bytes) -> None:
    """Put a whole file in place, or leave what was there."""
    handle, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(handle, 0o640)
            stream.write(content)
            stream.flush()
            os.fsync(handle)
        os.replace(name, out)  # noqa: PTH105 - `name` is mkstemp's text
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
