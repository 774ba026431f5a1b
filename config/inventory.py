"""What an operator declares: networks, devices, links, servers, systems, and their exceptions."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from collectors.fields import Address, Bandwidth, Duration, Name, OwnAddress, Ref
from config.fields import (
    AddressRange,
    BusyPeriod,
    CreditCode,
    Day,
    Item,
    Port,
    Region,
    Text,
    Truth,
    Yuan,
)
from config.register import Count, Filing, Level, Phase, Plan, Protection

NetworkKind = Literal["dedicated", "intranet", "extranet", "internet", "local"]
LEAVING: tuple[Phase, ...] = ("connected", "dual_running", "cut_over", "observing")
"""Phases in which a network's traffic is moving away: low use is then the plan, not a finding."""

InterfaceKey = Literal["name", "alias", "description", "index"]

NetworkName = Annotated[str, Ref("networks")]
DeviceName = Annotated[str, Ref("devices")]
LinkName = Annotated[str, Ref("links")]
ProbeName = Annotated[str, Ref("probes")]
CredentialName = Annotated[str, Ref("credentials")]


class Exemption(Item):
    """Why something is not judged, who approved of it, and the last day that it counts."""

    reason: Text = Field(examples=["灾备线路"])
    approver: Text = Field(examples=["网络中心"])
    until: Day = Field(examples=["2027-06-30"])

    def is_expired(self, today: date) -> bool:
        """Whether its last day is over; `today` is the caller's, in Asia/Shanghai."""
        return self.until < today


class Waiver(Exemption):
    """Leave to poll a device by SNMP that is not authPriv."""


class Judged(Item):
    """What a verdict is given on."""

    exempt: Exemption | None = None
    busy_periods: tuple[BusyPeriod, ...] = ()


class Successor(Item):
    """What must work before a network is cut over."""

    probes: tuple[ProbeName, ...] = ()


class Network(Judged):
    """A logical network; what only dedicated ones have is None for the others.

    `basic_database`: a 基础信息库 lives in it, so that it cannot be retired before that has moved.
    `moves_with` are networks that depend on it or it on them: who says it of whom is no matter.
    """

    name: Name = Field(examples=["edu"])
    title: Text | None = None
    kind: NetworkKind = Field(examples=["dedicated"])
    classified: Truth = False
    owner: Text | None = None
    department_code: CreditCode | None = None
    region: Region | None = None
    level: Level | None = None
    basic_database: Truth = False
    destination: Literal["intranet", "extranet"] | None = None
    outcome: Literal["migrate", "interconnect"] | None = None
    annual_cost_yuan: Yuan | None = None
    phase: Phase | None = None
    plan: Plan = Plan()
    filing: Filing | None = None
    protection: Protection | None = None
    successor: Successor = Successor()
    uplinks: tuple[LinkName, ...] = ()
    moves_with: tuple[NetworkName, ...] = ()

    @field_validator("protection")
    @classmethod
    def _classified_is_protected_as_such(
        cls, value: Protection | None, info: ValidationInfo
    ) -> Protection | None:
        if value is not None and value.scheme == "graded" and info.data.get("classified"):
            msg = "a classified network has no graded protection (等级保护); "
            msg += "write scheme: classified (分级保护)"
            raise ValueError(msg)
        return value

    @field_validator("destination")
    @classmethod
    def _classified_goes_to_the_intranet(
        cls, value: str | None, info: ValidationInfo
    ) -> str | None:
        if value == "extranet" and info.data.get("classified"):
            msg = "a classified network may go to the intranet only: 'extranet'; write intranet"
            raise ValueError(msg)
        return value


class Device(Item):
    """An SNMP agent; the port is 161 unless the address gives one."""

    name: Name = Field(examples=["r1"])
    address: Address = Field(examples=["198.51.100.1"])
    credential: CredentialName = Field(examples=["v3"])
    interval_s: Duration = Field(60.0, alias="interval", ge=1, le=120)
    timeout_s: Duration = Field(10.0, alias="timeout", gt=0, validate_default=True)
    source: OwnAddress | None = Field(None, examples=["198.51.100.7"])
    waiver: Waiver | None = None

    @field_validator("timeout_s")
    @classmethod
    def _within_the_interval(cls, value: float, info: ValidationInfo) -> float:
        interval_s = info.data.get("interval_s", value)
        if value > interval_s:
            msg = f"longer than the interval: {value:g}s of {interval_s:g}s; write at most that"
            raise ValueError(msg)
        return value


