"""What the files say, before it means anything: texts in lists and mappings, each with its line."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, Union

from collectors.fields import seen
from config.problems import Problem

Raw: TypeAlias = Union[str, list["Raw"], dict[str, "Raw"]]  # noqa: UP007  # `|` takes no name before it exists
Loc: TypeAlias = tuple[str | int, ...]
"""The way to a value from the top, as pydantic gives it: ("links", 0, "interface", "name")."""

SECTIONS = (
    *("credentials", "networks", "devices", "links", "servers", "systems", "machine_rooms"),
    *("probes", "pairs", "milestones"),
)
"""The lists, which included files give too."""

_MAY_BE_SECRET = ("credentials", "basic_auth_users")
"""Where a key that no model has is not shown: a slip may have made it of a secret."""


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of file: its sections, the file that shows one, and how such a file may begin."""

    sections: tuple[str, ...]
    shown_in: str
    begins: str


CONFIGURATION = Form(SECTIONS, "config/smallest.yaml", "node: {name: …}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass
class Document:
    """One configuration from all of its files (or one policy), and what was found wrong so far.

    `unknown` holds keys that no model has; `unreadable` values already reported as none at all;
    `unsure` sections that could not be read whole, so that nothing is surely missing from them.
    """

    file: Path
    form: Form = CONFIGURATION
    data: dict[str, Raw] = field(default_factory=dict)
    places: dict[Loc, Place] = field(default_factory=dict)
    unknown: set[Loc] = field(default_factory=set)
    unreadable: set[Loc] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    _found: list[tuple[Loc, Place, str]] = field(default_factory=list)
    _others: list[Problem] = field(default_factory=list)

    def report(self, loc: Loc, message: str, place: Place | None = None) -> None:
        """Add a problem; without a place of its own it is where `loc`, or what holds it, is."""
        self._found.append((loc, place or self.place(loc), message))

    def report_others(self, problems: Iterable[Problem]) -> None:
        """Add what is wrong in a file of another form that this one names."""
        self._others.extend(problems)

    def problems(self) -> list[Problem]:
        """Return what was reported, each once: an alias repeats its anchor's mistakes."""
        found = dict.fromkeys(self._found)
        own = [Problem(at.file, at.line, self.key(loc), text) for loc, at, text in found]
        return own + self._others

    def place(self, loc: Loc) -> Place:
        """Return where `loc` is written or, if it is not, the nearest thing that holds it."""
        while loc not in self.places:
            if not loc:
                return Place(self.file, 1)
            loc = loc[:-1]
        return self.places[loc]

    def is_unreadable(self, loc: Loc) -> bool:
        """Whether nothing more is to be said of `loc`: it, or a part of it, has no value."""
        return any(bad[: len(loc)] == loc[: len(bad)] for bad in self.unreadable)

    def value(self, loc: Loc) -> Raw | None:
        """Return what is written at `loc`, None if nothing is."""
        value: Raw | None = self.data
        for step in loc:
            if isinstance(value, dict) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value

    def items(self, section: str) -> Iterator[tuple[Loc, Raw]]:
        """Go through what a section lists."""
        rows = self.data.get(section, [])
        for index, row in enumerate(rows if isinstance(rows, list) else []):
            yield (section, index), row

    def rows(self, section: str) -> Iterator[tuple[Loc, dict[str, Raw]]]:
        """Go through those items of a section that have keys, whatever else is wrong with them."""
        return ((loc, row) for loc, row in self.items(section) if isinstance(row, dict))

    def names(self, section: str) -> dict[str, Loc]:
        """Return the names that a section gives, each with the first item that bears it."""
        found: dict[str, Loc] = {}
        for loc, row in self.rows(section):
            name = text(row, "name")
            if name:
                found.setdefault(name, loc)
        return found

    def check_names(self, section: str) -> None:
        """Report every item whose name one before it bears."""
        names = self.names(section)
        for loc, row in self.rows(section):
            name = text(row, "name") or ""
            first = names.get(name, loc)
            if first != loc:
                place = self.place((*first, "name"))
                self.report(
                    (*loc, "name"), f"taken: {seen(name)} is named at {place}; choose another"
                )

    def key(self, loc: Loc) -> str:
        """Write `loc` for people; items go by their names, for lists come from many files."""
        words = ""
        for depth, step in enumerate(loc, 1):
            if isinstance(step, int):
                words += f"[{self._label(loc[:depth])}]"
            elif loc[0] in _MAY_BE_SECRET and loc[:depth] in self.unknown:
                words += ".(unknown)"  # `{community hunter2}` makes a key of a secret
            else:
                plain = step if re.fullmatch(r"[\w.-]{1,60}", step) else seen(step)
                words += f".{plain}" if words else plain
        return words or "(file)"

    def _label(self, loc: Loc) -> str:
        """Name what a list has at `loc`: an item of a section by its name, others by number."""
        if loc[:-1] not in {(section,) for section in self.form.sections}:
            return str(loc[-1])
        row = self.value(loc)
        name = text(row, "name") if isinstance(row, dict) else None
        return name if name and re.fullmatch(r"[^\s\[\]]{1,60}", name) else "?"


def text(row: dict[str, Raw], key: str) -> str | None:
    """Return what `key` says if it is there and a text."""
    value = row.get(key)
    return value if isinstance(value, str) else None
