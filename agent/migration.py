"""Where every dedicated network stands in its migration: its evidence, and what that proves.

A classified network is never measured: of it, and wherever there is no history, only what is
declared is known.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from agent.daily import days
from agent.declared import Declaration, Timelines
from agent.history_reader import HistoryReader
from agent.judge.days import Day
from agent.judge.paired import Parity
from agent.judge.phases import PhaseEvidence, Standing, stand
from agent.judge.status import Status
from agent.judge.steps import LEFT
from agent.parity import parities, unknown
from agent.systems import SystemVerdict
from agent.verdict import Verdict, is_exempt
from config.agent import AgentConfig
from config.inventory import Link, Network
from config.register import Phase

DOUBLE: tuple[Phase, ...] = ("connected", "dual_running", "reverted")
"""Declared so, the old lines and what follows them are both there and both cost."""

PORTS_KNOWN_S = 86_400.0
"""What was last heard of a port is known for so long."""

_YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Migration:
    """Where a network stands, by what, and what its old lines have cost while both ran.

    `double_cost_yuan` is None where it never ran double, as declared, or nobody declared a cost.
    """

    network: str
    evidence: PhaseEvidence
    standing: Standing
    declared_on: date | None
    double_cost_yuan: float | None


def migrations(
    config: AgentConfig,
    timelines: Timelines,
    reader: HistoryReader,
    end_tick: int,
    verdicts: Iterable[Verdict | SystemVerdict],
    *,
    today: date,
) -> Iterator[Migration]:
    """Each network that moves, by what was seen before tick `end_tick`.

    `config` has its networks in the declared phases; `today` is in Asia/Shanghai.
    """
    lines = {(it.kind, it.subject): it for it in verdicts if isinstance(it, Verdict)}
    up = reader.ports(end_tick * reader.tick_s - PORTS_KNOWN_S)
    of_days = days(config, reader, end_tick, today, movers(config))
    left = {name: on for name, it in timelines.items() if (on := cut_over_on(it)) is not None}
    compared = parities(config, reader, end_tick, left)
    yield from _all(config, timelines, _Seen(of_days, up, lines, compared), today)


def declared_only(config: AgentConfig, timelines: Timelines, today: date) -> Iterator[Migration]:
    """The same without a history: nothing that is measured is known."""
    yield from _all(config, timelines, _Seen({}, {}, {}, unknown(config)), today)


def movers(config: AgentConfig) -> list[Network]:
    """The networks that have a phase: dedicated ones, and those that are declared to be in one."""
    return [it for it in config.networks if it.kind == "dedicated" or it.phase is not None]


def double_running_days(timeline: Sequence[Declaration], today: date) -> int:
    """Days on which old and new were both declared to run; the first one and today count.

    A declaration on a day after the next one's, or after today, by a clock that was set, has none.
    """
    ends = [*(it.on for it in timeline[1:]), today + timedelta(days=1)]
    return sum(
        max(0, (end - it.on).days)
        for it, end in zip(timeline, ends, strict=False)
        if it.phase in DOUBLE
    )


def cut_over_on(timeline: Iterable[Declaration]) -> date | None:
    """Since when the declarations say that nothing crosses the old lines any more."""
    began = None
    for it in timeline:
        if it.phase in LEFT:
            began = began or it.on
        elif it.phase != "reverted":  # which admits that something does, after that day
            began = None
    return began


def links_by_network(links: Iterable[Link]) -> dict[str, list[Link]]:
    """The links of each network that has any."""
    found: dict[str, list[Link]] = {}
    for link in links:
        found.setdefault(link.network, []).append(link)
    return found


def annual_cost_yuan(network: Network, links: Sequence[Link]) -> float | None:
    """The network's, or its lines' together where each one's is declared."""
    if network.annual_cost_yuan is not None:
        return network.annual_cost_yuan
    costs = [it.annual_cost_yuan for it in links if it.annual_cost_yuan is not None]
    return sum(costs) if costs and len(costs) == len(links) else None


@dataclass(frozen=True, slots=True)
class _Seen:
    days: Mapping[str, tuple[Day, ...]]
    up: Mapping[str, bool]
    verdicts: Mapping[tuple[str, str], Verdict]
    parities: Mapping[str, tuple[Parity, ...]]

    def ports_up(self, links: Sequence[Link]) -> tuple[str, ...] | None:
        """The lines whose port is up; None if none is known to be, and not all to be down."""
        found = tuple(it.name for it in links if self.up.get(it.name))
        all_known = links and all(it.name in self.up for it in links)
        return found if found or all_known else None

    def units(self, network: str) -> list[Verdict] | None:
        """The verdicts of what a network is made of; None if there are none."""
        whole = self.verdicts.get(("network", network))
        members = whole.members if whole else ()
        kinds = ("link", "group")
        return [
            self.verdicts[kind, it]
            for it in members
            for kind in kinds
            if (kind, it) in self.verdicts
        ] or None


def _all(
    config: AgentConfig, timelines: Timelines, seen: _Seen, today: date
) -> Iterator[Migration]:
    links = links_by_network(config.links)
    for network in movers(config):
        timeline = timelines.get(network.name, ())
        its = links.get(network.name, [])
        evidence = _evidence(network, its, timeline, seen, today)
        declared_on = timeline[-1].on if timeline and network.phase else None
        standing = stand(evidence, config.policy.phases)
        cost = _double_cost_yuan(network, its, timeline, today)
        yield Migration(network.name, evidence, standing, declared_on, cost)


def _evidence(
    network: Network,
    links: Sequence[Link],
    timeline: Iterable[Declaration],
    seen: _Seen,
    today: date,
) -> PhaseEvidence:
    units = seen.units(network.name)
    undecided = [it for it in units or () if it.judgement.status is Status.UNKNOWN]
    periods = {name for it in undecided for name in it.judgement.unproven}
    ends = [it.contract_end for it in links if it.contract_end is not None]
    return PhaseEvidence(
        today=today,
        declared=network.phase,
        cut_over_on=cut_over_on(timeline),
        exempt=is_exempt(today, network.exempt),
        classified=network.classified,
        basic_database=network.basic_database,
        interconnect=network.outcome == "interconnect",
        destination=network.destination,
        planned=tuple(network.plan.days()),
        missing_facts=tuple(_missing(network, links)),
        undecided=None if units is None else tuple(it.subject for it in undecided),
        unseen_periods=None if units is None else tuple(sorted(periods)),
        days=seen.days.get(network.name, ()),
        parities=seen.parities.get(network.name, ()),
        ports_up=seen.ports_up(links),
        contracts_end=max(ends) if ends and len(ends) == len(links) else None,
    )


def _missing(network: Network, links: Sequence[Link]) -> Iterator[str]:
    if network.owner is None:
        yield "owner"
    if annual_cost_yuan(network, links) is None:
        yield "annual_cost_yuan"
    if not links and not network.classified:
        yield "links"
    for link in links:
        if link.bandwidth_bps is None:
            yield f"bandwidth of {link.name}"
        if link.contract_end is None:
            yield f"contract_end of {link.name}"


def _double_cost_yuan(
    network: Network, links: Sequence[Link], timeline: Sequence[Declaration], today: date
) -> float | None:
    yearly = annual_cost_yuan(network, links)
    ran = double_running_days(timeline, today)
    return None if yearly is None or not ran else yearly / _YEAR_DAYS * ran
