"""A real snmpd on a loopback port, for tests to ask, change, restart and stop."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pyasn1.codec.ber import decoder, encoder
from pydantic import SecretStr
from pysnmp.proto.api import v2c

from collectors.snmp import ifmib
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

TABLES = (".1.3.6.1.2.1.2.2", ".1.3.6.1.2.1.31.1.1")
"""ifTable and ifXTable."""

V2C = ("-v2c", "-c", "planted-community")
V3 = (
    *("-v3", "-l", "authPriv", "-u", "monitor"),
    *("-a", "SHA-256", "-A", "planted-auth-key", "-x", "AES", "-X", "planted-priv-key"),
)


class Snmpd:
    """One daemon in a folder of its own; a context manager, to be started and stopped at will.

    `lines` are added to its configuration: `override OID TYPE VALUE` plants values for good;
    `rows` stand in the place of its interface tables, as `snmp_rows` has them.
    `views` are what the community may see (all of it), as `included .1` or `excluded .1.3.6`;
    `hosts` are the loopback addresses it listens on, all at the same port.
    """

    def __init__(
        self,
        folder: Path,
        lines: Sequence[str] = (),
        *,
        rows: Iterable[str] | None = None,
        views: Sequence[str] = (),
        hosts: Sequence[str] = ("127.0.0.1",),
    ) -> None:
        self._snmpd = peer("snmpd")
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.port = free_port("udp")
        self.lines = list(lines)
        self.views = list(views) or ["included .1"]
        self._hosts = list(hosts)
        self._has_rows = rows is not None
        folder.mkdir(exist_ok=True)
        self.plant(rows or ())

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
        self._configure()
        self._process = self._snmpd.popen(
            *("-f", "-Lf", self._folder / "log", "-C", "-c", self._folder / "snmpd.conf"),
            *("-p", self._folder / "pid"),
            ",".join(
                f"udp6:[{host}]:{self.port}" if ":" in host else f"udp:{host}:{self.port}"
                for host in self._hosts
            ),
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

    def plant(self, rows: Iterable[str]) -> None:
        """Serve these interfaces from now on, without a restart."""
        fresh = self._folder / "rows.new"
        fresh.write_text("".join(f"{row}\n" for row in rows), encoding="latin-1")
        fresh.rename(self._folder / "rows")

    def get(self, *oids: str, credential: Sequence[str] = V2C) -> list[str]:
        """Read values with net-snmp's snmpget, as it prints them."""
        said = peer("snmpget").run(
            *credential, "-t1", "-r0", "-Onqvt", f"127.0.0.1:{self.port}", *oids, env={"MIBS": ""}
        )
        return [line.strip('"') for line in said.stdout.splitlines()]

    def _configure(self) -> None:
        access = "planted-community 127.0.0.0/8 -V shown", "planted-community ::1 -V shown"
        serve = (
            f"{sys.executable} {Path(__file__).with_name('snmp_rows.py')} {self._folder / 'rows'}"
        )
        text = [
            *(f"rocommunity{six} {who}" for six, who in zip(("", "6"), access, strict=True)),
            *(f"view shown {view}" for view in self.views),
            *(f"pass_persist -p 1 {table} {serve}" for table in TABLES if self._has_rows),
            *self.lines,
            USERS,
        ]
        (self._folder / "snmpd.conf").write_text("\n".join(text))

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        return bool(self.get("1.3.6.1.2.1.1.3.0"))


def planted(index: int, name: str, **columns: int | str | None) -> list[str]:
    """Make the rows of one interface; None leaves a column out."""
    values: dict[str, int | str | None] = {
        "NAME": name,
        "DESCRIPTION": f"Port {name}",
        "ALIAS": f"to {name}",
        "OPER_STATUS": 1,
        "IN_OCTETS": 0,
        "OUT_OCTETS": 0,
        "HC_IN_OCTETS": index * 2**40,
        "HC_OUT_OCTETS": index * 2**41,
        "HIGH_SPEED": 1000,
        "IN_ERRORS": index,
        "OUT_ERRORS": 0,
        "IN_DISCARDS": 3,
        "OUT_DISCARDS": 4,
        "DISCONTINUITY": 5,
    } | columns
    return [
        f"{getattr(ifmib, column)}.{index} {_kind(column, value)} {value}"
        for column, value in values.items()
        if value is not None
    ]


def _kind(column: str, value: int | str) -> str:
    if isinstance(value, str):
        return "string"
    return "counter64" if column.startswith("HC_") else "gauge"


@asynccontextmanager
async def answering(
    reply: Callable[[bytes], bytes | None], host: str = "127.0.0.1"
) -> AsyncIterator[Agent]:
    """Answer every datagram with `reply` of it (None: not at all), in this loop."""

    class _Answers(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            if (answer := reply(data)) is not None:
                self.transport.sendto(answer, addr)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_Answers, local_addr=(host, 0))
    try:
        yield Agent(host, transport.get_extra_info("sockname")[1], COMMUNITY)
    finally:
        transport.close()


def scripted(
    answer: Callable[[list[tuple[int, ...]]], list[tuple[tuple[int, ...], Any]] | str],
) -> Callable[[bytes], bytes]:
    """Make a reply of the varbinds, or of the error-status, that `answer` gives to the OIDs asked.

    For what no real daemon does: pysnmp writes the reply, a value being one of its own. An
    error-index may stand after the status, as in "genErr 4".
    """

    def reply(request: bytes) -> bytes:
        message, _ = decoder.decode(request, asn1Spec=v2c.Message())
        asked = v2c.apiMessage.get_pdu(message)
        pdu = v2c.ResponsePDU()
        v2c.apiPDU.set_defaults(pdu)
        v2c.apiPDU.set_request_id(pdu, v2c.apiPDU.get_request_id(asked))
        answered = answer([tuple(oid) for oid, _ in v2c.apiPDU.get_varbinds(asked)])
        if isinstance(answered, str):
            word, _, index = answered.partition(" ")
            v2c.apiPDU.set_error_status(pdu, word)
            v2c.apiPDU.set_error_index(pdu, int(index or 0))
        else:
            v2c.apiPDU.set_varbinds(pdu, answered)
        v2c.apiMessage.set_pdu(message, pdu)
        return bytes(encoder.encode(message))

    return reply
