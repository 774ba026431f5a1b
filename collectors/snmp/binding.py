"""Which row of a device's interface tables a link is bound to."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from collectors.link import BoundLink
from collectors.snmp import ifmib
from collectors.snmp.agent import Agent
from collectors.snmp.client import SnmpClient
from collectors.snmp.text import text

_COLUMNS = {"name": ifmib.NAME, "description": ifmib.DESCRIPTION, "alias": ifmib.ALIAS}
_SHOWN = 5
_DOUBTFUL = 64
"""Rows of one name that are looked at to find the real one."""

Shown = Mapping[str, Mapping[str, str]]
"""Texts by column and row index."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A link and its row; `column` is where the row still has to show the link's value.

    A row that is bound by its index shows nothing; its name may not change all the same (`poll`).
    """

    link: BoundLink
    index: str
    column: str

    def holds(self, row: ifmib.Row) -> bool:
        """Whether the row is still the one that was bound."""
        return self.link.by == "index" or text(row.get(self.column)) == self.link.value


@dataclass(frozen=True, slots=True)
class Binding:
    """All links of a device: those with a row, and one line for each that has none."""

    bound: tuple[Bound, ...]
    unbound: tuple[str, ...]


async def bind(
    client: SnmpClient, agent: Agent, device: str, links: Sequence[BoundLink]
) -> Binding:
    """Find every link's row by walking the columns that the links go by.

    A name that no ifName shows is looked for in ifDescr too, among the rows without an ifName. Of
    several rows that fit, phantoms do not count. An index is taken as it is.
    """
    named = [link for link in links if link.by != "index"]
    shown = await _walk(client, agent, dict.fromkeys(_COLUMNS[link.by] for link in named))
    names = shown.get(ifmib.NAME, {}).values()
    if any(link.by == "name" and link.value not in names for link in named):
        shown = await _walk(client, agent, [ifmib.DESCRIPTION], shown)
    fitting = [_fitting(link, shown) for link in named]
    phantoms = await _phantoms(client, agent, [rows for _, rows in fitting if len(rows) > 1])
    found = [_find(link, shown, phantoms, device) for link in links]
    return Binding(
        tuple(one for one in found if isinstance(one, Bound)),
        tuple(one for one in found if isinstance(one, str)),
    )


def missing(link: BoundLink, device: str, what: str) -> str:
    """Say in one line that a link has no interface."""
    return f"link {link.link!r}: no interface with {link.by} {link.value!r} on {device}, {what}"


async def _walk(
    client: SnmpClient, agent: Agent, columns: Iterable[str], known: Shown | None = None
) -> Shown:
    """Read the columns that are not known yet."""
    missed = sorted(set(columns) - set(known or {}))
    walked = await client.walk(agent, *missed)
    texts = [{index: text(value) for index, value in column.items()} for column in walked]
    return {**(known or {}), **dict(zip(missed, texts, strict=True))}


async def _phantoms(
    client: SnmpClient, agent: Agent, doubtful: Iterable[Sequence[str]]
) -> frozenset[str]:
    """Find the phantoms among rows that show the same; of too many, none is looked at."""
    rows = sorted({index for several in doubtful if len(several) <= _DOUBTFUL for index in several})
    columns = ifmib.SIGNS_OF_LIFE
    values = await client.get(agent, [f"{column}.{row}" for row in rows for column in columns])
    found = set()
    for place, row in enumerate(rows):
        signs = values[place * len(columns) : (place + 1) * len(columns)]
        if ifmib.is_phantom(dict(zip(columns, signs, strict=True))):
            found.add(row)
    return frozenset(found)


def _fitting(link: BoundLink, shown: Shown) -> tuple[str, list[str]]:
    """The column by which rows fit a link, and those rows."""
    column = _COLUMNS[link.by]
    rows = [index for index, one in shown[column].items() if one == link.value]
    if rows or link.by != "name":
        return column, rows
    nameless = _nameless(shown)
    return ifmib.DESCRIPTION, [index for index, one in nameless.items() if one == link.value]


def _nameless(shown: Shown) -> Mapping[str, str]:
    """What ifDescr shows of the rows without an ifName."""
    names, described = shown[ifmib.NAME], shown.get(ifmib.DESCRIPTION, {})
    return {index: one for index, one in described.items() if not names.get(index)}


def _find(link: BoundLink, shown: Shown, phantoms: frozenset[str], device: str) -> Bound | str:
    if link.by == "index":
        if not link.value.isdecimal():
            return missing(link, device, "for an index is a number")
        return Bound(link, link.value, ifmib.INDEX)
    column, rows = _fitting(link, shown)
    if not rows:
        others = list(shown[_COLUMNS[link.by]].values())
        others += _nameless(shown).values() if link.by == "name" else ()
        return missing(link, device, _what_there_is(link.value, others))
    real = [index for index in rows if index not in phantoms] or rows
    if len(real) > 1:
        indexes = ", ".join(real[:_SHOWN])
        return (
            f"link {link.link!r}: {len(real)} interfaces with {link.by} {link.value!r} on {device} "
            f"(index {indexes}): bind it by what only one of them has"
        )
    return Bound(link, real[0], column)


def _what_there_is(value: str, texts: Iterable[str]) -> str:
    known = sorted({shown for shown in texts if shown})
    if not known:
        return "which names none at all"
    shown = ", ".join(known[:_SHOWN]) + (", …" if len(known) > _SHOWN else "")
    near = difflib.get_close_matches(value, known, n=1)
    return f"which has {shown}" + (f"; did you mean {near[0]!r}?" if near else "")
