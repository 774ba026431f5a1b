"""A real agent in a process of its own: `python -m tests.agentproc CONFIG TICK_S` runs one.

The history's ticks are shorter than five minutes where a test would otherwise take an hour.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from prometheus_client.parser import text_string_to_metric_families

from agent import logs
from agent.cli.run import run
from tests.testbed import eventually, free_port

DIRECTLY = build_opener(ProxyHandler({}))
"""Opens loopback addresses, also where the environment names a proxy for the rest."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Message
    body: bytes


@dataclass(frozen=True, slots=True)
class Agent:
    """A running agent: what it serves, what it said, and its process."""

    address: str
    log: Path
    output: Path
    process: "subprocess.Popen[bytes]"

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Ask for a path, as `get("/metrics", Accept="text/plain")`."""
        request = Request(f"http://{self.address}{path}", headers=headers, method=method)
        try:
            with DIRECTLY.open(request, timeout=10) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def values(self) -> dict[tuple[str, ...], float]:
        """All samples: name and label values -> value."""
        text = self.get("/metrics").body.decode()
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, *labels: str) -> float | None:
        """One sample; None if it is absent."""
        return self.values().get((name, *labels))

    def wait_ready(self) -> None:
        """Wait until every target has been measured once."""
        eventually(lambda: self.is_up() and self.get("/-/ready").status == 200, deadline_s=30)

    def is_up(self) -> bool:
        """Whether it serves; a process that ended fails the test with what it said."""
        assert self.process.poll() is None, self.log.read_text() + self.output.read_text()
        try:
            return self.get("/-/healthy").status == 200
        except OSError:
            return False

    def end(self, number: signal.Signals = signal.SIGTERM, within_s: float = 10) -> int:
        """Send a signal and wait for the end; return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(within_s)


@contextmanager
def running(folder: Path, config: Mapping[str, Any], tick_s: float = 300.0) -> Iterator[Agent]:
    """Run an agent in `folder` on a free port, its configuration written there (JSON is YAML)."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "netfold.yaml"
    address = config.get("listen") or f"127.0.0.1:{free_port('tcp')}"
    write(path, {"node": {"name": "test"}, "data_dir": "data", "listen": address, **config})
    log, output = folder / "log", folder / "output"
    with log.open("ab") as stderr, output.open("ab") as stdout:
        command = [sys.executable, "-m", "tests.agentproc", path, str(tick_s)]
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr)
    agent = Agent(str(address), log, output, process)
    try:
        eventually(agent.is_up, deadline_s=30)
        yield agent
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(10)


def write(path: Path, config: Mapping[str, Any]) -> None:
    """Write a configuration."""
    path.write_text(json.dumps(config, ensure_ascii=False, indent=1))


def netfold(
    *args: str | Path, timeout_s: float = 30, **env: str
) -> "subprocess.CompletedProcess[str]":
    """Run a `netfold` command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "agent", *args],
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


if __name__ == "__main__":
    logs.set_up()
    run(Path(sys.argv[1]), tick_s=float(sys.argv[2]))
