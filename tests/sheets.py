"""Workbooks as people fill them in: written cell by cell, good but for what a test changes."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook

GOOD: dict[str, tuple[Mapping[str, Any], ...]] = {
    "专网": (
        {"编号": "edu", "专网名称": "教育专网", "网络类型": "专网", "年租费（元）": 1680000},
        {"编号": "tax", "专网名称": "税务专网", "网络类型": "专网", "年租费（元）": 900000},
    ),
    "线路": (
        {"名称": "a", "所属专网": "edu", "设备": "r1", "接口": "eth0", "合同带宽": "100M"},
        {"名称": "b", "所属专网": "tax", "设备": "r1", "接口": "eth1", "合同带宽": "20M"},
    ),
    "信息系统": ({"编号": "leave", "名称": "请假系统", "数量": 1},),
    "机房": ({"编号": "room", "机房名称": "教育局机房"},),
}
"""Rows by sheet, each by heading; row 1 has the headings, so that the first is row 2."""

Change = Callable[[Workbook], object]


def workbook(path: Path, change: Change | None = None) -> Path:
    """Write the good workbook, changed."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in GOOD.items():
        sheet = book.create_sheet(name)
        sheet.append(list(rows[0]))
        for row in rows:
            sheet.append(list(row.values()))
    if change is not None:
        change(book)
    book.save(path)
    return path


def put(sheet: str, heading: str, value: Any, row: int = 2) -> Change:
    """Write a value under a heading, which is added where there is none."""

    def change(book: Workbook) -> None:
        headings = [it.value for it in book[sheet][1]]
        if heading not in headings:
            headings.append(heading)
            book[sheet].cell(1, len(headings), heading)
        book[sheet].cell(row, headings.index(heading) + 1).value = value

    return change


def several(*changes: Change) -> Change:
    """Make one change after the other."""

    def change(book: Workbook) -> None:
        for one in changes:
            one(book)

    return change


def rows_of(path: Path, rows: Sequence[Sequence[str]], encoding: str = "utf-8") -> Path:
    """Write a CSV file."""
    path.write_bytes("\r\n".join(",".join(row) for row in rows).encode(encoding))
    return path
