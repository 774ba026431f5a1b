"""The pages as a real Chromium lays them out and paints them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.clock import now
from agent.history import Capacity, History, Record, SeriesKey
from agent.judge.rates import Tick
from tests.agentproc import Agent, running
from tests.browser import Browser, browsing
from tests.picture import Colour, Picture
from tests.test_assessor import TICKS, department, judged
from tests.test_server_verdict import IDLE, remember
from tests.test_server_verdict import TICKS as SERVER_TICKS

LIGHT = {"idle": (255, 226, 184), "normal": (217, 240, 221), "unknown": (236, 239, 243)}
DARK = {"idle": (107, 67, 10), "normal": (29, 74, 45), "unknown": (50, 59, 70)}
CURVE: Colour = (39, 103, 176)

LONG = "line-with-a-very-long-name-that-some-other-program-has-generated"
OUTSIDE = """[...document.querySelectorAll("body *")].filter(
    it => it.scrollWidth > innerWidth || it.getBoundingClientRect().right > innerWidth)"""

ENDS = """[...document.querySelectorAll("{}")].map(it => {{
    const text = document.createRange()
    text.selectNodeContents(it)
    return Math.round(text.getBoundingClientRect().right)
}})"""
"""Where the text of each element ends, not its box."""

PAGES = ("/", "/link/stepped", f"/link/{LONG}", "/server/db", "/networks", "/progress")


def busy_department(folder: Path) -> dict[str, Any]:
    """Lines of every look: silent, used, never seen, and one that rises, is unseen and falls."""
    config = department(folder)
    day = TICKS // 30
    end = int(now().wall_s // 300)
    rates = [(10, 1e7), (5, None), (15, 8e7)]
    ticks, number = [], end - TICKS
    for days, rate in rates:
        numbers = range(number, number + days * day)
        ticks += [Tick(it, (rate, 0.0)) for it in numbers if rate is not None]
        number = numbers.stop
    history = History(folder / "data/history.sqlite")
    key = SeriesKey("link", "stepped", "local/none", "octets")
    history.write({key: Record(ticks)}, [Capacity("link", "stepped", 0.0, 1e8)])
    numbers = np.arange(SERVER_TICKS)
    remember(history, "db", IDLE | {"cpu": 0.3 + 0.2 * np.sin(numbers / 500)}, end - SERVER_TICKS)
    history.close()
    config["servers"] = [{"name": "db", "local": True, "data_centre": "市政务云"}]
    config["node"] = {"name": "node-1", "department": "某省教育厅"}
    config["networks"][0]["title"] = "全省教育系统视频会议和远程教学专用网络（含市县两级延伸线路）"
    config["networks"][0] |= {"phase": "observing", "plan": {"connected": "2020-01-01"}}
    config["networks"][0]["owner"] = "某省教育厅教育信息化与网络安全管理中心"
    config["links"] += [
        {"name": name, "network": "edu", "bandwidth": "100M", "interface": {"local": name[:4]}}
        for name in ("stepped", LONG)
    ]
    leave = {"name": "leave", "title": "请假系统", "ports": [8443], "used_by": "全市公务员"}
    udp = {"name": "resolver", "title": "全省统一域名解析系统", "ports": [53], "udp_ports": [53]}
    config["systems"] = [leave | {"use_frequency": "每月"}, udp]
    return config


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture(scope="module")
def agent(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    folder = tmp_path_factory.mktemp("agent")
    with running(folder, busy_department(folder)) as agent:
        judged(agent)
        yield agent


def contrast(one: Colour, other: Colour) -> float:
    """How well one colour is read on another: 1 to 21, 4.5 is enough for text (WCAG 2)."""
    lighter, darker = sorted(map(luminance, (one, other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: Colour) -> float:
    parts = (it / 255 for it in colour)
    red, green, blue = (
        it / 12.92 if it <= 0.04045 else ((it + 0.055) / 1.055) ** 2.4 for it in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def colour(css: str) -> Colour:
    """Read `rgb(1, 2, 3)`."""
    red, green, blue = css.removeprefix("rgb(").removesuffix(")").split(",")
    return int(red), int(green), int(blue)


def check_badges(browser: Browser, colours: dict[str, Colour]) -> None:
    """The verdicts are painted in their colours, and can be read on them."""
    for status, expected in colours.items():
        badge = f".verdict.{status}"
        painted = browser.picture(badge).colours
        assert painted.most_common(1)[0][0] == expected, status
        assert contrast(colour(browser.style(badge, "color")), expected) >= 4.5, status


@pytest.mark.parametrize("width", [1280, 900, 390, 320])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_into_the_window(
    browser: Browser, agent: Agent, path: str, language: str, width: int
) -> None:
    browser.show(width=width, language=language)
    browser.open(f"http://{agent.address}{path}")
    assert browser.value("document.documentElement.lang") == language
    assert browser.value("document.documentElement.scrollWidth") == width
    assert browser.value(f"{OUTSIDE}.map(it => it.outerHTML)") == []


@pytest.mark.parametrize(
    ("dark", "colours"),
    [pytest.param(False, LIGHT, id="light"), pytest.param(True, DARK, id="dark")],
)
def test_verdicts_have_colours_and_all_text_can_be_read(
    browser: Browser, agent: Agent, dark: bool, colours: dict[str, Colour]
) -> None:
    browser.show(width=1280, dark=dark)
    browser.open(f"http://{agent.address}/")
    check_badges(browser, colours)
    page = colour(browser.style("body", "background-color"))
    assert browser.picture().colours.most_common(1)[0][0] == page
    assert (luminance(page) < 0.1) == dark
    for text in ("h1", "header p", "thead th", "tbody th", "tbody a", "footer", "footer a"):
        assert contrast(colour(browser.style(text, "color")), page) >= 4.5, text


def test_without_its_style_sheet_a_page_would_not_pass(browser: Browser, agent: Agent) -> None:
    browser.show(width=1280)
    browser.block("*netfold.css*")
    try:
        browser.open(f"http://{agent.address}/?unstyled")
        with pytest.raises(AssertionError):
            check_badges(browser, LIGHT)
    finally:
        browser.block()


def test_columns_stand_under_their_heads_and_a_narrow_window_has_cards(
    browser: Browser, agent: Agent
) -> None:
    browser.show(width=1280)
    browser.open(f"http://{agent.address}/")
    head, row = "table:first-of-type thead .number", "tr.link:nth-child(2)"
    heads, cells = (browser.value(ENDS.format(it)) for it in (head, f"{row} .number"))
    assert len(heads) == 5
    assert heads == cells
    browser.show(width=390)
    browser.open(f"http://{agent.address}/")
    assert browser.style("thead", "display") == "none"
    label = "getComputedStyle(document.querySelector('tr.link .number'), '::before').content"
    assert browser.value(label) == '"Seen"'


def test_the_curve_is_drawn_at_the_heights_of_its_data_with_its_gap(
    browser: Browser, agent: Agent
) -> None:
    browser.show(width=1280)
    browser.open(f"http://{agent.address}/link/stepped")
    picture = browser.picture("svg")
    assert height_at(picture, 0.15) == pytest.approx(0.9, abs=0.02)  # 10 of 100 Mbit/s
    assert height_at(picture, 0.42) is None
    assert height_at(picture, 0.75) == pytest.approx(0.2, abs=0.02)
    for link, height in (("silent", 1.0), ("used", 0.8)):
        browser.open(f"http://{agent.address}/link/{link}")
        assert height_at(browser.picture("svg"), 0.5) == pytest.approx(height, abs=0.02)


def height_at(picture: Picture, part: float) -> float | None:
    """How far down the curve is at a part of the width, 0 to 1; None where there is none."""
    rows = picture.painted(CURVE, column=round(part * picture.width))
    return sum(rows) / len(rows) / picture.height if rows else None


def test_a_line_never_seen_says_so_instead_of_a_curve(browser: Browser, agent: Agent) -> None:
    browser.show(width=390)
    browser.open(f"http://{agent.address}/link/{LONG}")
    assert browser.text("figcaption").startswith("Nothing was seen of it: 20")
    assert browser.value("document.querySelector('svg')") is None


def test_a_lines_page_shows_what_was_seen_of_it(browser: Browser, agent: Agent) -> None:
    browser.show(width=1280)
    browser.open(f"http://{agent.address}/link/used")
    assert browser.text("dl").split() == [
        *("Seen", "100.0%", "Mean", "load", "20.0%", "P95", "20.0%"),
        *("Peak", "20.0%", "Capacity", "100", "Mbit/s"),
        *("Mean,", "office", "hours", "20.0%", "P95,", "office", "hours", "20.0%"),
    ]
    assert browser.text("tr[title='low_use: load >= 0.10 at most 0.05']").split("\t") == [
        *("low use", "Load ≥ 10%", "≤ 5%", "100.00%", "100.00%", "no"),
    ]


def test_a_servers_page_draws_its_cpu_up_to_the_whole_of_it(browser: Browser, agent: Agent) -> None:
    browser.show(width=1280)
    browser.open(f"http://{agent.address}/server/db")
    assert browser.text("table.measures tbody tr").split("\t")[:2] == ["CPU", "100.0%"]
    assert browser.text("figcaption").startswith("Highest CPU use of every two hours. Full height")
    assert browser.value("document.querySelectorAll('svg path').length") == 1
    assert browser.text("tr[title='idle: cores >= 0.5 at most 0.05'] th") == "Busy cores ≥ 0.5"


def test_chinese_is_painted_as_characters_and_not_as_boxes(browser: Browser, agent: Agent) -> None:
    browser.show(width=1280, language="zh")
    browser.open(f"http://{agent.address}/")
    assert browser.text("h1") == "专网"
    pictures = []
    for text in ("专", "网", "\U0010fffd"):  # the last has no character in any font: its box
        browser.value(f"document.querySelector('h1').textContent = {json.dumps(text)}")
        pictures.append(browser.picture("h1").rows)
    assert pictures[0] != pictures[1] != pictures[2] != pictures[0]


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_asked_of_another_host_and_no_script_runs(
    browser: Browser, agent: Agent, path: str
) -> None:
    browser.asked.clear()
    browser.open(f"http://{agent.address}{path}")
    assert f"http://{agent.address}/static/netfold.css" in browser.asked
    assert [it for it in browser.asked if not it.startswith(f"http://{agent.address}/")] == []
    assert browser.value("document.scripts.length") == 0


@pytest.mark.parametrize(
    ("header", "home", "switched"),
    [
        pytest.param("en", "Dedicated networks", "专网"),
        pytest.param("zh", "专网", "Dedicated networks"),
    ],
)
def test_the_language_that_was_switched_to_is_kept_from_page_to_page(
    browser: Browser, agent: Agent, header: str, home: str, switched: str
) -> None:
    browser.show(width=1280, language=header)
    browser.open(f"http://{agent.address}/")
    assert browser.text("h1") == home
    browser.click("a.switch")
    assert browser.text("h1") == switched
    browser.click("tr.link a")
    assert browser.text("a.back") == switched
    browser.click("a.back")
    assert browser.text("h1") == switched
    browser.click("tr.link a")
    browser.click("a.switch")
    assert browser.text("a.back") == home


def test_who_never_switched_has_plain_addresses(browser: Browser, agent: Agent) -> None:
    browser.show(width=1280, language="zh")
    browser.open(f"http://{agent.address}/")
    browser.click("tr.link a")
    assert browser.text("a.back") == "专网"
    browser.click("a.back")
    assert browser.value("location.href") == f"http://{agent.address}/"
