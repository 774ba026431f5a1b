"""Which lines of a configuration may move, and with which others: what the plan is made of.

A unit is a line by itself or a group, and is cut over at once. Units of networks that move with
each other (`moves_with`, whoever says it) are one party; any other unit is a party of its own.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from agent.judge.steps import LEFT
from agent.migration import links_by_network
from agent.verdict import is_exempt
from config.agent import AgentConfig
from config.inventory import Link, Network

DONE = (*LEFT, "interconnected")
"""Declared so, nothing of a network is left to move, and what depends on it need not wait."""


class PlanError(Exception):
    """No plan can be made: what is wrong, what was seen and what would be right, in a line."""


class Unit(NamedTuple):
    """What is cut over at once, and where to."""

    network: str
    destination: str
    links: tuple[Link, ...]


class LeftOut(NamedTuple):
    """Lines of a network that the plan leaves where they are.

    `why` is a word of `agent/plan_words.py`; `what` is what it was seen by.
    """

    network: str
    lines: tuple[str, ...]
    why: str
    what: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """Units that move in one wave or not at all; it is named by its first line."""

    units: tuple[Unit, ...]

    @property
    def name(self) -> str:
        """The first line's."""
        return self.units[0].links[0].name

    @property
    def links(self) -> tuple[Link, ...]:
        """All lines of all units."""
        return tuple(link for unit in self.units for link in unit.links)

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that they are of, each once."""
        return tuple(dict.fromkeys(unit.network for unit in self.units))

    def notice_by(self, today: date) -> date | None:
        """The earliest day to come on which notice must be given, or a contract ends without one.

        What has passed is no reason to hurry: that contract runs on already.
        """
        days = (it.notice_by or it.contract_end for it in self.links)
        return min((it for it in days if it is not None and it >= today), default=None)


def uplinks_of(config: AgentConfig) -> dict[str, list[tuple[Link, ...]]]:
    """The uplinks of each destination, in the order of its networks; of a group all its lines.

    Raises:
        PlanError: one of them has no bandwidth.
    """
    links = {it.name: it for it in config.links}
    groups = {it.name: it.links for it in config.groups}
    found: dict[str, list[tuple[Link, ...]]] = {}
    for network in config.networks:
        if network.kind in {"intranet", "extranet"}:
            its = found.setdefault(network.kind, [])
            for name in network.uplinks:
                unit = groups.get(links[name].group or "", (links[name],))
                _check_bandwidth(network, unit)
                if unit not in its:
                    its.append(unit)
    return {it: units for it, units in found.items() if units}


def _check_bandwidth(network: Network, uplink: Sequence[Link]) -> None:
    for link in uplink:
        if link.role == "primary" and link.bandwidth_bps is None:
            msg = f"uplink {link.name} of network {network.name} has no bandwidth, so that nothing "
            raise PlanError(msg + "is known of its room; write bandwidth: under that link, as 1G")


def parties(
    config: AgentConfig, uplinks: Mapping[str, Sequence[Sequence[Link]]], today: date
) -> tuple[list[Party], list[LeftOut]]:
    """All that may move, and all lines of dedicated networks that may not, in their order.

    `config` has its networks in the declared phases; `uplinks` are those of each destination.
    """
    lines = links_by_network(config.links)
    taken = {link.name for its in uplinks.values() for unit in its for link in unit}
    networks = {it.name: it for it in config.networks}
    why = {it.name: _why_not(it, uplinks, today) for it in config.networks}
    found: list[Party] = []
    left: list[LeftOut] = []
    for names in _together(config.networks):
        apart = {it: _units(networks[it], lines.get(it, []), taken, today) for it in names}
        stays = [it for it in names if _stays(networks[it], why[it], apart[it], lines.get(it))]
        units: list[Unit] = []
        for name in names:
            moving, kept = apart[name]
            reason = why[name] or (_partner(name, stays) if moving else None)
            if reason is None:
                units += moving
                left += kept
            elif networks[name].kind == "dedicated":
                its = tuple(it.name for it in lines.get(name, []))
                left.append(LeftOut(name, its, *reason))
        found += [Party(tuple(units))] if len(names) > 1 and units else []
        found += [Party((it,)) for it in units] if len(names) == 1 else []
    return found, left


def _why_not(
    network: Network, uplinks: Mapping[str, object], today: date
) -> tuple[str, str] | None:
    """Why nothing of a network moves; None if it does."""
    checks: tuple[tuple[bool, str, str], ...] = (
        (network.kind != "dedicated", "not_dedicated", network.kind),
        (network.phase in DONE, "done", network.phase or ""),
        (is_exempt(today, network.exempt) or network.phase == "exempt", "exempt", ""),
        (network.classified, "classified", ""),
        (network.outcome == "interconnect", "interconnect", ""),
        (network.destination is None, "no_destination", ""),
        (network.destination not in uplinks, "no_uplinks", network.destination or ""),
    )
    return next(((why, what) for holds, why, what in checks if holds), None)


def _stays(
    network: Network,
    why: tuple[str, str] | None,
    apart: tuple[list[Unit], list[LeftOut]],
    lines: Sequence[Link] | None,
) -> bool:
    """Whether a network remains where it is: by itself, or since each of its lines does."""
    if why is not None:
        return why != ("done", network.phase)
    return bool(lines) and not apart[0]


def _partner(name: str, stays: Sequence[str]) -> tuple[str, str] | None:
    others = [it for it in stays if it != name]
    return ("partner_stays", ", ".join(others)) if others else None


def _units(
    network: Network, links: Sequence[Link], taken: Container[str], today: date
) -> tuple[list[Unit], list[LeftOut]]:
    """A network's units that move; one with an exempt line or an uplink stays as a whole."""
    if not links:
        return [], [LeftOut(network.name, (), "no_lines")]
    moving: list[Unit] = []
    kept: list[LeftOut] = []
    for unit in _grouped(links):
        names = tuple(it.name for it in unit)
        exempt = [it.name for it in unit if is_exempt(today, it.exempt)]
        uplinks = [it for it in names if it in taken]
        if exempt or uplinks:
            why = "exempt_line" if exempt else "is_uplink"
            kept.append(LeftOut(network.name, names, why, ", ".join(exempt or uplinks)))
        else:
            moving.append(Unit(network.name, network.destination or "", unit))
    return moving, kept


def _grouped(links: Sequence[Link]) -> Iterator[tuple[Link, ...]]:
    """Lines by group, in the order of their first lines."""
    units: dict[tuple[str, bool], list[Link]] = {}
    for link in links:
        units.setdefault((link.group or link.name, link.group is None), []).append(link)
    yield from map(tuple, units.values())


def _together(networks: Sequence[Network]) -> list[list[str]]:
    """Networks that move with each other, directly or not, in the configuration's order."""
    of = {it.name: {it.name} for it in networks}
    for network in networks:
        for other in network.moves_with:
            one = of[network.name] | of[other]
            of.update(dict.fromkeys(one, one))
    order = [it.name for it in networks]
    return [list(it) for it in dict.fromkeys(tuple(n for n in order if n in of[m]) for m in order)]
