"""The plan of a configuration: its parties and uplinks as any source of windows saw them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from agent.judge.bounds import Traffic
from agent.judge.flows import Flow, flow_of, together
from agent.judge.headroom import Uplink, uplink
from agent.judge.waves import Hold, Move, Terms, Waves, holds, waves
from agent.migration import links_by_network
from agent.parties import LeftOut, Party, PlanError, parties, uplinks_of
from agent.sources.windows import Windows
from config.agent import AgentConfig
from config.inventory import Link


@dataclass(frozen=True, slots=True)
class Window:
    """The ticks that all was seen in, those of the verdicts."""

    first: int
    ticks: int
    tick_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """The uplinks as they are: each destination's, the lines of each, and how the rules stand."""

    of: Mapping[str, Sequence[Uplink]]
    lines: Mapping[str, Sequence[str]]
    holds: Mapping[str, Sequence[Hold]]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What moves when, and what it rests on.

    `parties` are by the name of their move; `seen` is the share of the window in which all lines of
    a party, or of an uplink, were seen.
    """

    window: Window
    policy: str
    terms: Terms
    waves: Waves
    parties: Mapping[str, Party]
    left_out: tuple[LeftOut, ...]
    uplinks: Ends
    seen: Mapping[str, float]


def planned(
    config: AgentConfig, windows: Windows, end_tick: int, today: date, cutovers: int | None = None
) -> Plan:
    """Plan by the window that ends before `end_tick`, as verdicts do; `today` is in Asia/Shanghai.

    `config` has its networks in the declared phases. `cutovers` is of a wave, instead of the
    policy's.

    Raises:
        PlanError: the uplinks are not declared, or one's bandwidth is not.
    """
    of = uplinks_of(config)
    found, left = parties(config, of, today)
    _check(of, found, left)
    policy = config.policy
    ticks = int(policy.links.window_s // windows.tick_s)
    window = Window(end_tick - ticks, ticks, windows.tick_s)
    rules, sizes = policy.plan.uplinks, policy.right_sizing.bandwidths
    terms = Terms(rules, cutovers or policy.plan.cutovers, sizes)
    units = list(dict.fromkeys(it for its in of.values() for it in its))
    in_order = [*units, *(unit.links for party in found for unit in party.units)]
    flows = _flows(in_order, windows, window)
    seen: dict[str, float] = {}
    ends = _ends(of, dict(zip(units, flows, strict=False)), window, terms, seen)
    moves, unbounded = _moves(config, found, flows, today, seen)
    return Plan(
        window=window,
        policy=policy.hash,
        terms=terms,
        waves=waves(moves, ends.of, terms),
        parties={it.name: it for it in found},
        left_out=(*left, *unbounded),
        uplinks=ends,
        seen=seen,
    )


def _check(of: Mapping[str, object], found: Sequence[Party], left: Sequence[LeftOut]) -> None:
    """Where some destination has uplinks, lines for the other one are left out with that reason."""
    if not (found or left):
        msg = "no dedicated network is declared, so that there is nothing to plan; "
        raise PlanError(msg + "write networks: of kind: dedicated, with a destination")
    lacking = next((it for it in left if it.why == "no_uplinks"), None)
    if not of and lacking:
        kind = lacking.what
        msg = f"no uplinks are declared, and network {lacking.network} is to move to the {kind}; "
        raise PlanError(msg + f"write uplinks: [LINK, …] under a network of kind: {kind}")


def _flows(units: Sequence[Sequence[Link]], windows: Windows, window: Window) -> Iterator[Flow]:
    """What each unit carried, in order; what was read together is added up and let go."""
    names = [link.name for unit in units for link in unit]
    read = windows.traffic(names, window.first, window.ticks)
    for unit in units:
        its = islice(read, len(unit))
        yield together([_flow(link, it) for link, (_, it) in zip(unit, its, strict=True)])


def _flow(link: Link, traffic: Traffic) -> Flow:
    return flow_of(traffic, link.bandwidth_bps)


def _ends(
    of: Mapping[str, Sequence[tuple[Link, ...]]],
    flows: Mapping[tuple[Link, ...], Flow],
    window: Window,
    terms: Terms,
    seen: dict[str, float],
) -> Ends:
    own = {unit: _uplink(unit, flow, window.tick_s) for unit, flow in flows.items()}
    seen.update({own[unit].name: flow.seen_ratio for unit, flow in flows.items()})
    return Ends(
        of={it: [own[unit] for unit in its] for it, its in of.items()},
        lines={it.name: [link.name for link in unit] for unit, it in own.items()},
        holds={it.name: holds(it, terms.rules) for it in own.values()},
    )


def _uplink(unit: Sequence[Link], flow: Flow, tick_s: float) -> Uplink:
    """Named by its first primary; of a group the primaries' capacity counts, as in its verdict."""
    primaries = [it for it in unit if it.role == "primary"]
    sizes = [it.bandwidth_bps or 0.0 for it in primaries]
    alike = len(sizes) if len(set(sizes)) == 1 else None
    return uplink(primaries[0].name, sum(sizes), flow, tick_s, alike)


def _moves(
    config: AgentConfig,
    found: Iterable[Party],
    flows: Iterator[Flow],
    today: date,
    seen: dict[str, float],
) -> tuple[list[Move], list[LeftOut]]:
    """The parties as moves, and those of which nobody knows how much they can have carried."""
    moves: list[Move] = []
    left: list[LeftOut] = []
    costs = _Costs(config)
    for party in found:
        by_destination: dict[str, list[Flow]] = {}
        unbounded: list[str] = []
        for unit, flow in zip(party.units, flows, strict=False):
            by_destination.setdefault(unit.destination, []).append(flow)
            unbounded += [] if flow.is_bounded else [unit.links[0].name]
        if unbounded:
            left += _left_out(party, unbounded)
            continue
        each = {it: together(its) for it, its in by_destination.items()}
        seen[party.name] = together(list(each.values())).seen_ratio
        moves.append(
            Move(
                name=party.name,
                flows=each,
                cutovers=len(party.units),
                notice_by=party.notice_by(today),
                saving_yuan=costs.saved_by(party),
                p95_bps=_p95_bps(each.values()),
            )
        )
    return moves, left


def _left_out(party: Party, unbounded: Sequence[str]) -> Iterator[LeftOut]:
    for unit in party.units:
        names = tuple(it.name for it in unit.links)
        why = "unbounded" if unit.links[0].name in unbounded else "partner_unbounded"
        yield LeftOut(unit.network, names, why, ", ".join(unbounded))


def _p95_bps(flows: Iterable[Flow]) -> float | None:
    return _sum([it.p95_bps() for it in flows])


class _Costs:
    """What a year costs less when a party has moved: nothing is known unless all of it is."""

    def __init__(self, config: AgentConfig) -> None:
        self._networks = {it.name: it for it in config.networks}
        self._lines = links_by_network(config.links)

    def saved_by(self, party: Party) -> float | None:
        """Its lines' cost; a network's own where all its lines move and one has no price."""
        return _sum([self._of(it, party) for it in party.networks])

    def _of(self, network: str, party: Party) -> float | None:
        moving = [it for it in party.links if it.network == network]
        of_lines = _sum([it.annual_cost_yuan for it in moving])
        if of_lines is None and len(moving) == len(self._lines[network]):
            return self._networks[network].annual_cost_yuan
        return of_lines


def _sum(amounts: Sequence[float | None]) -> float | None:
    known = [it for it in amounts if it is not None]
    return sum(known) if len(known) == len(amounts) else None
