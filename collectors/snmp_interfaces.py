"""Octets, state, speed and errors of the links that end on an SNMP device (IF-MIB, RFC 2863)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydantic import ConfigDict, Field

from collectors import link
from collectors.base import (
    CollectError,
    CounterReading,
    Measurement,
    Moment,
    Reason,
    Sample,
    Target,
    Tools,
    collector,
)
from collectors.link import BoundLink
from collectors.snmp import ifmib
from collectors.snmp.agent import Agent
from collectors.snmp.binding import Binding, Bound, bind, missing
from collectors.snmp.client import SnmpClient
from collectors.snmp.credential import Credential
from collectors.snmp.failures import TooBigError
from collectors.snmp.text import text
from collectors.snmp.varbind import Value

TOGETHER = 3
"""Links in one request: their columns and sysUpTime make some 50 values, about one packet."""

COLUMNS = (
    *(ifmib.NAME, ifmib.DESCRIPTION, ifmib.OPER_STATUS),
    *(ifmib.HC_IN_OCTETS, ifmib.HC_OUT_OCTETS, ifmib.IN_OCTETS, ifmib.OUT_OCTETS),
    *(ifmib.HIGH_SPEED, ifmib.SPEED, ifmib.DISCONTINUITY),
    *(ifmib.IN_ERRORS, ifmib.OUT_ERRORS, ifmib.IN_DISCARDS, ifmib.OUT_DISCARDS),
)
COUNTERS = (
    (link.RECEIVE_ERRORS, ifmib.IN_ERRORS),
    (link.TRANSMIT_ERRORS, ifmib.OUT_ERRORS),
    (link.RECEIVE_DISCARDS, ifmib.IN_DISCARDS),
    (link.TRANSMIT_DISCARDS, ifmib.OUT_DISCARDS),
)


class SnmpTarget(Target):
    """A device and the links that end on it; `address` may name a port, as 198.51.100.1:1161."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    kind: Literal["snmp_interfaces"] = "snmp_interfaces"
    credential: Credential = Field(repr=False)
    links: tuple[BoundLink, ...] = ()

    @property
    def agent(self) -> Agent:
        """Whom to ask."""
        return Agent.at(self.address, self.credential, self.family)


class Read(NamedTuple):
    """One interface as one reply gave it: sysUpTime in hundredths of a second, and the columns."""

    bound: Bound
    at: Moment
    uptime: int | None
    row: ifmib.Row

    @property
    def is_sure(self) -> bool:
        """Whether there is such a row, and it is still the one that the link is bound to."""
        exists = any(value is not None for value in self.row.values())
        return exists and self.bound.holds(self.row)


@dataclass(slots=True)
class Remembered:
    """What is known of a device between two observations."""

    agent: Agent
    links: tuple[BoundLink, ...]
    binding: Binding
    uptime: int | None = None


class Bindings:
    """An engine: which rows the links of each device are bound to."""

    def __init__(self) -> None:
        self._of: dict[str, Remembered] = {}

    async def close(self) -> None:
        """Forget them all."""
        self._of.clear()

    async def find(self, client: SnmpClient, target: SnmpTarget, *, anew: bool) -> Remembered:
        """Return what is remembered of a device, or ask the device.

        A link that had no row is looked for each time: interfaces come and go.
        """
        known = self._of.get(target.name)
        asked = (target.agent, target.links)
        if anew or known is None or (known.agent, known.links) != asked or known.binding.unbound:
            binding = await bind(client, target.agent, target.name, target.links)
            known = self._of[target.name] = Remembered(*asked, binding)
        return known


