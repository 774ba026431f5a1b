"""A real VictoriaMetrics beside a test: the other server that speaks Prometheus's HTTP API."""

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from urllib.request import Request

from tests.peers import DIRECTLY
from tests.testbed import eventually, free_port, peer

TOGETHER = 50_000


@contextmanager
def victoria(samples: Iterable[str], folder: Path, *more: str) -> Iterator[str]:
    """Run one that holds old samples; its address. `more` are options, the last of a name counts.

    Each is a line `name{label="value"} number time_s`.

    Raises:
        UnavailableError: VictoriaMetrics is not to be had here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    address = f"127.0.0.1:{free_port('tcp')}"
    url = f"http://{address}"
    options = (
        f"-storageDataPath={folder / 'data'}",
        f"-httpListenAddr={address}",
        "-retentionPeriod=100y",
        "-search.latencyOffset=0s",
        "-search.disableCache",
        "-memory.allowedBytes=200MB",
        *more,
    )
    with (
        (folder / "log").open("w") as log,
        peer("victoria-metrics").popen(*options, stdout=log, stderr=log) as process,
    ):
        try:
            eventually(lambda: _is_ready(url, process, folder / "log"), deadline_s=30)
            lines = map(_in_milliseconds, samples)
            while block := "".join(islice(lines, TOGETHER)):
                _post(f"{url}/api/v1/import/prometheus", block)
            _post(f"{url}/internal/force_flush", "")
            yield url
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def vmalert(rules: Path, url: str, folder: Path) -> Iterator[None]:
    """Let VictoriaMetrics' own program evaluate a rule file of Prometheus's form against one.

    Raises:
        UnavailableError: it is not to be had here.
    """
    address = f"127.0.0.1:{free_port('tcp')}"
    options = (
        f"-rule={rules}",
        f"-datasource.url={url}",
        f"-remoteWrite.url={url}",
        f"-httpListenAddr={address}",
    )
    with (
        (folder / "vmalert.log").open("w") as log,
        peer("vmalert").popen(*options, stdout=log, stderr=log) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def _in_milliseconds(line: str) -> str:
    rest, time_s = line.rsplit(" ", 1)
    return f"{rest} {round(float(time_s) * 1000)}\n"


def _is_ready(url: str, process: "subprocess.Popen[str]", log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        _post(f"{url}/health", "")
    except OSError:
        return False
    return True


def _post(url: str, body: str) -> None:
    request = Request(url, data=body.encode())  # noqa: S310 - a loopback address made above
    with DIRECTLY.open(request, timeout=30) as answer:
        answer.read()
