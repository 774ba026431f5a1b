"""The forms that a report is written in, told by the suffix of a file's name."""

import json
from collections.abc import Callable, Mapping

from agent.report.content import Content
from agent.report.html import as_html
from agent.report.sections import sections
from agent.report.table import Kind, Value, in_unit
from agent.report.words import words_of
from agent.report.xlsx import as_xlsx
from agent.sources.rows import NOTE
from agent.web.words import Language
from config.sheets.kinds import TEXT
from config.sheets.workbook import Column
from config.sheets.workbook import as_csv as table_as_csv

Words = Mapping[str, str]


def as_csv(content: Content, words: Words) -> bytes:
    """The low-use list alone, in UTF-8 with its mark: a CSV file has one table.

    No text of it is calculated by a spreadsheet; ratios are 0 to 1, as in the JSON. Each row names
    its window and policy, since rows are copied from one table into another.
    """
    (section,) = (it for it in sections(content, words, wide=True) if it.key == "low_use")
    table = section.tables[0]
    head = content["head"]
    window, journal = head["windows"]["lines"], head["journal"]
    source = {"window_from": window["from"], "window_to": window["to"], "policy": head["policy"]}
    columns = [Column(it.heading, TEXT) for it in table.columns]
    columns += [Column(words[it], TEXT) for it in source]
    kinds = [it.kind for it in table.columns]
    rows = [[*map(_cell, row, kinds), *source.values()] for row in table.rows]
    return table_as_csv(columns, rows, f"{NOTE}{journal}" if journal else None)


def as_json(content: Content, _: Words) -> bytes:
    """The whole content; null is what is not known or not declared."""
    return json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n"


FORMS: Mapping[str, Callable[[Content, Words], bytes]] = {
    "html": as_html,
    "xlsx": as_xlsx,
    "csv": as_csv,
    "json": as_json,
}


def written(content: Content, form: str, language: Language) -> bytes:
    """A report in one of the FORMS."""
    return FORMS[form](content, words_of(language))


def _cell(value: Value, kind: Kind) -> str | float | None:
    if isinstance(value, int | float):
        return in_unit(value, kind)
    if value is None or isinstance(value, str):
        return value
    return "; ".join(map(str, value))
