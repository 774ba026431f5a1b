"""Sheets -> the sections of a configuration, or every reason why not, row by row.

The rows become a document as YAML files do, whose places are cells: so what is checked of a
configuration is checked of a sheet, and said of the row and the column.
"""

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from config.build import items
from config.document import SECTIONS, Document, Loc, Place, Raw
from config.problems import hint
from config.sheets.columns import SHEETS, Sheet, sheet_named
from config.sheets.headings import Complaint, Heading, headings, matching, row_of
from config.sheets.workbook import Cell, SheetError, Table, content_of, tables_of

_SHEET_NAMES = "there are 专网, 线路, 信息系统 and 机房 (networks, links, systems, machine rooms)"


@dataclass(frozen=True, slots=True)
class Spot(Place):
    """A place in a sheet; `line` is its row, 0 the whole sheet, and `at` the column's number."""

    sheet: str = ""
    column: str = ""
    at: int = -1

    def __str__(self) -> str:
        sheet = [f"sheet {self.sheet}"] if self.sheet else []
        row = [f"row {self.line}"] if self.line else []
        column = [f"column {self.column}"] if self.column else []
        return " ".join([*sheet, *row, *column]) or "the table"


@dataclass
class _Register(Document):
    """A document made of sheets, in their order; what a row lacks is where its column would be."""

    sheets: list[str] = field(default_factory=list)
    headings: dict[str, dict[str, Heading]] = field(default_factory=dict)

    def place(self, loc: Loc) -> Place:
        """The cell of `loc`, or of the column that holds it."""
        row = self.places.get(loc[:2])
        if not isinstance(row, Spot) or len(loc) <= len(("section", 0)):
            return super().place(loc)
        keys = [str(it) for it in loc[2:] if isinstance(it, str)]
        known = self.headings[str(loc[0])]
        while keys:
            path = ".".join(keys)
            beneath = (it for key, it in known.items() if key.startswith(f"{path}."))
            if heading := known.get(path) or next(beneath, None):
                return Spot(row.file, row.line, row.sheet, heading.text, heading.at)
            if column := _column_for(str(loc[0]), path):
                return Spot(row.file, row.line, row.sheet, column)
            keys.pop()
        return row

    def lines(self) -> list[str]:
        """Everything that was found wrong, in the order of sheets, rows and columns."""

        def key(found: tuple[Loc, Place, str]) -> tuple[int, int, int]:
            place = found[1]
            if not isinstance(place, Spot):
                return (-1, 0, 0)
            sheet = self.sheets.index(place.sheet) if place.sheet in self.sheets else -1
            return (sheet, place.line, place.at)

        return [f"{at}: {text}" for _, at, text in sorted(dict.fromkeys(self._found), key=key)]


def _column_for(section: str, path: str) -> str | None:
    """What the column of a key, or the first one beneath it, is called where it is missing."""
    sheet = sheet_named(section)
    columns = sheet.columns if sheet else ()
    return next(
        (it.chinese[0] for it in columns if it.key == path or it.key.startswith(f"{path}.")), None
    )


class Imported(NamedTuple):
    """What a file of sheets says: rows by section, in the words of YAML; and its SHA-256."""

    data: Mapping[str, Raw]
    sha256: str

    @property
    def counts(self) -> dict[str, int]:
        """How many items there are of each section."""
        return {name: len(rows) for name, rows in self.data.items()}


def imported(path: Path, only: Sheet | None = None) -> Imported:
    """Read the register from an XLSX or CSV file; `only` names the one sheet to be read.

    Raises:
        SheetError: with a line for everything that is wrong, none of it taken.

    """
    content = content_of(path)
    found = tables_of(path, content)
    document = _Register(path, sheets=[it.name for it in found])
    tables = list(_chosen(document, found, only))
    document.unsure.update(set(SECTIONS) - {sheet.section for sheet, _ in tables})
    for sheet, table in tables:
        _take(document, sheet, table)
    items(document)
    if lines := document.lines():
        raise SheetError("\n".join(lines))
    return Imported(document.data, hashlib.sha256(content).hexdigest())


