"""Verdicts of recorded series: from a CSV file to a table, JSON and words."""

import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sources.rows import SeriesError
from agent.sources.series import File, Span, read
from tests.agentproc import netfold

LINKS = "subject,unix_time,receive_bps,transmit_bps,capacity_bps"
SERVERS = "subject,unix_time,cpu_ratio,memory_ratio,network_bps"
START = 1_800_000_000
WEEK = """\
links: {window: 7d, confirm_after: 1d}
servers:
  low_use: [{cpu: 10%, at_most: 5%}, {cpu: 50%, at_most: 2%}]
  idle: [{cpu: 3%, at_most: 5%}, {cpu: 30%, at_most: 0.5%}]
"""


def written(folder: Path, *rows: str, heading: str = LINKS) -> Path:
    path = folder / "series.csv"
    path.write_text("\n".join([heading, *rows]) + "\n", encoding="utf-8")
    return path


def steady(subject: str, days: float, receive: str, transmit: str, capacity: str) -> list[str]:
    ticks = range(int(days * 288))
    return [f"{subject},{START + 300 * n},{receive},{transmit},{capacity}" for n in ticks]


def assess(path: Path, *args: str | Path) -> list[dict[str, Any]]:
    done = netfold("assess", "--series", path, *args, "--json")
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def policy(folder: Path) -> Path:
    path = folder / "policy.yaml"
    path.write_text(WEEK)
    return path


def test_the_json_is_the_contracts(tmp_path: Path) -> None:
    rows = [*steady("edu", 30, "3e6", "1e6", "1e8"), *steady("tax", 2, "0", "0", "2e6")]
    edu, tax = assess(written(tmp_path, *rows))
    office = edu["evidence"].pop("office")
    assert set(office) == {
        *["ticks", "seen_ratio", "mean", "p50", "p95", "p99", "peak", "unknown_years"]
    }
    assert edu | {"rules": [], "policy": ""} == {
        "kind": "link",
        "subject": "edu",
        "status": "low_use",
        "since": None,
        "confirmed": False,
        "earliest": None,
        "members": [],
        "policy": "",
        "rules": [],
        "evidence": {
            "from": "2027-01-15T08:00:00+00:00",
            "to": "2027-02-14T08:00:00+00:00",
            "ticks": 8640,
            "seen_ratio": 1.0,
            "mean": pytest.approx(0.03),
            "p50": pytest.approx(0.03),
            "p95": pytest.approx(0.03),
            "p99": pytest.approx(0.03),
            "peak": pytest.approx(0.03),
            "capacity_bps": 1e8,
        },
    }
    assert edu["policy"].startswith("sha256:")
    rules = {it["rule"]: (it["share"], it["holds"]) for it in edu["rules"]}
    assert rules["low_use: load >= 0.10 at most 0.05"] == ([0.0, 0.0], True)
    assert rules["idle: rate >= 16000 at most 0.01"] == ([1.0, 1.0], False)
    assert (tax["status"], tax["evidence"]["seen_ratio"]) == ("unknown", pytest.approx(2 / 30))
    # 86 of 8640 ticks, 7 h 10 min, may stay unseen (load >= 0.40 at most 0.01) of the 30 days.
    assert tax["earliest"] == "2027-02-14T00:50:00+00:00"


def test_a_servers_json_has_one_evidence_a_measure(tmp_path: Path) -> None:
    rows = [f"db1,{START + 300 * n},0.01,,1000" for n in range(14 * 288)]
    (db1,) = assess(written(tmp_path, *rows, heading=SERVERS), "--policy", policy(tmp_path))
    assert (db1["kind"], db1["status"]) == ("server", "idle")
    assert db1["evidence"].keys() == {"cpu", "network"}
    assert db1["evidence"]["cpu"]["p95"] == pytest.approx(0.01)


def test_several_rows_in_one_tick_are_averaged_in_any_order(tmp_path: Path) -> None:
    rows = [
        f"a,{START + n},{r},0,100" for n, r in ((200, 6), (10, 2), (299, 4), (300, 50), (10, 4))
    ]
    file = read(written(tmp_path, *rows), 300)
    traffic = file.traffic(file.series[0], 2)
    assert list(traffic.receive) == [4.0, 50.0]


