"""What an agent lends to its collectors, for as long as a test needs it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent.observe import Observation, observe
from collectors.base import Collector, Moment, Target, Tools


@asynccontextmanager
async def tools() -> AsyncIterator[Tools]:
    """Engines belong to the loop that they were opened in, and are closed there."""
    lent = Tools(lambda: Moment(1_800_000_000.0, 1_000.0))
    try:
        yield lent
    finally:
        await lent.close()


async def observed(collector: Collector, target: Target) -> Observation:
    """What one attempt comes to."""
    async with tools() as lent:
        return await observe(collector, target, lent)
