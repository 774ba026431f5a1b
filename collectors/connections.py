"""The kernel's TCP tables as text: who listens, which connections it has, how many it accepted.

proc(5): /proc/net/tcp and tcp6 hold every socket of this network namespace, connections in
TIME_WAIT too. Read directly: psutil asks every process for its files as well, for three to five
times the CPU.
"""

import re
import sys
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from time import thread_time
from typing import Self

# States by number (include/net/tcp_states.h): 0A listens; 02 and 03 are not connected yet.
_CONNECTION = re.compile(rb": ([0-9A-F]+:[0-9A-F]{4} [0-9A-F]+:[0-9A-F]{4}) (?!02|03|0A)")
_LISTENER = re.compile(rb": [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:0000 0A")
_WORD = 4

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Accepted:
    """A connection that this host accepted; `is_local`: its client is on this host too."""

    port: int
    client: Address
    client_port: int
    is_local: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One look: all connections as the kernel words them, the ports that are listened on.

    `opened` counts all that were ever accepted here (TcpPassiveOpens, RFC 4022); `cpu_s` is what
    the look cost.
    """

    connections: frozenset[bytes]
    ports: frozenset[int]
    opened: int
    cpu_s: float

    def accepted_since(self, before: Self) -> frozenset[Accepted]:
        """Those that were accepted, on any port, and did not stand in an earlier look."""
        return _all_accepted(self.connections - before.connections, self.ports)

    def accepted_at(self, ports: frozenset[int]) -> frozenset[Accepted]:
        """Those that were accepted at some ports."""
        return _all_accepted(self.connections, self.ports & ports)


def look(net: Path = Path("/proc/net")) -> Table:
    """Read it all, on a thread: some 10 ms for 1,000 connections, 30 ms for 10,000.

    Nearly all of it is the kernel's, and a part of that is the same for few connections.

    Raises:
        OSError: /proc does not show it.
        ValueError: it shows something else.
    """
    started_s = thread_time()
    # First the counter: who comes between the two is counted, and seen, with the next look.
    opened = _opened((net / "snmp").read_text(encoding="ascii"))
    text = (net / "tcp").read_bytes()
    if (v6 := net / "tcp6").exists():
        text += v6.read_bytes()
    connections = frozenset(_CONNECTION.findall(text))
    ports = frozenset(int(it, 16) for it in _LISTENER.findall(text))
    return Table(connections, ports, opened, thread_time() - started_s)


def _opened(snmp: str) -> int:
    rows = [line.split() for line in snmp.splitlines() if line.startswith("Tcp:")]
    try:
        names, values = rows
        return int(values[names.index("PassiveOpens")])
    except ValueError as error:
        msg = "/proc/net/snmp has no Tcp PassiveOpens"
        raise ValueError(msg) from error


def _all_accepted(rows: frozenset[bytes], ports: frozenset[int]) -> frozenset[Accepted]:
    """Each once: one whose client is on this host stands there from both sides.

    Only the client's may be left, in TIME_WAIT, if it was the client that closed it.
    """
    return frozenset(it for row in rows if (it := _accepted(row, ports)))


def _accepted(row: bytes, ports: frozenset[int]) -> Accepted | None:
    here, there = row.split()
    (address, port), (client, client_port) = _ends(here), _ends(there)
    if port not in ports and address == client:
        address, port, client, client_port = client, client_port, address, port
    if port not in ports:
        return None
    found = _address(client)
    return Accepted(port, found, client_port, found.is_loopback or address == client)


def _ends(text: bytes) -> tuple[bytes, int]:
    address, port = text.split(b":")
    return address, int(port, 16)


def _address(text: bytes) -> Address:
    """Words of four octets in this host's order; IPv4 on an IPv6 socket is IPv4 (RFC 4291)."""
    packed = bytes.fromhex(text.decode())
    if sys.byteorder == "little":
        words = (packed[at : at + _WORD] for at in range(0, len(packed), _WORD))
        packed = b"".join(word[::-1] for word in words)
    if len(packed) == _WORD:
        return IPv4Address(packed)
    found = IPv6Address(packed)
    return found.ipv4_mapped or found
