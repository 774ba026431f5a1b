"""200 ports that take connections, beside blackbox_exporter."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from tests.bench.probes import ROUNDS, compare, show
from tests.testbed import peer

TARGETS = 200
LIMIT = 0.3
"""Of the exporter's CPU."""


@contextmanager
def listening() -> Iterator[int]:
    """Take every connection to a port, on all addresses of loopback, and hang up."""

    def serve() -> None:
        while True:
            try:
                sock.accept()[0].close()
            except OSError:  # it was shut down
                return

    with socket.create_server(("0.0.0.0", 0), backlog=4096) as sock:
        thread = Thread(target=serve)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            sock.shutdown(socket.SHUT_RDWR)
            thread.join()


def main() -> None:
    """Print a table."""
    peer("ip").run("link", "set", "lo", "up")
    print("## Probes, beside blackbox_exporter\n")
    print(
        f"The same {TARGETS} targets on loopback for both; medians of {ROUNDS} rounds in turn, the"
    )
    print("text of /probe or /metrics included. All of a round are probed at once: where few are")
    print("due, waking up costs each process more than the probe does.\n")
    hosts = [f"127.0.1.{n + 1}" for n in range(TARGETS)]
    with listening() as port, tempfile.TemporaryDirectory() as name:
        cost = compare(
            Path(name),
            [{"name": it, "kind": "tcp", "address": it, "port": port} for it in hosts],
            [f"{it}:{port}" for it in hosts],
            {"prober": "tcp", "timeout": "5s", "tcp": {"preferred_ip_protocol": "ip4"}},
        )
    show("TCP", cost, LIMIT)


if __name__ == "__main__":
    main()
