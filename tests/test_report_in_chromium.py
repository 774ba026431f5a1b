"""The report's HTML as a real Chromium lays it out and prints it, in both languages."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.report.words import words_of
from agent.web.words import Language
from tests.agentproc import netfold
from tests.browser import Browser, browsing
from tests.report_lab import HARMFUL, SCRIPT, reported

LANGUAGES: dict[Language, str] = {"en": "en", "zh": "zh-CN"}
SECTIONS = [
    *("summary", "low_use", "progress", "availability", "yearly", "systems", "data_centres"),
    *("exceptions", "unseen"),
]

WIDER_THAN_PAPER = """[...document.querySelectorAll("table, svg, p, dl")].filter(
    it => it.getBoundingClientRect().right > innerWidth + 1).map(it => it.outerHTML)"""

PAPER_WIDTH = 1032
"""CSS pixels between the margins of A4 landscape: 297 mm less 24."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> dict[Language, Path]:
    """A report in each language; `browser` is asked first, so that all is skipped without one."""
    folder = tmp_path_factory.mktemp("report")
    config = reported(folder)
    made = {it: folder / f"{it}.html" for it in LANGUAGES}
    for language, out in made.items():
        done = netfold("report", "-c", config, "--lang", language, "--out", out)
        assert (done.returncode, done.stderr) == (0, "")
    return made


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_is_one_file_that_asks_for_nothing_and_runs_nothing(
    browser: Browser, pages: dict[Language, Path], language: Language
) -> None:
    browser.asked.clear()
    browser.open(pages[language].as_uri())
    assert browser.asked == [pages[language].as_uri()]
    assert browser.value("document.querySelectorAll('script, link, img, iframe').length") == 0
    assert not re.search(r"https?://(?!198\.51)", pages[language].read_text(encoding="utf-8"))
    assert browser.value("document.title").startswith(words_of(language)["report"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_section_is_there_with_its_source_and_names_stay_text(
    browser: Browser, pages: dict[Language, Path], language: Language
) -> None:
    browser.open(pages[language].as_uri())
    words = words_of(language)
    assert browser.value("document.documentElement.lang") == LANGUAGES[language]
    assert browser.value("[...document.querySelectorAll('section')].map(it => it.id)") == SECTIONS
    sources = browser.value("[...document.querySelectorAll('.source')].map(it => it.innerText)")
    assert len(sources) == len(SECTIONS)
    assert all(it.count("sha256:") == 2 for it in sources)
    low_use = browser.text("#low_use")
    assert HARMFUL in low_use
    assert SCRIPT in low_use
    assert words["cut_give_back"] in low_use
    assert SCRIPT in browser.text("#exceptions")
    assert words["tile_yuan"] in browser.text("header")
    assert browser.value("document.querySelectorAll('#low_use svg.curve').length") >= 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_on_paper_nothing_is_cut_off_and_every_section_begins_a_page(
    browser: Browser, pages: dict[Language, Path], language: Language
) -> None:
    browser.show(width=PAPER_WIDTH)
    browser.open(pages[language].as_uri())
    browser.print_as_on_paper()
    assert browser.value(WIDER_THAN_PAPER) == []
    assert browser.style("section", "break-before") == "page"
    assert browser.style("thead", "display") == "table-header-group"
    pdf = browser.pdf()
    sheets = re.findall(rb"/Type\s*/Page\b", pdf)
    assert len(sheets) > len(SECTIONS)
    sizes = {tuple(map(float, it.split())) for it in re.findall(rb"/MediaBox\s*\[([^\]]*)\]", pdf)}
    assert all(width > height for _, _, width, height in sizes)


def test_chinese_is_painted_not_boxes(browser: Browser, pages: dict[Language, Path]) -> None:
    """Two characters that no font has would look alike."""
    browser.show(width=1240)
    browser.open(pages["zh"].as_uri())
    items = [f"nav li:nth-child({n})" for n in range(1, len(SECTIONS) + 1)]
    painted = {browser.picture(it).png for it in items}
    assert len(painted) == len(items)
