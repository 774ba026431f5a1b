"""The register as sheets: what a bad cell is answered, and that nothing is lost on the way."""

import re
import zipfile
from collections.abc import Iterator
from datetime import date, time
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from pydantic import BaseModel
from python_calamine import CalamineWorkbook

from config.agent import AgentConfig, Node
from config.fields import credit_check
from config.inventory import Network
from config.load import load
from config.register import Phase, Plan
from config.shape import keys
from config.sheets.columns import SHEETS, plain
from config.sheets.exporting import exported_csv, exported_xlsx
from config.sheets.importing import imported
from config.sheets.workbook import SheetError
from config.writer import as_yaml
from tests.sheets import Change, put, several, workbook

N, L, S, M = "专网", "线路", "信息系统", "机房"


def said(path: Path) -> list[str]:
    """What is answered to a file, line by line; nothing if it is taken."""
    try:
        imported(path)
    except SheetError as error:
        return str(error).splitlines()
    return []


def merge(book: Workbook) -> None:
    book[N].merge_cells("A2:A3")


def hide_a_row(book: Workbook) -> None:
    book[N].row_dimensions[3].hidden = True


def hide_a_column(book: Workbook) -> None:
    book[N].column_dimensions["B"].hidden = True


def hide_a_sheet(book: Workbook) -> None:
    book[S].sheet_state = "hidden"


def repeat_a_heading(book: Workbook) -> None:
    book[N].cell(1, 5).value = "年费用（元）"


def rename_a_sheet(book: Workbook) -> None:
    book[S].title = "系统"


def leave_out_a_heading(book: Workbook) -> None:
    book[N].cell(2, 7).value = "x"


def take_the_headings_away(book: Workbook) -> None:
    book[M].delete_rows(1)


def write_a_time(book: Workbook) -> None:
    put(L, "合同到期", time(12, 0))(book)


def write_a_long_text(book: Workbook) -> None:
    put(S, "功能", "长" * 201)(book)


def no_cost(book: Workbook) -> None:
    book[N].delete_cols(4)


FIXTURES = Path(__file__).parent / "fixtures" / "register"
BAD_CELLS = yaml.safe_load((FIXTURES / "bad_cells.yaml").read_text(encoding="utf-8"))
DOES: dict[str, Change] = {
    it.__name__: it
    for it in (
        *(merge, hide_a_row, hide_a_column, hide_a_sheet, repeat_a_heading, rename_a_sheet),
        *(leave_out_a_heading, take_the_headings_away, no_cost, write_a_time, write_a_long_text),
    )
}


def test_the_workbook_that_the_mistakes_are_made_in_is_good(tmp_path: Path) -> None:
    assert said(workbook(tmp_path / "r.xlsx")) == []
    assert len(BAD_CELLS) >= 40


@pytest.mark.parametrize("row", BAD_CELLS, ids=[row["claim"] for row in BAD_CELLS])
def test_one_bad_cell_gets_one_line(tmp_path: Path, row: dict[str, Any]) -> None:
    changes = [put(sheet, head, value, at) for sheet, head, at, value in row.get("put", [])]
    if "do" in row:
        changes.append(DOES[row["do"]])
    assert said(workbook(tmp_path / "r.xlsx", several(*changes))) == [row["says"]]


def test_all_bad_cells_are_told_at_once_in_the_order_of_sheets_rows_and_columns(
    tmp_path: Path,
) -> None:
    change = several(
        put(S, "数量", "两个"),
        put(L, "合同到期", "明年", 3),
        put(N, "年租费（元）", "十二万", 3),
        put(N, "涉密标识", "?", 3),
        put(N, "网络类型", "?", 2),
        put(L, "合同带宽", "100", 2),
    )
    places = [it.split(":")[0] for it in said(workbook(tmp_path / "r.xlsx", change))]
    assert places == [
        "sheet 专网 row 2 column 网络类型",
        "sheet 专网 row 3 column 年租费（元）",
        "sheet 专网 row 3 column 涉密标识",
        "sheet 线路 row 2 column 合同带宽",
        "sheet 线路 row 3 column 合同到期",
        "sheet 信息系统 row 2 column 数量",
    ]


