"""`netfold report`, of a department's real history: as JSON, CSV and a workbook."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from agent.cli.report import command
from agent.clock import now
from agent.declared import Declaration
from agent.history import Capacity, History, Record, SeriesKey
from agent.history_reader import HistoryReader
from agent.journal import head
from agent.judge.counted import Amount, Counted
from agent.judge.rates import Tick
from agent.judge.status import Status
from agent.judge.verdict import Judgement
from agent.report.charts import curve, verdicts
from agent.report.content import content as content_from
from agent.report.gathered import as_of, gather
from agent.report.low_use import cut
from agent.report.month import Month, ReportError, chosen
from agent.report.table import shown
from agent.report.uptime import uptime
from agent.report.words import REPORT_WORDS, words_of
from agent.report.yearly import yearly
from agent.verdict import Verdict
from agent.web.words import WORDS
from config.inventory import Network
from config.load import load
from tests.agentproc import netfold, write
from tests.report_lab import HARMFUL, SCRIPT, content_of, minutes_ago, reported
from tests.test_assessor import department
from tests.test_pages_in_chromium import LONG

MAY, JUNE = date(2027, 5, 1), date(2027, 6, 1)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reported(tmp_path_factory.mktemp("department"))


@pytest.fixture(scope="module")
def at() -> str:
    return minutes_ago(10)


@pytest.fixture(scope="module")
def folder(config: Path, at: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All forms of one report, in Chinese."""
    folder = tmp_path_factory.mktemp("reports")
    outs = [arg for it in ("json", "xlsx", "csv") for arg in ("--out", folder / f"r.{it}")]
    done = netfold("report", "-c", config, "--at", at, "--lang", "zh", *outs)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [str(it) for it in outs[1::2]]
    return folder


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command in this process, whose logs stay as they are: many starts take long."""
    monkeypatch.setattr("agent.logs.set_up", lambda: None)

    def run(*words: str | Path) -> Result:
        done = CliRunner().invoke(command, [str(it) for it in ("-c", *words)])
        assert (done.stdout, len(done.stderr.splitlines())) == ("", 1), done.output
        return done

    return run


@pytest.fixture(scope="module")
def content(folder: Path) -> dict[str, Any]:
    return content_of(folder / "r.json")


def test_its_verdicts_are_those_of_assess_with_all_bounds_and_evidence(
    config: Path, at: str, content: dict[str, Any]
) -> None:
    assessed = json.loads(netfold("assess", "-c", config, "--at", at, "--json").stdout)
    assert content["verdicts"] == assessed
    by_subject = {(it["kind"], it["subject"]): it for it in assessed}
    rows = content["low_use"]["rows"]
    assert {"silent", "edu"} >= {it["subject"] for it in rows} >= {"silent"}
    for row in rows:
        verdict = by_subject[row["kind"], row["subject"]]
        for key in ("status", "rules", "evidence", "members"):
            assert row[key] == verdict[key]


def test_its_progress_is_that_of_progress(config: Path, content: dict[str, Any]) -> None:
    said = json.loads(netfold("progress", "-c", config, "--json").stdout)
    assert content["progress"] == said
    assert content["summary"]["reclaimable"] == said["total"]["reclaimable"]


def test_a_row_says_since_when_and_what_to_do_and_a_day_is_a_part_of_its_curve(
    content: dict[str, Any],
) -> None:
    (row,) = (it for it in content["low_use"]["rows"] if it["subject"] == "silent")
    assert (row["confirmed"], row["contract_end"]) == (True, "2099-06-30")
    assert row["notice_by"] == "2099-03-31"
    assert (row["cut"]["what"], row["cut"]["saving_yuan"]) == ("give_back", 96_000)
    assert row["days"] == [0] * 30


@pytest.mark.parametrize(
    ("network", "status", "suggested"),
    [
        ({"kind": "dedicated"}, Status.IDLE, "give_back"),
        ({"kind": "dedicated"}, Status.LOW_USE, "move_and_give_back"),
        ({"kind": "dedicated", "outcome": "interconnect"}, Status.IDLE, "review"),
        ({"kind": "extranet"}, Status.IDLE, "review"),
        ({"kind": "internet"}, Status.LOW_USE, "review"),
    ],
)
def test_only_lines_of_networks_that_are_to_go_are_given_back(
    network: dict[str, str], status: Status, suggested: str
) -> None:
    verdict = Verdict("link", "a", status, Judgement(status, ()))
    one = cut(verdict, Network.model_validate({"name": "n", **network}), 96_000.0)
    assert one["what"] == suggested
    assert one["saving_yuan"] == (None if suggested == "review" else 96_000)


def test_every_form_bears_the_journals_head_and_the_policy(
    config: Path, folder: Path, content: dict[str, Any]
) -> None:
    digest = f"sha256:{head(config.parent / 'data')}"
    assert content["head"]["journal"] == digest
    assert content["head"]["policy"] == content["verdicts"][0]["policy"]
    text = (folder / "r.csv").read_text(encoding="utf-8-sig")
    assert text.splitlines()[0] == f"# netfold journal {digest}"
    first = CalamineWorkbook.from_path(folder / "r.xlsx").get_sheet_by_index(0).to_python()
    assert [row[1] for row in first if row[0] == "操作日志摘要"] == [digest]


def test_another_program_reads_the_workbook_a_sheet_a_section_with_numbers_as_numbers(
    folder: Path, content: dict[str, Any]
) -> None:
    book = CalamineWorkbook.from_path(folder / "r.xlsx")
    words = REPORT_WORDS["zh"]
    sheets = [it for it in words if it.startswith("sheet_")]
    assert book.sheet_names == [f"{n} {words[it]}" for n, it in enumerate(sheets, 1)]
    rows = book.get_sheet_by_name("2 低利用率清单").to_python()
    assert content["head"]["policy"][:19] in str(rows[1][0])
    cells = dict(zip(map(str, rows[2]), rows[3], strict=True))
    assert cells["年费用（元）"] == 96_000
    assert cells["采样覆盖率"] == 1
    assert cells["Mbit/s"] == 100
    assert cells["合同到期"] == date(2099, 6, 30)
    assert cells["运营商"] == HARMFUL
    exceptions = book.get_sheet_by_name("8 例外情况").to_python()
    assert any(HARMFUL in row for row in exceptions)


def test_no_text_of_the_workbook_or_the_csv_file_is_calculated(
    folder: Path, content: dict[str, Any]
) -> None:
    with zipfile.ZipFile(folder / "r.xlsx") as packed:
        sheets = [it for it in packed.namelist() if it.startswith("xl/worksheets/sheet")]
        assert len(sheets) == 9
        assert not any(b"<f>" in packed.read(it) for it in sheets)
    octets = (folder / "r.csv").read_bytes()
    assert octets.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(octets.decode("utf-8-sig"))))
    cells = dict(zip(rows[1], rows[2], strict=True))
    assert cells["运营商"] == f"'{HARMFUL}"
    assert (cells["Mbit/s"], cells["线路数"]) == ("100.0", "1")
    assert cells["判定依据"] == content["head"]["policy"]
    assert cells["统计窗口止"] == content["head"]["as_of"]
    assert not any(it.startswith(("=", "+", "@")) for row in rows for it in row)


def test_availability_is_bounded_by_what_was_not_seen_of_the_month(content: dict[str, Any]) -> None:
    rows = {(it["kind"], it["subject"]): it for it in content["availability"]["rows"]}
    gateway, gone = rows["target", "gw"], rows["target", "gone"]
    assert gone["share"] == [0, 1]
    assert gone["seen_ratio"] == 0
    assert gone["rules"] == {"availability": None, "latency": None, "jitter": None, "loss": None}
    assert gateway["share"][1] == 1
    assert gateway["share"][0] == pytest.approx(gateway["seen_ratio"])
    assert gateway["rules"]["latency"] is True
    assert rows["network", "ext"]["share"] == gateway["share"]


def test_of_a_month_that_just_began_nothing_is_known_yet(config: Path) -> None:
    own = load(config)
    month = Month.of(now().wall_s)
    with HistoryReader(own.data_dir / "history.sqlite") as reader:
        found = uptime(own, reader, month, int(month.from_s // reader.tick_s))
    assert {(it.kind, it.share, it.seen_ratio) for it in found.rows} == {
        ("network", (0, 1), 0),
        ("target", (0, 1), 0),
    }


def test_exceptions_name_exemptions_and_what_was_overridden(content: dict[str, Any]) -> None:
    found = {(it["what"], it["subject"]): it for it in content["exceptions"]}
    assert found["exemption", "left"]["reason"] == HARMFUL
    override = found["override", "done"]
    assert (override["reason"], override["by"], override["gates"]) == (SCRIPT, "me", ["floor_held"])


def test_what_was_not_seen_is_named_with_its_reason(content: dict[str, Any]) -> None:
    found = {it["subject"]: it["why"] for it in content["unseen"]["unknown"]}
    assert "doubt_unwatched" in found["leave"]
    assert found["done"] == ["no_lines"]
    assert found[LONG] == ["nothing_seen"]
    least = content["unseen"]["least_seen"]
    assert least[0] == {"link": LONG, "seen_ratio": 0}
    assert [it["seen_ratio"] for it in least] == sorted(it["seen_ratio"] for it in least)


def test_the_year_counts_what_was_reached_in_it(content: dict[str, Any]) -> None:
    today = date.fromisoformat(content["yearly"]["to"])
    if (today - date(today.year, 1, 1)).days > 9:
        assert content["yearly"]["saved_networks"] == ["done"]
        assert content["yearly"]["saved_yuan"] == 50_000
    cheap = Counted(
        name="a",
        amount=Amount(1, 1),
        phase="retired",
        declared="retired",
        timeline=(("surveyed", date(2025, 3, 1)), ("retired", date(2026, 3, 1))),
        plan={"retired": date(2026, 1, 1), "funding_cut": date(2026, 12, 31)},
    )
    said = yearly([cheap], date(2026, 6, 1))
    rows = {it["phase"]: it for it in said["phases"]}
    assert (rows["retired"]["this_year"], rows["retired"]["planned_and_open"]) == (1, 0)
    assert (rows["funding_cut"]["this_year"], rows["funding_cut"]["planned_and_open"]) == (0, 1)
    assert (said["saved_yuan"], said["saved_without_cost"]) == (None, 1)
    assert yearly([cheap], date(2027, 6, 1))["phases"][3]["before"] == 1


def test_a_network_that_was_joined_this_year_gave_nothing_back() -> None:
    joined = Counted(
        name="a",
        amount=Amount(1, 2, yuan=192_000, priced=1),
        phase="interconnected",
        declared="interconnected",
        timeline=(("surveyed", date(2025, 3, 1)), ("interconnected", date(2026, 3, 1))),
    )
    said = yearly([joined], date(2026, 6, 1))
    reached = {it["phase"] for it in said["phases"] if it["this_year"]}
    assert reached == {"connected", "dual_running", "interconnected"}
    assert (said["saved_networks"], said["saved_yuan"]) == ([], 0)
    (row,) = said["networks"]
    assert (row["retired"], row["interconnected"]) == (None, "2026-03-01")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        pytest.param(["--month", "2026-13"], "--month: not a month: '2026-13'", id="no-month"),
        pytest.param(["--month", "2099-01"], "--month 2099-01 begins after", id="to-come"),
        pytest.param(["--month", "2001-02"], "is before the history", id="before-the-history"),
        pytest.param(["--at", "2001-02-03"], "is before the history", id="at-before"),
        pytest.param(["--at", "2099-02-03"], "--at 2099-02-03 is to come", id="at-to-come"),
        pytest.param(["--at", "now"], "--at: not a time: 'now'", id="no-time"),
        pytest.param(["--format", "csv", "--out", "b.csv"], "--format is of one", id="format"),
    ],
)
def test_what_cannot_be_reported_is_said_in_a_line(
    refused: Callable[..., Result], config: Path, tmp_path: Path, words: list[str], problem: str
) -> None:
    out = tmp_path / "report.json"
    done = refused(config, "--out", out, *words)
    assert done.exit_code == 2
    assert problem in done.stderr
    assert not out.exists()


def test_a_month_and_a_time_before_it_contradict_each_other(
    refused: Callable[..., Result], tmp_path: Path, config: Path
) -> None:
    this_month = str(Month.of(now().wall_s))
    out, at = tmp_path / "r.json", minutes_ago(33 * 24 * 60)
    done = refused(config, "--out", out, "--at", at, "--month", this_month)
    assert done.exit_code == 2
    assert f"--month {this_month} begins after the report's time" in done.stderr


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("there.json", "is there already; name a new file, or say --force"),
        ("nowhere/r.json", "there is no folder"),
        ("report.pdf", "its suffix says no form of a report"),
        ("folder.html", "is there already"),
    ],
)
def test_where_nothing_can_be_written_is_said_before_any_work(
    refused: Callable[..., Result], tmp_path: Path, name: str, problem: str
) -> None:
    (tmp_path / "there.json").write_text("mine")
    (tmp_path / "folder.html").mkdir()
    done = refused(tmp_path / "none.yaml", "--out", tmp_path / name)
    assert done.exit_code == 2
    assert problem in done.stderr
    assert (tmp_path / "there.json").read_text() == "mine"


def test_a_full_disk_leaves_the_report_that_was_there(config: Path, tmp_path: Path) -> None:
    """Files may not grow beyond a limit here: a full disk would need one to be mounted.

    It leaves room for what SQLite keeps beside a history that is read.
    """
    out = tmp_path / "r.json"
    out.write_text("before")
    script = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    script += "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)); "
    script += "from agent.__main__ import main; main()"
    command = [sys.executable, "-c", script, "report", "-c", config, "--out", out, "--force"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert f"{out} cannot be written: File too large" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert out.read_text() == "before"
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("exists", [False, True], ids=["no-history", "an-empty-one"])
def test_without_a_history_there_is_no_report(
    refused: Callable[..., Result], tmp_path: Path, exists: bool
) -> None:
    config = tmp_path / "config.yaml"
    write(config, {"node": {"name": "test"}, "data_dir": str(tmp_path / "data")})
    (tmp_path / "data").mkdir()
    if exists:
        History(tmp_path / "data" / "history.sqlite").close()
    done = refused(config, "--out", tmp_path / "r.json")
    assert done.exit_code == 1
    assert ("holds nothing yet" if exists else "it is not there") in done.stderr
    assert "there is nothing to report" in done.stderr


def test_without_a_journal_and_but_for_lines_it_says_why_it_bears_no_digest_and_sections_are_empty(
    tmp_path: Path,
) -> None:
    config = tmp_path / "config.yaml"
    lines = department(tmp_path)
    write(config, {"node": {"name": "test"}, **lines, "data_dir": str(tmp_path / "data")})
    (tmp_path / "data" / "journal.jsonl").write_text("{}\n")
    outs = tmp_path / "r.html", tmp_path / "r.json"
    done = netfold("report", "-c", config, "--out", outs[0], "--out", outs[1])
    assert done.returncode == 0
    assert "the report bears no digest" in done.stderr
    assert content_of(outs[1])["head"]["journal"] is None
    page = outs[0].read_text(encoding="utf-8")
    words = REPORT_WORDS["en"]
    for key in ("no_probes", "no_systems", "no_data_centres", "no_exceptions", "no_milestones"):
        assert words[key] in page
    assert words["no_journal"] in page


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param(None, "2026-10", id="the-last-whole-one"),
        pytest.param("2026-11", "2026-11", id="the-one-that-is-not-over"),
        pytest.param("2026-09", "2026-09", id="the-one-in-which-the-history-begins"),
    ],
)
def test_a_month_is_one_that_the_history_knows(asked: str | None, found: str) -> None:
    at_s, first_s = Month(2026, 11).from_s + 1, Month(2026, 10).from_s - 1
    month = asked and Month.read(asked)
    assert str(chosen(month or None, at_s, first_s)) == found


def test_of_a_history_that_began_this_month_this_month_is_reported() -> None:
    begins_s = Month(2027, 1).from_s
    assert str(chosen(None, begins_s + 9, begins_s + 1)) == "2027-01"
    assert Month(2026, 12).to_s == begins_s
    assert Month(2027, 1).before == Month(2026, 12)
    with pytest.raises(ReportError, match="name a month from 2027-01 on"):
        chosen(Month(2026, 12), begins_s + 9, begins_s + 1)


@given(st.text() | st.from_regex(r"\d{4}-\d\d", fullmatch=True))
def test_a_text_is_a_month_that_is_written_as_it_was_or_is_refused_with_what_was_seen(
    text: str,
) -> None:
    found = read(text)
    if isinstance(found, str):
        assert repr(text) in found
    else:
        assert str(found) == text
        assert found.before.to_s == found.from_s < found.to_s


def read(text: str) -> Month | str:
    """The month, or why it is none."""
    try:
        return Month.read(text)
    except ReportError as error:
        return str(error)


def test_what_was_declared_after_the_day_is_not_of_the_report() -> None:
    early, late = (Declaration(it, day) for it, day in (("surveyed", MAY), ("retired", JUNE)))
    declared = {"old": [early, late], "new": [late]}
    assert as_of(declared, JUNE) == declared
    assert as_of(declared, MAY) == {"old": [early], "new": [Declaration(None, MAY)]}


def test_every_word_is_there_in_both_languages_and_none_hides_one_of_the_pages() -> None:
    assert list(REPORT_WORDS["en"]) == list(REPORT_WORDS["zh"])
    assert not set(REPORT_WORDS["en"]) & set(WORDS["en"])
    for language, words in REPORT_WORDS.items():
        assert all(words.values()), language


def test_what_is_not_known_is_never_shown_as_a_number() -> None:
    assert shown(None, "yuan") == "–"
    assert shown(0.0, "yuan") == "0"
    assert shown(2.5e6, "mbps") == "2.5"
    assert shown(0.12345, "share") == "12.35%"
    assert str(curve((None, 0.5))).count("V") == 2  # one day is drawn, up and down


def test_a_legend_names_every_verdict_that_a_line_has() -> None:
    words = words_of("zh") | {"idle": SCRIPT}
    chart = str(verdicts({"idle": 3, "normal": 1, "busy": 0}, words))
    assert "&lt;script&gt;" in chart
    assert "正常使用 1 (25.0%)" in chart
    assert words["busy"] not in chart


def test_of_a_network_with_a_line_that_is_exempt_only_the_other_lines_are_saved(
    tmp_path: Path,
) -> None:
    """As progress counts them: the exempt one is to stay, whatever the network is."""
    config = department(tmp_path)
    edu, tax = config["networks"]
    config["networks"] = [edu | {"outcome": "migrate"}, tax]
    silent, used = config["links"]
    until = {"reason": "灾备线路", "approver": "网络中心", "until": "2099-12-31"}
    kept = silent | {"name": "kept", "interface": {"local": "none2"}, "exempt": until}
    config["links"] = [silent | {"annual_cost_yuan": "3000"}, kept, used]
    end = int(now().wall_s // 300)
    history = History(tmp_path / "data" / "history.sqlite")
    ticks = [Tick(number, (0.0, 0.0)) for number in range(end - 8_645, end)]
    key = SeriesKey("link", "kept", "local/none", "octets")
    history.write({key: Record(ticks)}, [Capacity("link", "kept", 0.0, 1e8)])
    history.close()
    path = tmp_path / "config.yaml"
    write(path, {"node": {"name": "test"}, **config, "data_dir": str(tmp_path / "data")})
    found = gather(load(path), now().wall_s - 300, None, lambda _: None)
    said = content_from(found, None, now().wall_s)
    rows = {(it["kind"], it["subject"]): it for it in said["low_use"]["rows"]}
    assert set(rows) == {("network", "edu"), ("link", "silent")}
    assert rows["network", "edu"]["annual_cost_yuan"] == 1_680_000
    assert rows["network", "edu"]["cut"]["saving_yuan"] == 3_000
    assert said["summary"]["reclaimable"]["yuan"] == 3_000
