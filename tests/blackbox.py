"""The judge of probes: Debian's prometheus-blackbox-exporter, with the modules a test wants."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode

from prometheus_client.parser import text_string_to_metric_families

from tests import testbed
from tests.peers import DIRECTLY
from tests.testbed import eventually, free_port, peer


@dataclass(frozen=True, slots=True)
class Blackbox:
    """The running exporter."""

    port: int
    pid: int

    def probe(self, target: str, module: str, **more: str) -> dict[str, float]:
        """Let it probe a target now; return its values by name, with labels where there are any."""
        with DIRECTLY.open(f"http://127.0.0.1:{self.port}{path(target, module, **more)}") as answer:
            return values(answer.read().decode())

    def succeeds(self, target: str, module: str) -> bool:
        """Return its verdict."""
        return self.probe(target, module)["probe_success"] == 1

    def story(self, target: str, module: str) -> str:
        """Return its log of one probe, for tests that fail."""
        with DIRECTLY.open(
            f"http://127.0.0.1:{self.port}{path(target, module, debug='true')}"
        ) as answer:
            return str(answer.read().decode())

    def connection(self) -> HTTPConnection:
        """Connect to it, as Prometheus does: one connection serves scrape after scrape."""
        return HTTPConnection("127.0.0.1", self.port, timeout=120)

    def cpu_s(self) -> float:
        """CPU seconds it has used."""
        return testbed.cpu_s(self.pid)

    def is_up(self) -> bool:
        try:
            return bool(DIRECTLY.open(f"http://127.0.0.1:{self.port}/-/healthy", timeout=5).read())
        except URLError:
            return False


@contextmanager
def blackbox(folder: Path, modules: Mapping[str, Any]) -> Iterator[Blackbox]:
    """Run it on a free port with these modules, as its configuration file has them.

    Raises:
        UnavailableError: it is not to be had here.

    """
    folder.mkdir(parents=True, exist_ok=True)
    config, log = folder / "blackbox.yml", folder / "blackbox.log"
    config.write_text(json.dumps({"modules": modules}))  # JSON is YAML
    port = free_port("tcp")
    with log.open("w") as output:
        process = peer("prometheus-blackbox-exporter").popen(
            f"--config.file={config}",
            f"--web.listen-address=127.0.0.1:{port}",
            stdout=output,
            stderr=output,
        )
    with process:
        try:
            running = Blackbox(port, process.pid)
            eventually(lambda: process.poll() is not None or running.is_up())
            assert process.poll() is None, log.read_text()
            yield running
        finally:
            process.terminate()


def path(target: str, module: str, **more: str) -> str:
    """Write what to ask it for, as /probe?module=…&target=…."""
    return f"/probe?{urlencode({'module': module, 'target': target, **more})}"


def values(text: str) -> dict[str, float]:
    """Read a metrics text: `probe_success`, or `probe_duration_seconds{phase=connect}`."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def version() -> str:
    """As it names itself, in one line."""
    said = peer("prometheus-blackbox-exporter").run("--version")
    return (said.stdout + said.stderr).splitlines()[0].split(" (")[0]
