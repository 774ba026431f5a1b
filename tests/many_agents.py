"""Hundreds of agents that one process pretends to be: a real agent's series, their values moving.

`python -m tests.many_agents TEXT` serves them: TEXT is a file of what a real agent of a department
said on /metrics, and /N/metrics says the same for the N-th node by the product's own exposition,
with counters and loads of its own. It prints its port.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from agent.catalogue import catalogue
from agent.clock import now
from agent.exposition import CLASSIC_TYPE, Exposition
from agent.facts import NODE_INFO
from tests.testbed import eventually

WOBBLE = 0.2
"""How far a measured gauge strays from the real agent's value, as a share of it."""

MEASURED = ("_seconds", "_ratio")
TIMES = ("_last_success_timestamp_seconds", "_last_run_timestamp_seconds")
"""Ends of names: what is measured anew each time, and what says when that was."""


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
        self._counts = np.array([it.endswith("_bytes_total") for it in names])
        self._is_now = np.array([it.endswith(TIMES) for it in names])
        strays = np.array([it.endswith(MEASURED) and "timestamp" not in it for it in names])
        self._strays = strays & (self._base != np.rint(self._base))
        self._chance = np.random.default_rng(1)
        self._byte_rates = self._chance.lognormal(11, 2, len(names)) * self._counts
        self._begun_s = time.monotonic()
        self._exposition = Exposition()

    def text(self, node: int) -> bytes:
        """What node `node` says now."""
        at = now()
        region, level = f"{440000 + node // 10}", "county"
        labels = (name(node), f"department-{node}", region, level)
        self._exposition.put("node", [(NODE_INFO, 1, labels)])
        stray = 1 + WOBBLE * self._strays * self._chance.uniform(-1, 1, len(self._base))
        since_s = time.monotonic() - self._begun_s
        moved = np.rint(self._byte_rates * since_s * (1 + node % 7))
        values = np.where(self._is_now, at.wall_s, self._base * stray + moved)
        self._exposition.put("all", zip(self._metrics, values.tolist(), self._labels, strict=True))
        return self._exposition.render(at.steady_s)


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

    async def metrics(request: web.Request) -> web.Response:
        body = simulated.text(int(request.match_info["node"]))
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
