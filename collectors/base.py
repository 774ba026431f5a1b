"""The words that every collector shares; docs/adding-a-collector.md shows them at work."""

import errno
import importlib
import importlib.util
import pkgutil
import re
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import ModuleType
from typing import Annotated, Any, Literal, NamedTuple, Protocol, Self, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

import collectors
from collectors.fields import Address, Duration, Name, Ref

Family = Literal["any", "ipv4", "ipv6"]
Purpose = Literal[
    "gateway",
    "exchange_hub",
    "sharing_site",
    "open_data",
    "service_platform",
    "ca",
    "internet_egress",
    "dns",
    "time",
    "directory",
    "mail",
    "portal",
    "video",
    "isolation",
]
"""What a probe's target is for: dashboards, SLA profiles and cutovers choose by it."""


class Target(BaseModel):
    """One thing measured on a timer; a collector subclasses it to add its options.

    `interval_s` and `timeout_s` are seconds; the configuration calls them `interval` and `timeout`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: Name
    kind: str
    address: Address
    interval_s: Duration = Field(60.0, alias="interval", gt=0)
    timeout_s: Duration = Field(5.0, alias="timeout", gt=0)
    network: Annotated[str, Ref("networks")] | None = None
    purpose: Purpose | None = None
    family: Family = "any"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric family; `labels` names what each of its samples gives, in order.

    Each is a constant, and equal to itself only: thousands of samples a second are sorted by it.
    """

    name: str
    type: Literal["counter", "gauge", "info"]
    help: str
    labels: tuple[str, ...] = ()


class Sample(NamedTuple):
    """One value of a metric, in the base unit that its name ends with."""

    metric: Metric
    value: float  # an int stays an int: 64-bit counters do not pass through float
    labels: tuple[str, ...] = ()


Series = tuple[Metric, float, tuple[str, ...]]
"""A sample, or a plain tuple that stands for one, which costs a fifth of it to make."""


class Moment(NamedTuple):
    """When something was read.

    `wall_s` is UTC epoch seconds; `steady_s` counts on through suspension and is never set
    (CLOCK_BOOTTIME), so the two together show a wall clock that jumped.
    """

    wall_s: float
    steady_s: float


CLOCK_TOLERANCE_S = 5.0
CLOCK_DRIFT = 200e-6
"""Two honest oscillators may part by this share of the time between the readings."""

SubjectKind = Literal["link", "server", "probe", "pair", "system"]
UseMeasure = Literal["clients", "local_clients", "accepted", "missed", "interval", "last_used"]
SizeMeasure = Literal["cores", "memory_bytes", "disk_bytes"]
"""How much a server has, whatever is used of it."""
RoundMeasure = Literal["up", "rtt", "loss", "jitter", "rtt_difference", "loss_difference"]
GaugeMeasure = Literal["cpu", "memory"] | RoundMeasure | SizeMeasure | UseMeasure


class CounterReading(NamedTuple):
    """Both octet counters of a link or server, read at one moment; history makes rates of two.

    `identity` names what was read (device and interface): another one begins another series.
    `uptime_s` is the counting system's own (sysUpTime, modulo 2^32 hundredths), None if unknown.
    `discontinuity` is ifCounterDiscontinuityTime as given. `port_speed_bps` None is unknown too.
    """

    kind: SubjectKind
    subject: str
    identity: str
    at: Moment
    receive_bytes: int
    transmit_bytes: int
    counter_bits: Literal[32, 64]
    uptime_s: float | None
    port_speed_bps: float | None
    discontinuity: int | None = None


class GaugeReading(NamedTuple):
    """A level at one moment, as `measure` names it: a ratio (0 to 1), a number, bytes or seconds.

    Of a pair of probes: how much more the new one took and lost than the old one (-1 to 1).
    Of a system: clients are counts, accepted and missed connections a second, the interval seconds,
    `last_used` epoch seconds, which a reading without them does not forget.

    It says nothing of the time more than `holds_s` after it: let that be longer than the interval
    of the target, or the smallest delay leaves a hole in every tick. None: nothing is known from
    here to the next reading.
    """

    kind: SubjectKind
    subject: str
    identity: str
    at: Moment
    measure: GaugeMeasure
    value: float | None
    holds_s: float = 60.0


