"""Reads SNMP devices: a narrow client for all of them, on sockets that they share.

pysnmp is imported when the first device is asked, for it takes a quarter of a second.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collectors.base import CollectError, Reason
from collectors.endpoint import Endpoint, resolve
from collectors.snmp.agent import Agent
from collectors.snmp.credential import Credential
from collectors.snmp.failures import PassingError, TooBigError
from collectors.snmp.varbind import Oid, Value, Varbind, dotted, parse

if TYPE_CHECKING:
    from collectors.snmp.session import Session

ATTEMPTS = 3
MAX_VARBINDS = 50
MAX_COLUMNS = 6
MAX_ROWS = 20_000
RESOLVED_FOR_S = 30


class SnmpClient:
    """An engine: `tools.use(SnmpClient)`. All that goes wrong is a `CollectError`.

    A request is tried `ATTEMPTS` times; the caller's own timeout may cut in at any moment.
    """

    def __init__(self) -> None:
        self._sessions: list[Session] = []
        self._resolved: dict[tuple[str, int, str], tuple[float, Endpoint]] = {}

    async def close(self) -> None:
        """Give the sockets back."""
        while self._sessions:
            self._sessions.pop().close()

    async def get(self, agent: Agent, oids: Sequence[str]) -> list[Value]:
        """Read single values, in as many requests as they need, in the order asked."""
        values: list[Value] = []
        most = MAX_VARBINDS
        while len(values) < len(oids):
            some = oids[len(values) : len(values) + most]
            try:
                values += await self.get_together(agent, some)
            except TooBigError:
                if len(some) == 1:
                    raise
                most = len(some) // 2
        return values

    async def get_together(self, agent: Agent, oids: Sequence[str]) -> list[Value]:
        """Read values in one request, so that they are of one moment.

        Raises:
            TooBigError: the device cannot answer so much at once.

        """
        wanted = [parse(oid) for oid in oids]
        varbinds = await self._ask(agent, wanted)
        if [varbind.oid for varbind in varbinds] != wanted:
            msg = f"{agent} answered for other OIDs than it was asked for"
            raise CollectError(Reason.UNEXPECTED_CONTENT, msg)
        return [varbind.value for varbind in varbinds]

    async def walk(
        self, agent: Agent, *columns: str, max_rows: int = MAX_ROWS
    ) -> list[dict[str, Value]]:
        """Read whole columns; each becomes its values by row index (in dots), in OID order.

        Raises:
            CollectError: also for OIDs that do not increase, and for more than `max_rows` rows.

        """
        read = [_Column(agent, parse(column), max_rows) for column in columns]
        for first in range(0, len(read), MAX_COLUMNS):
            await self._walk_together(agent, read[first : first + MAX_COLUMNS])
        return [column.values for column in read]

    async def _walk_together(self, agent: Agent, columns: Sequence["_Column"]) -> None:
        most = MAX_VARBINDS
        while unfinished := [column for column in columns if not column.done]:
            rows = max(most // len(unfinished), 1)
            try:
                varbinds = await self._ask(agent, [column.at for column in unfinished], rows)
            except TooBigError:
                if rows == 1:
                    raise
                most //= 2
                continue
            if not varbinds:
                raise CollectError(Reason.UNEXPECTED_CONTENT, f"{agent} sent an empty reply")
            for place, varbind in enumerate(varbinds):
                unfinished[place % len(unfinished)].take(varbind)

    async def _ask(self, agent: Agent, oids: Sequence[Oid], rows: int = 0) -> list[Varbind]:
        endpoint = await self._resolve(agent)
        session = self._session(agent.credential)
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                return await session.ask(agent, endpoint, oids, rows)
            except PassingError:
                if not attempts_left:
                    raise
        raise AssertionError

    async def _resolve(self, agent: Agent) -> Endpoint:
        key = (agent.host, agent.port, agent.family)
        now_s = asyncio.get_running_loop().time()
        if key not in self._resolved or self._resolved[key][0] < now_s:
            self._resolved[key] = (
                now_s + RESOLVED_FOR_S,
                await resolve(agent.host, agent.family, agent.port),
            )
        return self._resolved[key][1]

    def _session(self, credential: Credential) -> "Session":
        from collectors.snmp.session import Session  # noqa: PLC0415 - heavy

        for session in self._sessions:
            if session.takes(credential):
                return session
        self._sessions.append(Session())
        return self._session(credential)


@dataclass(slots=True)
class _Column:
    """A column being walked; `at` is where it has come to."""

    agent: Agent
    prefix: Oid
    max_rows: int
    at: Oid = ()
    done: bool = False
    values: dict[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.at = self.prefix

    def take(self, varbind: Varbind) -> None:
        """Take the next row; one beyond the column ends it."""
        if self.done:
            return
        if varbind.end:
            self.done = True
            return
        if varbind.oid <= self.at:
            self._fail(f"sent {dotted(varbind.oid)} after {dotted(self.at)}: OIDs must increase")
        if varbind.oid[: len(self.prefix)] != self.prefix:
            self.done = True
            return
        if len(self.values) == self.max_rows:
            self._fail(f"has more than {self.max_rows} rows under {dotted(self.prefix)}")
        self.at = varbind.oid
        self.values[dotted(varbind.oid[len(self.prefix) :])] = varbind.value

    def _fail(self, what: str) -> None:
        raise CollectError(Reason.UNEXPECTED_CONTENT, f"{self.agent} {what}")
