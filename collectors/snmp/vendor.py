"""What a profile makes of the tables that a device gave: pure, and absent stays absent."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from collectors.snmp.ifmib import number
from collectors.snmp.profiles import Condition, Pools, Processors, Profile
from collectors.snmp.text import text
from collectors.snmp.varbind import Value

Tables = Mapping[str, Mapping[str, Value]]
"""What was read: columns, and in each the values by row index (in dots)."""

Cell = tuple[str, str]
"""A column and a row of it."""

_SHARES = {"percent": 0.01, "idle_percent": 0.01, "hundredths_of_percent": 0.0001}


class Load(NamedTuple):
    """One processor; `ratio` is busy time, `whole` marks the device's own mean over all."""

    row: str
    name: str | None
    ratio: float | None
    whole: bool


class Pool(NamedTuple):
    """One memory."""

    name: str | None
    total_bytes: int | None
    used_bytes: int | None
    used_ratio: float | None


T = TypeVar("T", Processors, Pools)


def columns(profile: Profile) -> list[str]:
    """Name every column that the profile looks at, each once."""
    asked: list[str | None] = []
    sources: list[Processors | Pools] = [*profile.processors, *profile.memory]
    for source in sources:
        asked += [*_measured(source), source.name]
        asked += [condition.column for condition in source.rows]
    return list(dict.fromkeys(filter(None, asked)))


def loads(tables: Tables, profile: Profile) -> list[Load]:
    """Tell every processor that the profile lets count."""
    return [
        Load(
            index,
            _name(tables, source, index),
            _load_ratio(tables[source.load].get(index), source),
            source.whole,
        )
        for source, index in _counted(tables, profile.processors)
    ]


def pools(tables: Tables, profile: Profile) -> list[Pool]:
    """Tell every memory that the profile lets count."""
    return [_pool(tables, source, index) for source, index in _counted(tables, profile.memory)]


def changing(tables: Tables, profile: Profile) -> list[Cell]:
    """Name the cells that a poll has to read again: the amounts of the rows that count."""
    counted: list[tuple[Processors | Pools, str]] = [
        *_counted(tables, profile.processors),
        *_counted(tables, profile.memory),
    ]
    found = [(column, index) for source, index in counted for column in _measured(source)]
    return [(column, index) for column, index in found if index in tables.get(column, {})]


def ratio(part: float | None, whole: float | None) -> float | None:
    """Divide; None unless it is a share, for more than all of it is no measure of anything."""
    if part is None or not whole or not 0 <= part <= whole:
        return None
    return part / whole


def unsigned(count: int | None, unit_bytes: int | None) -> int | None:
    """Multiply a count of units; a negative one is a large one in 32 bits, as old agents write."""
    if count is None or unit_bytes is None:
        return None
    return (count if count >= 0 else count % 2**32) * unit_bytes


def _counted(tables: Tables, sources: Iterable[T]) -> Iterator[tuple[T, str]]:
    seen = False
    for source in sources:
        if source.fallback and seen:
            continue
        for index in _rows(tables, _measured(source)):
            if all(_holds(tables, condition, index) for condition in source.rows):
                seen = True
                yield source, index


def _measured(source: Processors | Pools) -> list[str]:
    if isinstance(source, Processors):
        return [source.load]
    amounts = (source.total, source.used, source.free, source.used_percent)
    return [column for column in amounts if column]


def _rows(tables: Tables, measured: Sequence[str]) -> list[str]:
    found = dict.fromkeys(index for column in measured for index in tables.get(column, {}))
    return sorted(found, key=lambda index: [int(arc) for arc in index.split(".")])


def _holds(tables: Tables, condition: Condition, index: str) -> bool:
    value = tables.get(condition.column, {}).get(index)
    count = number(value)
    if condition.one_of and count not in condition.one_of:
        return False
    if condition.none_of and (count is None or count in condition.none_of):
        return False
    pattern = condition.not_like
    return pattern is None or value is None or not re.search(pattern, text(value))


def _name(tables: Tables, source: Processors | Pools, index: str) -> str | None:
    value = tables.get(source.name or "", {}).get(index)
    return source.title if value is None else text(value)


def _load_ratio(value: Value, source: Processors) -> float | None:
    count = number(value)
    if count is None:
        return None
    share = count * _SHARES[source.unit]
    return ratio(1 - share if source.unit == "idle_percent" else share, 1)


def _pool(tables: Tables, source: Pools, index: str) -> Pool:
    def amount(column: str | None) -> int | None:
        return number(tables.get(column or "", {}).get(index))

    def in_bytes(column: str | None) -> int | None:
        return unsigned(amount(column), source.unit_bytes)

    total, used, free = (in_bytes(it) for it in (source.total, source.used, source.free))
    total = total or _both(used, free, lambda one, other: one + other)
    used = used if used is not None else _both(total, free, lambda one, other: one - other)
    percent = ratio(amount(source.used_percent), 100)
    if used is None and total is not None and percent is not None:
        used = round(total * percent)
    share = percent if percent is not None else ratio(used, total)
    return Pool(_name(tables, source, index), total or None, used, share)


def _both(one: int | None, other: int | None, combine: Callable[[int, int], int]) -> int | None:
    return None if one is None or other is None else combine(one, other)
