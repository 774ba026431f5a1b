"""What a page of Markdown is made of, and how its Chinese twin is held to it."""

import re
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"(?:^|\s+)# .*$", re.MULTILINE)
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


class Block(NamedTuple):
    """Something fenced.

    In docs/policy.md `yaml` is a file, `sh` makes one, `console` is commands and answers.
    """

    kind: str
    text: str


def blocks(page: str) -> list[Block]:
    """All that is fenced, in order."""
    return [Block(kind, textwrap.dedent(text)) for _, kind, text in BLOCK.findall(page)]


def headings(page: str) -> list[tuple[str, str]]:
    """The level, as `##`, and the words of each heading, in order."""
    return re.findall(r"^(#+) (.*)$", BLOCK.sub("", page), re.MULTILINE)


def anchors(page: str) -> set[str]:
    """What a link to each section of the page has after its `#`, as GitHub makes it."""
    return {re.sub(r"[^\w -]", "", it).lower().replace(" ", "-") for _, it in headings(page)}


def sections(page: str) -> list[str]:
    """The prose and tables under each heading, without what is fenced."""
    return re.split(r"^#+ .*$", BLOCK.sub("", page), flags=re.MULTILINE)[1:]


def rows(page: str) -> Iterator[list[str]]:
    """The cells of every row of a table, heads and rules too."""
    for line in page.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def codes(text: str) -> list[str]:
    """What stands between backticks; one that goes on in the next line is one code."""
    return [" ".join(it.split()) for it in re.findall(r"`([^`]+)`", BLOCK.sub("", text))]


def numbers(text: str) -> set[str]:
    """Every number of a text, those of addresses left out."""
    return set(NUMBER.findall(re.sub(r"\]\([^)]*\)", "]", text)))


def links(text: str) -> list[str]:
    """The pages that a text leads to, by their English names, without the section."""
    found = (it.replace(".zh-CN.", ".") for it in re.findall(r"\]\(([^)#]+)", text))
    return sorted(found)


def assert_twins(english: str, chinese: str) -> None:
    """Both have the same sections, and in each the same blocks, codes, numbers, links and rows.

    Comments in a block are in the language of their page. A number that English writes as a word
    may be in digits in Chinese.
    """
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(chinese)]
    assert _uncommented(english) == _uncommented(chinese)
    for one, other in zip(sections(english), sections(chinese), strict=True):
        where = one.strip()[:60]
        assert set(codes(one)) == set(codes(other)), where
        assert numbers(one) <= numbers(other), where
        assert links(one) == links(other), where
        assert len(list(rows(one))) == len(list(rows(other))), where


def _uncommented(page: str) -> list[Block]:
    return [Block(it.kind, COMMENT.sub("", it.text)) for it in blocks(page)]