Measurement = Sample | CounterReading | GaugeReading


class Reason(StrEnum):
    """Why an attempt failed: the label `reason`; docs/operating.md has a section for each."""

    RESOLVE = "resolve"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    RESET = "reset"
    AUTH = "auth"
    UNKNOWN_USER = "unknown_user"
    WRONG_DIGEST = "wrong_digest"
    DECRYPTION_ERROR = "decryption_error"
    NOT_IN_TIME_WINDOW = "not_in_time_window"
    UNSUPPORTED_LEVEL = "unsupported_level"
    TLS_VERIFY = "tls_verify"
    TLS_EXPIRED = "tls_expired"
    UNSUPPORTED_PROTOCOL = "unsupported_protocol"
    UNEXPECTED_CONTENT = "unexpected_content"
    NO_SUCH_INTERFACE = "no_such_interface"
    REACHED = "reached"
    LOCAL = "local"
    INTERNAL = "internal"

    @property
    def is_remote(self) -> bool:
        """Whether the failure says something of the target; a local fault proves nothing of it."""
        return self not in {Reason.LOCAL, Reason.INTERNAL}


# What this host says by itself is `local`, because it proves nothing of the target: no route
# (ENETUNREACH), a broadcast address or a firewall of its own (EACCES, EPERM), no such address
# (EADDRNOTAVAIL), no more sockets or memory (EMFILE, ENFILE, ENOBUFS). EHOSTUNREACH is of the far
# side: a router's word, or that nobody on the last network answers to the address, which this
# host's own neighbour search finds out (icmp(7), arp(7)).
REASON_OF_ERRNO = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.ECONNRESET: Reason.RESET,
    errno.EPIPE: Reason.RESET,
    errno.ETIMEDOUT: Reason.TIMEOUT,
    errno.EHOSTUNREACH: Reason.UNREACHABLE,
}

ROUTERS_ERRNO = {errno.ENETUNREACH, errno.EACCES, errno.ENOPROTOOPT, errno.EHOSTDOWN, errno.ENONET}
"""What this host may say by itself too, but not of a packet that has left it (RFC 792, 4443)."""


