"""The page of all networks: each one's phases, the gates in its way, and what is due next."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from agent.judge.counted import has_reached
from agent.judge.steps import LEFT
from agent.web.figures import UNKNOWN
from config.agent import AgentConfig
from config.inventory import Network
from config.register import Phase


class PhaseRow(NamedTuple):
    """One network, as texts; phases, gates and `returned` are named in `words`."""

    name: str
    owner: str
    declared: str
    since: str
    observed: str
    returned: bool
    mismatch: bool
    gates: tuple[tuple[str, str], ...]
    """Of its declared phase (the observed one, if none is), those that do not hold, and how."""
    due: str
    due_phase: str
    is_late: bool
    double_cost: str


def phase_rows(
    config: AgentConfig, phases: Sequence[Mapping[str, Any]], today: str
) -> Iterator[PhaseRow]:
    """Every network that moves, in the order of the configuration; `today` is an ISO date."""
    networks = {it.name: it for it in config.networks}
    for said in phases:
        if (network := networks.get(said["network"])) is not None:
            yield _row(network, said, today)


def _row(network: Network, said: Mapping[str, Any], today: str) -> PhaseRow:
    phase = said["declared"] or said["observed"]
    left = [it for it in said["gates"] if phase in it["phases"] and not it["holds"]]
    due_phase, due = _next(network, said)
    cost = said["double_running_cost_yuan"]
    return PhaseRow(
        name=network.title or network.name,
        owner=network.owner or UNKNOWN,
        declared=said["declared"] or "none",
        since=said["declared_on"] or "",
        observed=said["observed"] or "none",
        returned=bool(said["returning_traffic"]) and said["declared"] in LEFT,
        mismatch=bool(said["unproven"]),
        gates=tuple((f"gate_{it['gate']}", str(it["holds"])) for it in left),
        due=due,
        due_phase=due_phase,
        is_late=bool(due) and due < today,
        double_cost=UNKNOWN if cost is None else f"{cost:,.0f}",
    )


def _next(network: Network, said: Mapping[str, Any]) -> tuple[str, str]:
    """The first planned phase that is not reached, and its day; of what is exempt, none."""
    counts_as: Phase | None = said["counts_as"]
    if "exempt" in (counts_as, said["observed"]):
        return "", ""
    for phase, day in network.plan.days().items():
        if not has_reached(counts_as, phase):
            return phase, day.isoformat()
    return "", ""
