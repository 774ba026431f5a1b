"""A real snmpd on a loopback port, for tests to ask, restart, reconfigure and stop."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from collectors.snmp.agent import Agent
from collectors.snmp.credential import Community, User
from tests.testbed import eventually, free_port, peer

COMMUNITY = Community(SecretStr("planted-community"))
USER = User(
    "monitor", "SHA-256", SecretStr("planted-auth-key"), "AES-128", SecretStr("planted-priv-key")
)
SECRETS = ("planted-community", "planted-auth-key", "planted-priv-key")

USERS = """\
createUser monitor SHA-256 planted-auth-key AES planted-priv-key
createUser readable SHA-256 planted-auth-key
rouser monitor authpriv
rouser readable authnopriv
"""

V2C = ("-v2c", "-c", "planted-community")
V3 = (
    *("-v3", "-l", "authPriv", "-u", "monitor"),
    *("-a", "SHA-256", "-A", "planted-auth-key", "-x", "AES", "-X", "planted-priv-key"),
)


class Snmpd:
    """One daemon in a folder of its own; a context manager, to be started and stopped at will.

    `lines` are added to its configuration: `override OID TYPE VALUE` plants values, and
    `view` names what the community may see (1 if nothing is said, as its views).
    """

    def __init__(
        self, folder: Path, lines: Sequence[str] = (), *, views: Sequence[str] = ()
    ) -> None:
        self._snmpd = peer("snmpd")
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.port = free_port("udp")
        self.lines = list(lines)
        self.views = list(views) or ["included .1"]

    @property
    def agent(self) -> Agent:
        """The daemon, asked with the community."""
        return Agent("127.0.0.1", self.port, COMMUNITY)

    @property
    def agent_v3(self) -> Agent:
        """The daemon, asked as the user with both secrets."""
        return Agent("127.0.0.1", self.port, USER)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._folder.mkdir(exist_ok=True)
        self._configure()
        self._process = self._snmpd.popen(
            *("-f", "-Lf", self._folder / "log", "-C", "-c", self._folder / "snmpd.conf"),
            *("-p", self._folder / "pid", f"udp:127.0.0.1:{self.port}"),
            env={"SNMP_PERSISTENT_DIR": str(self._folder / "state"), "MIBS": ""},
        )
        eventually(self._answers)

    def stop(self) -> None:
        """Stop it and wait until it is gone."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def restart(self) -> None:
        """Stop it and start it again: its sysUpTime begins anew."""
        self.stop()
        self.start()

    def reconfigure(self, lines: Sequence[str]) -> None:
        """Plant other values without a restart, and wait until the last one of them is served."""
        self.lines = list(lines)
        self._configure()
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGHUP)
        _, oid, *_, value = lines[-1].split(maxsplit=3)
        eventually(lambda: self.get(oid)[0] == value.strip('"'))

    def get(self, *oids: str, credential: Sequence[str] = V2C) -> list[str]:
        """Read values with net-snmp's snmpget, as it prints them."""
        said = peer("snmpget").run(
            *credential, "-t1", "-r0", "-Oqvt", f"127.0.0.1:{self.port}", *oids, env={"MIBS": ""}
        )
        return [line.strip('"') for line in said.stdout.splitlines()]

    def _configure(self) -> None:
        views = [f"view shown {view}" for view in self.views]
        text = "\n".join(["rocommunity planted-community 127.0.0.1 -V shown", *views, *self.lines])
        (self._folder / "snmpd.conf").write_text(f"{text}\n{USERS}")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        return bool(self.get("1.3.6.1.2.1.1.3.0"))
