"""Reads the rows of a device's interfaces again and again, and each time no more than is needed.

What moves is read at every poll, in requests that are encoded once; what an interface is (names,
speed, which counters) once an hour, and whenever rows may have changed places: sysUpTime fell, or a
row no longer shows what its link goes by. What was read of such a device is thrown away, so that no
other interface is ever counted.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from collectors.base import Moment
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
STANDING = (ifmib.NAME, ifmib.DESCRIPTION, ifmib.HIGH_SPEED, ifmib.SPEED)

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
        self._uptime: int | None = None
        self._standing: dict[Bound, ifmib.Row] = {}
        self._last: dict[Bound, ifmib.Row] = {}
        self._moving = _Requests({})

    async def read(self, client: SnmpClient, now: Now) -> list[Read]:
        """Read every link's row.

        A link that had no row is looked for each time: interfaces come and go.
        """
        age_s = now().steady_s - self._identified_s
        if age_s >= IDENTIFIED_FOR_S or self.binding.unbound:
            await self._bind(client, now)
        reads = await self._moving.read(client, self.agent, now)
        if self._has_moved(reads):
            await self._bind(client, now)
            reads = await self._moving.read(client, self.agent, now)
        elif any(self._has_changed_state(it) for it in reads):
            await self._identify(client, now)  # a port that comes up may have another speed
        self._uptime = _least_uptime(reads)
        before, self._last = self._last, {it.bound: it.row for it in reads}
        return [
            it._replace(row={**self._standing[it.bound], **it.row}, before=before.get(it.bound))
            for it in reads
        ]

    async def _bind(self, client: SnmpClient, now: Now) -> None:
        self.binding = await bind(client, self.agent, self._device, self.links)
        await self._identify(client, now)
        self._identified_s = now().steady_s

    async def _identify(self, client: SnmpClient, now: Now) -> None:
        """Read what each row is; of what it counts only which counters it has."""
        columns = (*STANDING, *MOVING, *LOW_OCTETS)
        whole = _Requests(dict.fromkeys(self.binding.bound, columns))
        reads = await whole.read(client, self.agent, now)
        self._standing = {it.bound: {name: it.row[name] for name in STANDING} for it in reads}
        self._last = {it.bound: it.row for it in reads}
        self._moving = _Requests({it.bound: _moving(it) for it in reads})
        self._uptime = _least_uptime(reads)

    def _has_changed_state(self, read: Read) -> bool:
        last = self._last.get(read.bound, {})
        return read.row[ifmib.OPER_STATUS] != last.get(ifmib.OPER_STATUS)

    def _has_moved(self, reads: Sequence[Read]) -> bool:
        """Whether rows may have changed places since they were identified."""
        uptime = _least_uptime(reads)
        fell = uptime is not None and self._uptime is not None and uptime < self._uptime
        return fell or not all(read.is_sure for read in reads)


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
    """Leave out the 32-bit counters where the others are known to count."""
    counts = all(ifmib.number(read.row[it]) for it in (ifmib.HC_IN_OCTETS, ifmib.HC_OUT_OCTETS))
    return MOVING if counts else (*MOVING, *LOW_OCTETS)


def _least_uptime(reads: Iterable[Read]) -> int | None:
    return min((it.uptime for it in reads if it.uptime is not None), default=None)
