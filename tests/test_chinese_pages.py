"""README.md and docs/operating.md say the same in Chinese."""

import re
from pathlib import Path

import pytest

from tests.pages import anchors, assert_twins, headings, rows

ROOT = Path(__file__).parents[1]
MANUALS = ["README.md", "docs/operating.md"]


def both(page: str) -> tuple[str, str]:
    """The page in English and in Chinese."""
    english = ROOT / page
    chinese = english.with_suffix(".zh-CN.md")
    return english.read_text(encoding="utf-8"), chinese.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", MANUALS)
def test_a_page_and_its_chinese_twin_have_the_same_sections_commands_and_codes(page: str) -> None:
    assert_twins(*both(page))


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        pytest.param("### LinkDown\n", "", id="a-section-is-missing"),
        pytest.param("### LinkDown\n", "#### LinkDown\n", id="a-section-is-deeper"),
        pytest.param("`netfold once`", "`netfold run`", id="another-command"),
        pytest.param("sysctl -w", "sysctl", id="another-block"),
        pytest.param("| `exempt` |", "", id="a-row-is-missing"),
        pytest.param("2147483647）", "2147483648）", id="another-number"),
        pytest.param("](policy.md)", "](design.md)", id="another-page"),
    ],
)
def test_a_difference_between_the_two_is_found(was: str, becomes: str) -> None:
    english, chinese = both("docs/operating.md")
    assert was in chinese
    with pytest.raises(AssertionError):
        assert_twins(english, chinese.replace(was, becomes, 1))


@pytest.mark.parametrize("page", MANUALS)
def test_tables_have_as_many_columns_in_chinese(page: str) -> None:
    english, chinese = ([len(row) for row in rows(it)] for it in both(page))
    assert english == chinese


@pytest.mark.parametrize("page", MANUALS)
def test_each_language_is_linked_above_the_first_section_of_the_other(page: str) -> None:
    name = Path(page).name
    english, chinese = both(page)
    assert english.split("\n")[2] == f"[中文]({name.replace('.md', '.zh-CN.md')})"
    assert chinese.split("\n")[2] == f"[English]({name})"


def test_reasons_and_alerts_keep_their_names_as_headings_in_chinese() -> None:
    english, chinese = (headings(it) for it in both("docs/operating.md"))
    for one, other in zip(english, chinese, strict=True):
        if re.fullmatch(r"[a-z_]+|([A-Z][a-z]+){2,}", one[1]):
            assert other == one


def test_every_link_to_a_section_of_the_chinese_manual_leads_to_one() -> None:
    manual = both("docs/operating.md")[1]
    linked = re.findall(r"\]\(#([^)]+)\)", manual)
    for page in (ROOT / "README.zh-CN.md", *(ROOT / "docs").glob("*.md")):
        linked += re.findall(r"operating\.zh-CN\.md#([^)]+)", page.read_text(encoding="utf-8"))
    assert linked
    assert set(linked) <= anchors(manual)
