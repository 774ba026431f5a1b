"""Ports that a container runtime publishes: it listens on them, and the connections pass it by.

Docker's docker-proxy holds a published port for clients on this host only; all others are led to
the container by the firewall (DNAT), and stand in no table of this network namespace.
"""

import re
from pathlib import Path

_PROXY = "docker-proxy"
_PORT = re.compile(rb"-host-port\0(\d{1,5})\0")


def forwarded_ports(proc: Path = Path("/proc")) -> frozenset[int]:
    """The host's ports of every docker-proxy that may be seen (proc(5): hidepid hides others')."""
    found: set[int] = set()
    for comm in proc.glob("[0-9]*/comm"):
        try:
            if comm.read_text(errors="replace").strip() == _PROXY:
                command = comm.with_name("cmdline").read_bytes()
                found.update(int(it) for it in _PORT.findall(command))
        except OSError:
            continue  # it ended meanwhile
    return frozenset(found)
