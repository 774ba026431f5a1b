"""The page for people, as a real agent serves it."""

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.clock import now
from agent.history import History
from agent.judge.phases import ASKED
from agent.judge.status import Status
from agent.web.curve import Curve, drawn
from agent.web.figures import rule
from agent.web.words import WORDS, language
from tests.agentproc import running
from tests.test_assessor import department, judged
from tests.test_server_verdict import IDLE, TICKS, remember


def test_every_gate_of_every_phase_has_its_words_in_both_languages() -> None:
    gates = {f"gate_{name}" for asked in ASKED.values() for name in asked}
    assert [gates - words.keys() for words in WORDS.values()] == [set(), set()]


def test_the_landing_page_shows_every_network_and_line_with_its_verdict(tmp_path: Path) -> None:
    config = department(tmp_path)
    config["networks"][0]["title"] = "教育<专网>"
    with running(tmp_path, config) as agent:
        judged(agent)
        english = agent.get("/", **{"Accept-Language": "en"})
        chinese = agent.get("/", **{"Accept-Language": "zh-CN,zh;q=0.9"})
        switched = agent.get("/?lang=en", **{"Accept-Language": "zh"})
        style = agent.get("/static/netfold.css")
    page = english.body.decode()
    assert english.headers["Content-Type"] == "text/html; charset=utf-8"
    assert english.headers["Vary"] == "Accept-Language"
    assert "<script" not in page
    assert "教育&lt;专网&gt;" in page
    assert '<span class="verdict idle">idle</span>' in page
    assert '<span class="verdict normal">normal</span>' in page
    assert "100 Mbit/s" in page
    assert "20.0%" in page
    assert '<html lang="zh-CN">' in chinese.body.decode()
    assert '<span class="verdict idle">疑似闲置</span>' in chinese.body.decode()
    assert '<html lang="en">' in switched.body.decode()
    assert b".verdict" in style.body


def test_a_lines_page_shows_its_curve_its_rules_and_their_bounds(tmp_path: Path) -> None:
    config = department(tmp_path)
    with running(tmp_path, config) as agent:
        judged(agent)
        english = agent.get("/link/used?lang=en").body.decode()
        chinese = agent.get("/link/used?lang=zh").body.decode()
        missing = agent.get("/link/nobody")
        network = agent.get("/link/edu")
    assert "<script" not in english
    assert '<span class="verdict normal">normal</span>' in english
    assert english.count("<tr") == 1 + 6
    assert '<tr title="low_use: load &gt;= 0.10 at most 0.05">' in english
    assert '<th scope="row">Load ≥ 10%</th>' in english
    assert '<td class="number" data-label="At least">100.00%</td>' in english
    assert 'd="M0.0,176.0H' in english  # 20 of 100 Mbit/s: four fifths from the top
    assert "Full height is 100 Mbit/s." in english
    assert "不成立" in chinese
    assert (missing.status, network.status) == (404, 404)
    assert missing.body == b"no line 'nobody' has been judged; / lists those that were\n"


