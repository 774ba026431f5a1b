"""Progress of a whole configuration: its networks as they are counted, and what they come to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from agent.declared import Timelines
from agent.judge.counted import Amount, Counted
from agent.judge.progress import Progress, progress
from agent.judge.regions import level_of
from agent.judge.status import Status
from agent.migration import Migration, annual_cost_yuan, links_by_network
from agent.systems import SystemVerdict
from agent.verdict import Verdict, is_wholly_low
from config.agent import AgentConfig
from config.inventory import Link, Network
from config.register import Level


def progress_of(config: AgentConfig, networks: Sequence[Counted], today: date) -> Progress:
    """How far all are, held to what the configuration asks."""
    return progress(networks, config.regions, config.milestones, today)


def counted(
    config: AgentConfig,
    timelines: Timelines,
    migrations: Iterable[Migration],
    verdicts: Iterable[Verdict | SystemVerdict],
) -> Iterator[Counted]:
    """Each network that moves; department and region are the node's where it names none.

    `config` has its networks in the declared phases.
    """
    judged = [it for it in verdicts if it.status is not Status.UNKNOWN]
    statuses = {(it.kind, it.subject): it.status for it in judged}
    links = links_by_network(config.links)
    networks = {it.name: it for it in config.networks}
    for it in migrations:
        network = networks[it.network]
        its = links.get(network.name, ())
        yield Counted(
            name=network.name,
            department=network.owner or config.node.department,
            region=network.region or config.node.region,
            level=_level(config, network),
            declared=it.standing.declared,
            observed=it.standing.observed,
            phase=it.standing.upheld,
            exempt=it.evidence.exempt,
            plan=network.plan.days(),
            timeline=tuple(timelines.get(network.name, ())),
            amount=_amount(network, its),
            low=(part := _low(network, its, statuses)),
            decided=("network", network.name) in statuses or part.lines > 0,
        )


def _amount(network: Network, links: Sequence[Link]) -> Amount:
    cost = annual_cost_yuan(network, links)
    is_sized = bool(links) and all(it.bandwidth_bps is not None for it in links)
    return Amount(1, len(links), _bps(links), cost or 0.0, int(is_sized), int(cost is not None))


def _low(
    network: Network, links: Sequence[Link], statuses: Mapping[tuple[str, str], Status]
) -> Amount:
    """All of it if the network is idle or of low use, else its lines that are."""
    if is_wholly_low(network.name, (it.name for it in links), statuses):
        return _amount(network, links)
    its = [it for it in links if (one := statuses.get(("link", it.name))) and one.is_low]
    costs = [it.annual_cost_yuan for it in its if it.annual_cost_yuan is not None]
    is_sized = any(it.bandwidth_bps is not None for it in its)
    return Amount(0, len(its), _bps(its), sum(costs), int(is_sized), int(bool(costs)))


def _level(config: AgentConfig, network: Network) -> Level | None:
    """As declared, else of its own region; the node's level, else its region's, stands in."""
    if network.level or network.region:
        return network.level or level_of(network.region or "")
    region = config.node.region
    return config.node.level or (level_of(region) if region else None)


def _bps(links: Iterable[Link]) -> float:
    return sum(it.bandwidth_bps or 0.0 for it in links)
