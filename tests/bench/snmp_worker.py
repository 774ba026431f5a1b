"""Netfold's side of the comparison, in a process of its own: `python -m tests.bench.snmp_worker`.

It reads one piece of work a line (JSON) and writes what that cost it.
"""

import asyncio
import json
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop

from agent import clock
from agent.app import spare_what_lasts
from agent.exposition import Exposition
from agent.observe import observe
from agent.recorder import Recorder
from collectors.base import Metric, Sample, Series, Tools
from collectors.link import BoundLink
from collectors.snmp import ifmib
from collectors.snmp.agent import PORT, Agent
from collectors.snmp.client import IN_FLIGHT, MAX_VARBINDS, SnmpClient, together
from collectors.snmp.message import Get
from collectors.snmp.text import text
from collectors.snmp.udp import Address, UdpSocket
from collectors.snmp.varbind import Value
from collectors.snmp_interfaces import SnmpTarget, collect
from tests.bench.exporter import COLUMNS
from tests.snmpd import COMMUNITY, USER

CREDENTIALS = {"v2c": COMMUNITY, "v3": USER}
KINDS = ("walk", "rows", "regular", "floor")
"""What `Worker.do` does."""

TIMEOUT_S = 60
OIDS = tuple(oid for oid, _ in COLUMNS.values())
LABELS = ("device", "ifIndex")
METRICS = tuple(
    Metric(name, "gauge", name, (*LABELS, name))
    if kind == "DisplayString"
    else Metric(name, "counter" if kind == "counter" else "gauge", name, LABELS)
    for name, (_, kind) in COLUMNS.items()
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work took; `text` is where its metrics text is, if it made one."""

    cpu_s: float
    wall_s: float
    text: str = ""


class Worker:
    """Polls as often as it is told, and remembers of the devices what an agent would."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tools = Tools(clock.now)
        self._expositions: defaultdict[tuple[str, int], Exposition] = defaultdict(Exposition)
        self._exposition = Exposition()
        self._recorder = Recorder()
        self._targets: dict[Agent, SnmpTarget] = {}
        self._gets: dict[Agent, list[Rows]] = {}

    @property
    def _client(self) -> SnmpClient:
        return self._tools.use(SnmpClient)

    async def close(self) -> None:
        await self._tools.close()

    async def do(self, kind: str, agents: Sequence[Agent]) -> Cost:
        """Do it once, and measure it; what an agent does only at its start is done before."""
        new = [agent for agent in agents if agent not in self._targets]
        await together(self._meet(agent) for agent in new)
        if new:
            spare_what_lasts()
        sent = await self._sent(agents) if kind == "floor" else []
        self._exposition = self._expositions[kind, len(agents)]
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        match kind:
            case "walk":
                made = await self._everything(self._walked(agent) for agent in agents)
            case "rows":
                made = await self._everything(self._read(agent) for agent in agents)
            case "regular":
                made = await self._poll(agents)
            case _:
                made = replay(sent)
        cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
        path = self._folder / f"{kind}.txt"
        path.write_bytes(made)
        return Cost(cpu_s, wall_s, str(path))

    async def _everything(self, work: Iterable[Coroutine[Any, Any, None]]) -> bytes:
        """Samples that say what the exporter's do, of all devices, and their text."""
        await together(work)
        return self._exposition.render(0)

    async def _walked(self, agent: Agent) -> None:
        """Walk the columns, as who knows nothing of the device."""
        columns = await self._client.walk(agent, *OIDS)
        self._exposition.put(agent.host, samples(agent.host, columns))

    async def _read(self, agent: Agent) -> None:
        """GET the columns of all rows, which are known, as collectors/snmp/poll.py does."""
        found: list[Series] = []
        left = iter(self._gets[agent])

        async def ask() -> None:
            for rows in left:
                values = await self._client.get_together(agent, rows.get)
                found.extend(rows.series(values))

        await together(ask() for _ in range(IN_FLIGHT))
        self._exposition.put(agent.host, found)

    async def _meet(self, agent: Agent) -> None:
        """Prepare the requests for all rows; have a link for each interface, and poll them once."""
        (names,) = await self._client.walk(agent, ifmib.NAME)
        self._gets[agent] = list(prepared(agent.host, list(names)))
        links = tuple(
            BoundLink(link=f"{agent.host} {text(name)}", by="name", value=text(name))
            for name in names.values()
        )
        self._targets[agent] = SnmpTarget(
            name=f"{type(agent.credential).__name__}-{agent.host}",
            address=agent.host,
            credential=agent.credential,
            links=links,
            timeout_s=TIMEOUT_S,
        )
        await self._poll([agent])

    async def _poll(self, agents: Iterable[Agent]) -> bytes:
        """What a running agent does of all links of these devices at one interval."""
        await together(self._observe(self._targets[agent]) for agent in agents)
        return self._exposition.render(0)

    async def _observe(self, target: SnmpTarget) -> None:
        observation = await observe(collect, target, self._tools)
        assert observation.reason is None, observation.detail
        measured = [it for it in observation.measurements if isinstance(it, Sample)]
        measured += self._recorder.take(observation.measurements)
        self._exposition.put(target.name, measured)

    async def _sent(self, agents: Iterable[Agent]) -> list[tuple[bytes, Address]]:
        """The datagrams that reading all rows takes."""
        sent: list[tuple[bytes, Address]] = []
        send = UdpSocket.send

        def note(self: UdpSocket, message: bytes, address: Address) -> None:
            sent.append((message, address))
            send(self, message, address)

        UdpSocket.send = note  # type: ignore[method-assign]  # for this one walk
        try:
            await self._everything(self._read(agent) for agent in agents)
        finally:
            UdpSocket.send = send  # type: ignore[method-assign]
        return sent


class Rows:
    """A request for all columns of so many rows as fit into one, and what becomes of its answer.

    As the exporter shows a row: text is a label, a number is the value.
    """

    def __init__(self, device: str, indexes: Sequence[str]) -> None:
        self.get = Get(f"{column}.{index}" for index in indexes for column in OIDS)
        self._metrics = METRICS * len(indexes)
        self._labels: list[tuple[str, ...]] = [(device, it) for it in indexes for _ in OIDS]
        texts = [n for n, it in enumerate(self._metrics) if len(it.labels) > len(LABELS)]
        self._texts: dict[int, Value] = dict.fromkeys(texts)
        for place in texts:
            self._labels[place] += ("",)

    def series(self, values: list[Any]) -> Iterable[Series]:
        """Every cell that has a value; a label is made anew when its text is another."""
        for place, before in self._texts.items():
            if values[place] != before:
                self._texts[place] = values[place]
                self._labels[place] = (*self._labels[place][: len(LABELS)], text(values[place]))
            values[place] = 1
        series = zip(self._metrics, values, self._labels, strict=True)
        return series if None not in values else (it for it in series if it[1] is not None)


def prepared(device: str, rows: Sequence[str]) -> Iterator[Rows]:
    """Requests for all columns, for as many rows each as fit."""
    at_once = MAX_VARBINDS // len(OIDS)
    for first in range(0, len(rows), at_once):
        yield Rows(device, rows[first : first + at_once])


def row(labels: tuple[str, str], values: Sequence[Value]) -> Iterator[Sample]:
    """As the exporter shows a row, of values that nobody asked for one by one."""
    for metric, value in zip(METRICS, values, strict=False):
        if len(metric.labels) > len(LABELS):
            yield Sample(metric, 1, (*labels, text(value)))
        elif isinstance(value, int):
            yield Sample(metric, value, labels)


def samples(device: str, columns: Sequence[dict[str, Value]]) -> Iterator[Sample]:
    """All rows of a walk."""
    for index in dict.fromkeys(index for column in columns for index in column):
        yield from row((device, index), [column.get(index) for column in columns])


def replay(sent: Iterable[tuple[bytes, Address]]) -> bytes:
    """Only send what was sent, and read what comes back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(TIMEOUT_S)
        for message, address in sent:
            sock.sendto(message, address)
            sock.recvfrom(65535)
    return b""


async def main() -> None:
    """Do what standard input says until it ends."""
    worker = Worker(Path(sys.argv[1]))
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        agents = [Agent(host, PORT, CREDENTIALS[order["version"]]) for host in order["hosts"]]
        cost = await worker.do(order["kind"], agents)
        sys.stdout.write(json.dumps(asdict(cost)) + "\n")
        sys.stdout.flush()
    await worker.close()


if __name__ == "__main__":
    uvloop.run(main())
