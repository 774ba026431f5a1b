"""Progress of a whole configuration: its networks as they are counted, and what they come to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple, cast

from agent.declared import Timelines
from agent.judge.counted import Amount, Counted
from agent.judge.progress import Progress, progress
from agent.judge.regions import level_of
from agent.migration import Migration, annual_cost_yuan, links_by_network
from agent.systems import SystemVerdict
from agent.verdict import Verdict
from config.agent import AgentConfig
from config.inventory import Link, Network, Phase
from config.register import Level


def progress_of(
    config: AgentConfig,
    timelines: Timelines,
    migrations: Iterable[Migration],
    verdicts: Iterable[Verdict | SystemVerdict],
    today: date,
) -> Progress:
    """How far all are; `config` has its networks in the declared phases."""
    networks = list(counted(config, timelines, migrations, verdicts))
    return progress(networks, config.regions, config.milestones, today)


def counted(
    config: AgentConfig,
    timelines: Timelines,
    migrations: Iterable[Migration],
    verdicts: Iterable[Verdict | SystemVerdict],
) -> Iterator[Counted]:
    """Each network that moves; department and region are the node's where it names none."""
    low = {(it.kind, it.subject) for it in verdicts if it.status.is_low}
    links = links_by_network(config.links)
    networks = {it.name: it for it in config.networks}
    for it in migrations:
        network = networks[it.network]
        yield Counted(
            name=network.name,
            department=network.owner or config.node.department,
            region=network.region or config.node.region,
            level=_level(config, network),
            declared=it.standing.declared,
            observed=it.standing.observed,
            disproven=bool(it.standing.unproven),
            exempt=it.evidence.exempt,
            plan=cast("Mapping[Phase, date]", network.plan.days()),
            timeline=tuple(timelines.get(network.name, ())),
            **_amounts(network, links.get(network.name, ()), low)._asdict(),
        )


class _Amounts(NamedTuple):
    amount: Amount
    low: Amount
    unknown: frozenset[str]


def _amounts(network: Network, links: Sequence[Link], low: set[tuple[str, str]]) -> _Amounts:
    cost = annual_cost_yuan(network, links)
    lacks = {
        "cost": cost is None,
        "bandwidth": not links or any(it.bandwidth_bps is None for it in links),
    }
    whole = Amount(1, len(links), _bps(links), cost or 0.0)
    its = [it for it in links if ("link", it.name) in low]
    part = Amount(0, len(its), _bps(its), sum(it.annual_cost_yuan or 0.0 for it in its))
    is_low = ("network", network.name) in low
    unknown = frozenset(what for what, is_lacking in lacks.items() if is_lacking)
    return _Amounts(whole, whole if is_low else part, unknown)


def _level(config: AgentConfig, network: Network) -> Level | None:
    """As declared, else of its own region; the node's level, else its region's, stands in."""
    if network.level or network.region:
        return network.level or level_of(network.region or "")
    region = config.node.region
    return config.node.level or (level_of(region) if region else None)


def _bps(links: Iterable[Link]) -> float:
    return sum(it.bandwidth_bps or 0.0 for it in links)
