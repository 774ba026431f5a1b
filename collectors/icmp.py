"""ICMP echo: is an address there, how far away, and how much is lost on the way (RFC 792, 4443)."""

import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from functools import cached_property, lru_cache, partial
from itertools import pairwise
from math import ceil
from time import perf_counter
from typing import NamedTuple, Self, TypeVar

from pydantic import Field, model_validator

from collectors.base import (
    TOGETHER_S,
    CollectError,
    Ended,
    Metric,
    Reason,
    Sample,
    Together,
    Tools,
    collector,
)
from collectors.echo import DROPS, LEAST_WAIT_S, LOOK_S, IcmpEngine
from collectors.echo_round import Answer, Plan, Round
from collectors.endpoint import Endpoint, failed, numeric, open_socket
from collectors.fields import Duration, Host
from collectors.probe import RTT, Probe, at_addresses
from collectors.router import RoutersWord
from collectors.story import answered, is_heard, tell
from collectors.wire import TOKEN_BYTES, Shape, Way

LOSS = Metric(
    "netfold_probe_loss_ratio",
    "gauge",
    "Share of the last round's packets without a reply.",
    ("target",),
)
JITTER = Metric(
    "netfold_probe_jitter_seconds",
    "gauge",
    "Mean difference between consecutive round-trip times of the last round.",
    ("target",),
)

REPLY_TTL = Metric(
    "netfold_probe_reply_ttl",
    "gauge",
    "Time to live (hop limit) that the last reply arrived with: another one, another path.",
    ("target",),
)

_BURST = 128
"""So many packets leave together at most (12 kB): a wake-up costs as much as several packets."""

_REPORT_S = 0.05  # kept of the timeout, so that a round with losses still reports them
_ANY_PORT = 7


T = TypeVar("T", Way, Shape)


class _Labels(NamedTuple):
    target: tuple[str]
    least: tuple[str, str]
    mean: tuple[str, str]
    most: tuple[str, str]


@lru_cache
def _one_and_the_same(value: T) -> T:
    """Share what is equal: what a thousand targets each have of their own is fetched from afar."""
    return value


class IcmpTarget(Probe):
    """Options of `kind: icmp`; a reply counts if it comes within the target's timeout."""

    address: Host
    count: int = Field(3, ge=1, le=20)
    gap_s: Duration = Field(0.2, alias="gap", ge=0.01)
    size_bytes: int = Field(56, alias="size", ge=TOKEN_BYTES, le=65_000)
    dont_fragment: bool = False
    ttl: int | None = Field(None, ge=1, le=255)

    @cached_property
    def plan(self) -> Plan | None:
        """What each of its rounds is like, where its one address is written and leads nowhere else.

        None where a lookup, several addresses or an interface that may vanish have their say.
        """
        if self.fallback or self.every_address or self.source_interface:
            return None
        with suppress(socket.gaierror):
            for endpoint in numeric(self.address, 0, self.asked_family):
                return self.plan_to(endpoint) if endpoint.host == self.address else None
        return None

    def plan_to(self, endpoint: Endpoint) -> Plan:
        """What a round to this address is like."""
        way = _one_and_the_same(Way(endpoint.family, self.source, self.source_interface))
        shape = _one_and_the_same(Shape(self.size_bytes, self.dont_fragment, self.ttl))
        return Plan(endpoint, way, shape, self.count, self.gap_s)

    @cached_property
    def labels(self) -> "_Labels":
        """Of its samples, the same in each round."""
        name = self.name
        return _Labels((name,), (name, "min"), (name, "mean"), (name, "max"))

    @model_validator(mode="after")
    def _a_round_fits_the_timeout(self) -> Self:
        sending_s = (self.count - 1) * self.gap_s
        least_s = round(sending_s + LEAST_WAIT_S + _REPORT_S, 3)  # as the message writes it
        if self.fallback:
            least_s *= 2  # each family has half of the time
        if least_s > self.timeout_s:
            msg = (
                f"{self.count} packets {self.gap_s:g}s apart take {sending_s:g}s, which does not "
                f"fit {'half of ' * self.fallback}a timeout of {self.timeout_s:g}s; write a "
                f"smaller count or gap, or a timeout of at least {least_s:g}s"
            )
            raise ValueError(msg)
        return self


async def collect_all(targets: Sequence[IcmpTarget], tools: Tools) -> AsyncGenerator[Ended, None]:
    """Measure targets that have a `plan`, as `collect` would each of them."""
    now_s = perf_counter()
    bursts = ceil(len(targets) / _BURST)
    begun = {}
    for n, target in enumerate(targets):
        if plan := target.plan:
            start_s = now_s + n * bursts // len(targets) * TOGETHER_S / bursts
            begun[Round(plan, tools, start_s, start_s + target.timeout_s - _REPORT_S)] = target
    async with aclosing(tools.use(IcmpEngine).measure(list(begun))) as engine:
        async for rounds in engine:
            for round_ in rounds:
                target = begun[round_]
                yield Ended(target, round_.started_s, partial(outcome, target, round_))


