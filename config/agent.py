"""The whole configuration of one agent."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, InstanceOf, ValidationInfo, field_validator

from collectors.base import PACKETS_PER_S, Target
from collectors.fields import Duration, Name, join_address, split_address
from collectors.files import FilePath, path_in
from collectors.snmp.credential import Credential
from config.bundles import Bundles
from config.credential import NamedCredential
from config.fields import Item, Region, Text
from config.inventory import (
    Device,
    Exemption,
    Group,
    Link,
    MachineRoom,
    Network,
    Price,
    Server,
    System,
)
from config.milestones import Milestone
from config.pairs import Pair
from config.policy import Policy, load_policy
from config.prometheus import PrometheusAccess
from config.register import Level
from config.sla import Sla, load_sla

_DAY_S = 86400.0
_SIX_MONTHS_S = 180 * _DAY_S


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the web server listens; port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return join_address(self.host, self.port)


def listen_at(value: str) -> Listen:
    """Read `host:port`; port 0 is any free one.

    Raises:
        ValueError: it is no address, or has no port.

    """
    host, port = split_address(value)
    if port is None:
        msg = f"no port: {value!r}; write it as 127.0.0.1:9945"
        raise ValueError(msg)
    return Listen(host, port)


def _listen(value: object) -> object:
    return listen_at(value) if isinstance(value, str) else value


def _policy(value: object, info: ValidationInfo) -> object:
    """Load the policy that is named; its mistakes are told with those of this configuration."""
    path = _readable(value, info, "a policy file")
    return load_policy(path) if isinstance(path, Path) else value


def _sla(value: object, info: ValidationInfo) -> object:
    """Load the profiles that are named; their mistakes are told with those of the configuration."""
    path = _readable(value, info, "a file of profiles")
    return load_sla(path) if isinstance(path, Path) else value


def _readable(value: object, info: ValidationInfo, what: str) -> object:
    path = path_in(value, info)
    if isinstance(path, Path):
        try:
            path.open("rb").close()
        except OSError as error:
            msg = f"cannot be read: {path}: {error.strerror}; name {what}, or none"
            raise ValueError(msg) from error
    return path


def state_folder() -> Path:
    """Return the user's folder for what outlives a restart (XDG: a relative one counts as none)."""
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    if given.is_absolute():
        return given / "netfold"
    try:
        return Path.home() / ".local" / "state" / "netfold"
    except RuntimeError:  # a user without a home, as in some containers
        return Path("/var/lib/netfold")


class Node(Item):
    """This agent: whose it is, and where it stands."""

    name: Name = Field(examples=["sz-edu-01"])
    department: Text | None = None
    region: Region | None = None
    level: Level | None = None


class AgentConfig(Item):
    """One agent's configuration: all that its files say, read once."""

    node: Node = Field(examples=["{name: sz-edu-01}"])
    listen: Annotated[InstanceOf[Listen], BeforeValidator(_listen)] = Listen("127.0.0.1", 9945)
    data_dir: FilePath = Field(default_factory=state_folder)
    short_retention: Literal["accepted"] | None = None
    retention_s: Duration = Field(400 * _DAY_S, alias="retention", gt=0)
    policy: Annotated[InstanceOf[Policy], BeforeValidator(_policy)] = Field(
        default_factory=load_policy
    )
    sla: Annotated[InstanceOf[Sla], BeforeValidator(_sla)] = Field(default_factory=load_sla)
    probe_packets_per_second: int = Field(int(PACKETS_PER_S), ge=1, le=1_000_000)
    prometheus: PrometheusAccess = Field(default_factory=PrometheusAccess)
    bundles: Bundles = Bundles()
    include: tuple[str, ...] = ()
    credentials: tuple[NamedCredential, ...] = ()
    networks: tuple[Network, ...] = ()
    devices: tuple[Device, ...] = ()
    links: tuple[Link, ...] = ()
    servers: tuple[Server, ...] = ()
    systems: tuple[System, ...] = ()
    machine_rooms: tuple[MachineRoom, ...] = ()
    probes: tuple[InstanceOf[Target], ...] = ()
    pairs: tuple[Pair, ...] = ()
    prices: tuple[Price, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    regions: tuple[Region, ...] = ()

    @field_validator("retention_s")
    @classmethod
    def _keep_six_months(cls, value: float, info: ValidationInfo) -> float:
        if value < _SIX_MONTHS_S and info.data.get("short_retention", "accepted") is None:
            msg = f"shorter than 180d: {value / _DAY_S:g}d, but network logs are to be kept six "
            msg += "months; write 180d or more, or short_retention: accepted beside it"
            raise ValueError(msg)
        return value

    @field_validator("data_dir")
    @classmethod
    def _is_a_folder(cls, value: Path) -> Path:
        try:
            is_folder = stat.S_ISDIR(value.stat().st_mode)
        except FileNotFoundError:
            return value  # the agent makes it
        except OSError as error:
            msg = f"cannot be used: {value}: {error.strerror}; name a folder that netfold may use"
            raise ValueError(msg) from error
        if not is_folder:
            msg = f"not a folder: {value}; name a folder, which need not exist yet"
            raise ValueError(msg)
        return value

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups that links name, in the order of their first links."""
        members: dict[str, list[Link]] = {}
        for link in self.links:
            if link.group:
                members.setdefault(link.group, []).append(link)
        return tuple(Group(name, links[0].network, tuple(links)) for name, links in members.items())

    @property
    def exemptions(self) -> Iterator[tuple[str, str, Exemption]]:
        """All that are written, over or not, each with the kind and the name of what it is for."""
        sections: dict[str, Sequence[Network | Link | Server | System | MachineRoom]] = {
            "network": self.networks,
            "link": self.links,
            "server": self.servers,
            "system": self.systems,
            "machine_room": self.machine_rooms,
        }
        for kind, items in sections.items():
            for item in items:
                if item.exempt is not None:
                    yield kind, item.name, item.exempt

    def credential(self, name: str) -> Credential:
        """Return what devices that name this credential are shown; KeyError if there is none."""
        return {it.name: it.credential for it in self.credentials}[name]

    def expired_waivers(self, today: date) -> list[Device]:
        """Return the devices polled in the clear whose leave to be so is over."""
        weak = {it.name for it in self.credentials if not it.is_private}
        return [
            device
            for device in self.devices
            if device.credential in weak and device.waiver and device.waiver.is_expired(today)
        ]