def test_a_servers_page_shows_each_measure_its_curve_and_its_rules(tmp_path: Path) -> None:
    """Of fourteen days, of which the agent has measured none itself."""
    end = int(now().wall_s // 300)
    history = History(tmp_path / "data" / "history.sqlite")
    remember(history, "db<1>", IDLE | {"cpu": 0.2, "receive": 2.5e6}, end - TICKS, TICKS)
    history.close()
    server = {"name": "db<1>", "local": True, "data_centre": "市政务云"}
    with running(tmp_path, {"servers": [server]}) as agent:
        judged(agent)
        landing = agent.get("/?lang=zh").body.decode()
        english = agent.get("/server/db%3C1%3E?lang=en").body.decode()
        chinese = agent.get("/server/db%3C1%3E?lang=zh").body.decode()
        missing = agent.get("/server/nobody")
    assert '<a href="/server/db%3C1%3E?lang=zh">db&lt;1&gt;</a>' in landing
    assert "<script" not in english
    assert '<span class="verdict normal">normal</span>' in english
    assert "市政务云" in english
    assert english.count("<tr") == 1 + 4 + 1 + 8
    shown = dict(
        re.findall(r'<th scope="row">(.*?)</th>\s*<td.*?</td>\s*<td.*?>(.*?)</td>', english)
    )
    assert shown["CPU"] == "20.0%"
    assert shown["Busy cores"] == "0.8"
    assert shown["Traffic"] == "2.5 Mbit/s"
    assert '<th scope="row">Traffic ≥ 1 Mbit/s</th>' in english
    assert '<th scope="row">Busy cores ≥ 0.5</th>' in english
    assert '<th scope="row">CPU ≥ 3%</th>' in english
    assert 'd="M0.0,176.0H' in english  # 20 % of the CPU: four fifths from the top
    assert "Highest CPU use of every two hours. Full height is 100.0%." in english
    assert "占用核数" in chinese
    assert "每两小时最高CPU使用率" in chinese
    assert missing.status == 404
    assert missing.body == b"no server 'nobody' has been judged; / lists those that were\n"


def damaged(path: Path) -> None:
    path.write_bytes(b"this is no history" * 100)


def a_folder(path: Path) -> None:
    path.mkdir()


def locked(path: Path) -> sqlite3.Connection:
    holder = sqlite3.connect(path)
    holder.execute("CREATE TABLE held (by TEXT)")
    holder.execute("BEGIN EXCLUSIVE")
    return holder


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        pytest.param(damaged, "file is not a database", id="damaged"),
        pytest.param(locked, "database is locked", id="locked"),
        pytest.param(a_folder, "disk I/O error|it may not be opened", id="no-file"),
    ],
)
def test_a_history_that_cannot_be_read_is_said_on_a_lines_page(
    tmp_path: Path, spoil: Callable[[Path], sqlite3.Connection | None], why: str
) -> None:
    config, data = department(tmp_path), tmp_path / "data"
    with running(tmp_path, config) as agent:
        judged(agent)
        data.rename(tmp_path / "elsewhere")  # where the agent goes on writing
        data.mkdir()
        holder = spoil(data / "history.sqlite")
        answer = agent.get("/link/used")
        landing = agent.get("/")
        if holder:
            holder.close()
    assert (answer.status, landing.status) == (503, 200)
    said = answer.body.decode()
    reason = f"{data}/history.sqlite: cannot be read as a history: ({why})"
    assert re.fullmatch(f"the history could not be read, try again later: {reason}\n", said)


def test_a_rule_is_shown_with_the_unit_of_its_measure() -> None:
    share = {"share": [0.0, 0.001], "holds": None}
    seen = rule({"rule": "idle: rate >= 2000000 at most 0.001", **share})
    assert seen[1:] == ("idle", "of_rate", "≥ 2 Mbit/s", "≤ 0.1%", "0.00%", "0.10%", "None", False)
    seen = rule({"rule": "busy: load >= 0.70 more than 0.05", **share})
    assert seen[1:5] == ("busy", "of_load", "≥ 70%", "> 5%")
    with pytest.raises(ValueError, match=r"not a rule: 'load >= 0\.70'"):
        rule({"rule": "load >= 0.70", **share})


def test_a_curve_has_gaps_where_nothing_was_seen() -> None:
    drawing = drawn(Curve(0, 1, (0.0, None, 5.0, 10.0), None))
    assert drawing.path == "M0.0,220.0H250.0M500.0,110.0H750.0L750.0,0.0H1000.0"
    assert (drawing.capacity_y, drawing.top) == (None, 10.0)
    assert drawn(Curve(0, 1, (None, None), 1e8)) == ("", 0.0, 1e8)
    assert drawn(Curve(0, 1, (0.0, 0.0), None)).path == "M0.0,220.0H500.0L500.0,220.0H1000.0"


def test_before_anything_is_judged_the_page_says_so(tmp_path: Path) -> None:
    with running(tmp_path, {}) as agent:
        assert b"Nothing has been judged yet." in agent.get("/").body


def test_both_languages_say_the_same_and_every_verdict() -> None:
    english, chinese = WORDS["en"], WORDS["zh"]
    assert english.keys() == chinese.keys()
    assert {str(status) for status in Status} <= english.keys()


@pytest.mark.parametrize(
    ("asked", "header", "chosen"),
    [
        (None, "", "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "en-GB,zh;q=0.5", "en"),
        (None, "fr,zh;q=0.5", "zh"),
        (None, "fr", "en"),
        ("zh", "en", "zh"),
        ("en", "zh", "en"),
        ("tlh", "zh", "zh"),
    ],
)
def test_the_language_is_the_switch_else_the_first_that_is_known(
    asked: str | None, header: str, chosen: str
) -> None:
    assert language(asked, header) == chosen
