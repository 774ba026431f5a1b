"""What /metrics says of migrations."""

from collections.abc import Iterable, Iterator
from typing import get_args

from agent.facts import NETWORK_PHASE
from agent.migration import Migration
from collectors.base import Metric, Sample
from config.register import Phase

MISMATCH = Metric(
    "netfold_network_phase_mismatch",
    "gauge",
    "Whether the network's declared phase is another than the observed one; absent if not known.",
    ("network",),
)
UNPROVEN = Metric(
    "netfold_network_phase_unproven",
    "gauge",
    "Whether the data disprove that the network is as far as declared; absent if not known.",
    ("network",),
)
GATE = Metric(
    "netfold_network_phase_gate",
    "gauge",
    "Whether a gate of the network's migration holds; absent if that is not known.",
    ("network", "gate"),
)
RETURNING = Metric(
    "netfold_network_returning_traffic",
    "gauge",
    "Whether traffic came back to lines that were quiet after the declared cutover.",
    ("network",),
)
RESIDUAL = Metric(
    "netfold_network_residual_traffic",
    "gauge",
    "Whether the old lines never became quiet after the declared cutover.",
    ("network",),
)
DOUBLE_COST = Metric(
    "netfold_network_double_running_cost_yuan",
    "gauge",
    "What the old lines have cost since both ran, as declared, until the cutover or today.",
    ("network",),
)
METRICS = (MISMATCH, UNPROVEN, GATE, RETURNING, RESIDUAL, DOUBLE_COST)


def samples(found: Iterable[Migration]) -> Iterator[Sample]:
    """Say all of them; what is not known is absent. Declared phases are among the facts."""
    for it in found:
        network, standing = (it.network,), it.standing
        for phase in get_args(Phase):
            yield Sample(
                NETWORK_PHASE, int(standing.observed == phase), (it.network, phase, "observed")
            )
        for gate in standing.gates:
            if gate.holds is not None:
                yield Sample(GATE, int(gate.holds), (it.network, gate.name))
        for metric, value in (
            (MISMATCH, standing.mismatch),
            (UNPROVEN, standing.unproven),
            (RETURNING, standing.returned),
            (RESIDUAL, standing.residual),
            (DOUBLE_COST, it.double_cost_yuan),
        ):
            if value is not None:
                yield Sample(metric, float(value), network)
