"""The demo's town on loopback: its devices and servers answer, its files lie in one folder."""

import asyncio
import socket
from contextlib import AsyncExitStack
from pathlib import Path

from pydantic import SecretStr

from agent import clock, facts
from agent.demo import blocks, targets
from agent.demo.answers import Listener
from agent.demo.devices import BOOTED_DAYS, Answers, Socket, view
from agent.demo.engine import Engine
from agent.demo.past import Past, Progress
from agent.demo.register import CERTIFICATE, COMMUNITY, SECRETS, USER, written
from agent.demo.town import DEVICES, Device, Town, tick_of
from collectors.snmp.credential import User
from config.agent import AgentConfig, Listen
from config.load import load

CONFIG = "netfold.yaml"
_DAY_S = 86_400.0


class Stage:
    """All that is simulated; inert until `open`, and as of the moment that it was made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._now = clock.now()
        self._town = Town(tick_of(self._now.wall_s))
        self._booted_s = self._now.wall_s - BOOTED_DAYS * _DAY_S
        self._ports: dict[str, int] = {}

    @property
    def config(self) -> Path:
        """The configuration of the agent that watches it."""
        return self._folder / CONFIG

    async def open(self, stack: AsyncExitStack, listen: str) -> AgentConfig:
        """Answer until the stack ends; write the configuration, and read it as the agent will.

        Raises:
            OSError: a file cannot be written, or an address not be listened on.
        """
        certificate = self._folder / CERTIFICATE
        self._ports = await targets.serve(stack, certificate, self._now.wall_s)
        for device in DEVICES:
            self._ports[device.name] = await self._listen(stack, device)
        for name, secret in SECRETS.items():
            (self._folder / name).touch(mode=0o600)
            (self._folder / name).write_text(secret + "\n")
        today = facts.day(self._now.wall_s)
        self.config.write_text(written(listen, "data", self._ports, today), encoding="utf-8")
        return load(self.config)

    def write_past(self, config: AgentConfig, progress: Progress) -> None:
        """Write what was seen of it so far; on a thread, while it answers.

        Raises:
            HistoryError: the folder cannot be written.
            JournalError: neither can the journal.
        """
        Past(self._town, self._ports, self._now, self._booted_s).write(config, progress)

    def write_for_prometheus(self, folder: Path, agent: Listen) -> None:
        """Write the past of all lines for promtool, and the configuration of who scrapes."""
        folder.mkdir()
        with (folder / blocks.SAMPLES).open("w", encoding="utf-8") as text:
            text.writelines(blocks.samples(self._town))
        (folder / blocks.CONFIG).write_text(blocks.configuration(str(agent)), encoding="utf-8")

    async def _listen(self, stack: AsyncExitStack, device: Device) -> int:
        loop = asyncio.get_running_loop()
        answers = None if device.is_silent else self._answers(device)
        transport, _ = await loop.create_datagram_endpoint(
            lambda: Socket(answers, self._wall_s), local_addr=("127.0.0.1", 0)
        )
        stack.callback(transport.close)
        port: int = transport.get_extra_info("sockname")[1]
        return port

    def _answers(self, device: Device) -> Answers:
        told = view(device, self._town, self._booted_s)
        if device.credential == "old":
            return Listener(told, COMMUNITY)
        secrets = [SecretStr(SECRETS[it]) for it in ("auth.key", "priv.key")]
        user = User(USER, "SHA-256", secrets[0], "AES-128", secrets[1])
        return Engine(told, user, device.name, self._booted_s)

    def _wall_s(self) -> float:
        """The time as devices have it: they do not notice that this host's clock was set."""
        return self._now.wall_s + clock.now().steady_s - self._now.steady_s


def may_ping() -> bool:
    """Whether this user may send ICMP echo, in either of the ways there are."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
        except OSError:
            continue
        return True
    return False
