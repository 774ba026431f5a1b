"""What a model expects, key by key, beside what was written: for checks on items with mistakes."""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from collectors.fields import Ref
from config.document import Loc, Raw

T = TypeVar("T")


class Spot(NamedTuple):
    """A key of a mapping, or an item of a list under it, with the field it fills.

    `field` is None where `model` has no such key.
    """

    loc: Loc
    value: Raw
    model: type[BaseModel]
    field: FieldInfo | None


def walk(model: type[BaseModel], value: Raw, loc: Loc) -> Iterator[Spot]:
    """Go through all that is written under `loc`, as far as `model` knows it."""
    if not isinstance(value, dict):
        return
    known = fields(model)
    for key, part in value.items():
        field = known.get(key)
        yield Spot((*loc, key), part, model, field)
        if field is not None:
            yield from _below(field, model, part, (*loc, key))


def _below(field: FieldInfo, model: type[BaseModel], value: Raw, loc: Loc) -> Iterator[Spot]:
    inner = model_of(field)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield Spot((*loc, index), item, model, field)
            if inner:
                yield from walk(inner, item, (*loc, index))
    elif inner:
        yield from walk(inner, value, loc)


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a model's fields by what they are called in YAML."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def field_at(model: type[BaseModel], loc: Loc) -> FieldInfo | None:
    """Return the field of `model` that a way down leads to; list positions are no steps."""
    field = None
    inner: type[BaseModel] | None = model
    for step in loc:
        if isinstance(step, str):
            field = fields(inner).get(step) if inner else None
            inner = model_of(field) if field else None
    return field


def model_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model that a field holds, or holds a list of."""
    return next((it for it in _parts(field) if _is_model(it)), None)


def ref_of(field: FieldInfo) -> Ref | None:
    """Return the section that a field's text, or the texts in its list, refer to."""
    return next((it for it in _parts(field) if isinstance(it, Ref)), None)


def _parts(field: FieldInfo) -> Iterator[Any]:
    yield from field.metadata
    yield from _parts_of(field.annotation)


def _parts_of(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts_of(part)


def _is_model(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)
