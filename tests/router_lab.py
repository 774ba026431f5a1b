"""A router that knows no way on, in network namespaces of the test's own.

`python -m tests.router_lab`, inside `unshare -n` (`-Urn` as an ordinary user), probes by TCP what
lies behind the router, what this host has no route to, and a neighbour that is not there; it
prints each reason.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from agent.observe import observe
from collectors.base import Moment, Tools
from collectors.tcp import TcpTarget, collect
from tests.icmp_lab import ip, say

ADDRESSES = {
    "behind the router": "203.0.113.1",
    "without a route": "192.0.2.1",
    "no neighbour": "198.51.100.9",
}


def near() -> None:
    """Stand before the router and probe."""
    command = ["unshare", "-n", sys.executable, "-m", "tests.router_lab", "router"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as router:
        assert router.stdin
        assert router.stdout
        assert router.stdout.readline(), "no second namespace"
        ip(f"link add near type veth peer name far netns {router.pid}")
        Path("/proc/sys/net/ipv4/neigh/near/retrans_time_ms").write_text("100")
        ip("link set lo up")  # where this host's own neighbour search says what it found
        ip("link set near up")
        ip("addr add 198.51.100.1/24 dev near")
        ip("route add 203.0.113.0/24 via 198.51.100.2")
        router.stdin.write("connected\n")
        router.stdin.flush()
        assert router.stdout.readline(), "the router failed"
        say(json.dumps(asyncio.run(reasons())))
        router.stdin.close()


async def reasons() -> dict[str, str]:
    """What a round at each address comes to, as it is and as a canary."""
    tools, found = Tools(lambda: Moment(0, 0)), {}
    for what, address in ADDRESSES.items():
        for expect in ("reachable", "unreachable"):
            target = TcpTarget.model_validate(
                {"name": what.split()[0], "kind": "tcp", "address": address, "port": 80}
                | {"timeout": "5s", "expect": expect}
            )
            observation = await observe(collect, target, tools)
            found[f"{what}, {expect}"] = str(observation.reason)
    await tools.close()
    return found


def router() -> None:
    """Forward what comes, and know no way for it."""
    say("here")
    sys.stdin.readline()
    ip("link set far up")
    ip("addr add 198.51.100.2/24 dev far")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    say("ready")
    sys.stdin.read()


if __name__ == "__main__":
    (router if sys.argv[1:] == ["router"] else near)()
