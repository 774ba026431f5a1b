"""Which row of a device's interface tables a link is bound to."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from collectors.link import BoundLink
from collectors.snmp import ifmib
from collectors.snmp.agent import Agent
from collectors.snmp.client import SnmpClient
from collectors.snmp.text import text
from collectors.snmp.varbind import Value

_COLUMNS = {"name": ifmib.NAME, "description": ifmib.DESCRIPTION, "alias": ifmib.ALIAS}
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Bound:
    """A link and its row; `column` is where the row still has to show the link's value."""

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

    A device without any ifName is searched by ifDescr for names too. An index is taken as it is.
    """
    wanted = sorted({_COLUMNS[link.by] for link in links if link.by != "index"})
    walked = dict(zip(wanted, await client.walk(agent, *wanted), strict=True))
    if ifmib.NAME in walked and not any(map(text, walked[ifmib.NAME].values())):
        if ifmib.DESCRIPTION not in walked:
            (walked[ifmib.DESCRIPTION],) = await client.walk(agent, ifmib.DESCRIPTION)
        del walked[ifmib.NAME]
    found = [_find(link, walked, device) for link in links]
    return Binding(
        tuple(one for one in found if isinstance(one, Bound)),
        tuple(one for one in found if isinstance(one, str)),
    )


def missing(link: BoundLink, device: str, what: str) -> str:
    """Say in one line that a link has no interface."""
    return f"link {link.link!r}: no interface with {link.by} {link.value!r} on {device}, {what}"


def _find(link: BoundLink, walked: Mapping[str, Mapping[str, Value]], device: str) -> Bound | str:
    if link.by == "index":
        if not link.value.isdecimal():
            return missing(link, device, "for an index is a number")
        return Bound(link, link.value, ifmib.INDEX)
    column = _COLUMNS[link.by]
    column = column if column in walked else ifmib.DESCRIPTION
    texts = {index: text(value) for index, value in walked[column].items()}
    rows = [index for index, shown in texts.items() if shown == link.value]
    if not rows:
        return missing(link, device, _what_there_is(link.value, texts.values()))
    if len(rows) > 1:
        indexes = ", ".join(rows[:_SHOWN])
        return (
            f"link {link.link!r}: {len(rows)} interfaces with {link.by} {link.value!r} on {device} "
            f"(index {indexes}): bind it by what only one of them has"
        )
    return Bound(link, rows[0], column)


def _what_there_is(value: str, texts: Iterable[str]) -> str:
    known = sorted({shown for shown in texts if shown})
    if not known:
        return "which names none at all"
    shown = ", ".join(known[:_SHOWN]) + (", …" if len(known) > _SHOWN else "")
    near = difflib.get_close_matches(value, known, n=1)
    return f"which has {shown}" + (f"; did you mean {near[0]!r}?" if near else "")
