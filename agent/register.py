"""Imports of the register: a file of sheets checked whole, then written as one YAML file."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from agent.judge.plural import counted
from agent.whole_file import refuse, write
from config.sheets.columns import Sheet
from config.sheets.importing import imported
from config.writer import as_yaml

_HEAD = (
    "Written by `netfold register import`: change the table and import it again, or this file\n"
    "and no table any more. It belongs under `include:` of a configuration."
)


class Taken(NamedTuple):
    """What an import came to: items by section, and the SHA-256 of what was read and written."""

    out: Path
    counts: Mapping[str, int]
    read_sha256: str
    written_sha256: str

    def __str__(self) -> str:
        return f"{self.out}: {in_words(self.counts)}"

    def as_entry(self) -> dict[str, Any]:
        """The same for the journal."""
        written = {"file": self.out.name, "sha256": self.written_sha256}
        return {"sha256": self.read_sha256, "counts": dict(self.counts), "written": written}


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
        WriteError: `out` is there and `force` is not said, or it cannot be written.

    """
    refuse(out, force=force)
    found = imported(file, only)
    content = as_yaml(found.data, _HEAD).encode()
    write(out, content, force=force)
    return Taken(out, found.counts, found.sha256, hashlib.sha256(content).hexdigest())
