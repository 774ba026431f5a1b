"""A report as a workbook: a sheet a section, numbers as numbers, and no text that is calculated."""

import io
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from agent.report.content import Content
from agent.report.sections import minute, sections
from agent.report.table import Column, Kind, Section, Table, Value, in_unit

_FORMATS: dict[Kind, str] = {
    "count": "#,##0",
    "yuan": "#,##0",
    "mbps": "#,##0.######",
    "number": "#,##0.##",
    "percent": "0.0%",
    "share": "0.00%",
    "day": "yyyy-mm-dd",
}
_WIDTHS: dict[Kind, int] = {"text": 18, "count": 9, "day": 12, "percent": 10, "share": 10}
_WIDTH, _WIDEST = 13, 60
_HEADING = 3
"""The row of a sheet's first headings: its title and where its figures are from stand above."""


def as_xlsx(content: Content, words: Mapping[str, str]) -> bytes:
    """Write the workbook; its comment bears the journal's digest, as its first sheet does.

    Raises:
        OSError: the folder for temporary files has no room.
    """
    # Imported where a workbook is written: it takes a quarter of a second.
    from openpyxl import Workbook  # noqa: PLC0415 - XLSX only

    book = Workbook()
    book.remove(book.worksheets[0])
    head = content["head"]
    book.properties.title = words["report"]
    book.properties.description = f"netfold journal {head['journal'] or words['no_journal']}"
    for number, section in enumerate(sections(content, words, wide=True), 1):
        sheet = book.create_sheet(f"{number} {words[f'sheet_{section.key}']}")
        lines = _facts(head, words) if number == 1 else ()
        _write(sheet, section, lines)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _facts(head: Mapping[str, Any], words: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the first page says of the whole report."""
    return [
        (words["node"], head["node"]),
        (words["department"], head["department"] or "–"),
        (words["as_of"], minute(head["as_of"])),
        (words["written"], minute(head["written"])),
        (words["policy"], head["policy"]),
        (words["journal"], head["journal"] or words["no_journal"]),
        (words["version"], head["netfold"]),
    ]


def _write(sheet: Any, section: Section, facts: Sequence[tuple[str, str]]) -> None:
    from openpyxl.styles import Font  # noqa: PLC0415 - XLSX only

    _text(sheet.cell(1, 1), section.title).font = Font(bold=True, size=14)
    _text(sheet.cell(2, 1), section.source)
    at = _HEADING
    for number, table in enumerate(section.tables):
        if number:
            _text(sheet.cell(at, 1), table.title).font = Font(bold=True)
            at += 1
        at = _table(sheet, table, at) + 1
    for note in (*section.leads, *section.notes):
        _text(sheet.cell(at, 1), note)
        at += 1
    for fact in facts:
        at += 1
        for column, text in enumerate(fact, 1):
            _text(sheet.cell(at, column), text)
    sheet.freeze_panes = sheet.cell(_HEADING + 1, 2)
    sheet.print_title_rows = f"{_HEADING}:{_HEADING}"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    _widen(sheet, section.tables)


def _table(sheet: Any, table: Table, at: int) -> int:
    """Write it from row `at` on, and say which row is the next."""
    from openpyxl.styles import Alignment, Font, PatternFill  # noqa: PLC0415 - XLSX only

    bold, grey = Font(bold=True), PatternFill("solid", fgColor="E8ECF1")
    folded = Alignment(wrap_text=True, vertical="top")
    columns = _columns(table)
    if not table.rows:
        _text(sheet.cell(at, 1), table.empty)
        return at + 1
    for place, (_, column) in enumerate(columns, 1):
        cell = _text(sheet.cell(at, place), column.heading)
        cell.font, cell.fill, cell.alignment = bold, grey, folded
    for row in table.rows:
        at += 1
        for place, (index, column) in enumerate(columns, 1):
            _put(sheet.cell(at, place), row[index], column.kind)
    for note in table.notes:
        at += 1
        _text(sheet.cell(at, 1), note)
    return at + 1


def _columns(table: Table) -> list[tuple[int, Column]]:
    """What a cell can hold, with its place in the rows: no curves."""
    return [(index, it) for index, it in enumerate(table.columns) if it.kind != "curve"]


def _put(cell: Any, value: Value, kind: Kind) -> None:
    """Write a value; what is not known leaves its cell empty."""
    if value is None:
        return
    if isinstance(value, int | float):
        cell.value = in_unit(value, kind)
    elif isinstance(value, str):
        _text(cell, value)
        if kind == "day" and (found := _day(value)):
            cell.value = found
    else:
        _text(cell, "; ".join(map(str, value)))
    if kind in _FORMATS and not isinstance(cell.value, str):
        cell.number_format = _FORMATS[kind]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None  # such as: in over 100 years


def _text(cell: Any, text: str) -> Any:
    """A text that begins with = is none the less a text; a control character would be refused."""
    cell.value = "".join(it if it.isprintable() or it == "\n" else " " for it in text)
    cell.data_type = "s"
    return cell


def _widen(sheet: Any, tables: Sequence[Table]) -> None:
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - XLSX only

    widths: dict[int, int] = {}
    for table in tables:
        for place, (index, column) in enumerate(_columns(table), 1):
            texts = (row[index] for row in table.rows[:200] if column.kind == "text")
            longest = max((_width(it) for it in texts), default=0)
            least = _WIDTHS.get(column.kind, _WIDTH)
            widths[place] = max(widths.get(place, 0), min(_WIDEST, max(least, longest + 2)))
    for place, width in widths.items():
        sheet.column_dimensions[get_column_letter(place)].width = width


def _width(value: Value) -> int:
    """In letters; a Chinese character takes two."""
    text = value if isinstance(value, str) else "; ".join(map(str, value or ()))  # type: ignore[arg-type]  # no number stands in a column of texts
    return sum(2 if ord(it) > 0x2E80 else 1 for it in text)  # noqa: PLR2004 - where CJK begins
