"""A department of many lines, and what its real agent says on /metrics."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.clock import now
from agent.history import Capacity, History, Record, SeriesKey
from agent.judge.rates import Tick
from tests.agentproc import running
from tests.department import department, device
from tests.snmpd import Snmpd, planted
from tests.testbed import eventually

LINKS, PROBES, SERVERS, NETWORKS = 40, 10, 3, 5
DAYS = 30
BANDWIDTH_BPS = 1e8
RATES = (0.0, 2e6, 3e7)
"""bit/s of the first line, the second, the third, and so on again: idle, of low use and used."""


def what_it_says(folder: Path, links: int = LINKS) -> str:
    """The text that the agent exposes once it has judged thirty days."""
    folder.mkdir(parents=True, exist_ok=True)
    with listening() as port, Snmpd(folder / "snmpd", rows=interfaces(links)) as snmpd:
        config = large_department(folder, snmpd.port, port, links)
        remember(folder, links)
        with running(folder, config) as agent:
            agent.wait_ready()
            eventually(lambda: agent.value("netfold_link_seen_ratio", line(0)), deadline_s=60)
            return agent.get("/metrics").body.decode()


def large_department(folder: Path, snmp_port: int, tcp_port: int, links: int) -> dict[str, Any]:
    """Its configuration: one router and two servers by SNMP, this host, and a program to probe."""
    probe = {"kind": "tcp", "address": "127.0.0.1", "port": tcp_port, "purpose": "gateway"}
    declared = {
        "bandwidth": "100M",
        "carrier": "中国电信",
        "line_type": "MSTP",
        "annual_cost_yuan": "168000",
        "contract_end": "2099-06-30",
    }
    config = department(
        folder,
        [device(it, snmp_port, interval="60s", timeout="10s") for it in ("r1", "s1", "s2")],
        servers=[
            {"name": "here", "local": True, "data_centre": "市政务云"},
            *({"name": it, "device": it, "data_centre": "市政务云"} for it in ("s1", "s2")),
        ],
        links=[
            {"name": line(n), "network": f"net-{n % NETWORKS}"}
            | {"interface": {"device": "r1", "name": f"ge{n}"}}
            | declared
            for n in range(links)
        ],
        probes=[
            {"name": f"probe-{n}", "network": f"net-{n % NETWORKS}"} | probe for n in range(PROBES)
        ],
    )
    facts = {"kind": "dedicated", "annual_cost_yuan": "1680000", "phase": "surveyed"}
    config["networks"] = [{"name": f"net-{n}"} | facts for n in range(NETWORKS)]
    return config


def remember(folder: Path, links: int) -> None:
    """Write a history of thirty days of all lines."""
    (folder / "data").mkdir(exist_ok=True)
    end = int(now().wall_s // 300)
    history = History(folder / "data" / "history.sqlite")
    records = {
        SeriesKey("link", line(n), "r1", "octets"): Record(
            [Tick(tick, (RATES[n % len(RATES)], 0.0)) for tick in range(end - DAYS * 288, end)]
        )
        for n in range(links)
    }
    history.write(records, [Capacity("link", it.subject, 0.0, BANDWIDTH_BPS) for it in records])
    history.close()


def interfaces(links: int) -> list[str]:
    return [row for n in range(links) for row in planted(n + 1, f"ge{n}")]


def line(number: int) -> str:
    """The N-th line's name."""
    return f"line-{number:02}"


@contextmanager
def listening() -> Iterator[int]:
    """A program that takes connections; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield server.getsockname()[1]
