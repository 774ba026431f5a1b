"""4,000 targets on the default limit of files: none fails for want of one, and each in its time."""

import re
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agentproc import running

ANSWERING, SILENT = 3_000, 1_000
DEFAULT_LIMIT = 1_024


@pytest.fixture
def usual_limit() -> Iterator[None]:
    """What most systems give a process; those that the test starts inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(DEFAULT_LIMIT, soft), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def answering() -> Iterator[int]:
    """A port that takes every connection and hangs up."""
    with socket.create_server(("127.0.0.1", 0), backlog=4_096) as server:

        def accept() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)  # wakes it; closing alone does not
        thread.join()


@contextmanager
def silent() -> Iterator[int]:
    """A port whose queue is full: the system drops further handshakes, as a dead host would."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.mark.usefixtures("usual_limit")
def test_four_thousand_targets_need_no_more_files_than_every_process_has(tmp_path: Path) -> None:
    with answering() as good, silent() as bad:
        ports = [good] * ANSWERING + [bad] * SILENT
        probes = [
            {"name": f"t{number}", "kind": "tcp", "address": "127.0.0.1", "port": port}
            | {"interval": "60s", "timeout": "1s"}
            for number, port in enumerate(ports)
        ]
        with running(tmp_path, {"probes": probes}) as agent:
            agent.wait_ready()
            values = agent.values()
            limits = Path(f"/proc/{agent.process.pid}/limits").read_text()
            log = agent.log.read_text()
    found = re.search(r"Max open files +(\d+)", limits)
    assert found
    assert int(found[1]) <= DEFAULT_LIMIT
    answers = {
        name[1]: value for name, value in values.items() if name[0] == "netfold_probe_success"
    }
    assert len(answers) == ANSWERING + SILENT  # absent where the fault was local
    assert {number for number in range(ANSWERING) if not answers[f"t{number}"]} == set()
    reasons = {name[3] for name in values if name[0] == "netfold_collect_failures_total"}
    assert reasons == {"timeout"}
    slowest_s = max(
        value for name, value in values.items() if name[0] == "netfold_collect_duration_seconds"
    )
    assert slowest_s < 2, log
