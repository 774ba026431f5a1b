"""What a report consists of in every form: sections of tables, their cells still plain values."""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from agent.report.curves import Days
from agent.web.figures import UNKNOWN

Kind = Literal["text", "count", "yuan", "mbps", "number", "percent", "share", "day", "curve"]
"""How a column's values are shown. `mbps` are bit/s, `percent` and `share` ratios (one decimal and
two), `day` an ISO date; a `curve` is drawn where something can be, and left out elsewhere."""

Value = str | float | Sequence[str] | Days | None
"""None is what is not known or not declared; several texts stand below each other."""

NUMERIC: frozenset[Kind] = frozenset({"count", "yuan", "mbps", "number", "percent", "share"})


class Column(NamedTuple):
    """A heading, and how the values below it are shown."""

    heading: str
    kind: Kind = "text"


class Table(NamedTuple):
    """A table; `empty` says why it has no rows, notes stand below.

    `heads` are the places of rows that those below them belong to.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Value]]
    empty: str
    notes: Sequence[str] = ()
    heads: Collection[int] = ()


class Section(NamedTuple):
    """A section; `source` names the window, the bounds and the policy of its figures.

    `leads` stand above its tables, notes below.
    """

    key: str
    title: str
    source: str
    tables: Sequence[Table]
    notes: Sequence[str] = ()
    leads: Sequence[str] = ()


def called(network: str, titles: Mapping[str, str], words: Mapping[str, str]) -> str:
    """A network by its title, where it has one, with the name that the configuration knows."""
    title = titles.get(network)
    return words["called"].format(title=title, name=network) if title else network


def in_unit(value: float, kind: Kind) -> float:
    """A number in the unit that its heading names."""
    return value / _UNITS[kind] if kind in _UNITS else value


def shown(value: Value, kind: Kind) -> str:
    """A value as people read it."""
    if value is None:
        return UNKNOWN
    if not isinstance(value, int | float):
        return value if isinstance(value, str) else "\n".join(str(it) for it in value) or UNKNOWN
    if kind == "mbps":
        return f"{in_unit(value, kind):,.10g}"
    if kind == "number":
        return f"{value:,.4g}"
    return f"{value:{_FORMATS.get(kind, ',.0f')}}"


_UNITS: dict[Kind, float] = {"mbps": 1e6}
_FORMATS: dict[Kind, str] = {"percent": ".1%", "share": ".2%"}
