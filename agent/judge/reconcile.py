"""Where the register and reality disagree. Pure: what was seen is handed in.

What was not looked at, or is not declared, disagrees with nothing: absent is absent.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from agent.judge.calendar import SHANGHAI
from agent.judge.silence import Silence
from agent.judge.status import Status
from agent.judge.uplinks import shared_uplinks
from config.inventory import Link, Network, System

_LEAST_SEEN = 0.95
"""Of a silence, or it is no silence that accuses anybody; the same share as of systems."""

_ROUNDED = 1.05
"""A contract a little above the port's speed is the same speed, rounded otherwise."""


class Kind(StrEnum):
    """The ways to disagree."""

    PAID_AND_DOWN = "paid_and_down"
    PAID_AND_SILENT = "paid_and_silent"
    CONTRACT_ABOVE_PORT = "contract_above_port"
    DECLARED_USE_UNSEEN = "declared_use_unseen"
    UPLINKS_SHARE_DEVICE = "uplinks_share_device"
    UPLINKS_SHARE_CARRIER = "uplinks_share_carrier"
    UNDECLARED_INTERFACE = "undeclared_interface"


class Disagreement(NamedTuple):
    """One of them: whose, and in words what is declared and what was seen."""

    kind: Kind
    subject: str
    words: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked at, by name; a name that is missing was not."""

    up: Mapping[str, bool] = field(default_factory=dict)
    port_bps: Mapping[str, float] = field(default_factory=dict)
    silences: Mapping[str, Silence] = field(default_factory=dict)
    systems: Mapping[str, Status] = field(default_factory=dict)
    undeclared: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By device, the interfaces that carry something and belong to no link."""


def reconcile(
    networks: Iterable[Network], links: Sequence[Link], systems: Iterable[System], seen: Seen
) -> Iterator[Disagreement]:
    """Find every disagreement: of networks, links, systems, devices, in the order declared."""
    by_name = {link.name: link for link in links}
    for network in networks:
        yield from _of_uplinks(network, by_name)
    for link in links:
        yield from _of_link(link, seen)
    for system in systems:
        if is_use_unseen(system, seen.systems.get(system.name)):
            said = " ".join(it for it in (system.used_by, system.use_frequency) if it)
            words = f"declared: {said}; no client was seen in the window"
            yield Disagreement(Kind.DECLARED_USE_UNSEEN, system.name, words)
    for device, interfaces in seen.undeclared.items():
        for interface in interfaces:
            words = f"interface {interface} carries traffic, and no link declares it"
            yield Disagreement(Kind.UNDECLARED_INTERFACE, device, words)


def _of_uplinks(network: Network, links: Mapping[str, Link]) -> Iterator[Disagreement]:
    for what, shared in shared_uplinks(network, links).items():
        if shared:
            words = f"all uplinks ({', '.join(network.uplinks)}) have one {what}: {shared}"
            yield Disagreement(Kind(f"uplinks_share_{what}"), network.name, words)


def is_use_unseen(system: System, status: Status | None) -> bool:
    """Whether a system is declared to be used, and nobody was seen to use it."""
    declared = system.used_by is not None or system.use_frequency is not None
    return declared and status is Status.SUSPECTED_UNUSED


def _of_link(link: Link, seen: Seen) -> Iterator[Disagreement]:
    silence = seen.silences.get(link.name)
    since = f"nothing was seen to cross it since {_words(silence)}" if silence else ""
    if link.annual_cost_yuan:
        cost = f"{link.annual_cost_yuan:,.0f} yuan a year"
        if seen.up.get(link.name) is False:
            words = "; ".join(it for it in (f"{cost}, and its port is down", since) if it)
            yield Disagreement(Kind.PAID_AND_DOWN, link.name, words)
        elif silence and silence.seen_ratio >= _LEAST_SEEN and link.role != "backup":
            yield Disagreement(Kind.PAID_AND_SILENT, link.name, f"{cost}, and {since}")
    port_bps = seen.port_bps.get(link.name)
    if link.bandwidth_bps and port_bps and link.bandwidth_bps > _ROUNDED * port_bps:
        words = f"a contract of {link.bandwidth_bps / 1e6:g} Mbit/s on a port of "
        words += f"{port_bps / 1e6:g} Mbit/s"
        yield Disagreement(Kind.CONTRACT_ABOVE_PORT, link.name, words)


def _words(silence: Silence) -> str:
    day = datetime.fromtimestamp(silence.since_s, SHANGHAI).date()
    longer = " or longer" if silence.whole else ""
    return f"{day}{longer} ({silence.seen_ratio:.1%} of that time was seen)"