_TOGETHER = Together(collect_all, lambda target: target.plan is not None)


@collector("icmp", IcmpTarget, RTT, LOSS, JITTER, REPLY_TTL, DROPS, together=_TOGETHER)
async def collect(target: IcmpTarget, tools: Tools) -> list[Sample]:
    """Send `count` packets and wait for their replies until shortly before the timeout.

    A packet that this host could not send is not lost, nor is one whose reply it may have dropped:
    they count nowhere.

    Raises:
        CollectError: `resolve`; `local`, if this host could not send or had no way there (any
            more); or, with the loss of 1, `unreachable` (a router or this host's neighbour search
            said so) or `timeout`.

    """

    async def attempt(endpoint: Endpoint, until_s: float) -> list[Sample]:
        tell("sending %d packets of %d bytes to %s", target.count, target.size_bytes, endpoint.host)
        round_ = Round(target.plan_to(endpoint), tools, perf_counter(), until_s - LOOK_S)
        async with aclosing(tools.use(IcmpEngine).measure([round_])) as engine:
            await anext(engine)
        return outcome(target, round_)

    return await at_addresses(target, 0, attempt)


def outcome(target: IcmpTarget, round_: Round) -> list[Sample]:
    """Say what a round that is over came to; raises as `collect` does."""
    if is_heard():
        for number, answer in enumerate(round_.answers, 1):
            tell("packet %d: %s", number, _in_words(answer))
    rtts_s = [answer for answer in round_.answers if isinstance(answer, float)]
    if not rtts_s and round_.unsent:
        raise round_.unsent
    known = round_.answers if round_.is_whole else _told(round_.answers)
    if not rtts_s:
        raise _no_reply(target, round_.plan.endpoint, known)
    samples = _times(target.labels, rtts_s)
    samples.append(Sample(LOSS, 1 - len(rtts_s) / len(known), target.labels.target))
    if round_.ttl is not None:
        samples.append(Sample(REPLY_TTL, round_.ttl, target.labels.target))
    return samples


def _in_words(answer: Answer | None) -> str:
    if isinstance(answer, float):
        return f"reply after {answer * 1e3:.2f} ms"
    return answer.text if answer else "no reply"


def _told(answers: list[Answer | None]) -> list[Answer | None]:
    return [answer for answer in answers if answer is not None]


def _no_reply(target: IcmpTarget, endpoint: Endpoint, known: list[Answer | None]) -> CollectError:
    """Say why a round had no reply: whether that proves anything of the target is asked first."""
    if no_way := _no_way(target, endpoint):
        return no_way
    if not known:
        msg = f"{endpoint.host}: its replies may have been dropped by this host's own busy socket"
        return CollectError(Reason.LOCAL, msg)
    loss = Sample(LOSS, 1, target.labels.target)
    word = next((answer for answer in known if isinstance(answer, RoutersWord)), None)
    if word:
        if word.router == endpoint.host:  # a firewall of its own: it is there
            answered("the target itself said so")
        return CollectError(Reason.UNREACHABLE, f"{endpoint.host}: {word.text}", [loss])
    sent = f"{len(known)} packet{'s' if len(known) > 1 else ''}"
    return CollectError(Reason.TIMEOUT, f"{endpoint.host}: no reply to {sent}", [loss])


def _no_way(target: IcmpTarget, endpoint: Endpoint) -> CollectError | None:
    """What hinders this host from sending there now; connecting a UDP socket sends nothing."""
    try:
        with open_socket(
            endpoint, socket.SOCK_DGRAM, target.source, target.source_interface
        ) as sock:
            sock.connect((endpoint.host, _ANY_PORT, *endpoint.sockaddr[2:]))
    except CollectError as error:
        return error
    except OSError as error:
        return failed(endpoint, error)
    return None


def _times(labels: _Labels, rtts_s: list[float]) -> list[Sample]:
    samples = [
        Sample(RTT, min(rtts_s), labels.least),
        Sample(RTT, sum(rtts_s) / len(rtts_s), labels.mean),
        Sample(RTT, max(rtts_s), labels.most),
    ]
    if len(rtts_s) > 1:
        steps_s = [abs(after - before) for before, after in pairwise(rtts_s)]
        samples.append(Sample(JITTER, sum(steps_s) / len(steps_s), labels.target))
    return samples