def test_the_window_ends_with_the_subjects_own_latest_row_or_at_the_given_time(
    tmp_path: Path,
) -> None:
    rows = steady("a", 31, "0", "0", "1e8")
    path = written(tmp_path, *rows)
    (latest,) = assess(path)
    assert latest["evidence"]["to"] == "2027-02-15T08:00:00+00:00"
    (before,) = assess(path, "--at", "2027-02-01T00:00")
    assert before["evidence"]["to"] == "2027-02-01T00:00:00+00:00"
    assert before["status"] == "unknown"


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        pytest.param(steady("a", 30, "0", "0", "1e8"), "idle", id="silent-and-seen"),
        pytest.param(steady("a", 30, "0", "0", ""), "unknown", id="capacity-absent"),
        pytest.param(steady("a", 30, "0", "0", "0"), "unknown", id="capacity-0"),
        pytest.param(steady("a", 30, "-5", "0", "1e8"), "unknown", id="negative-rates"),
        pytest.param(steady("a", 30, "nan", "0", "1e8"), "unknown", id="not-a-number"),
        pytest.param(steady("a", 30, "inf", "0", "1e8"), "unknown", id="infinite"),
        pytest.param(steady("a", 30, "0", "", "1e8"), "unknown", id="one-direction-absent"),
        pytest.param([f"a,{START},0,0,1e8"], "unknown", id="one-sample"),
        pytest.param(
            [*steady("a", 30, "0", "0", "1e8"), f"a,{START + 10**9},0,0,1e8"],
            "unknown",
            id="a-row-in-the-far-future",
        ),
        pytest.param(
            steady("a", 30, "0", "0", "1e8")[::-1] * 2, "idle", id="backward-and-duplicate"
        ),
        pytest.param(
            [f"a,{START + 397 * n},0,0,1e8" for n in range(30 * 218)],
            "unknown",
            id="rows-rarer-than-ticks",
        ),
    ],
)
def test_dirty_series_are_never_idle_for_being_dirty(
    tmp_path: Path, rows: list[str], status: str
) -> None:
    (verdict,) = assess(written(tmp_path, *rows))
    assert verdict["status"] == status


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            "",
            f":1: not a heading of series: 'an empty file'; write {LINKS} or {SERVERS}",
            id="empty",
        ),
        pytest.param(
            LINKS + "\n", ": no rows below the heading; there is nothing to judge", id="no-rows"
        ),
        pytest.param(
            "name,time\n",
            f":1: not a heading of series: 'name,time'; write {LINKS} or {SERVERS}",
            id="another-heading",
        ),
        pytest.param(
            f"{LINKS}\na,1,2\n",
            ":2: 3 cells, but the heading has 5; write one for each",
            id="ragged",
        ),
        pytest.param(
            f"{LINKS}\na,noon,2,3,4\n",
            ":2: unix_time: not seconds since 1970: 'noon'; write as 1795300000",
            id="a-time-in-words",
        ),
        pytest.param(
            f"{LINKS}\na,1795300000000,2,3,4\n",
            ":2: unix_time: not seconds since 1970: '1795300000000'; write as 1795300000",
            id="milliseconds",
        ),
        pytest.param(
            f"{LINKS}\na,1,2M,3,4\n",
            ":2: receive_bps: not a number: '2M'; write one, or leave it empty",
            id="a-rate-with-a-unit",
        ),
    ],
)
def test_a_file_that_is_no_series_is_one_line_and_exit_2(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "series.csv"
    path.write_text(content)
    done = netfold("assess", "--series", path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{path}{message}\n")


def test_a_missing_file_another_encoding_and_a_bad_time_are_one_line_each(tmp_path: Path) -> None:
    missing = netfold("assess", "--series", tmp_path / "none.csv")
    assert missing.stderr.endswith("cannot be read: No such file or directory; name a CSV file\n")
    (tmp_path / "gbk.csv").write_bytes(f"{LINKS}\n教育,1,2,3,4\n".encode("gbk"))
    encoded = netfold("assess", "--series", tmp_path / "gbk.csv")
    assert "not a CSV file in UTF-8" in encoded.stderr
    time = netfold("assess", "--series", written(tmp_path, "a,1,2,3,4"), "--at", "yesterday")
    assert time.stderr == "--at: not a time: 'yesterday'; write as 2026-11-01T00:00 (UTC)\n"
    assert {it.returncode for it in (missing, encoded, time)} == {2}


def test_a_byte_order_mark_is_no_part_of_the_heading(tmp_path: Path) -> None:
    path = tmp_path / "series.csv"
    path.write_bytes(f"\ufeff{LINKS}\na,1,2,3,4\n".encode())
    assert read(path, 300).series[0].subject == "a"


def test_utf_16_is_read_and_gbk_is_told_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "series.csv"
    path.write_bytes(f"{LINKS}\n教育,1,2,3,4\n".encode("utf-16"))
    assert read(path, 300).series[0].subject == "教育"
    path.write_bytes(f"{LINKS}\n教育,1,2,3,4\n".encode("gbk"))
    with pytest.raises(SeriesError, match=r"iconv -f GB18030 -t UTF-8 series\.csv reads it"):
        read(path, 300)


def test_only_the_window_of_each_subject_stays_in_memory(tmp_path: Path) -> None:
    rows = [f"a,{START + 300 * n},{n},0,1e8" for n in range(50_000)]
    path = written(tmp_path, *rows[25_000:], *rows[:25_000], f"b,{START},5,5,")
    a, b = read(path, 300, Span(100)).series
    last = START // 300 + 49_999
    assert (a.last_tick, a.first_tick) == (last, last - 99)
    assert list(a.values("receive_bps", last - 101, 4)[2:]) == [49_898 + 2, 49_898 + 3]
    assert (b.first_tick, b.last_tick) == (START // 300, START // 300)
    (early, _) = read(path, 300, Span(100, START // 300 + 200)).series
    assert early.values("receive_bps", START // 300 + 150, 1)[0] == 150


def test_the_line_of_a_bad_row_is_right_far_down_and_behind_cells_of_several_lines(
    tmp_path: Path,
) -> None:
    rows = [f"a,{n},1,1,1" for n in range(70_000)]
    path = written(tmp_path, '"b\nc",1,1,1,1', *rows, "a,1,x,1,1")
    with pytest.raises(SeriesError, match=rf"^{path}:70004: receive_bps: not a number: 'x'"):
        read(path, 300)


def test_a_column_of_names_that_never_repeat_is_no_column_of_subjects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.sources.series.MOST_SUBJECTS", 9)
    path = written(tmp_path, *[f"{n},1,1,1,1" for n in range(10)])
    with pytest.raises(SeriesError, match="more than 9 subjects; is their column another one"):
        read(path, 300)


def test_explain_says_each_rule_and_what_would_flip_it(tmp_path: Path) -> None:
    rows = [*steady("edu", 30, "3e6", "1e6", "1e8"), *steady("tax", 30, "0", "0", "")]
    path = written(tmp_path, *rows)
    said = netfold("explain", "edu", "--series", path).stdout.splitlines()
    assert said[0] == "link edu: low_use"
    assert said[1].endswith("100.0% of 8640 ticks were seen")
    assert "  low_use: load >= 0.10 at most 0.05: seen 0.00% of 8640 ticks: proven" in said
    assert said[-1] == "87 more ticks above it would undo low_use: load >= 0.40 at most 0.01"
    blind = netfold("explain", "tax", "--series", path).stdout.splitlines()
    assert blind[0] == "link tax: unknown"
    assert blind[-1].startswith("nothing is known of its load")
    wrong = netfold("explain", "edo", "--series", path)
    assert wrong.returncode == 2
    assert wrong.stderr == "no subject 'edo'; did you mean 'edu'?\n"


def test_the_flip_is_exact(tmp_path: Path) -> None:
    """What explain calls the nearest change is one: one tick fewer leaves the verdict."""
    rows = steady("a", 30, "3e6", "0", "1e8")
    for ticks, status in ((86, "low_use"), (87, "normal")):
        changed = [row.replace("3e6", "5e7") if n < ticks else row for n, row in enumerate(rows)]
        (verdict,) = assess(written(tmp_path, *changed))
        assert verdict["status"] == status


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("abilene_links_derived", {"low_use"}),
        ("isp_cortez_5min", {"unknown"}),
        ("nab_network_in", {"unknown"}),
        ("nab_cpu", {"24ae8d idle", "5f5533 normal", "77c1ca busy"}),
    ],
)
def test_real_series_are_judged_as_a_sensible_reader_would(
    shared: Path, tmp_path: Path, name: str, expected: set[str]
) -> None:
    with (shared / "series" / f"{name}.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    if rows[0]["unit"] == "ratio":
        heading = SERVERS
        lines = [f"{it['id']},{it['unix_time']},{it['value']},," for it in rows]
    else:
        heading = LINKS
        lines = [f"{it['id']},{it['unix_time']},{it['value']},0,{it['capacity']}" for it in rows]
    verdicts = assess(written(tmp_path, *lines, heading=heading), "--policy", policy(tmp_path))
    if heading == SERVERS:
        found = {f"{it['subject'][-6:]} {it['status']}" for it in verdicts}
    else:
        found = {it["status"] for it in verdicts}
    assert found == expected


@given(st.binary(max_size=400))
def test_no_bytes_make_it_fail_but_by_its_own_error(content: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(content)
        file.flush()
        try:
            found: File | SeriesError = read(Path(file.name), 300)
        except SeriesError as error:
            found = error
        assert isinstance(found, File) or "\n" not in str(found)
