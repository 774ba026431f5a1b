"""Every link, group, network and server of a configuration, judged by its windows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice

from agent.history_reader import HistoryReader
from agent.judge.bounds import Traffic
from agent.judge.evidence import of_traffic
from agent.judge.groups import Member, judge_group, judge_network, sum_of
from agent.judge.status import Status
from agent.judge.verdict import Judgement, judge
from agent.right_sizing import right_sized
from agent.seasons import earliest_s, seasons
from agent.server_assessment import assess_servers
from agent.server_windows import KeptServers
from agent.sources.windows import Windows
from agent.verdict import Verdict, is_exempt
from config.agent import AgentConfig
from config.inventory import Link, Network
from config.policy import LinkPolicy


@dataclass(frozen=True, slots=True)
class _Unit:
    """A group or an ungrouped link: what a network is made of."""

    network: str
    group: str | None
    links: tuple[Link, ...]

    def members(self, windows: Mapping[str, Traffic]) -> list[Member]:
        """Its links with their windows, as a group is judged."""
        return [Member(windows[link.name], link.role == "primary") for link in self.links]


def assess(
    config: AgentConfig, reader: HistoryReader, end_tick: int, today: date
) -> Iterator[Verdict]:
    """Judge all by the window that ends before tick `end_tick`; `today` is in Asia/Shanghai."""
    yield from assess_lines(config, reader, end_tick, today)
    yield from assess_servers(config, KeptServers(reader), end_tick, today)


def assess_lines(
    config: AgentConfig, reader: Windows, end_tick: int, today: date
) -> Iterator[Verdict]:
    """Judge links, groups and networks: what any source of windows knows, as `assess` does."""
    judging = _Judging(config, reader, end_tick, today)
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
    config: AgentConfig
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
        during = dict(self._seasons(unit, network))
        exempt = {it.name: is_exempt(self.today, it.exempt, network.exempt) for it in unit.links}
        if unit.group is None:
            (link,) = unit.links
            seasons_of_it = {period: it[link.name] for period, it in during.items()}
            yield self._line(network, link, windows[link.name], seasons_of_it, exempt[link.name])
        else:
            *lines, group = self._group(unit, unit.group, windows, during, exempt)
            sums = [sum_of(unit.members(it)) for it in (windows, *during.values())]
            primaries = [it for it in unit.links if it.role == "primary"]
            size = right_sized(self.config, network, primaries, group.status, sums)
            yield from (*lines, replace(group, right_size=size))

    def _line(
        self,
        network: Network,
        link: Link,
        window: Traffic,
        during: Mapping[str, Traffic],
        exempt: bool,
    ) -> Verdict:
        judgement = judge(window, self.policy, seasons=during)
        status = Status.EXEMPT if exempt else judgement.status
        return Verdict(
            "link",
            link.name,
            status,
            judgement,
            of_traffic(window, self.config.policy.calendar),
            earliest_s=earliest_s(window, self.policy, judgement, self._end_s),
            right_size=right_sized(
                self.config, network, [link], status, [window, *during.values()]
            ),
        )

    def _group(
        self,
        unit: _Unit,
        group: str,
        windows: Mapping[str, Traffic],
        during: Mapping[str, Mapping[str, Traffic]],
        exempt: Mapping[str, bool],
    ) -> Iterator[Verdict]:
        members = unit.members(windows)
        its_seasons = {period: unit.members(it) for period, it in during.items()}
        judgement = judge_group(members, self.policy, seasons=its_seasons)
        excepted = all(exempt[link.name] for link in unit.links if link.role == "primary")
        status = Status.EXEMPT if excepted else judgement.status
        calendar = self.config.policy.calendar
        for link in unit.links:
            shown = Status.STANDBY if link.role == "backup" else status
            shown = Status.EXEMPT if exempt[link.name] else shown
            window = windows[link.name]
            alone = judge(window, self.policy)
            yield Verdict("link", link.name, shown, alone, of_traffic(window, calendar))
        together = sum_of(members)
        names = tuple(link.name for link in unit.links)
        when_s = earliest_s(together, self.policy, judgement, self._end_s)
        evidence = of_traffic(together, calendar)
        yield Verdict("group", group, status, judgement, evidence, names, when_s)

    def _seasons(self, unit: _Unit, network: Network) -> Iterator[tuple[str, dict[str, Traffic]]]:
        """The last occurrence of each declared busy period, unseen if the history is younger."""
        periods = [it for one in (network, *unit.links) for it in one.busy_periods]
        names = [link.name for link in unit.links]
        for it in seasons(periods, self._end_s, self.reader.tick_s):
            yield it.period, dict(self.reader.traffic(names, it.first, it.ticks))

    @property
    def policy(self) -> LinkPolicy:
        return self.config.policy.links

    @property
    def _end_s(self) -> float:
        return self.end_tick * self.reader.tick_s


def _of_network(network: Network, units: Sequence[Verdict], today: date) -> Verdict:
    proven = judge_network([unit.judgement.status for unit in units])
    excepted = sum(unit.status is Status.EXEMPT for unit in units)
    status = judge_network([unit.judgement.status for unit in units], exempt=excepted)
    if is_exempt(today, network.exempt):
        status = Status.EXEMPT
    names = tuple(unit.subject for unit in units)
    return Verdict("network", network.name, status, Judgement(proven, ()), None, names)
