"""Every link, group and network of a configuration, judged by the agent's own history."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from agent.judge.bounds import Traffic, summed
from agent.judge.calendar import last_occurrence
from agent.judge.evidence import Evidence, of_traffic
from agent.judge.groups import Member, judge_group, judge_network, primary_capacity
from agent.judge.status import Status
from agent.judge.verdict import Judgement, earliest, judge
from agent.sources.windows import Windows
from config.agent import AgentConfig
from config.inventory import Exemption, Link, Network
from config.policy import LinkPolicy, Measure


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one subject, and what it rests on.

    `status` is what the data prove (`judgement`), or that it is exempt or a standby. A network has
    no evidence of its own: its `members` are its units. A server has some for each measure.
    """

    kind: str  # link, group, network or server
    subject: str
    status: Status
    judgement: Judgement
    evidence: Evidence | Mapping[Measure, Evidence] | None = None
    members: tuple[str, ...] = ()
    earliest_s: float | None = None

    @property
    def main_evidence(self) -> Evidence | None:
        """The evidence to name first: a line's load, a server's CPU."""
        if self.evidence is None or isinstance(self.evidence, Evidence):
            return self.evidence
        return next(iter(self.evidence.values()))


@dataclass(frozen=True, slots=True)
class _Unit:
    """A group or an ungrouped link: what a network is made of."""

    network: str
    group: str | None
    links: tuple[Link, ...]

    def members(self, windows: Mapping[str, Traffic]) -> list[Member]:
        """Its links with their windows, as a group is judged."""
        return [Member(windows[link.name], link.role == "primary") for link in self.links]


def assess(config: AgentConfig, reader: Windows, end_tick: int, today: date) -> Iterator[Verdict]:
    """Judge all by the window that ends before tick `end_tick`; `today` is in Asia/Shanghai."""
    judging = _Judging(config.policy.links, reader, end_tick, today)
    units = list(_units(config))
    networks = {network.name: network for network in config.networks}
    of_network: dict[str, list[Verdict]] = {name: [] for name in networks}
    # In the units' order, so that what was read together is judged together and let go.
    windows = judging.windows([link.name for unit in units for link in unit.links])
    for unit in units:
        its_windows = dict(islice(windows, len(unit.links)))
        verdicts = list(judging.unit(unit, networks[unit.network], its_windows))
        of_network[unit.network].append(verdicts[-1])
        yield from verdicts
    for network in config.networks:
        yield _of_network(network, of_network[network.name], today)


def _units(config: AgentConfig) -> Iterator[_Unit]:
    for link in config.links:
        if link.group is None:
            yield _Unit(link.network, None, (link,))
    for group in config.groups:
        yield _Unit(group.network, group.name, group.links)


@dataclass(frozen=True, slots=True)
class _Judging:
    policy: LinkPolicy
    reader: Windows
    end_tick: int
    today: date

    def windows(self, links: Sequence[str]) -> Iterator[tuple[str, Traffic]]:
        ticks = int(self.policy.window_s // self.reader.tick_s)
        return self.reader.traffic(links, self.end_tick - ticks, ticks)

    def unit(
        self, unit: _Unit, network: Network, windows: Mapping[str, Traffic]
    ) -> Iterator[Verdict]:
        """The verdicts of a unit's links; the last one is the unit's own."""
        seasons = list(self._seasons(unit, network))
        exempt = {it.name: self._is_exempt(it.exempt, network.exempt) for it in unit.links}
        if unit.group is None:
            (link,) = unit.links
            window = windows[link.name]
            judgement = judge(window, self.policy, seasons=[it[link.name] for it in seasons])
            status = Status.EXEMPT if exempt[link.name] else judgement.status
            when_s = self._earliest_s(window, judgement)
            yield Verdict("link", link.name, status, judgement, of_traffic(window), (), when_s)
            return
        members = unit.members(windows)
        judgement = judge_group(
            members, self.policy, seasons=[_sum(unit.members(it)) for it in seasons]
        )
        excepted = all(exempt[link.name] for link in unit.links if link.role == "primary")
        status = Status.EXEMPT if excepted else judgement.status
        for link in unit.links:
            shown = Status.STANDBY if link.role == "backup" else status
            shown = Status.EXEMPT if exempt[link.name] else shown
            window = windows[link.name]
            alone = judge(window, self.policy)
            yield Verdict("link", link.name, shown, alone, of_traffic(window))
        together = _sum(members)
        names = tuple(link.name for link in unit.links)
        when_s = self._earliest_s(together, judgement)
        evidence = of_traffic(together)
        yield Verdict("group", unit.group, status, judgement, evidence, names, when_s)

    def _seasons(self, unit: _Unit, network: Network) -> Iterator[dict[str, Traffic]]:
        """The last occurrence of each declared busy period, unseen if the history is younger."""
        tick_s = self.reader.tick_s
        periods = {it for link in unit.links for it in link.busy_periods}
        for period in sorted(periods | set(network.busy_periods)):
            begin_s, end_s = last_occurrence(period, self.end_tick * tick_s)
            first, stop = int(begin_s // tick_s), int(end_s // tick_s)
            names = [link.name for link in unit.links]
            yield dict(self.reader.traffic(names, first, max(1, stop - first)))

    def _earliest_s(self, window: Traffic, judgement: Judgement) -> float | None:
        if judgement.status is not Status.UNKNOWN:
            return None
        more = earliest(window, self.policy)
        return None if more is None else (self.end_tick + more) * self.reader.tick_s

    def _is_exempt(self, *exemptions: Exemption | None) -> bool:
        """Whether one of them is in force; an expired one counts no more."""
        return any(it is not None and not it.is_expired(self.today) for it in exemptions)


def _of_network(network: Network, units: Sequence[Verdict], today: date) -> Verdict:
    proven = judge_network([unit.judgement.status for unit in units])
    excepted = sum(unit.status is Status.EXEMPT for unit in units)
    status = judge_network([unit.judgement.status for unit in units], exempt=excepted)
    if network.exempt is not None and not network.exempt.is_expired(today):
        status = Status.EXEMPT
    names = tuple(unit.subject for unit in units)
    return Verdict("network", network.name, status, Judgement(proven, ()), None, names)


def _sum(members: Sequence[Member]) -> Traffic:
    return summed([it.traffic for it in members], primary_capacity(members))
