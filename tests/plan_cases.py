"""Made-up configurations for the plan: what truly crossed each line, and what was seen of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from agent.judge.bounds import Floats, Traffic
from agent.judge.rates import Run
from config.agent import AgentConfig, Node
from config.inventory import Exemption, Interface, Link, Network
from config.policy import Policy, load_policy

TODAY = date(2026, 11, 22)
FIRST, TICKS, TICK_S = 5_900_000, 288, 300.0
UNIT_BPS = 100_000.0
"""All rates are whole numbers of it, which 32 bits hold exactly."""


@dataclass(frozen=True, slots=True)
class Case:
    config: AgentConfig
    truth: Mapping[str, Floats]
    """Of each line both directions, bit/s."""
    seen: Mapping[str, Traffic]

    @property
    def tick_s(self) -> float:
        return TICK_S

    def traffic(
        self, links: Sequence[str], first: int, ticks: int
    ) -> Iterator[tuple[str, Traffic]]:
        assert (first, ticks) == (FIRST, TICKS)
        return ((it, self.seen[it]) for it in links)


def policy(ticks: int = TICKS, **plan: Any) -> Policy:
    """The shipped one, its window so many ticks."""
    shipped = load_policy()
    window = {"window_s": ticks * TICK_S, "confirm_after_s": TICK_S}
    return replace(
        shipped,
        links=shipped.links.model_copy(update=window),
        plan=shipped.plan.model_copy(update=plan),
    )


def case(seed: int) -> Case:
    """Some networks, lines and uplinks; most of it fits, some does not, some may not move."""
    chance = np.random.default_rng(seed)
    uplinks = list(_uplinks(chance))
    networks = [_network(chance, number) for number in range(chance.integers(2, 9))]
    lines = [it for one in networks for it in _lines(chance, one.name)]
    ends = [
        Network(
            name=kind,
            kind=kind,
            uplinks=tuple(it.name for it in uplinks if it.network == kind and it.role != "backup"),
        )
        for kind in ("extranet", "intranet")
    ]
    config = AgentConfig(
        node=Node(name="n"),
        networks=(*networks, *ends),
        links=(*uplinks, *lines),
        policy=policy(cutovers=int(chance.integers(1, 6))),
    )
    truth = {it.name: _truth(chance, it) for it in config.links}
    seen = {it.name: _seen(chance, it, truth[it.name]) for it in config.links}
    return Case(config, truth, seen)


def line(name: str, network: str, **facts: Any) -> Link:
    """A line of a network; of 100M unless told."""
    facts = {"bandwidth_bps": 100e6} | facts
    return Link(name=name, network=network, interface=Interface(local=name), **facts)


def _uplinks(chance: np.random.Generator) -> Iterator[Link]:
    for kind, most in (("extranet", 4), ("intranet", 2)):
        for number in range(int(chance.integers(1, most + 1))):
            bandwidth_bps = float(chance.choice([100e6, 200e6, 500e6]))
            name = f"{kind}-{number}"
            group = f"{name}-group" if chance.random() < 0.3 else None
            yield line(name, kind, bandwidth_bps=bandwidth_bps, group=group)
            if group:
                role = str(chance.choice(["primary", "backup"]))
                yield line(f"{name}-b", kind, bandwidth_bps=bandwidth_bps, group=group, role=role)


def _network(chance: np.random.Generator, number: int) -> Network:
    facts: dict[str, Any] = {
        "destination": str(chance.choice(["extranet", "extranet", "intranet"]))
    }
    odd = chance.random()
    if odd < 0.06:
        facts["destination"] = None
    elif odd < 0.12:
        facts["outcome"] = "interconnect"
    elif odd < 0.18:
        facts["exempt"] = _exempt(chance)
    elif odd < 0.26:
        facts["phase"] = str(chance.choice(["cut_over", "retired", "interconnected", "reverted"]))
    if number and chance.random() < 0.2:
        facts["moves_with"] = (f"n{chance.integers(number)}",)
    if chance.random() < 0.3:
        facts["annual_cost_yuan"] = float(chance.integers(10, 99)) * 1000
    return Network(name=f"n{number}", kind="dedicated", **facts)


def _exempt(chance: np.random.Generator) -> Exemption:
    until = TODAY + timedelta(int(chance.integers(-20, 20)))
    return Exemption(reason="r", approver="a", until=until)


def _lines(chance: np.random.Generator, network: str) -> Iterator[Link]:
    for number in range(int(chance.integers(0, 4))):
        facts: dict[str, Any] = {"bandwidth_bps": float(chance.choice([10e6, 20e6, 50e6, 100e6]))}
        if chance.random() < 0.06:
            facts["bandwidth_bps"] = None
        if chance.random() < 0.5:
            end = TODAY + timedelta(int(chance.integers(-60, 300)))
            facts |= {"contract_end": end}
            facts |= {"notice_by": end - timedelta(40)} if chance.random() < 0.6 else {}
        if chance.random() < 0.7:
            facts["annual_cost_yuan"] = float(chance.integers(1, 30)) * 1000
        if chance.random() < 0.06:
            facts["exempt"] = _exempt(chance)
        name = f"{network}-{number}"
        group = f"{name}-group" if chance.random() < 0.25 else None
        yield line(name, network, group=group, **facts)
        if group:
            role = str(chance.choice(["primary", "backup"]))
            yield line(f"{name}-b", network, group=group, role=role)


def _truth(chance: np.random.Generator, link: Link) -> Floats:
    """A level, some noise and a busy time; never more than the line can carry."""
    capacity = link.bandwidth_bps or 10e6
    busy = np.zeros(TICKS)
    begin = int(chance.integers(TICKS))
    busy[begin : begin + int(chance.integers(0, 90))] = float(chance.random())
    shape = chance.choice([0.0, 0.1, 0.3]) + busy + 0.1 * chance.random((2, TICKS))
    units = np.floor(np.minimum(shape, 1.0) * capacity * np.array([[1.0], [0.5]]) / UNIT_BPS)
    return np.asarray(units * UNIT_BPS)


def _seen(chance: np.random.Generator, link: Link, truth: Floats) -> Traffic:
    receive, transmit = truth.copy()
    runs: list[Run] = []
    for _ in range(int(chance.integers(0, 3))):
        begin = int(chance.integers(TICKS - 1))
        stop = min(TICKS, begin + int(chance.choice([1, 2, 10, 60])))
        hidden = np.isnan(receive[begin:stop])
        if chance.random() < 0.6 and not hidden.any():
            amounts = tuple(float(it) for it in truth[:, begin:stop].sum(axis=1) * TICK_S)
            runs.append(Run(FIRST + begin, FIRST + stop - 1, amounts))
        receive[begin:stop] = transmit[begin:stop] = np.nan
    capacity = np.full(TICKS, np.nan if link.bandwidth_bps is None else link.bandwidth_bps)
    return Traffic(FIRST, receive, transmit, capacity, tuple(runs))
