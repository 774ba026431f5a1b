"""A column of a table while it is being walked: what was read of it, and how far."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NoReturn, Self

from collectors.base import CollectError, Reason
from collectors.snmp import ber
from collectors.snmp.agent import Agent
from collectors.snmp.ber import BerError
from collectors.snmp.message import Varbind
from collectors.snmp.varbind import Value

MAX_ROWS = 20_000
MOST_ARC = 2**32 - 1
_INDEX_OCTETS = 5 * 128
"""An OID has at most 128 arcs (RFC 2578, section 3.5) of at most 5 octets."""


@dataclass(slots=True)
class Column:
    """A column being walked; `at` is the OID that it has come to, `index` the row."""

    agent: Agent
    prefix: bytes
    at: bytes
    max_rows: int = MAX_ROWS
    index: tuple[int, ...] = ()
    done: bool = False
    values: dict[str, Value] = field(default_factory=dict)

    @classmethod
    def of(cls, agent: Agent, column: str, max_rows: int) -> Self:
        """Begin with the OID of the column itself, which comes before all its rows."""
        oid = ber.oid(column)
        return cls(agent, ber.content(oid), oid, max_rows)

    def take(self, varbinds: Iterable[Varbind]) -> None:
        """Take the next rows; one beyond the column ends it.

        Raises:
            CollectError: one does not come after the one before, or is one too many.

        """
        for oid, value, end in varbinds:
            content = ber.content(oid)
            self.done = end or not content.startswith(self.prefix)
            if self.done:
                if not end and ber.arcs(content) <= ber.arcs(ber.content(self.at)):
                    self._fail_at(content)
                return
            try:
                index, row = _index(content[len(self.prefix) :])
            except BerError:
                self._fail(f"has a row under {ber.dotted(self.prefix)} whose index is none")
            if index <= self.index:
                self._fail_at(content)
            if len(self.values) == self.max_rows:
                self._fail(f"has more than {self.max_rows} rows under {ber.dotted(self.prefix)}")
            self.at, self.index = oid, index
            self.values[row] = value

    def _fail_at(self, content: bytes) -> NoReturn:
        said = f"{ber.dotted(content)} after {ber.dotted(ber.content(self.at))}"
        self._fail(f"sent {said}: OIDs must increase")

    def _fail(self, what: str) -> NoReturn:
        raise CollectError(Reason.UNEXPECTED_CONTENT, f"{self.agent} {what}")


@lru_cache(maxsize=16_384)
def _index(content: bytes) -> tuple[tuple[int, ...], str]:
    """Read the index of a row, as numbers and in dots: every column of a table has the same."""
    arcs = ber.arcs(content) if len(content) <= _INDEX_OCTETS else (MOST_ARC + 1,)
    if max(arcs, default=0) > MOST_ARC:
        msg = f"no index of a row: {content[:16].hex(' ')}"
        raise BerError(msg)
    return arcs, ".".join(map(str, arcs))
