"""A board in another language: the same panels and queries, other words (zh.yaml)."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

_CHINESE = Path(__file__).parent / "zh.yaml"
_TEXTS = {"title", "description", "label", "text", "displayName"}
"""Keys of a board whose values people read, those of its variables and mappings among them."""

_LEADS_TO = re.compile(r"(?<=/d/)(netfold-[a-z-]+)")


def in_language(board: dict[str, Any], language: Language) -> dict[str, Any]:
    """Say a board's texts in a language; it has a uid of its own, and leads to boards of that one.

    Raises:
        ValueError: texts that nobody has translated, all of them.
    """
    if language == "en":
        return board
    words = chinese()
    if missing := sorted(set(texts(board)) - words.keys()):
        msg = f"zh.yaml lacks: {'; '.join(missing)}"
        raise ValueError(msg)
    said: dict[str, Any] = _said(board, words)
    return said | {"uid": f"{board['uid']}-{language}"}


@cache
def chinese() -> Mapping[str, str]:
    """What each English text is in Chinese."""
    words: dict[str, str] = yaml.safe_load(_CHINESE.read_text(encoding="utf-8"))
    return words


def texts(content: Any) -> Iterator[str]:
    """All that a reader of the board reads, in the order of the board."""
    if isinstance(content, list):
        for one in content:
            yield from texts(one)
    elif isinstance(content, dict):
        for key, value in content.items():
            if _is_read(content, key, value):
                yield value
            elif key == "renameByName":
                yield from (it for name, it in value.items() if it)
            else:
                yield from texts(value)


def _is_read(owner: Mapping[str, Any], key: str, value: Any) -> bool:
    """Whether it is a text for people; what was chosen in a variable is Grafana's own."""
    if not isinstance(value, str) or not value:
        return False
    if key == "legendFormat":
        return "{{" not in value
    if key == "value":
        return owner.get("id") == "displayName"
    return key in _TEXTS and "selected" not in owner


def _said(content: Any, words: Mapping[str, str]) -> Any:
    if isinstance(content, list):
        return [_said(it, words) for it in content]
    if isinstance(content, dict):
        return {key: _said_of(content, key, value, words) for key, value in content.items()}
    return content


def _said_of(owner: Mapping[str, Any], key: str, value: Any, words: Mapping[str, str]) -> Any:
    if _is_read(owner, key, value):
        return words[value]
    if key == "renameByName":
        return {name: words[it] for name, it in value.items()}
    if key == "options" and owner.get("id") == "byName":
        return words[value]  # a column of a table, by its heading
    if key == "tags":
        return ["zh" if it == "en" else it for it in value]
    if key == "url":
        return _LEADS_TO.sub(r"\1-zh", value).replace("lang=en", "lang=zh")
    return _said(value, words)
