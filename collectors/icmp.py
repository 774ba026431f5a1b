"""ICMP echo: is an address there, how far away, and how much is lost on the way (RFC 792, 4443)."""

import asyncio
import os
from itertools import pairwise
from time import perf_counter
from typing import Self

from pydantic import Field, model_validator

from collectors.base import CollectError, Metric, Reason, Sample, Tools, collector
from collectors.echo import TOKEN_BYTES, Answer, IcmpEngine
from collectors.endpoint import Endpoint, failed, resolve
from collectors.fields import Duration, Host
from collectors.probe import RTT, Probe
from collectors.story import tell

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

_LEAST_WAIT_S = 0.1  # for the last packet's reply
_REPORT_S = 0.05  # kept of the timeout, so that a round with losses still reports them


class IcmpTarget(Probe):
    """Options of `kind: icmp`; a reply counts if it comes within the target's timeout."""

    address: Host
    count: int = Field(3, ge=1, le=20)
    gap_s: Duration = Field(0.2, alias="gap", ge=0.01)
    size_bytes: int = Field(56, alias="size", ge=TOKEN_BYTES, le=65_000)

    @model_validator(mode="after")
    def _a_round_fits_the_timeout(self) -> Self:
        sending_s = (self.count - 1) * self.gap_s
        least_s = round(sending_s + _LEAST_WAIT_S + _REPORT_S, 3)  # as the message writes it
        if least_s > self.timeout_s:
            msg = (
                f"{self.count} packets {self.gap_s:g}s apart take {sending_s:g}s, which does not "
                f"fit a timeout of {self.timeout_s:g}s; write a smaller count or gap, "
                f"or a timeout of at least {least_s:g}s"
            )
            raise ValueError(msg)
        return self


@collector("icmp", IcmpTarget, RTT, LOSS, JITTER)
async def collect(target: IcmpTarget, tools: Tools) -> list[Sample]:
    """Send `count` packets and wait for their replies until shortly before the timeout.

    A packet that this host could not send is not lost: it counts nowhere.

    Raises:
        CollectError: `resolve`, what hindered sending every packet, or, with the loss of 1,
            `unreachable` (a router or this host's neighbour search said so) or `timeout`.

    """
    until_s = perf_counter() + target.timeout_s - _REPORT_S
    endpoint = await resolve(target.address, target.family)
    tell("sending %d packets of %d bytes to %s", target.count, target.size_bytes, endpoint.host)
    answers = await _round(target, endpoint, tools.use(IcmpEngine), until_s)
    _tell(answers)
    rtts_s = [answer for answer in answers if isinstance(answer, float)]
    loss = Sample(LOSS, 1 - len(rtts_s) / len(answers), (target.name,))
    if not rtts_s:
        raise _all_lost(endpoint, answers, loss)
    return [loss, *_times(target.name, rtts_s)]


async def _round(
    target: IcmpTarget, endpoint: Endpoint, engine: IcmpEngine, until_s: float
) -> list[Answer | None]:
    """Each sent packet's answer, in the order of sending; None is none yet."""
    answers: list[asyncio.Future[Answer]] = []
    unsent: list[OSError] = []
    try:
        for packet in range(target.count):
            if packet:
                await asyncio.sleep(target.gap_s)
            try:
                answers.append(engine.send(endpoint, target.size_bytes))
            except OSError as error:
                unsent.append(error)
        if not answers:
            raise failed(endpoint, unsent[0])
        await asyncio.wait(answers, timeout=until_s - perf_counter())
        return [answer.result() if answer.done() else None for answer in answers]
    finally:
        for answer in answers:
            answer.cancel()


def _tell(answers: list[Answer | None]) -> None:
    for number, answer in enumerate(answers, 1):
        if isinstance(answer, float):
            tell("packet %d: reply after %.2f ms", number, answer * 1e3)
        else:
            tell("packet %d: %s", number, answer.strerror if answer else "no reply")


def _all_lost(endpoint: Endpoint, answers: list[Answer | None], loss: Sample) -> CollectError:
    told = next((answer for answer in answers if isinstance(answer, OSError)), None)
    if told and told.errno:
        return CollectError(
            Reason.UNREACHABLE, f"{endpoint.host}: {os.strerror(told.errno)}", [loss]
        )
    sent = f"{len(answers)} packet{'s' if len(answers) > 1 else ''}"
    return CollectError(Reason.TIMEOUT, f"{endpoint.host}: no reply to {sent}", [loss])


def _times(name: str, rtts_s: list[float]) -> list[Sample]:
    stats = {"min": min(rtts_s), "mean": sum(rtts_s) / len(rtts_s), "max": max(rtts_s)}
    samples = [Sample(RTT, value, (name, stat)) for stat, value in stats.items()]
    steps_s = [abs(after - before) for before, after in pairwise(rtts_s)]
    if steps_s:
        samples.append(Sample(JITTER, sum(steps_s) / len(steps_s), (name,)))
    return samples
