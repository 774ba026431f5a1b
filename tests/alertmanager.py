"""A real Alertmanager beside a test, and what a test asks of it."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

from tests.debian import UnavailableError
from tests.testbed import eventually, free_port, peer

DIRECTLY = build_opener(ProxyHandler({}))
"""Opens loopback addresses, also where the environment names a proxy for the rest."""

NAMESPACE = ("unshare", "-rm")

WITH_ITS_TEMPLATES = 'mount -t overlay overlay -o "lowerdir=$1:/usr/share" /usr/share && shift && '
"""Debian's has its templates in /usr/share: the unpacked ones are laid over it for it alone."""


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A running Alertmanager."""

    address: str
    log: Path

    def states(self) -> dict[tuple[str, str], str]:
        """`active` or `suppressed`, of every alert by its name and its target, link or network."""
        found = {}
        for it in self.alerts():
            labels = it["labels"]
            subject = next(labels[key] for key in ("target", "link", "network") if key in labels)
            found[labels["alertname"], subject] = it["status"]["state"]
        return found

    def alerts(self) -> list[dict[str, Any]]:
        """All that it has, with `labels`, `annotations`, `receivers` and `status`."""
        with DIRECTLY.open(f"http://{self.address}/api/v2/alerts", timeout=10) as answer:
            return list(json.loads(answer.read()))


@contextmanager
def alertmanager(config: Mapping[str, Any], folder: Path) -> Iterator[Alertmanager]:
    """Run one with `config` on a free loopback port, alone in its cluster; ready inside.

    Raises:
        UnavailableError: there is none here, or nothing may be mounted for it.

    """
    folder.mkdir(parents=True)
    (folder / "alertmanager.yml").write_text(json.dumps(config))  # JSON is YAML too
    program = peer("prometheus-alertmanager")
    share = program.binary.parents[1] / "share"
    alone = [*NAMESPACE, "sh", "-c", f'{WITH_ITS_TEMPLATES} exec "$@"', "sh", str(share)]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        msg = (
            "prometheus-alertmanager needs a mount namespace with an overlay, which is not allowed"
        )
        raise UnavailableError(msg)
    found = Alertmanager(f"127.0.0.1:{free_port('tcp')}", folder / "log")
    options = (
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={found.address}",
        "--cluster.listen-address=",
    )
    with found.log.open("w") as log:
        command = [*alone, str(program.binary), *options]
        process = subprocess.Popen(command, env=program.env, stdout=log, stderr=log)
        try:
            eventually(lambda: _answers(found, process), deadline_s=30)
            yield found
        finally:
            process.terminate()
            process.wait(10)


def _answers(server: Alertmanager, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, server.log.read_text()
    try:
        with DIRECTLY.open(f"http://{server.address}/-/ready", timeout=10):
            return True
    except OSError:
        return False
