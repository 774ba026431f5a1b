"""The row of headings: which column of a table is which of the register."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from collectors.fields import seen
from config.problems import hint
from config.sheets.cells import narrow
from config.sheets.columns import Column, Sheet, plain
from config.sheets.workbook import Cell, Table

_LOOKED_AT = 10
"""Rows from the top in which the headings may stand, under a title."""
_UNIT = re.compile(r"(.+)\(([^()]+)\)")
_NUMBERING = {"序号", "no", "no."}


class Heading(NamedTuple):
    """A recognised column: where it stands, from 0, as what, and the unit of its heading."""

    at: int
    text: str
    column: Column
    unit: str


class Complaint(NamedTuple):
    """What is wrong with one heading."""

    text: str
    message: str


def row_of(sheet: Sheet, table: Table) -> int | None:
    """The number of the row of headings: that with most of them, within the first rows."""
    first = sorted(table.rows)[:_LOOKED_AT]
    counts = {number: matching(sheet, table.rows[number]) for number in first}
    best = max(first, key=lambda it: counts[it], default=None)
    return best if best is not None and counts[best] else None


def matching(sheet: Sheet, cells: Sequence[Cell]) -> int:
    """How many headings of a sheet stand in a row."""
    texts = [_text(it) for it in cells]
    return sum(_recognised(sheet, 0, text) is not None for text in texts if text)


def headings(sheet: Sheet, table: Table, row: int) -> Iterator[Heading | Complaint]:
    """Go through the row of headings; each is a column, or a complaint."""
    first: dict[str, str] = {}
    for at, cell in enumerate(table.rows[row]):
        text = _text(cell)
        if plain(text) in _NUMBERING:
            continue
        if not text:
            if rows := _filled(table, row, at):
                msg = f"column {at + 1} has no heading, but a value in row {rows[0]}; give it one"
                yield Complaint("", msg)
            continue
        found = _recognised(sheet, at, text)
        if found is None:
            yield Complaint(text, _unknown(sheet, text))
        elif (other := first.setdefault(found.column.key, text)) is not text:
            msg = f"the same column as {seen(other)}; keep one of them"
            yield Complaint(text, msg)
        else:
            yield found


def _recognised(sheet: Sheet, at: int, text: str) -> Heading | None:
    known = sheet.named()
    if column := known.get(plain(text)):
        return Heading(at, text, column, "")
    match = _UNIT.fullmatch(narrow(text))
    column = known.get(plain(match[1])) if match else None
    if match is None or column is None or column.kind.takes_unit is None:
        return None
    unit = _unit(match[2])
    return Heading(at, text, column, unit) if column.kind.takes_unit(unit) else None


def _unit(text: str) -> str:
    return re.sub(r"/(?:年|year|a)$|[\s,]|每年|peryear", "", text).removesuffix("/年")


def _unknown(sheet: Sheet, text: str) -> str:
    match = _UNIT.fullmatch(narrow(text))
    column = sheet.named().get(plain(match[1])) if match else None
    if match and column and column.kind.takes_unit:
        return f"not a unit: {seen(match[2])}; write {column.heading(english=False)}"
    known = [it.english if text.isascii() else it.chinese for it in sheet.columns]
    words = [word for several in known for word in several]
    return f"unknown heading; {hint(text, words, 'there are {}')}"


def _filled(table: Table, row: int, at: int) -> list[int]:
    return [
        number
        for number, cells in table.rows.items()
        if number > row and at < len(cells) and cells[at] != Cell(None)
    ]


def _text(cell: Cell) -> str:
    return re.sub(
        r"\s+", "" if cell.value and not str(cell.value).isascii() else " ", str(cell.value or "")
    ).strip()