class Interface(Item):
    """Where a link's octets are counted: at a device's interface, or at a NIC of this host."""

    device: DeviceName | None = None
    name: Text | None = None
    alias: Text | None = None
    description: Text | None = None
    index: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None  # InterfaceIndex, RFC 2863
    local: Text | None = None

    @model_validator(mode="after")
    def _says_one_place(self) -> Self:
        right = "write {device: r1, name: …} (or alias, description, index), or {local: eth1}"
        if self.local is None and self.device is None:
            msg = f"neither device nor local; {right}"
            raise ValueError(msg)
        if self.local is not None and (self.device is not None or self._how()):
            msg = f"local stands alone; {right}"
            raise ValueError(msg)
        if self.device is not None and len(self._how()) != 1:
            given = " and ".join(key for key, _ in self._how()) or "none"
            msg = f"one of name, alias, description and index is needed, seen: {given}; {right}"
            raise ValueError(msg)
        return self

    @property
    def bound_by(self) -> tuple[InterfaceKey, str] | None:
        """How a device's interface is recognised; None for a NIC of this host."""
        return self._how()[0] if self.device else None

    def _how(self) -> list[tuple[InterfaceKey, str]]:
        index = None if self.index is None else str(self.index)
        keys: tuple[tuple[InterfaceKey, str | None], ...] = (
            ("name", self.name),
            ("alias", self.alias),
            ("description", self.description),
            ("index", index),
        )
        return [(key, value) for key, value in keys if value is not None]


class Link(Judged):
    """One line of a network; the bandwidth is the contract's, not the port's.

    `notice_by` is the last day on which the contract can be ended for `contract_end`.
    """

    name: Name = Field(examples=["edu-core-a"])
    network: NetworkName = Field(examples=["edu"])
    interface: Interface = Field(examples=["{device: r1, name: GigabitEthernet0/0/1}"])
    bandwidth_bps: Bandwidth | None = Field(None, alias="bandwidth")
    role: Literal["primary", "backup"] = "primary"
    group: Name | None = Field(None, validate_default=True)
    number: Text | None = None
    carrier: Text | None = None
    line_type: Text | None = None
    annual_cost_yuan: Yuan | None = None
    contract_end: Day | None = None
    notice_by: Day | None = None

    @field_validator("notice_by")
    @classmethod
    def _notice_comes_before_the_end(cls, value: date | None, info: ValidationInfo) -> date | None:
        end = info.data.get("contract_end", value)  # a bad one is told by itself
        if value is None:
            return None
        if end is None:
            msg = f"without a contract_end: {value}; write the day that the contract ends as well"
            raise ValueError(msg)
        if value > end:
            msg = f"later than contract_end: {value} after {end}; write a day up to that one"
            raise ValueError(msg)
        return value

    @field_validator("group")
    @classmethod
    def _backup_needs_a_group(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("role") == "backup":
            msg = "missing for a backup; name the group that its primary is in"
            raise ValueError(msg)
        return value


@dataclass(frozen=True, slots=True)
class Group:
    """Links judged as one: it exists because they name it."""

    name: str
    network: str
    links: tuple[Link, ...]

    @property
    def primaries(self) -> tuple[Link, ...]:
        """The links whose capacity is the group's."""
        return tuple(link for link in self.links if link.role == "primary")


class Price(Item):
    """What a line of some bandwidth costs a year; without a type or carrier it is of any."""

    bandwidth_bps: Bandwidth = Field(alias="bandwidth", examples=["10M"])
    annual_cost_yuan: Yuan = Field(examples=["24000"])
    line_type: Text | None = None
    carrier: Text | None = None

    def is_of(self, link: Link, bandwidth_bps: float) -> bool:
        """Whether a link would have this price at that bandwidth."""
        types = self.line_type in {None, link.line_type}
        carriers = self.carrier in {None, link.carrier}
        return self.bandwidth_bps == bandwidth_bps and types and carriers


class Server(Judged):
    """A machine whose use is judged: this host, or an SNMP device."""

    name: Name = Field(examples=["db1"])
    local: Truth = False
    device: DeviceName | None = None
    data_centre: Text | None = None
    role: Literal["standby"] | None = None

    @model_validator(mode="after")
    def _is_one_machine(self) -> Self:
        if self.local == (self.device is not None):
            given = "both" if self.local else "neither"
            msg = (
                f"one of local and device is needed, seen: {given}; write local: true or device: r1"
            )
            raise ValueError(msg)
        return self


class System(Judged):
    """An information system on this host, known by the ports it listens on.

    What it is for, who uses it and how often, and who approved and pays for it is as the census of
    unused systems declares it; `count` is of those that one row stands for.
    """

    name: Name = Field(examples=["leave"])
    title: Text | None = None
    owner: Text | None = None
    department_code: CreditCode | None = None
    function: Text | None = None
    count: Count | None = None
    used_by: Text | None = None
    use_frequency: Text | None = None
    approved_by: Text | None = None
    approved_on: Day | None = None
    funding_source: Text | None = None
    last_backup: Day | None = None
    last_drill: Day | None = None
    protection: Protection | None = None
    ports: tuple[Port, ...] = ()
    udp_ports: tuple[Port, ...] = ()
    management: tuple[AddressRange, ...] = ()
    role: Literal["standby"] | None = None


class MachineRoom(Item):
    """A department's machine room, and the data centre that what stands in it is to move to."""

    name: Name = Field(examples=["edu-room"])
    title: Text | None = None
    owner: Text | None = None
    department_code: CreditCode | None = None
    region: Region | None = None
    racks: Count | None = None
    annual_cost_yuan: Yuan | None = None
    data_centre: Text | None = None
    phase: Phase | None = None
    plan: Plan = Plan()
    exempt: Exemption | None = None
