"""Hundreds of agents that one process pretends to be: a real agent's series, their values moving.

`python -m tests.many_agents TEXT` serves them: TEXT is a file of what a real agent of a department
said on /metrics, and /N/metrics says the same for the N-th node by the product's own exposition,
with counters and loads of its own. It prints its port.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import web
from numpy.typing import NDArray
from prometheus_client.parser import text_string_to_metric_families

from agent.catalogue import catalogue
from agent.clock import now
from agent.exposition import CLASSIC_TYPE, Exposition
from agent.facts import NODE_INFO
from collectors.base import Moment
from tests.testbed import eventually

WOBBLE = 0.2
"""How far a measured gauge strays from the real agent's value, as a share of it."""

BURST_S = 15.0
"""Traffic is so far ahead of its mean rate, or not: less than the shortest time between scrapes."""

JUDGED_EVERY_S = 600.0
JUDGED = re.compile(
    r"netfold_(link_(load|seen|time_above)|probe_availability|network_availability)"
)
"""What changes only when an agent judges."""

TIMES = ("_last_success_timestamp_seconds", "_last_run_timestamp_seconds")
"""Ends of names: what says when something was last done."""


class Simulated:
    """What all nodes say, made of what one said."""

    def __init__(self, text: str) -> None:
        known = {it.name: it for it in catalogue()}
        samples = [
            (known[sample.name], sample.value, tuple(sample.labels.values()))
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name in known and sample.name != NODE_INFO.name
        ]
        self._metrics, values, self._labels = zip(*samples, strict=True)
        self._base = np.array(values)
        names = [it.name for it in self._metrics]
        self._is_now = np.array([it.endswith(TIMES) for it in names])
        self._is_judged = np.array([JUDGED.match(it) is not None for it in names])
        # What is a whole number by nature (a state, a price, a size) stays as it is.
        self._strays = WOBBLE * (self._base != np.rint(self._base)) * ~self._is_now
        counts = np.array([it.endswith("_bytes_total") for it in names])
        self._chance = np.random.default_rng(1)
        self._rates = counts * self._chance.lognormal(11, 2, len(names))
        self._exposition = Exposition()

    def text(self, node: int, at: Moment, since_s: float) -> bytes:
        """What node `node` says at a time, `since_s` after its counters began to move."""
        self._exposition.put("node", [(NODE_INFO, 1, facts(node))])
        judged = np.random.default_rng([node, int(at.wall_s // JUDGED_EVERY_S)])
        size = len(self._base)
        luck = np.where(self._is_judged, judged.uniform(-1, 1, size), self._uniform(-1, 1))
        moved = np.rint(self._rates * (1 + node % 7) * (since_s + self._uniform(0, BURST_S)))
        values = self._base * (1 + self._strays * luck) + moved
        values = np.where(self._is_now, at.wall_s, values)
        self._exposition.put("all", zip(self._metrics, values.tolist(), self._labels, strict=True))
        return self._exposition.render(at.steady_s)

    def _uniform(self, low: float, high: float) -> NDArray[np.float64]:
        return self._chance.uniform(low, high, len(self._base))


def facts(node: int) -> tuple[str, str, str, str]:
    """Its name, department, region and level."""
    return name(node), f"department-{node}", f"{440000 + node // 10}", "county"


def name(node: int) -> str:
    """The N-th node's name."""
    return f"node-{node:03}"


@contextmanager
def many_agents(text: str, nodes: int, folder: Path) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Run them; the targets as file_sd has them, and the process that they are."""
    file, log = folder / "department.txt", folder / "agents.log"
    file.write_text(text)
    command = [sys.executable, "-m", "tests.many_agents", file]
    with log.open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        port = int(eventually(lambda: _first_line(process, log), deadline_s=30))
        yield [target(node, port) for node in range(nodes)], process.pid
    finally:
        process.terminate()
        process.wait(10)


def target(node: int, port: int) -> dict[str, Any]:
    """One of them for file_sd, as an agent's own /sd would say it."""
    labels = {"__metrics_path__": f"/{node}/metrics", "instance": name(node)}
    return {"targets": [f"127.0.0.1:{port}"], "labels": {"__scheme__": "http", **labels}}


def _first_line(process: "subprocess.Popen[bytes]", log: Path) -> str:
    assert process.poll() is None, log.read_text()
    said = log.read_text()
    return said.split("\n")[0] if "\n" in said else ""


async def serve(simulated: Simulated) -> None:
    """Answer for all nodes until the process is ended."""
    begun_s = now().steady_s

    async def metrics(request: web.Request) -> web.Response:
        at = now()
        body = simulated.text(int(request.match_info["node"]), at, at.steady_s - begun_s)
        return web.Response(body=body, headers={"Content-Type": CLASSIC_TYPE})

    app = web.Application()
    app.router.add_get(r"/{node:\d+}/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)  # noqa: T201 - who started it reads the port
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Simulated(Path(sys.argv[1]).read_text())))
