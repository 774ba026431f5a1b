"""Phases and their gates as JSON."""

from typing import Any

from agent.judge.gates import Gate
from agent.judge.phases import ASKED
from agent.migration import Migration


def said_of(one: Migration) -> dict[str, Any]:
    """A migration as JSON; null is what is not known or not declared."""
    standing = one.standing
    return {
        "network": one.network,
        "declared": standing.declared,
        "declared_on": one.declared_on and one.declared_on.isoformat(),
        "observed": standing.observed,
        "counts_as": standing.upheld,
        "mismatch": standing.mismatch,
        "unproven": standing.unproven,
        "returning_traffic": standing.returned,
        "residual_traffic": standing.residual,
        "double_running_cost_yuan": one.double_cost_yuan,
        "gates": [
            {
                **plain_gate(it),
                "phases": [phase for phase, asked in ASKED.items() if it.name in asked],
            }
            for it in standing.gates
        ],
    }


def plain_gate(gate: Gate) -> dict[str, Any]:
    """A gate as JSON and the journal have it."""
    return {
        "gate": gate.name,
        "holds": gate.holds,
        "value": gate.value,
        "threshold": gate.threshold,
        "unseen": gate.unseen or None,
    }
