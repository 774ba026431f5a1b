"""A network of real snmpds: each in a namespace of its own, with veth interfaces to count.

Whoever opens it is in a namespace that it may change (see `__main__`), joined to each of the others
by a veth pair.
"""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from collectors.snmp.agent import PORT, Agent
from collectors.snmp.credential import Credential
from tests.snmpd import COMMUNITY, USERS, V2C
from tests.testbed import eventually, peer

OWN_INTERFACES = 2
"""Those that every namespace has beside its pairs: lo, and the one that leads to the poller."""

_START = 'read -r _ && ip -batch "$0/links" && exec snmpd -f -Lf "$0/log" -C -c "$0/conf" "$1"'


@dataclass(frozen=True, slots=True)
class Device:
    """An snmpd; `place` numbers the devices from 0, and with them their addresses."""

    place: int
    interfaces: int

    @property
    def host(self) -> str:
        return f"198.51.100.{2 * self.place + 1}"

    @property
    def poller(self) -> str:
        """The other end of its line."""
        return f"198.51.100.{2 * self.place}"

    def agent(self, credential: Credential) -> Agent:
        return Agent(self.host, PORT, credential)


@contextmanager
def network(folder: Path, interfaces: Sequence[int]) -> Iterator[list[Device]]:
    """Run an snmpd for each number of interfaces; all answer when this gives them."""
    devices = [Device(place, count) for place, count in enumerate(interfaces)]
    with ExitStack() as stack:
        for device in devices:
            stack.enter_context(_running(folder / str(device.place), device))
        for device in devices:
            eventually(lambda host=device.host: _answers(host), deadline_s=60)
        yield devices


@contextmanager
def _running(folder: Path, device: Device) -> Iterator[None]:
    folder.mkdir(parents=True)
    (folder / "links").write_text("\n".join(_links(device)))
    secret = COMMUNITY.community.get_secret_value()
    (folder / "conf").write_text(f"rocommunity {secret} 198.51.100.0/24\n{USERS}")
    env = peer("snmpd").env | {"SNMP_PERSISTENT_DIR": str(folder / "state"), "MIBS": ""}
    command = ["unshare", "-n", "sh", "-c", _START, str(folder), f"udp:{device.host}:{PORT}"]
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, text=True) as process:
        try:
            eventually(lambda: _is_apart(process.pid))
            _join(device, process.pid)
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.close()
            yield
        finally:
            process.terminate()


def _links(device: Device) -> Iterator[str]:
    """What `ip -batch` makes inside: as many interfaces as the device is to have, all up."""
    yield "link set lo up"
    yield f"addr add {device.host}/31 dev eth0"
    yield "link set eth0 up"
    for n in range((device.interfaces - OWN_INTERFACES) // 2):
        yield f"link add a{n} type veth peer name b{n}"
        yield f"link set a{n} up"
        yield f"link set b{n} up"


def _join(device: Device, pid: int) -> None:
    name = f"to{device.place}"
    for line in (
        f"link add {name} type veth peer name eth0 netns {pid}",
        f"addr add {device.poller}/31 dev {name}",
        f"link set {name} up",
    ):
        done = peer("ip").run(*line.split())
        assert done.returncode == 0, done.stderr


def _is_apart(pid: int) -> bool:
    own, other = (Path(f"/proc/{it}/ns/net").readlink() for it in ("self", pid))
    return own != other


def _answers(host: str) -> bool:
    said = peer("snmpget").run(
        *V2C, "-t1", "-r0", "-Onqvt", host, "1.3.6.1.2.1.1.3.0", env={"MIBS": ""}
    )
    return bool(said.stdout)