def _chosen(
    document: Document, tables: Sequence[Table], only: Sheet | None
) -> Iterator[tuple[Sheet, Table]]:
    """Find which table is which sheet; a table alone is what it is said, or seems, to be."""
    filled = [it for it in tables if it.rows]
    if not filled:
        document.report((), "empty; `netfold register export` shows what it needs", _spot(document))
    if len(filled) == 1 and (sheet_named(filled[0].name) is None or only):
        sheet = only or _guessed(filled[0])
        if sheet is None:
            msg = "not plain which sheet it is; say --sheet 专网, 线路, 信息系统 or 机房"
            document.report((), msg, _spot(document, filled[0].name))
        else:
            yield sheet, filled[0]
        return
    for table in filled:
        sheet = sheet_named(table.name)
        if sheet is None and only is None:
            right = hint(table.name, [it.chinese for it in SHEETS], _SHEET_NAMES)
            msg = f"not a sheet of the register; {right}"
            document.report((), msg, _spot(document, table.name))
        elif sheet is not None and only in {None, sheet}:
            yield sheet, table


def _guessed(table: Table) -> Sheet | None:
    """The sheet whose headings a table has most of; None if that is not clear."""
    rows = [table.rows[it] for it in sorted(table.rows)[:10]]
    counts = sorted(
        ((max(matching(sheet, row) for row in rows), n) for n, sheet in enumerate(SHEETS)),
        reverse=True,
    )
    (best, n), (second, _), *_ = counts
    return SHEETS[n] if best > second else None


def _spot(document: Document, sheet: str = "", row: int = 0, column: str = "") -> Spot:
    return Spot(document.file, row, sheet, column)


def _take(document: _Register, sheet: Sheet, table: Table) -> None:
    """Put a table's rows into the document; several tables of a sheet would be one too many."""
    row = row_of(sheet, table)
    if row is None:
        msg = f"no row of headings; the first of them is {sheet.columns[0].chinese[0]}"
        document.report((), msg, _spot(document, table.name))
        document.unsure.add(sheet.section)
        return
    if trouble := [message for last, message in table.trouble if last >= row]:
        for message in trouble:
            document.report((), message, _spot(document, table.name))
        document.unsure.add(sheet.section)
        return
    found: dict[str, Heading] = {}
    for it in headings(sheet, table, row):
        if isinstance(it, Complaint):
            document.report((), it.message, _spot(document, table.name, row, it.text))
            document.unsure.add(sheet.section)
        else:
            found[it.column.key] = it
    document.headings[sheet.section] = found
    rows: list[Raw] = []
    document.data[sheet.section] = rows
    for number, cells in table.rows.items():
        if number > row and any(it != Cell(None) for it in cells):
            loc = (sheet.section, len(rows))
            document.places[loc] = _spot(document, table.name, number)
            rows.append(_row(document, loc, found, cells))


def _row(document: _Register, loc: Loc, found: Mapping[str, Heading], cells: Sequence[Cell]) -> Raw:
    """One item: each cell at its keys; one that cannot be read is told."""
    item: dict[str, Raw] = {}
    for heading in found.values():
        cell = cells[heading.at] if heading.at < len(cells) else Cell(None)
        here = (*loc, *heading.column.path)
        try:
            value = _value(heading, cell)
        except ValueError as error:
            document.report(here, str(error))
            document.unreadable.add(here)
            value = ""
        if value is not None:
            _set(item, heading.column.path, value)
    return item


def _value(heading: Heading, cell: Cell) -> Raw | None:
    if cell.trouble:
        raise ValueError(cell.trouble)
    value = heading.column.kind.read(cell.value, heading.unit)
    texts = [value] if isinstance(value, str) else value or []
    for text in texts:
        if any(unicodedata.category(it) in {"Cc", "Cs"} and it != "\t" for it in text):
            msg = "holds a line break or a control character; write one line of plain text"
            raise ValueError(msg)
    return None if value is None else (value if isinstance(value, str) else list(value))


def _set(item: dict[str, Raw], path: Sequence[str], value: Raw) -> None:
    *above, last = path
    for key in above:
        below = item.setdefault(key, {})
        if not isinstance(below, dict):
            return
        item = below
    item[last] = value
