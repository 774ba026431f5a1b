"""Which interfaces of a device carry something and belong to no link: an hourly look at them all.

Two looks an hour apart tell, since a counter says nothing of when it counted. Only rows that may
end a line count (ports, serial lines, channels): VLANs, tunnels and aggregates repeat what crosses
these. What lies beneath a declared row (the ports of an aggregate, the port of a sub-interface) or
above it is declared with it (ifStackTable, RFC 2863).
"""

import asyncio
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from collectors.base import CollectError, Moment
from collectors.snmp import ifmib
from collectors.snmp.agent import Agent
from collectors.snmp.client import SnmpClient
from collectors.snmp.text import text

EVERY_S = 3600.0
FIRST_WITHIN_S = 600.0
"""The first look is spread over so long, and not at the start, which has enough to do."""
MOST_ROWS = 5000
"""More interfaces than these are not surveyed; their number is not known then."""
LEAST_BPS = 16_000.0
"""Mean of an hour in either direction: keep-alives and routing protocols stay below."""

_LINES = frozenset({6, 18, 19, 22, 23, 30, 32, 37, 39, 62, 69, 117, 118, 171})
"""ifType of what may end a line: Ethernet, E1, T1, E3, serial, PPP, frame relay, ATM, SDH, POS."""
_STACK = "1.3.6.1.2.1.31.1.2.1.3"
_COLUMNS = (
    *(ifmib.TYPE, ifmib.OPER_STATUS, ifmib.NAME),
    *(ifmib.HC_IN_OCTETS, ifmib.HC_OUT_OCTETS, ifmib.IN_OCTETS, ifmib.OUT_OCTETS),
)

Stack = Iterable[tuple[str, str]]
"""Pairs of rows, the higher one first."""


@dataclass(frozen=True, slots=True)
class Look:
    """All rows that may end a line, and which rows lie on which; sysUpTime in hundredths."""

    at: Moment
    uptime: int | None
    rows: Mapping[str, ifmib.Row]
    stack: frozenset[tuple[str, str]] = frozenset()


@dataclass
class Survey:
    """What is known of one device: the last look, when the next is due, what two of them showed."""

    due_s: float
    last: Look | None = None
    undeclared: list[str] | None = None

    @classmethod
    def of(cls, device: str, now: Moment) -> Self:
        """Begin one; each device has its own place in the first minutes."""
        wait_s = zlib.crc32(device.encode()) % FIRST_WITHIN_S
        return cls(now.steady_s + wait_s + 1)

    async def go_on(
        self,
        client: SnmpClient,
        agent: Agent,
        declared: Iterable[str],
        now: Callable[[], Moment],
        within_s: float,
    ) -> list[str] | None:
        """Look again where it is due; return the names, None as long as nothing is known.

        A look that fails, or takes longer than `within_s`, costs an hour's knowledge and no poll.
        """
        if now().steady_s < self.due_s:
            return self.undeclared
        self.due_s = now().steady_s + EVERY_S
        before, self.last, self.undeclared = self.last, None, None
        try:
            async with asyncio.timeout(within_s):
                self.last = await look(client, agent, now)
        except (CollectError, TimeoutError):
            return None
        if before is not None:
            self.undeclared = undeclared(before, self.last, declared)
        return self.undeclared


async def look(client: SnmpClient, agent: Agent, now: Callable[[], Moment]) -> Look:
    """Read all rows once.

    Raises:
        CollectError: the device failed, or has more than `MOST_ROWS` of them.

    """
    (uptime,) = await client.get(agent, [ifmib.SYS_UPTIME])
    columns = await client.walk(agent, *_COLUMNS, max_rows=MOST_ROWS)
    at = now()
    (stacked,) = await client.walk(agent, _STACK, max_rows=4 * MOST_ROWS)
    kinds = columns[0]
    lines = [row for row, kind in kinds.items() if ifmib.number(kind) in _LINES]
    rows = {
        row: {name: column.get(row) for name, column in zip(_COLUMNS, columns, strict=True)}
        for row in lines
    }
    pairs = (tuple(it.split(".")) for it in stacked)
    stack = frozenset((it[0], it[1]) for it in pairs if len(it) == len(("higher", "lower")))
    return Look(at, ifmib.number(uptime), rows, stack)


def undeclared(before: Look, after: Look, declared: Iterable[str]) -> list[str] | None:
    """Name what is up, moved at least `LEAST_BPS` between two looks and belongs to no link.

    None if the device restarted in between: its counters began anew.
    """
    elapsed_s = after.at.steady_s - before.at.steady_s
    known = (before.uptime, after.uptime)
    if elapsed_s <= 0 or None in known or (after.uptime or 0) < (before.uptime or 0):
        return None
    with_them = belonging(declared, after.stack)
    return [
        text(row.get(ifmib.NAME)) or f"index {index}"
        for index, row in after.rows.items()
        if index not in with_them
        and index in before.rows
        and ifmib.status(row.get(ifmib.OPER_STATUS)) == "up"
        and _bps(before.rows[index], row, elapsed_s) >= LEAST_BPS
    ]


def belonging(declared: Iterable[str], stack: Stack) -> set[str]:
    """The declared rows, all that lie beneath them and all that lie above them."""
    below: defaultdict[str, list[str]] = defaultdict(list)
    above: defaultdict[str, list[str]] = defaultdict(list)
    for higher, lower in stack:
        if "0" not in {higher, lower}:  # the top and the bottom of a stack
            below[higher].append(lower)
            above[lower].append(higher)
    roots = set(declared)
    found = set(roots)
    for way in (below, above):
        left = list(roots)
        while left:
            new = [it for it in way[left.pop()] if it not in found]
            found.update(new)
            left += new
    return found


def _bps(before: ifmib.Row, after: ifmib.Row, elapsed_s: float) -> float:
    """The faster direction's mean; 0 where a counter fell or changed its width: nothing is proven.

    A 32-bit counter may have wrapped; what it shows is then too little, never too much.
    """
    then, now = ifmib.octets(before), ifmib.octets(after, before)
    if then.bits != now.bits:
        return 0.0
    pairs = ((then.receive, now.receive), (then.transmit, now.transmit))
    moved = [b - a for a, b in pairs if a is not None and b is not None and b >= a]
    return max(moved, default=0) * 8 / elapsed_s