GOOD_CELLS = yaml.safe_load((FIXTURES / "good_cells.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", GOOD_CELLS, ids=[row["claim"] for row in GOOD_CELLS])
def test_what_people_write_is_understood(tmp_path: Path, row: dict[str, Any]) -> None:
    sheet, heading, at, value = row["put"]

    def change(book: Workbook) -> None:
        if heading.startswith("带宽"):
            book[L].delete_cols(5)  # or there would be two columns of bandwidth
        put(sheet, heading, value, at)(book)
        for cell in book[sheet][at]:
            if isinstance(cell.value, str):
                cell.data_type = "s"  # no formula

    section, key, wanted = row["gives"]
    (first, *_) = imported(workbook(tmp_path / "r.xlsx", change)).data[section]
    assert isinstance(first, dict)
    assert first.get(key) == wanted


def test_a_title_and_empty_rows_are_passed_over(tmp_path: Path) -> None:
    def change(book: Workbook) -> None:
        book[N].insert_rows(1)
        book[N].cell(1, 1).value = "2026 年政务专网登记表"
        book[N].merge_cells("A1:D1")
        book[N].insert_rows(4, amount=3)

    found = imported(workbook(tmp_path / "r.xlsx", change)).data["networks"]
    assert [it["name"] for it in found if isinstance(it, dict)] == ["edu", "tax"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_file_of_any_usual_encoding_is_read(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    rows = [["编号", "机房名称", "机柜数"], ["room", "教育局机房", "12"]]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    (tmp_path / "r.csv").write_bytes(text.encode(encoding))
    assert imported(tmp_path / "r.csv").data == {
        "machine_rooms": [{"name": "room", "title": "教育局机房", "racks": "12"}]
    }


BAD_FILES = [
    pytest.param(
        b"", "the table: empty; `netfold register export` shows what it needs", id="empty"
    ),
    pytest.param(
        b"PK\3\4 damaged", "not a workbook that can be read; save it again as .xlsx", id="damaged"
    ),
    pytest.param(
        b"\xd0\xcf\x11\xe0\xa1\xb1",
        "an .xls file, or one with a password; save it as .xlsx without one",
        id="xls",
    ),
    pytest.param(
        b"\x00\x01\x02",
        "neither XLSX nor a CSV file in UTF-8 or GB18030; save it as one of them",
        id="binary",
    ),
    pytest.param(
        "编号,名称\nx,y\n".encode(),
        "the table: not plain which sheet it is; say --sheet 专网, 线路, 信息系统 or 机房",
        id="any-sheet",
    ),
    pytest.param(
        "编号,机房名称\nx,=A1\n".encode(),
        "row 2 column 机房名称: a formula; write its value instead",
        id="formula",
    ),
    pytest.param(
        '编号,机房名称\n"x,y\n'.encode(),
        "not a CSV file: unexpected end of data; save it again as CSV, in UTF-8",
        id="open-quote",
    ),
    pytest.param(
        "编号,机房名称,机柜数\nx,,两\n".encode(),
        "row 2 column 机柜数: not a whole number: '两'; write digits only, as 12",
        id="bad-cell",
    ),
]


@pytest.mark.parametrize(("content", "line"), BAD_FILES)
def test_a_file_that_is_no_register_is_told_so(tmp_path: Path, content: bytes, line: str) -> None:
    (tmp_path / "r").write_bytes(content)
    assert said(tmp_path / "r")[0].removeprefix(f"{tmp_path / 'r'}: ") == line


def test_a_stray_cell_at_the_far_end_of_a_sheet_is_refused(tmp_path: Path) -> None:
    def change(book: Workbook) -> None:
        book[N]["XFD1048576"] = "x"

    (line,) = said(workbook(tmp_path / "r.xlsx", change))
    right = "sheet 专网 reaches to XFD1048576; delete the cells beyond the table"
    assert line == f"{tmp_path / 'r.xlsx'}: {right}"


def test_a_table_that_would_fill_the_memory_with_empty_cells_is_refused(tmp_path: Path) -> None:
    """Within the farthest row and the farthest column, but fifty million cells between."""

    def change(book: Workbook) -> None:
        book[N].cell(100_000, 500).value = "x"

    (line,) = said(workbook(tmp_path / "r.xlsx", change))
    assert line.endswith("sheet 专网 reaches to SF100000; delete the cells beyond the table")
    for content, end in (
        (b"\n" * 100_002, "row 100001, column 0"),
        (b"," * 500, "row 1, column 501"),
    ):
        (tmp_path / "r.csv").write_bytes(content)
        (line,) = said(tmp_path / "r.csv")
        assert line.endswith(f"reaches to {end}; delete the cells beyond the table")


def test_a_merge_of_a_whole_sheet_is_refused_before_it_is_made(tmp_path: Path) -> None:
    """It would be 17 billion cells in memory."""
    good = workbook(tmp_path / "good.xlsx", lambda book: book[N].merge_cells("A9:B9"))
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(tmp_path / "r.xlsx", "w") as new:
        for it in old.namelist():
            new.writestr(it, old.read(it).replace(b'"A9:B9"', b'"A1:XFD1048576"'))
    (line,) = said(tmp_path / "r.xlsx")
    right = "cells A1:XFD1048576 are merged; unmerge them, and write the value into each"
    assert line == f"{tmp_path / 'r.xlsx'}: {right}"


def test_a_workbook_that_unpacks_to_a_bomb_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "r.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b" " * (65 * 2**20))
    assert said(tmp_path / "r.xlsx") == [
        f"{tmp_path / 'r.xlsx'}: larger than 64 MiB unpacked; split it"
    ]


# Of what is exported again and again, every field is filled: see the test of the columns.
FULL = """
node: {name: n1}
networks:
  - name: edu
    title: =教育专网
    kind: dedicated
    owner: 市教育局
    department_code: 1144030000TEXT001B
    region: 440303001002
    basic_database: true
    destination: extranet
    outcome: interconnect
    annual_cost_yuan: 1680000.55
    phase: dual_running
    plan: {baselined: 2026-01-01, planned: 2026-01-02, connected: 2026-01-03,
      dual_running: 2026-01-04, cut_over: 2026-01-05, observing: 2026-01-06,
      retired: 2026-01-07, funding_cut: 2027-01-01, interconnected: 2026-02-01}
    filing: {project: "'项目", builder: -x, investment_yuan: 0.07, operation_cost_yuan: 0,
      funding_channel: "@x", data_resources: "a,b\\tc", application_systems: '"甲"'}
    protection: {scheme: graded, level: 5, number: "00123", assessed_on: 1899-12-31,
      expires_on: 9999-12-31}
    successor: {probes: [gw, "g、w"]}
    uplinks: [a, "b;c"]
    moves_with: [edu]
    busy_periods: [month_end, 06-01..06-10]
    exempt: {reason: 考试, approver: 局, until: 2027-06-30}
  - {name: top, kind: dedicated, classified: true, protection: {scheme: classified,
     level: top_secret}}
  - {name: local, kind: local}
links:
  - {name: a, network: edu, interface: {local: eth1}, bandwidth: 2048k, role: primary, group: g,
     number: "007", carrier: 中国电信, line_type: MSTP, annual_cost_yuan: 168000,
     contract_end: 2027-06-30, notice_by: 2027-03-31, busy_periods: [quarter_end],
     exempt: {reason: r, approver: a, until: 2027-06-30}}
  - {name: "b;c", network: edu, interface: {device: r1, name: "1/0/1"}, role: backup, group: g,
     bandwidth: 1234.5}
  - {name: c, network: local, interface: {device: r1, alias: "0012"}, bandwidth: 2.5G}
  - {name: d, network: local, interface: {device: r1, description: "TRUE"}}
  - {name: e, network: local, interface: {device: r1, index: 2147483647}}
systems:
  - {name: s, title: t, owner: o, department_code: 91350100M000100Y43, function: f, count: 3,
     used_by: u, use_frequency: 无, approved_by: a, approved_on: 2015-03-01, funding_source: x,
     last_backup: 2026-01-01, last_drill: 2026-01-02, protection: {level: 1}, ports: [1, 65535],
     udp_ports: [53], management: [198.51.100.0/24, "2001:db8::/32"], role: standby,
     busy_periods: [12-01..01-10], exempt: {reason: r, approver: a, until: 2027-06-30}}
machine_rooms:
  - {name: m, title: t, owner: o, department_code: 91350200MA2YJ1XR9G, region: 440300, racks: 9,
     annual_cost_yuan: 1, data_centre: d, phase: surveyed, plan: {cut_over: 2027-01-01},
     exempt: {reason: r, approver: a, until: 2027-06-30}}
probes:
  - {name: gw, kind: icmp, address: 198.51.100.254}
  - {name: "g、w", kind: icmp, address: 198.51.100.253}
credentials: [{name: old, version: 2c, community: {env: NETFOLD_TEST}}]
devices: [{name: r1, address: 198.51.100.1, credential: old,
  waiver: {until: 2027-06-30, reason: r, approver: a}}]
"""


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AgentConfig:
    """A configuration with every field of the register."""
    monkeypatch.setenv("NETFOLD_TEST", "public")
    (tmp_path / "n.yaml").write_text(FULL)
    return load(tmp_path / "n.yaml")


def taken_back(tmp_path: Path, *files: Path) -> AgentConfig:
    """Load the configuration with the register of sheets in place of its own."""
    data = {name: rows for file in files for name, rows in imported(file).data.items()}
    (tmp_path / "register.yaml").write_text(as_yaml(data, "head"))
    top, rest = FULL.split("networks:\n")
    others = rest[rest.index("probes:\n") :]
    (tmp_path / "again.yaml").write_text(f"include: [register.yaml]\n{top}{others}")
    return load(tmp_path / "again.yaml")


def register_of(config: AgentConfig) -> list[object]:
    return [getattr(config, sheet.section) for sheet in SHEETS]


@pytest.mark.parametrize("english", [False, True], ids=["chinese", "english"])
def test_a_workbook_out_and_in_again_loses_nothing(
    tmp_path: Path, full: AgentConfig, english: bool
) -> None:
    (tmp_path / "r.xlsx").write_bytes(exported_xlsx(full, english=english))
    assert register_of(taken_back(tmp_path, tmp_path / "r.xlsx")) == register_of(full)


@pytest.mark.parametrize("english", [False, True], ids=["chinese", "english"])
def test_csv_files_out_and_in_again_lose_nothing(
    tmp_path: Path, full: AgentConfig, english: bool
) -> None:
    files = []
    for sheet in SHEETS:
        file = tmp_path / f"{sheet.section}.csv"
        file.write_bytes(exported_csv(full, sheet, english=english))
        files.append(file)
    assert register_of(taken_back(tmp_path, *files)) == register_of(full)


def test_no_exported_cell_is_a_formula_to_a_spreadsheet(tmp_path: Path, full: AgentConfig) -> None:
    (tmp_path / "r.xlsx").write_bytes(exported_xlsx(full))
    cells = [cell for sheet in load_workbook(tmp_path / "r.xlsx") for row in sheet for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
    for sheet in SHEETS:
        text = exported_csv(full, sheet).decode("utf-8-sig")
        assert not {it[:1] for it in re.split(r"[,\r\n]", text)} & set("=+-@")


def test_a_second_reader_sees_what_was_declared(tmp_path: Path, full: AgentConfig) -> None:
    (tmp_path / "r.xlsx").write_bytes(exported_xlsx(full))
    book = CalamineWorkbook.from_path(tmp_path / "r.xlsx")
    assert book.sheet_names == ["专网", "线路", "信息系统", "机房"]
    heads, *rows = book.get_sheet_by_name("专网").to_python()
    edu = dict(zip(heads, rows[0], strict=True))
    assert len(rows) == 3
    assert (edu["编号"], edu["专网名称"], edu["网络类型"]) == ("edu", "=教育专网", "专网")
    assert (edu["年费用（元）"], edu["投资额度（元）"]) == (1680000.55, 0.07)
    assert (edu["计划切换"], edu["测评到期"]) == (date(2026, 1, 5), date(9999, 12, 31))
    assert (edu["行政区划代码"], edu["保护备案号"]) == ("440303001002", "00123")
    assert edu["上联线路"] == 'a "b;c"'
    heads, *rows = book.get_sheet_by_name("线路").to_python()
    lines = [dict(zip(heads, row, strict=True)) for row in rows]
    assert [it["合同带宽"] for it in lines] == ["2048k", "1234.5 bit/s", "2500M", "", ""]
    assert lines[0]["线路编号"] == "007"


def test_every_field_of_the_register_has_a_column_and_only_one() -> None:
    for sheet in SHEETS:
        model = keys(AgentConfig)[sheet.section].model
        assert model is not None
        assert sorted(it.key for it in sheet.columns) == sorted(_leaves(model))


def test_every_heading_means_one_column() -> None:
    for sheet in SHEETS:
        words = [plain(it) for column in sheet.columns for it in (*column.chinese, *column.english)]
        assert len(words) == len(set(words))


def _leaves(model: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, key in keys(model).items():
        if key.model is None:
            yield above + name
        else:
            yield from _leaves(key.model, f"{above}{name}.")


def test_a_plan_is_made_of_phases() -> None:
    assert set(Plan.model_fields) < set(get_args(Phase))


QUIET = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=40)


@settings(max_examples=25, deadline=None)
@given(title=TEXTS, cost=st.integers(0, 10**14).map(lambda it: it / 100), day=st.dates())
def test_any_text_amount_and_day_comes_back(
    tmp_path_factory: pytest.TempPathFactory, title: str, cost: float, day: date
) -> None:
    network = Network(
        name="n",
        kind="dedicated",
        title=title.strip() or None,
        annual_cost_yuan=cost,
        plan=Plan(cut_over=day),
    )
    config = AgentConfig(node=Node(name="n"), networks=(network,))
    folder = tmp_path_factory.mktemp("any")
    (folder / "r.xlsx").write_bytes(exported_xlsx(config))
    (folder / "r.csv").write_bytes(exported_csv(config, SHEETS[0]))
    for name in ("r.xlsx", "r.csv"):
        (folder / "register.yaml").write_text(as_yaml(imported(folder / name).data, "h"))
        (folder / "n.yaml").write_text("node: {name: n}\ninclude: [register.yaml]\n")
        assert load(folder / "n.yaml").networks == (network,)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda it: it.encode("utf-8", "ignore")))
def test_no_file_raises_anything_but_a_sheet_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r").write_bytes(content)
    said(tmp_path / "r")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 5000), st.integers(0, 255))
def test_a_damaged_workbook_raises_nothing_but_a_sheet_error(
    tmp_path: Path, place: int, byte: int
) -> None:
    good = tmp_path / "r.xlsx"
    content = bytearray((good if good.exists() else workbook(good)).read_bytes())
    content[place % len(content)] = byte
    (tmp_path / "r").write_bytes(content)
    said(tmp_path / "r")


@pytest.mark.parametrize(
    "code",
    ["91350100M000100Y43", "91350200MA2YJ1XR9G", "91350503MA31DKY80A", "91440101MA5CJQ4N59"],
)
def test_the_check_character_is_that_of_codes_in_use(code: str) -> None:
    assert credit_check(code[:-1]) == code[-1]
