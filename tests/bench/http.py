"""200 web servers that answer with a page of 10 KB, beside blackbox_exporter."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.probes import compare, show
from tests.testbed import peer

TARGETS = 200
LIMIT = 0.6
"""Of the exporter's CPU."""

# In a process of its own: what it uses is neither side's.
SERVER = """
import asyncio, socket

PAGE = b"<p>hello</p>" * 850
ANSWER = (
    b"HTTP/1.1 200 OK\\r\\nServer: bench\\r\\nDate: Sun, 22 Nov 2026 04:00:00 GMT\\r\\n"
    b"Content-Type: text/html; charset=utf-8\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(PAGE) + PAGE
)

class Web(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.head = transport, b""

    def data_received(self, data):
        self.head += data
        if self.head.endswith(b"\\r\\n\\r\\n"):
            self.head = b""
            self.transport.write(ANSWER)

async def main():
    sock = socket.create_server(("0.0.0.0", 0), backlog=4096)
    server = await asyncio.get_running_loop().create_server(Web, sock=sock, backlog=4096)
    print(sock.getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@contextmanager
def web() -> Iterator[int]:
    """Serve the page on all addresses of loopback."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def main() -> None:
    """Print the rows."""
    peer("ip").run("link", "set", "lo", "up")
    with web() as port, tempfile.TemporaryDirectory() as name:
        urls = [f"http://127.0.2.{n + 1}:{port}/" for n in range(TARGETS)]
        cost = compare(
            Path(name),
            [
                {"name": it, "kind": "http", "url": it, "body_matches": ["hello", "</p>$"]}
                for it in urls
            ],
            urls,
            {
                "prober": "http",
                "timeout": "5s",
                "http": {
                    "preferred_ip_protocol": "ip4",
                    "fail_if_body_not_matches_regexp": ["hello", "</p>$"],
                },
            },
        )
    show("HTTP", cost, LIMIT)


if __name__ == "__main__":
    main()
