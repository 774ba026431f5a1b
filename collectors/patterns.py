"""Regular expressions that an operator writes, and where they are looked for."""

import re
from collections.abc import Collection, Iterable
from typing import Annotated

from pydantic import BeforeValidator

from collectors.fields import seen


def missed(texts: Collection[str], wanted: Iterable[re.Pattern[str]]) -> re.Pattern[str] | None:
    """Return the first pattern that is in none of the texts."""
    return next((it for it in wanted if not any(map(it.search, texts))), None)


def met(texts: Collection[str], unwanted: Iterable[re.Pattern[str]]) -> re.Pattern[str] | None:
    """Return the first pattern that is in any of the texts."""
    return next((it for it in unwanted if any(map(it.search, texts))), None)


def _pattern(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return re.compile(value)
    except re.error as error:
        msg = f"not a regular expression: {seen(value)}, {error}; a backslash before .*+?()[]{{}}|"
        msg += " makes it stand for itself"
        raise ValueError(msg) from None


Pattern = Annotated[re.Pattern[str], BeforeValidator(_pattern)]
"""A regular expression of Python's `re`; found anywhere, unless it says ^ and $."""
