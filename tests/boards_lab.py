"""A department that has all that the boards show: a real agent beside what it measures.

Its history holds ninety days; its devices and targets are of loopback.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import chain, repeat
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingUDPServer
from threading import Thread
from typing import Any

import dns.flags
import dns.message
import dns.rrset

from agent.clock import now
from agent.history import Capacity, History, Record, SeriesKey
from agent.journal import opened
from agent.judge.rates import Tick
from collectors.base import SubjectKind
from tests import department
from tests.agentproc import Agent, running
from tests.certificates import NAME, Answer, authority, saying, serving, tls
from tests.snmpd import Snmpd
from tests.testbed import free_port

DAYS = 90
RATES = {"edu-a": 0.0, "tax-a": 2e7, "tax-b": 0.0, "tax-c": 2e7, "old-a": 0.0}
"""bit/s of the lines, each of 100M, in all of the past."""

NETWORKS = (
    {
        "name": "edu",
        "kind": "dedicated",
        "annual_cost_yuan": "1680000",
        "phase": "planned",
        "plan": {"connected": "2020-01-01"},
    },
    {"name": "tax", "kind": "dedicated", "annual_cost_yuan": "900000"},
    {"name": "old", "kind": "dedicated", "annual_cost_yuan": "20000"},
    {"name": "law", "kind": "dedicated", "annual_cost_yuan": "50000"},
    {"name": "ext", "kind": "extranet", "uplinks": ["ext-a", "ext-b"]},
)
PHASES = (
    ("law", "surveyed", 60),
    *(("old", "dual_running", 20), ("old", "cut_over", 10)),
    ("law", "funding_cut", 3),
)
"""What was declared, and how many days ago."""

MILESTONES = ({"name": "half", "by": "2020-06-30", "share": "50%"},)
PAIRS = ({"name": "moved", "network": "edu", "old": "certificate", "new": "other-way"},)
LEAVE = {"until": "2099-12-31", "reason": "a test", "approver": "网络中心"}
PRICES = (
    {"bandwidth": "10M", "annual_cost_yuan": "9000"},
    {"bandwidth": "50M", "annual_cost_yuan": "90000"},
)
UNWELL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@contextmanager
def lab(folder: Path) -> Iterator[Agent]:
    """The agent, running."""
    with ExitStack() as parts:
        snmpd = parts.enter_context(Snmpd(folder / "snmpd"))
        targets = {
            "dns": parts.enter_context(_nameserver()),
            "http": parts.enter_context(serving(saying(OK))),
            "relapsing": parts.enter_context(serving(_once_well())),
            "system": parts.enter_context(serving(saying(OK))),
        }
        ours = authority(folder)
        targets["tls"] = parts.enter_context(serving(tls(ours.server())))
        agent = folder / "agent"
        _remember(agent / "data")
        config = _configuration(folder, snmpd.port, targets, ours.file)
        yield parts.enter_context(running(agent, config))


def _once_well() -> Answer:
    """A portal that answers well once, and then says that it cannot."""
    answers = chain([OK], repeat(UNWELL))

    def answer(connection: socket.socket) -> None:
        saying(next(answers))(connection)

    return answer


@contextmanager
def _nameserver() -> Iterator[int]:
    """Answer anything with one address, and vouch for it, which no dnsmasq does by itself."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            octets, replying = self.request
            query = dns.message.from_wire(octets)
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.AD
            name = query.question[0].name
            answer.answer.append(dns.rrset.from_text(name, 300, "IN", "A", "198.51.100.1"))
            replying.sendto(answer.to_wire(), self.client_address)

    with ThreadingUDPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _remember(folder: Path) -> None:
    """Ninety days up to now: of lines, servers and a system; a probe; networks that moved."""
    folder.mkdir(parents=True)
    lines = {("link", it, "local/none"): {"octets": (rate, 0.0)} for it, rate in RATES.items()}
    past: dict[tuple[SubjectKind, str, str], Mapping[str, tuple[float, ...]]] = {
        **lines,
        ("server", "this-host", "none"): _server(0.01),
        ("server", "db1", "none"): _server(0.5),
        ("system", "leave", "tcp"): {
            "clients": (0.0,),
            "local_clients": (0.0,),
            "interval": (1.0,),
            "accepted": (1.0,),
            "missed": (0.01,),
        },
        ("probe", "gw", "icmp/127.0.0.1"): {
            "up": (1.0,),
            "rtt": (9.0,),
            "loss": (0.0,),
            "jitter": (0.001,),
        },
    }
    end = int(now().wall_s // 300)
    numbers = range(end - DAYS * 288 - 5, end)
    records = {
        SeriesKey(*subject, measure): Record([Tick(number, values) for number in numbers])
        for subject, measures in past.items()
        for measure, values in measures.items()
    }
    history = History(folder / "history.sqlite")
    history.write(records, [Capacity("link", name, 0.0, 1e8) for name in RATES])
    history.close()
    with opened(folder) as journal:
        for network, phase, days in PHASES:
            at_s = now().wall_s - days * 86_400
            journal.append("phase", network, {"phase": phase}, "wang", at_s)


def _server(cpu: float) -> dict[str, tuple[float, ...]]:
    sizes = {"cores": (4.0,), "memory_bytes": (2.0**33,), "disk_bytes": (2e11,)}
    return {"cpu": (cpu,), "memory": (0.2,), "octets": (0.0, 0.0), **sizes}


def _configuration(
    folder: Path, snmp_port: int, ports: Mapping[str, int], ca: Path
) -> dict[str, Any]:
    device = department.device("r1", snmp_port, interval="2s")
    return department.department(
        folder,
        [device],
        node={"name": "test", "department": "市教育局", "region": "440300", "level": "city"},
        links=list(_links()),
        prices=list(PRICES),
        milestones=list(MILESTONES),
        pairs=list(PAIRS),
        probes=list(_probes(ports, ca)),
        servers=[
            {"name": "this-host", "local": True, "data_centre": "市政务云"},
            {"name": "db1", "device": "r1", "data_centre": "市政务云"},
        ],
        systems=[
            {"name": "leave", "ports": [ports["system"], free_port("tcp")], "use_frequency": "每月"}
        ],
    ) | {"networks": list(NETWORKS)}


def _links() -> Iterator[dict[str, Any]]:
    terms = {"bandwidth": "100M", "annual_cost_yuan": "168000"}
    terms |= {"contract_end": "2099-06-30", "notice_by": "2099-03-31"}

    def line(name: str, interface: dict[str, str], **more: Any) -> dict[str, Any]:
        return {"name": name, "network": name[:3], "interface": interface, **terms, **more}

    yield line("edu-a", {"local": "lo"})
    yield line("tax-a", {"local": "none0"}, group="tax-core")
    yield line("tax-b", {"local": "none1"}, group="tax-core", role="backup")
    yield line("tax-c", {"local": "none4"})
    yield line("old-a", {"local": "none2"})
    ended = {"contract_end": "2020-06-30", "notice_by": "2020-03-31"}
    yield line("law-a", {"local": "none5"}, exempt=LEAVE, **ended)
    yield line("ext-a", {"device": "r1", "name": "lo"}, carrier="中国电信")
    yield line("ext-b", {"local": "none3"}, carrier="中国电信")


def _probes(ports: Mapping[str, int], ca: Path) -> Iterator[dict[str, Any]]:
    """One of each kind; one is refused by the second address, and one is to be out of reach.

    One more takes another way to the same server: from an address that it names.
    """
    often = {"interval": "2s", "timeout": "1s", "network": "ext"}
    here = {"address": "127.0.0.1", **often}
    yield {"name": "gw", "kind": "icmp", "purpose": "gateway", **here}
    yield {"name": "portal", "kind": "http", "url": f"http://127.0.0.1:{ports['http']}/", **often}
    relapsing = f"http://127.0.0.1:{ports['relapsing']}/"
    yield {"name": "relapsing", "kind": "http", "url": relapsing, **often}
    yield {
        "name": "resolver",
        "kind": "dns",
        "port": ports["dns"],
        "query": "www.example.org",
        "authenticated": True,
        **here,
    }
    secured = {"port": ports["tls"], "server_name": NAME, "ca": str(ca)}
    yield {"name": "certificate", "kind": "tls", **secured, **here}
    yield {"name": "other-way", "kind": "tls", "source": "127.0.0.1", **secured, **here}
    everywhere = {"address": "localhost", "every_address": True, "family": "any"}
    yield {"name": "both", "kind": "tcp", "port": ports["http"], **often, **everywhere}
    canary = {"port": ports["http"], "expect": "unreachable", "purpose": "internet_egress"}
    yield {"name": "no-way-out", "kind": "tcp", **canary, **here}
