"""XLSX and CSV files <-> tables of cells; the only place that knows openpyxl."""

import csv
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from config.sheets.cells import Value
from config.sheets.kinds import Kind

MOST_BYTES = 64 * 2**20
"""Of a file, unpacked: a register of 10,000 lines has 3 MB."""
MOST_ROWS = 20_000
_FARTHEST_ROW, _FARTHEST_COLUMN, _MOST_CELLS = 5 * MOST_ROWS, 500, 1_000_000
"""One stray cell at a sheet's far end would make all between count as there, 240 bytes each."""
_MERGED = re.compile(rb"mergeCell\b[^>]*?\bref\s*=\s*[\"']([^\"']*)")
_LOOKED_AT = 2000
"""Characters of a CSV file that tell what stands between its cells."""
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, LookupError, ValueError, TypeError, AttributeError),
    *(SyntaxError, OSError, EOFError, RuntimeError),
)
"""What openpyxl and what it reads with raise at a damaged file."""
_FORMULA_SIGNS = ("=", "+", "-", "@", "'")
_FIRST_DAY = date(1900, 3, 1)
"""Before it Excel counts a day that never was."""


class SheetError(ValueError):
    """A file of which nothing can be taken: one line for each reason."""


class Cell(NamedTuple):
    """One cell; `trouble` says why its value is not to be believed."""

    value: Value
    trouble: str | None = None


class Table(NamedTuple):
    """A sheet: its rows by number, from 1; what is wrong with it, and down to which row."""

    name: str
    rows: dict[int, tuple[Cell, ...]]
    trouble: tuple[tuple[int, str], ...] = ()


class Column(NamedTuple):
    """A column to be written: its heading, and how its cells are."""

    heading: str
    kind: Kind


def content_of(path: Path) -> bytes:
    """Read a file, once: it may be a pipe.

    Raises:
        SheetError: it cannot be read, or is too large.

    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        msg = f"{path}: cannot be read: {why}; name a file that netfold may read"
        raise SheetError(msg) from error
    if len(content) > MOST_BYTES:
        msg = f"{path}: larger than {MOST_BYTES >> 20} MiB; split it"
        raise SheetError(msg)
    return content


def tables_of(path: Path, content: bytes) -> list[Table]:
    """Every sheet of a workbook, or the one table of a CSV file, which has no name.

    Raises:
        SheetError: it is neither.

    """
    if content.startswith(_OLD_OFFICE):
        msg = f"{path}: an .xls file, or one with a password; save it as .xlsx without one"
        raise SheetError(msg)
    if content.startswith(b"PK"):
        return list(_workbook(path, content))
    return [Table("", _limited(path, _csv(path, content)))]


def _workbook(path: Path, content: bytes) -> Iterator[Table]:
    # Imported where a workbook is read: it takes a quarter of a second.
    from openpyxl import load_workbook  # noqa: PLC0415 - XLSX only

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(it.file_size for it in packed.infolist()) > MOST_BYTES:
                msg = f"{path}: larger than {MOST_BYTES >> 20} MiB unpacked; split it"
                raise SheetError(msg)
            for it in packed.infolist():
                _refuse_wide_merges(path, packed.read(it))
        with warnings.catch_warnings(action="ignore"):  # of pictures and rules that are no values
            book = load_workbook(io.BytesIO(content))
    except _DAMAGED as error:
        if isinstance(error, SheetError):
            raise
        msg = f"{path}: not a workbook that can be read; save it again as .xlsx"
        raise SheetError(msg) from error
    for sheet in book.worksheets:
        if _is_too_far(sheet.max_row, sheet.max_column):
            end = sheet.dimensions.split(":")[-1]
            msg = f"{path}: sheet {sheet.title} reaches to {end}; delete the cells beyond the table"
            raise SheetError(msg)
        rows = {
            number: tuple(map(_cell, cells))
            for number, cells in enumerate(sheet.iter_rows(), 1)
            if any(it.value is not None for it in cells)
        }
        yield Table(sheet.title, _limited(path, rows), tuple(_trouble(sheet, rows)))


def _is_too_far(rows: int, columns: int) -> bool:
    is_far = rows > _FARTHEST_ROW or columns > _FARTHEST_COLUMN
    return is_far or rows * columns > _MOST_CELLS


def _refuse_wide_merges(path: Path, part: bytes) -> None:
    """Let no part of a workbook merge more cells than a table has: each would take memory."""
    from openpyxl.utils import range_boundaries  # noqa: PLC0415 - see above

    count = 0
    for (cells,) in map(re.Match.groups, _MERGED.finditer(part)):
        left, top, right, bottom = (it or 0 for it in range_boundaries(cells.decode()))
        count += (right - left + 1) * (bottom - top + 1)
        if count > _MOST_CELLS:
            msg = f"{path}: cells {cells.decode()} are merged; unmerge them, "
            msg += "and write the value into each"
            raise SheetError(msg)


def _cell(cell: Any) -> Cell:
    if cell.data_type == "f":
        return Cell(None, "a formula; paste its value instead")
    if cell.data_type == "e":
        return Cell(None, f"an error of the spreadsheet: {cell.value}; write the value")
    return Cell(cell.value)


def _trouble(sheet: Any, rows: Iterable[int]) -> Iterator[tuple[int, str]]:
    """What a person sees otherwise than a program: each with the last row that it touches."""
    if sheet.sheet_state != "visible":
        yield sheet.max_row, "is hidden; show it, or delete it"
    for merged in sheet.merged_cells.ranges:
        msg = f"cells {merged} are merged; unmerge them and write the value into each"
        yield merged.max_row, msg
    for number in rows:
        if sheet.row_dimensions[number].hidden:
            yield number, f"row {number} is hidden; show it, or delete it"
    for letter, column in sheet.column_dimensions.items():
        if column.hidden:
            yield sheet.max_row, f"column {letter} is hidden; show it, or delete it"


def _csv(path: Path, content: bytes) -> dict[int, tuple[Cell, ...]]:
    text = _decoded(path, content)
    delimiter = max(",\t;", key=text[:_LOOKED_AT].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return dict(_csv_rows(path, reader))
    except csv.Error as error:
        msg = f"{path}: not a CSV file: {error}; save it again as CSV, in UTF-8"
        raise SheetError(msg) from error


def _csv_rows(path: Path, reader: Iterable[list[str]]) -> Iterator[tuple[int, tuple[Cell, ...]]]:
    widest = 0
    for number, row in enumerate(reader, 1):
        widest = max(widest, len(row))
        if _is_too_far(number, widest):
            msg = f"{path}: reaches to row {number}, column {widest}; "
            msg += "delete the cells beyond the table"
            raise SheetError(msg)
        if any(row):
            yield number, tuple(map(_csv_cell, row))


def _decoded(path: Path, content: bytes) -> str:
    """UTF-8, with its mark or without, UTF-16 with its mark, else GB18030, as Excel writes it."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    msg = f"{path}: neither XLSX nor a CSV file in UTF-8 or GB18030; save it as one of them"
    raise SheetError(msg)


