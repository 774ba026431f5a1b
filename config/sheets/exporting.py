"""The register of a configuration -> sheets, as XLSX or CSV; importing takes back every value."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from config.agent import AgentConfig
from config.sheets import workbook
from config.sheets.cells import Value
from config.sheets.columns import SHEETS, Column, Sheet


def exported_xlsx(
    config: AgentConfig,
    sheets: Sequence[Sheet] = SHEETS,
    *,
    english: bool = False,
    note: str | None = None,
) -> bytes:
    """Write the sheets, empty ones too: they are the form to be filled in."""
    tables = (
        (sheet.title(english=english), _columns(sheet, english=english), rows)
        for sheet in sheets
        for rows in [_rows(config, sheet, english=english)]
    )
    return workbook.as_xlsx(tables, note)


def exported_csv(
    config: AgentConfig, sheet: Sheet, *, english: bool = False, note: str | None = None
) -> bytes:
    """Write one sheet: a CSV file has no more."""
    columns, rows = _columns(sheet, english=english), _rows(config, sheet, english=english)
    return workbook.as_csv(columns, rows, note)


def _columns(sheet: Sheet, *, english: bool) -> list[workbook.Column]:
    return [workbook.Column(it.heading(english=english), it.kind) for it in sheet.columns]


def _rows(config: AgentConfig, sheet: Sheet, *, english: bool) -> list[Sequence[Value]]:
    items: tuple[BaseModel, ...] = getattr(config, sheet.section)
    return [list(_row(item, sheet.columns, english=english)) for item in items]


def _row(item: BaseModel, columns: Sequence[Column], *, english: bool) -> Iterator[Value]:
    for column in columns:
        value = _at(item, column.path)
        yield None if value is None else column.kind.write(value, english)


def _at(item: BaseModel | None, path: Sequence[str]) -> Any:
    """What stands at keys of YAML; None where nothing does."""
    for key in path:
        if item is None:
            return None
        fields = type(item).model_fields
        name = next(name for name, field in fields.items() if (field.alias or name) == key)
        item = getattr(item, name)
    return item
