"""Recorded devices on loopback (SNMPv2c), any number of them in one process of its own.

`with replaying({"r1": Device(path)}) as replay:` runs `python -m tests.replay`. It ends with its
standard input, or after `MAX_S`.
"""

import heapq
import itertools
import json
import os
import resource
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from collectors.snmp.agent import Agent
from collectors.snmp.credential import Community
from tests.replayed import Device, Replayed

MAX_S = 900
_AT_ONCE = 32
"""Datagrams taken from one socket before the others have their turn."""
_LARGEST = 65_535


@dataclass(slots=True)
class Replay:
    """The running responder; every call waits until it is done."""

    process: "subprocess.Popen[str]"
    devices: dict[str, Device]
    addresses: dict[str, tuple[str, int]] = field(default_factory=dict)

    def agent(self, name: str) -> Agent:
        """A device, asked with its community."""
        community = Community(SecretStr(self.devices[name].community))
        return Agent(*self.addresses[name], community)

    def change(self, name: str, **changes: Any) -> None:
        """Make a device behave in another way from now on; its counters go on from the file's."""
        self.devices[name] = replace(self.devices[name], **changes)
        self.tell({"change": {name: _plain(self.devices[name])}})

    def restart(self, name: str) -> None:
        """Restart a device: what moves counts from 0."""
        self.tell({"restart": name})

    def requests(self) -> dict[str, int]:
        """How many datagrams each device has got."""
        counts: dict[str, int] = self.tell({"count": True})["requests"]
        return counts

    def tell(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Send a command and return what is answered."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the responder ended; its standard error says why"
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def replaying(devices: Mapping[str, Device]) -> Iterator[Replay]:
    """Run the responder until the block ends."""
    command = [sys.executable, "-m", "tests.replay"]
    root = Path(__file__).parents[1]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=root, text=True, stdin=pipe, stdout=pipe) as process:
        try:
            replay = Replay(process, dict(devices))
            told = replay.tell({"serve": {name: _plain(it) for name, it in devices.items()}})
            replay.addresses = {name: (it[0], it[1]) for name, it in told["addresses"].items()}
            yield replay
        finally:
            process.kill()


def _plain(device: Device) -> dict[str, Any]:
    return asdict(device) | {"recording": str(device.recording.resolve())}


class _Responder:
    """The other process: sockets, devices, and replies that wait for their time."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._served: dict[int, Replayed] = {}
        self._places: dict[str, int] = {}
        self._late: list[tuple[float, int, int, bytes, Any]] = []
        self._numbers = itertools.count()
        self._input = b""

    def run(self) -> None:
        """Serve until the input ends."""
        ends_s = time.monotonic() + MAX_S
        self._epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        while (now_s := time.monotonic()) < ends_s:
            wait_s = self._late[0][0] - now_s if self._late else 1.0
            for number, _ in self._epoll.poll(max(wait_s, 0)):
                if number in self._sockets:
                    self._receive(number)
                elif not self._hear():
                    return
            self._send_late()

    def _receive(self, number: int) -> None:
        sock, served = self._sockets[number], self._served[number]
        for _ in range(_AT_ONCE):
            try:
                message, peer = sock.recvfrom(_LARGEST)
            except BlockingIOError:
                return
            now_s = time.monotonic()
            reply = served.answer(message, now_s)
            if reply is not None and served.device.delay_s:
                due_s = now_s + served.device.delay_s
                heapq.heappush(self._late, (due_s, next(self._numbers), number, reply, peer))
            elif reply is not None:
                _send(sock, reply, peer)

    def _send_late(self) -> None:
        while self._late and self._late[0][0] <= time.monotonic():
            _, _, number, reply, peer = heapq.heappop(self._late)
            _send(self._sockets[number], reply, peer)

    def _hear(self) -> bool:
        """Do what was told, line by line; False: nobody is there any longer."""
        heard = os.read(sys.stdin.fileno(), _LARGEST)
        *lines, self._input = (self._input + heard).split(b"\n")
        for line in lines:
            answer = self._obey(json.loads(line))
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        return bool(heard)

    def _obey(self, command: dict[str, Any]) -> dict[str, Any]:
        now_s = time.monotonic()
        if "serve" in command:
            return {
                "addresses": {name: self._open(name, it) for name, it in command["serve"].items()}
            }
        for name, device in command.get("change", {}).items():
            self._served[self._places[name]] = Replayed(_device(device), now_s)
        if "restart" in command:
            self._served[self._places[command["restart"]]].restart(now_s)
        return {"requests": {name: self._served[at].requests for name, at in self._places.items()}}

    def _open(self, name: str, plain: dict[str, Any]) -> tuple[str, int]:
        device = _device(plain)
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind((device.host, device.port))
        number = sock.fileno()
        self._sockets[number], self._places[name] = sock, number
        self._served[number] = Replayed(device, time.monotonic())
        self._epoll.register(number, select.EPOLLIN)
        address: tuple[str, int] = sock.getsockname()
        return address


def _device(plain: dict[str, Any]) -> Device:
    return Device(**plain | {"recording": Path(plain["recording"])})


def _send(sock: socket.socket, reply: bytes, peer: Any) -> None:
    try:
        sock.sendto(reply, peer)
    except OSError:
        return  # whoever asked is gone, or its buffer is full: the reply is lost, as on any network


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    _Responder().run()
