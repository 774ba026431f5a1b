"""Phases as a person reads them."""

from collections.abc import Iterable, Iterator

from agent.cli.shown import UNKNOWN, console, table
from agent.judge.gates import Gate
from agent.migration import Migration


def show_all(chosen: Iterable[Migration]) -> None:
    """Print a row a network, with the gates of its declared phase that do not hold."""
    shown = table(
        "network", "declared", "since", "observed", ">double running", "~gates that do not hold"
    )
    for it in chosen:
        standing = it.standing
        phase = standing.declared or standing.observed
        left = [gate.name for gate in standing.asked(phase) if not gate.holds] if phase else []
        cost = UNKNOWN if it.double_cost_yuan is None else f"{it.double_cost_yuan:,.0f} yuan"
        row = (standing.declared, str(it.declared_on or UNKNOWN), standing.observed)
        shown.add_row(it.network, *(text or UNKNOWN for text in row), cost, ", ".join(left))
    console().print(shown)


def explained(one: Migration) -> Iterator[str]:
    """The whole story of one network's phase, a line each."""
    standing = one.standing
    on = f" since {one.declared_on}" if one.declared_on else ""
    said = f"declared {standing.declared or 'none'}{on}, observed {standing.observed or 'none'}"
    yield f"phase of {one.network}: {said}"
    if standing.returned:
        yield "traffic returned to lines that had been quiet since the declared cutover"
    if standing.residual:
        yield "the old lines never became quiet after the declared cutover"
    if one.double_cost_yuan is not None:
        yield f"double running has cost {one.double_cost_yuan:,.0f} yuan so far"
    for gate in standing.gates:
        yield f"  {in_words(gate)}"


def in_words(gate: Gate) -> str:
    """A gate: what it asks, what was seen, and whether it holds."""
    if gate.holds is None:
        seen = "" if gate.value is None else f", seen {gate.value}"
        return f"{gate.name}: not known ({gate.threshold}{seen}): not seen: {gate.unseen}"
    said = "holds" if gate.holds else "does not hold"
    return f"{gate.name}: {said} ({gate.threshold}; seen {gate.value})"
