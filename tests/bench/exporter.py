"""The peer: Debian's prometheus-snmp-exporter, told to walk the columns that are compared."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from collectors.snmp import ifmib
from tests import testbed
from tests.snmpd import SECRETS
from tests.testbed import eventually, free_port, peer

COLUMNS = {
    "ifIndex": (ifmib.INDEX, "gauge"),
    "ifDescr": (ifmib.DESCRIPTION, "DisplayString"),
    "ifType": (ifmib.TYPE, "gauge"),
    "ifSpeed": (ifmib.SPEED, "gauge"),
    "ifAdminStatus": (ifmib.ADMIN_STATUS, "gauge"),
    "ifOperStatus": (ifmib.OPER_STATUS, "gauge"),
    "ifInDiscards": (ifmib.IN_DISCARDS, "counter"),
    "ifInErrors": (ifmib.IN_ERRORS, "counter"),
    "ifOutDiscards": (ifmib.OUT_DISCARDS, "counter"),
    "ifOutErrors": (ifmib.OUT_ERRORS, "counter"),
    "ifName": (ifmib.NAME, "DisplayString"),
    "ifHCInOctets": (ifmib.HC_IN_OCTETS, "counter"),
    "ifHCOutOctets": (ifmib.HC_OUT_OCTETS, "counter"),
    "ifHighSpeed": (ifmib.HIGH_SPEED, "gauge"),
    "ifAlias": (ifmib.ALIAS, "DisplayString"),
}
"""What is compared: OID and the exporter's type of each."""

REPETITIONS = {"": 25, "_60": 60}
"""The exporter's own default, and what Netfold asks for at once."""

_OPENER = build_opener(ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Exporter:
    """The running exporter."""

    port: int
    pid: int

    def scrape(self, host: str, module: str) -> bytes:
        """Let it poll a device; return the text."""
        query = urlencode({"target": host, "module": module})
        url = f"http://127.0.0.1:{self.port}/snmp?{query}"
        with _OPENER.open(url, timeout=120) as answer:
            text: bytes = answer.read()
        return text

    def cpu_s(self) -> float:
        """CPU seconds it has used."""
        return testbed.cpu_s(self.pid)

    def is_up(self) -> bool:
        try:
            return bool(_OPENER.open(f"http://127.0.0.1:{self.port}/", timeout=5).read())
        except URLError:
            return False


@contextmanager
def exporter(folder: Path) -> Iterator[Exporter]:
    """Run it with the modules v2c, v3, v2c_60 and v3_60."""
    config = folder / "snmp.yml"
    config.write_text(json.dumps(dict(_modules())))  # JSON is YAML
    port = free_port("tcp")
    with (folder / "exporter.log").open("w") as log:
        process = peer("prometheus-snmp-exporter").popen(
            f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", stderr=log
        )
    with process:
        try:
            running = Exporter(port, process.pid)
            eventually(running.is_up)
            yield running
        finally:
            process.terminate()


def version() -> str:
    """As it names itself, in one line."""
    said = peer("prometheus-snmp-exporter").run("--version")
    return (said.stdout + said.stderr).splitlines()[0].split(" (")[0]


def _modules() -> Iterator[tuple[str, dict[str, Any]]]:
    community, auth_secret, priv_secret = SECRETS
    user = {"username": "monitor", "security_level": "authPriv"}
    authentication = {"password": auth_secret, "auth_protocol": "SHA256"}
    privacy = {"priv_protocol": "AES", "priv_password": priv_secret}
    for suffix, repetitions in REPETITIONS.items():
        common = {"walk": [oid for oid, _ in COLUMNS.values()], "max_repetitions": repetitions}
        common["metrics"] = [_metric(name, *column) for name, column in COLUMNS.items()]
        yield f"v2c{suffix}", common | {"version": 2, "auth": {"community": community}}
        yield f"v3{suffix}", common | {"version": 3, "auth": user | authentication | privacy}


def _metric(name: str, oid: str, kind: str) -> dict[str, Any]:
    index = {"labelname": "ifIndex", "type": "gauge"}
    return {"name": name, "oid": oid, "type": kind, "help": name, "indexes": [index]}
