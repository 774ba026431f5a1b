"""Every target once, without an agent around it."""

import asyncio
from collections.abc import Iterable

from agent import clock
from agent.observe import Observation, observe
from agent.scheduler import CAP
from collectors.base import PACKETS_PER_S, Collector, Target, Tools, find


async def measure_once(
    targets: Iterable[Target], packets_per_s: float = PACKETS_PER_S
) -> list[Observation]:
    """Measure all targets at once, in the order given; a failure is an observation too."""
    tools = Tools(clock.now, packets_per_s=packets_per_s)
    places = asyncio.Semaphore(CAP)

    async def one(target: Target) -> Observation:
        async with places:
            return await observe(collector_of(target), target, tools)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(target)) for target in targets]
        return [task.result() for task in tasks]
    finally:
        await tools.close()


def collector_of(target: Target) -> Collector:
    """Return the collector that measures a configured target.

    Raises:
        LookupError: there is none; the configuration was checked for that.
    """
    collector = find(target.kind)
    if collector is None:
        msg = f"no collector for {target.kind!r}, which the configuration was checked for"
        raise LookupError(msg)
    return collector
