"""What is written -> one model, or the reasons why not, in our words and at their lines."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from config import shape
from config.document import Document, Loc, Raw
from config.messages import in_words
from config.problems import ConfigError, closest, hint
from config.shape import Spot, keys, walk

M = TypeVar("M", bound=BaseModel)


def validate(
    document: Document,
    model: type[M],
    loc: Loc,
    row: Raw,
    made: Mapping[str, object] | None = None,
) -> M | None:
    """Make one model of what is written, `made` parts added; None if it has mistakes."""
    explained = _check_keys(document, walk(model, row, loc))
    context = {"folder": document.place(loc).file.parent}
    values = {**row, **(made or {})} if isinstance(row, dict) else row
    try:
        return model.model_validate(values, context=context)
    except ValidationError as error:
        details = error.errors(include_url=False)
    for detail in details:
        # Unknown keys have been said, with a suggestion.
        if detail["type"] != "extra_forbidden":
            _report(document, model, loc, detail, explained)
    return None


def _report(
    document: Document,
    model: type[BaseModel],
    item: Loc,
    detail: Mapping[str, Any],
    explained: set[Loc],
) -> None:
    """Report what pydantic found, unless the same has been said in other words."""
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, ConfigError):
        document.report_others(cause.problems)  # in the file that stands here
        return
    words, field = shape.find(model, detail["loc"])
    loc = (*item, *words)
    while isinstance(document.value(loc[:-1]), str):
        loc = loc[:-1]  # pydantic goes on with the names of a union's members
    if loc not in explained and not document.is_unreadable(loc):
        document.report(loc, in_words(detail, field, document.value(loc)))


def _check_keys(document: Document, spots: Iterable[Spot]) -> set[Loc]:
    """Report unknown keys; return what is missing only because it is misspelt."""
    explained = set()
    for loc, _, model, key in spots:
        if key is None and model.model_config.get("extra") == "forbid":
            word = str(loc[-1])
            known = keys(model)
            document.unknown.add(loc)
            document.report(loc, f"unknown key; {hint(word, known, 'known here: {}')}")
            meant = (*loc[:-1], closest(word, known) or word)
            if document.value(meant) is None:
                explained.add(meant)
    return explained
