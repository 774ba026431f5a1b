"""A host and a client in network namespaces of the test's own.

`python -m tests.services_lab`, inside `unshare -n` (`-Urn` as an ordinary user), serves a system on
198.51.100.1:8443 and watches it. From the other namespace, a manager (198.51.100.9) connects, then
a client (198.51.100.2) for 2 s. It prints what was seen after each.
"""

import asyncio
import json
import subprocess
import sys

from agent import clock
from agent.observe import observe
from collectors.base import GaugeReading, Sample, Tools
from collectors.services import ServicesTarget, collect
from collectors.watch import WatchedSystem
from tests.icmp_lab import ip, say

HOST, CLIENT, MANAGER = "198.51.100.1", "198.51.100.2", "198.51.100.9"
PORT = 8443
OPEN_S = 2.0
WHOLE = "from the other side"


def host() -> None:
    """Stand with the system on one side, and have the other side connect."""
    command = ["unshare", "-n", sys.executable, "-m", "tests.services_lab", "client"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as client:
        assert client.stdin
        assert client.stdout
        assert client.stdout.readline(), "no second namespace"
        ip(f"link add near type veth peer name far netns {client.pid}")
        ip("link set lo up")
        ip("link set near up")
        ip(f"addr add {HOST}/24 dev near")
        say(json.dumps(asyncio.run(seen(client))))
        client.stdin.close()


async def seen(client: "subprocess.Popen[str]") -> list[dict[str, float | None]]:
    """What is known of the system before anyone came, after the manager, and after the client."""
    assert client.stdin
    assert client.stdout
    tools = Tools(clock.now)
    watched = WatchedSystem(name="leave", ports=(PORT,), management=(f"{MANAGER}/32",))
    target = ServicesTarget(systems=(watched,))
    server = await asyncio.start_server(_serve, HOST, PORT)
    found = [await _round(target, tools)]
    for address in (MANAGER, CLIENT):
        client.stdin.write(f"{address}\n")
        client.stdin.flush()
        assert await asyncio.to_thread(client.stdout.readline), "the client failed"
        found.append(await _round(target, tools))
    server.close()
    await tools.close()
    return found


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def _round(target: ServicesTarget, tools: Tools) -> dict[str, float | None]:
    """One round's readings and samples, by measure and metric."""
    observation = await observe(collect, target, tools)
    assert observation.reason is None, observation.detail
    found: dict[str, float | None] = {}
    for it in observation.measurements:
        if isinstance(it, GaugeReading):
            found[it.measure] = it.value
        elif isinstance(it, Sample):
            found[it.metric.name] = it.value
    return found


def client() -> None:
    """Connect from each address that is asked for; the client closes first, after 2 s."""
    say("here")
    for number, line in enumerate(sys.stdin):
        if number == 0:
            ip("link set far up")
            ip(f"addr add {CLIENT}/24 dev far")
            ip(f"addr add {MANAGER}/24 dev far")
        asyncio.run(_connect(line.strip()))
        say("done")


async def _connect(address: str) -> None:
    _, writer = await asyncio.open_connection(HOST, PORT, local_addr=(address, 0))
    await asyncio.sleep(OPEN_S)  # what is tested: how long it lasts
    writer.close()
    await writer.wait_closed()


if __name__ == "__main__":
    client() if sys.argv[1:] == ["client"] else host()
