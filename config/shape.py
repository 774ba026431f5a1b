"""What a model expects, key by key, beside what was written: for checks on items with mistakes."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from collectors.fields import Ref
from config.document import Loc, Raw


class Key(NamedTuple):
    """A key that a model knows: the field it fills, the model it holds (or holds a list of)."""

    field: FieldInfo
    model: type[BaseModel] | None
    ref: Ref | None


class Spot(NamedTuple):
    """A key of a mapping, or an item of a list under it; `key` None: `model` has no such key."""

    loc: Loc
    value: Raw
    model: type[BaseModel]
    key: Key | None


@cache
def keys(model: type[BaseModel]) -> Mapping[str, Key]:
    """Return what a model knows, by the words of YAML."""
    return {field.alias or name: _key(field) for name, field in model.model_fields.items()}


def walk(model: type[BaseModel], value: Raw, loc: Loc) -> Iterator[Spot]:
    """Go through all that is written under `loc`, as far as `model` knows it."""
    if not isinstance(value, dict):
        return
    known = keys(model)
    for name, part in value.items():
        key = known.get(name)
        yield Spot((*loc, name), part, model, key)
        if isinstance(part, list) and key:
            for index, item in enumerate(part):
                yield Spot((*loc, name, index), item, model, key)
                if key.model:
                    yield from walk(key.model, item, (*loc, name, index))
        elif key and key.model:
            yield from walk(key.model, part, (*loc, name))


def find(model: type[BaseModel], loc: Loc) -> tuple[Loc, FieldInfo | None]:
    """Return a way down in the words of YAML, and the field it leads to.

    pydantic names a field that was left out by its attribute; list positions are no steps.
    """
    words: list[str | int] = []
    key = None
    inner: type[BaseModel] | None = model
    for step in loc:
        word = step
        if isinstance(step, str):
            field = inner.model_fields.get(step) if inner else None
            word = (field and field.alias) or step
            key = keys(inner).get(word) if inner else None
            inner = key.model if key else None
        words.append(word)
    return tuple(words), key.field if key else None


def _key(field: FieldInfo) -> Key:
    parts = [*field.metadata, *_parts(field.annotation)]
    models = (it for it in parts if isinstance(it, type) and issubclass(it, BaseModel))
    return Key(field, next(models, None), next((it for it in parts if isinstance(it, Ref)), None))


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)
