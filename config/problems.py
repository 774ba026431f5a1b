"""What is wrong with a configuration, in lines that an operator can act on."""

import difflib
from bisect import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_LISTED = 8
_NEAR = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake; `key` is its way down from the top of the file, as `links[edu-a].bandwidth`."""

    file: Path
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.message}"


class ConfigError(ValueError):
    """A file that cannot be used: every problem of it, in order of file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda one: (str(one.file), one.line)))
        super().__init__("\n".join(map(str, self.problems)))


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was most probably meant, None if nothing comes near.

    Of many it looks at those next to `word` in the alphabet: comparing thousands with thousands
    takes minutes, and a slip of the pen mostly leaves the beginning.
    """
    by_lower = {one.lower(): one for one in known}
    words = sorted(by_lower)
    at = bisect(words, word.lower())
    if at < len(words) and words[at].startswith(f"{word.lower()}-"):
        return by_lower[words[at]]  # AES is what others call AES-128; it is nearer to DES
    found = difflib.get_close_matches(word.lower(), words[max(0, at - _NEAR) : at + _NEAR], n=1)
    return by_lower[found[0]] if found else None


def hint(word: str, known: Iterable[str], otherwise: str) -> str:
    """Say which known word was meant or, where none comes near, which there are: `otherwise` a, b.

    Long lists are cut; `otherwise` stands as a text with one place for the words.
    """
    known = list(known)
    meant = closest(word, known)
    if meant is not None:
        return f"did you mean {meant!r}?"
    if not known:
        return "there is none"
    rest = ["…"] if len(known) > _LISTED else []
    return otherwise.format(", ".join([*known[:_LISTED], *rest]))