@collector("snmp_interfaces", SnmpTarget, *link.METRICS, probe=False)
async def collect(target: SnmpTarget, tools: Tools) -> Sequence[Measurement]:
    """Read every link's row, each beside the sysUpTime of its reply.

    A row is looked for again whenever sysUpTime fell or the row no longer shows what the link
    goes by; what was read of such a device is thrown away, so no other interface is ever counted.

    Raises:
        CollectError: with the measurements of the other links if only some have no interface.

    """
    client = tools.use(SnmpClient)
    if not target.links:
        await client.get(target.agent, [ifmib.SYS_UPTIME])
        return []
    bindings = tools.use(Bindings)
    known = await bindings.find(client, target, anew=False)
    reads = await _read(client, tools, known)
    if _has_moved(known, reads):
        known = await bindings.find(client, target, anew=True)
        reads = await _read(client, tools, known)
    known.uptime = reads[-1].uptime if reads else None
    measured = [one for it in reads if it.is_sure for one in _measurements(target.name, it)]
    lost = [it.bound.link for it in reads if not it.is_sure]
    gone = [missing(it, target.name, "which gives nothing there") for it in lost]
    if complaints := [*known.binding.unbound, *gone]:
        raise CollectError(Reason.NO_SUCH_INTERFACE, "; ".join(complaints), measured)
    return measured


async def _read(client: SnmpClient, tools: Tools, known: Remembered) -> list[Read]:
    reads: list[Read] = []
    left, together = list(known.binding.bound), TOGETHER
    while left:
        some = left[:together]
        try:
            reads += await _read_together(client, tools, known.agent, some)
        except TooBigError:
            if together == 1:
                raise
            together = 1
            continue
        del left[:together]
    return reads


async def _read_together(
    client: SnmpClient, tools: Tools, agent: Agent, some: Sequence[Bound]
) -> list[Read]:
    oids = [(bound, column) for bound in some for column in dict.fromkeys((*COLUMNS, bound.column))]
    asked = [ifmib.SYS_UPTIME, *(f"{column}.{bound.index}" for bound, column in oids)]
    uptime, *values = await client.get_together(agent, asked)
    at = tools.now()
    rows: dict[Bound, dict[str, Value]] = {bound: {} for bound in some}
    for (bound, column), value in zip(oids, values, strict=True):
        rows[bound][column] = value
    return [Read(bound, at, ifmib.number(uptime), row) for bound, row in rows.items()]


def _has_moved(known: Remembered, reads: Sequence[Read]) -> bool:
    """Whether rows may have changed places since they were bound."""
    uptimes = [
        uptime for uptime in (known.uptime, *(it.uptime for it in reads)) if uptime is not None
    ]
    return uptimes != sorted(uptimes) or not all(read.is_sure for read in reads)


def _measurements(device: str, read: Read) -> list[Measurement]:
    """Say what the row gives; what it does not give is left out."""
    subject = read.bound.link.link
    row, labels = read.row, (subject,)
    state, speed_bps = ifmib.status(row[ifmib.OPER_STATUS]), ifmib.speed_bps(row)
    found: list[Measurement] = []
    if state:
        found.append(Sample(link.UP, int(state == "up"), labels))
    if speed_bps:
        found.append(Sample(link.PORT_SPEED, speed_bps / 8, labels))
    for metric, column in COUNTERS:
        if (count := ifmib.number(row[column])) is not None:
            found.append(Sample(metric, count, labels))
    octets = ifmib.octets(row)
    if octets.bits and octets.receive is not None and octets.transmit is not None:
        found.append(
            CounterReading(
                kind="link",
                subject=subject,
                identity=f"{device}/{_interface(read)}",
                at=read.at,
                receive_bytes=octets.receive,
                transmit_bytes=octets.transmit,
                counter_bits=octets.bits,
                uptime_s=None if read.uptime is None else read.uptime / 100,
                port_speed_bps=speed_bps,
                discontinuity=ifmib.number(row[ifmib.DISCONTINUITY]),
            )
        )
    return found


def _interface(read: Read) -> str:
    """Name the interface itself, however it was found: indexes move and aliases are moved."""
    names = (text(read.row[ifmib.NAME]), text(read.row[ifmib.DESCRIPTION]), read.bound.index)
    return next(name for name in names if name)
