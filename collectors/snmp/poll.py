"""Reads the rows of a device's interfaces again and again, and each time no more than is needed.

What moves is read at every poll, in requests that are encoded once: state, speed, counters, and the
name of the row. Which row a link has and which counters that has, once an hour, and whenever rows
may have changed places: sysUpTime did not go on, or a row no longer shows its name or what its link
goes by. What was read of such a device is thrown away, so that no other interface is ever counted.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from collectors.base import CLOCK_DRIFT, CLOCK_TOLERANCE_S, Moment
from collectors.link import BoundLink
from collectors.snmp import ifmib
from collectors.snmp.agent import Agent
from collectors.snmp.binding import Binding, Bound, bind
from collectors.snmp.client import IN_FLIGHT, SnmpClient, together
from collectors.snmp.failures import TooBigError
from collectors.snmp.message import Get
from collectors.snmp.varbind import Value

IDENTIFIED_FOR_S = 3600.0

MOVING = (
    *(ifmib.OPER_STATUS, ifmib.HC_IN_OCTETS, ifmib.HC_OUT_OCTETS, ifmib.DISCONTINUITY),
    *(ifmib.IN_ERRORS, ifmib.OUT_ERRORS, ifmib.IN_DISCARDS, ifmib.OUT_DISCARDS),
)
LOW_OCTETS = (ifmib.IN_OCTETS, ifmib.OUT_OCTETS)
SPEEDS = (ifmib.HIGH_SPEED, ifmib.SPEED)
STANDING = (ifmib.NAME, ifmib.DESCRIPTION)

Columns = Mapping[Bound, Iterable[str]]
"""What is read of each row."""

Now = Callable[[], Moment]


class Read(NamedTuple):
    """One interface as one reply gave it: sysUpTime in hundredths of a second, and the columns.

    `before` is the same row as the poll before had it.
    """

    bound: Bound
    at: Moment
    uptime: int | None
    row: ifmib.Row
    before: ifmib.Row | None = None

    @property
    def is_sure(self) -> bool:
        """Whether there is such a row, and it is still the one that the link is bound to."""
        exists = any(value is not None for value in self.row.values())
        return exists and self.bound.holds(self.row)


class Poll:
    """One device: its links' rows, and the requests that read them."""

    def __init__(self, agent: Agent, links: tuple[BoundLink, ...], device: str) -> None:
        self.agent = agent
        self.links = links
        self.binding = Binding((), ())
        self._device = device
        self._identified_s = float("-inf")
        self._standing: dict[Bound, ifmib.Row] = {}
        self._last: dict[Bound, Read] = {}
        self._moving = _Requests({})

    async def read(self, client: SnmpClient, now: Now) -> list[Read]:
        """Read every link's row.

        A link that had no row is looked for each time: interfaces come and go.
        """
        age_s = now().steady_s - self._identified_s
        if age_s >= IDENTIFIED_FOR_S or self.binding.unbound:
            await self._identify(client, now)
        reads = await self._moving.read(client, self.agent, now)
        if self._has_moved(reads):
            await self._identify(client, now)
            reads = await self._moving.read(client, self.agent, now)
        last, self._last = self._last, {it.bound: it for it in reads}
        return [
            it._replace(
                row={**self._standing[it.bound], **it.row},
                before=last[it.bound].row if it.bound in last else None,
            )
            for it in reads
        ]

    async def _identify(self, client: SnmpClient, now: Now) -> None:
        """Find the rows, and read what each is; of what it counts only which counters it has.

        What was known before is gone, also if this fails in the middle.
        """
        self._identified_s = float("-inf")
        binding = await bind(client, self.agent, self._device, self.links)
        columns = (*STANDING, *SPEEDS, *MOVING, *LOW_OCTETS)
        whole = _Requests(dict.fromkeys(binding.bound, columns))
        reads = await whole.read(client, self.agent, now)
        self.binding = binding
        self._standing = {it.bound: {name: it.row[name] for name in STANDING} for it in reads}
        self._last = {it.bound: it for it in reads}
        self._moving = _Requests({it.bound: _moving(it) for it in reads})
        self._identified_s = now().steady_s

    def _has_moved(self, reads: Sequence[Read]) -> bool:
        """Whether rows may have changed places since they were identified."""
        return any(
            not it.is_sure or self._has_another_name(it) or _has_restarted(self._last[it.bound], it)
            for it in reads
        )

    def _has_another_name(self, read: Read) -> bool:
        """Whether a row that was found by its index or alias is another interface by now."""
        standing = self._standing[read.bound]
        return any(read.row[it] != standing[it] for it in STANDING if it in read.row)