class CollectError(Exception):
    """An attempt failed for a named reason; `measurements` is what was read all the same."""

    def __init__(
        self, reason: Reason, detail: str, measurements: Sequence[Measurement] = ()
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.measurements = measurements

    @classmethod
    def of(cls, error: OSError) -> Self:
        """Name an operating-system error; what is no clear word of the far side is `local`."""
        if isinstance(error, socket.gaierror):
            return cls(Reason.RESOLVE, str(error.strerror or error))
        if isinstance(error, TimeoutError):
            return cls(Reason.TIMEOUT, str(error) or "timed out")
        reason = REASON_OF_ERRNO.get(error.errno or 0, Reason.LOCAL)
        return cls(reason, error.strerror or str(error))


class Engine(Protocol):
    """Something that collectors share: a socket, a session, what they remember."""

    async def close(self) -> None:
        """Give everything back; called once, at the end."""


@runtime_checkable
class Counts(Protocol):
    """An engine that has something to say on /metrics which belongs to no single target."""

    def samples(self) -> Sequence[Sample]:
        """What it counted until now."""


E = TypeVar("E", bound=Engine)


PACKETS_PER_S = 5000.0
"""About 4 Mbit/s of echo requests: no line and no buffer on the way notices them."""


class Tools:
    """What the agent lends to its collectors: the time, and engines opened on first use.

    `packets_per_s` limits what all probes send together (see collectors/pace.py); it may be set
    anew at any time.
    """

    def __init__(self, now: Callable[[], Moment], *, packets_per_s: float = PACKETS_PER_S) -> None:
        self.now = now
        self.packets_per_s = packets_per_s
        self._engines: dict[Callable[[], Engine], Engine] = {}

    def use(self, engine: Callable[[], E]) -> E:
        """Return this agent's one `engine()`, made when first asked for."""
        found = self._engines.get(engine)
        if found is None:
            found = self._engines[engine] = engine()
        return found  # type: ignore[return-value]  # keyed by what made it

    def samples(self) -> list[Sample]:
        """What the engines that were opened have counted."""
        return [
            it for one in self._engines.values() if isinstance(one, Counts) for it in one.samples()
        ]

    async def close(self) -> None:
        """Close every engine that was opened."""
        while self._engines:
            _, engine = self._engines.popitem()
            await engine.close()


Collect = Callable[..., Awaitable[Sequence[Measurement]]]


class Ended(NamedTuple):
    """One target's round that is over, of several that are measured together.

    `started_s` is of perf_counter. `result` returns what was measured or raises `CollectError`, as
    the coroutine for one target does.
    """

    target: Target
    started_s: float
    result: Callable[[], Sequence[Measurement]]


TOGETHER_S = 0.1
"""Targets that fall due within so long are handed over in one call, which sends evenly over it."""


@dataclass(frozen=True, slots=True)
class Together:
    """A second way to measure, where a coroutine for each target costs more than its packets.

    `collect_all(targets, tools)` measures each of them once, within its own timeout, and yields it
    as soon as its round is over. `takes(target)` says which ones; all others are measured alone.
    """

    collect_all: Callable[..., AsyncGenerator[Ended, None]]
    takes: Callable[[Any], bool]


async def _none(*_: object) -> AsyncGenerator[Ended, None]:
    never: tuple[Ended, ...] = ()
    for ended in never:
        yield ended


ALONE = Together(_none, lambda _: False)
"""Of a kind whose targets are all measured alone, as most are."""


@dataclass(frozen=True, slots=True)
class Collector:
    """A kind of target and the coroutine that measures one of it once.

    `probe` kinds stand in the configuration's `probes:`; the agent adds their success and info.
    """

    kind: str
    target: type[Target]
    metrics: tuple[Metric, ...]
    collect: Collect
    probe: bool
    together: Together = ALONE


def collector(
    kind: str,
    target: type[Target],
    *metrics: Metric,
    probe: bool = True,
    together: Together = ALONE,
) -> Callable[[Collect], Collector]:
    """Make `async def collect(target, tools)` the collector of `kind`, which is its module's name.

    The coroutine returns measurements or raises `CollectError`; the caller enforces the timeout.
    """

    def wrap(collect: Collect) -> Collector:
        return Collector(kind, target, metrics, collect, probe, together)

    return wrap


def find(kind: str) -> Collector | None:
    """Import the one module that measures `kind`; None if there is no such module."""
    if module := sys.modules.get(f"collectors.{kind}"):
        return _collector_in(module)
    if not re.fullmatch("[a-z][a-z0-9_]*", kind):
        return None
    if importlib.util.find_spec(f"collectors.{kind}") is None:
        return None
    return _collector_in(importlib.import_module(f"collectors.{kind}"))


def discover() -> list[Collector]:
    """Import every module of this package and return its collectors, by kind.

    Raises:
        ValueError: a module's collector does not bear the module's name.

    """
    found = (find(module.name) for module in pkgutil.iter_modules(collectors.__path__))
    return sorted((one for one in found if one), key=lambda one: one.kind)


@cache
def _collector_in(module: ModuleType) -> Collector | None:
    found = next((it for it in vars(module).values() if isinstance(it, Collector)), None)
    if found and module.__name__ != f"collectors.{found.kind}":
        msg = f"{module.__name__} holds the collector {found.kind!r}: rename the one or the other"
        raise ValueError(msg)
    return found