def _csv_cell(text: str) -> Cell:
    if text.startswith("="):
        return Cell(None, "a formula; write its value instead")
    if text.startswith("'") and text[1:].startswith(_FORMULA_SIGNS):
        text = text[1:]
    return Cell(text or None)


def _limited(path: Path, rows: dict[int, tuple[Cell, ...]]) -> dict[int, tuple[Cell, ...]]:
    if len(rows) > MOST_ROWS:
        msg = f"{path}: more than {MOST_ROWS} rows; split it"
        raise SheetError(msg)
    return rows


Rows = Sequence[Sequence[Value]]


def as_xlsx(sheets: Iterable[tuple[str, Sequence[Column], Rows]], note: str | None = None) -> bytes:
    """Write a workbook of sheets, each with its name, columns and rows; texts stay texts.

    `note` is what programs show as the workbook's comment.
    """
    from openpyxl import Workbook  # noqa: PLC0415 - see above
    from openpyxl.styles import Font  # noqa: PLC0415 - XLSX only
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - XLSX only

    book = Workbook()
    book.remove(book.worksheets[0])
    book.properties.description = note
    for name, columns, rows in sheets:
        sheet = book.create_sheet(name)
        for at, column in enumerate(columns, 1):
            _put(sheet.cell(1, at), column.heading).font = Font(bold=True)
            letter = get_column_letter(at)
            sheet.column_dimensions[letter].width = 4 + 2 * len(column.heading)
            for row, values in enumerate(rows, 2):
                if values[at - 1] is not None:
                    _put(sheet.cell(row, at), values[at - 1], is_text=column.kind.is_text)
        sheet.freeze_panes = "B2"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _put(cell: Any, value: Value, *, is_text: bool = False) -> Any:
    if isinstance(value, date) and value < _FIRST_DAY:
        value = value.isoformat()
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"  # a text that begins with = is none the less a text
    if is_text:
        cell.number_format = "@"
    elif isinstance(value, date):
        cell.number_format = "yyyy-mm-dd"
    return cell


def as_csv(columns: Sequence[Column], rows: Rows, note: str | None = None) -> bytes:
    """Write one table in UTF-8 with its mark, so that Excel reads Chinese.

    A text that a spreadsheet would calculate has a ' before it, which reading takes away. `note`
    stands above the headings, as reading allows.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    if note is not None:
        writer.writerow([note])
    writer.writerow([it.heading for it in columns])
    writer.writerows([_shielded(it) for it in row] for row in rows)
    return stream.getvalue().encode("utf-8-sig")


def _shielded(value: Value) -> str:
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, date) else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA_SIGNS) else text
