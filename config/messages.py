"""pydantic's words for what is wrong, turned into ours: what was seen, and what would be right."""

import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic.fields import FieldInfo

from collectors.fields import Duration, seen
from config.document import Raw
from config.problems import hint

LIST = "a list belongs here, each item after '- ' or as [a, b]"
MAPPING = "a mapping belongs here, as key: value"
TEXT = "one text belongs here"

_FORMS = {
    "model_type": MAPPING,
    "model_attributes_type": MAPPING,
    "dict_type": MAPPING,
    "tuple_type": LIST,
    "list_type": LIST,
}
_NUMBERS = {
    "int_parsing": "not a whole number: {}; write digits only, as 8443",
    "int_parsing_size": "not a whole number: {}; write digits only, as 8443",
    "int_from_float": "not a whole number: {}; write digits only, as 8443",
    "float_parsing": "not a number: {}; write digits only, as 168000",
    "finite_number": "not a number: {}; write digits only, as 168000",
}
_BOUNDS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}
_DURATION = get_args(Duration)[1]
_DAY_S = 86400
_FORM_OF = {str: "one text", list: "a list", dict: "a mapping"}


def in_words(error: Mapping[str, Any], field: FieldInfo | None, raw: Raw | None) -> str:
    """Say what pydantic found wrong with `raw`, which was to fill `field`.

    A mapping or list is never quoted: a secret may stand in it.
    """
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return _missing(str(error["loc"][-1]), field)
    if raw is None:
        return f"not accepted: {error['msg']}"
    if kind in _FORMS or not isinstance(raw, str):
        return not_a(_FORMS.get(kind, TEXT), raw)
    return _of_text(kind, context, field, raw) or f"not accepted: {seen(raw)}; {error['msg']}"


def not_a(form: str, raw: Raw) -> str:
    """Say that something of another form stands where `form` belongs."""
    return f"{form}; seen: {_FORM_OF[type(raw)]}"


def _missing(key: str, field: FieldInfo | None) -> str:
    examples = (field.examples if field else None) or []
    right = f"write it, as {key}: {examples[0]}" if examples else "it has to be given"
    return f"missing; {right}"


def _of_text(
    kind: str, context: Mapping[str, Any], field: FieldInfo | None, raw: str
) -> str | None:
    if kind in _NUMBERS:
        return _NUMBERS[kind].format(seen(raw))
    if kind == "literal_error":
        words = re.findall(r"'([^']*)'", context["expected"])
        right = "write one of {}" if len(words) > 1 else "write {}"
        return f"not a word for this: {seen(raw)}; {hint(raw, words, right)}"
    if kind in _BOUNDS:
        name, word = _BOUNDS[kind]
        return f"out of range: {seen(raw)}; write {word} {_bound(context[name], field, raw)}"
    return None


def _bound(bound: float, field: FieldInfo | None, raw: str) -> str:
    if raw.endswith("%"):
        return f"{bound * 100:g}%"
    if field and _DURATION in field.metadata:
        return f"{bound / _DAY_S:g}d" if bound and bound % _DAY_S == 0 else f"{bound:g}s"
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"