def _has_restarted(before: Read, after: Read) -> bool:
    """Whether sysUpTime fell, or did not go on with the time as it did when no one restarted."""
    if before.uptime is None or after.uptime is None:
        return before.uptime is not after.uptime
    elapsed_s = after.at.steady_s - before.at.steady_s
    late_s = elapsed_s - (after.uptime - before.uptime) / 100
    return after.uptime < before.uptime or late_s > CLOCK_TOLERANCE_S + CLOCK_DRIFT * elapsed_s


class _Requests:
    """The GETs that read certain columns of certain rows, made anew when the device takes less."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._at_once = 0
        self._made: list[_Request] = []

    async def read(self, client: SnmpClient, agent: Agent, now: Now) -> list[Read]:
        """Send them all, `IN_FLIGHT` at a time.

        Raises:
            CollectError: one of them failed; the others' answers are of no use without it.

        """
        while True:
            if self._at_once != client.at_once(agent):
                self._at_once = client.at_once(agent)
                self._made = list(_made(self._columns, self._at_once))
            reads: list[Read] = []
            left = iter(self._made)

            async def send(left: Iterator[_Request] = left, reads: list[Read] = reads) -> None:
                for request in left:
                    values = await client.get_together(agent, request.get)
                    reads += request.rows(values, now())

            try:
                await together(send() for _ in range(min(IN_FLIGHT, len(self._made))))
            except TooBigError:
                if all(len(it.rows_of) == 1 for it in self._made):
                    raise
            else:
                return reads


class _Request(NamedTuple):
    """One GET: sysUpTime, then the columns of each row."""

    get: Get
    rows_of: dict[Bound, tuple[str, ...]]

    def rows(self, values: Sequence[Value], at: Moment) -> Iterator[Read]:
        """Take the answer apart."""
        uptime, place = ifmib.number(values[0]), 1
        for bound, columns in self.rows_of.items():
            row = dict(zip(columns, values[place : place + len(columns)], strict=True))
            place += len(columns)
            yield Read(bound, at, uptime, row)


def _made(columns: Columns, at_once: int) -> Iterator[_Request]:
    """Put as many whole rows as fit into each request."""
    some: dict[Bound, tuple[str, ...]] = {}
    size = 1
    for bound, wanted in columns.items():
        its_columns = tuple(dict.fromkeys((*wanted, bound.column)))
        if some and size + len(its_columns) > at_once:
            yield _request(some)
            some, size = {}, 1
        some[bound] = its_columns
        size += len(its_columns)
    if some:
        yield _request(some)


def _request(some: dict[Bound, tuple[str, ...]]) -> _Request:
    oids = (f"{column}.{bound.index}" for bound, columns in some.items() for column in columns)
    return _Request(Get((ifmib.SYS_UPTIME, *oids)), some)


def _moving(read: Read) -> Iterable[str]:
    """What is read of a row at every poll: who it is, its speed, and what it counts.

    The 32-bit counters are left out where the others are known to count, and ifSpeed where
    ifHighSpeed says it all.
    """
    name = ifmib.NAME if read.row[ifmib.NAME] else ifmib.DESCRIPTION
    high = ifmib.number(read.row[ifmib.HIGH_SPEED])
    speeds = SPEEDS[:1] if high and ifmib.speed_bps(read.row) == high * 10**6 else SPEEDS
    counts = all(ifmib.number(read.row[it]) for it in (ifmib.HC_IN_OCTETS, ifmib.HC_OUT_OCTETS))
    return (name, *speeds, *MOVING, *(() if counts else LOW_OCTETS))
