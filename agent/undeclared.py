"""The interfaces that no link declares, as two looks at each device seconds apart see them."""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from agent import clock
from collectors.base import CollectError, Tools
from collectors.snmp.binding import bind
from collectors.snmp.client import SnmpClient
from collectors.snmp.survey import look, undeclared
from collectors.snmp_interfaces import SnmpTarget

APART_S = 10.0
_AT_ONCE = 16
_PATIENCE_S = 60.0


class Found(NamedTuple):
    """Names by device, and a line for each device of which nothing is known."""

    interfaces: dict[str, list[str]]
    unknown: list[str]


async def find_undeclared(devices: Iterable[SnmpTarget], apart_s: float = APART_S) -> Found:
    """Look at all devices, `_AT_ONCE` at a time."""
    tools = Tools(clock.now)
    places = asyncio.Semaphore(_AT_ONCE)
    found = Found({}, [])

    async def one(device: SnmpTarget) -> None:
        async with places:
            try:
                async with asyncio.timeout(_PATIENCE_S + apart_s):
                    names = await _of(device, tools, apart_s)
            except (CollectError, TimeoutError) as error:
                why = str(error) or "it takes too long to list its interfaces"
                found.unknown.append(f"undeclared interfaces of {device.name}: {why}")
            else:
                if names is None:
                    found.unknown.append(f"undeclared interfaces of {device.name}: it restarted")
                else:
                    found.interfaces[device.name] = names

    try:
        async with asyncio.TaskGroup() as group:
            for device in devices:
                group.create_task(one(device))
    finally:
        await tools.close()
    return found


async def _of(device: SnmpTarget, tools: Tools, apart_s: float) -> list[str] | None:
    client = tools.use(SnmpClient)
    binding = await bind(client, device.agent, device.name, device.links)
    before = await look(client, device.agent, tools.now)
    await asyncio.sleep(apart_s)
    after = await look(client, device.agent, tools.now)
    return undeclared(before, after, [it.index for it in binding.bound])
