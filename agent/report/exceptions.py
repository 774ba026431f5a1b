"""What departs from the rules: exemptions, waivers, overrides, and what the data contradict."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from agent import facts
from agent.journal import Entry
from agent.migration import Migration
from agent.report.gathered import Gathered
from config.agent import AgentConfig
from config.inventory import Exemption

_STATES = {True: "disproven", False: "as_declared", None: "not_proven"}
"""What the data say of a declared phase."""


class Departure(NamedTuple):
    """One exception: what it is, on what, why and by whom; `day` is until when, or on which.

    `gates` are those that do not hold, or did not when they were overridden.
    """

    what: str
    kind: str
    subject: str
    state: str
    reason: object = None
    by: str | None = None
    day: str | None = None
    declared: object = None
    observed: str | None = None
    gates: Sequence[str] = ()


def exceptions(found: Gathered) -> list[dict[str, Any]]:
    """All of them, by what they are."""
    departures = [
        *_exemptions(found.config, found.today),
        *_waivers(found.config, found.today),
        *_overrides(found.entries),
        *(it for one in found.migrations for it in _contradictions(one)),
    ]
    return [it._asdict() | {"gates": list(it.gates)} for it in departures]


def _exemptions(config: AgentConfig, today: date) -> Iterator[Departure]:
    for kind, name, exemption in config.exemptions:
        yield _granted("exemption", kind, name, exemption, today)


def _waivers(config: AgentConfig, today: date) -> Iterator[Departure]:
    for device in config.devices:
        if device.waiver is not None:
            yield _granted("waiver", "device", device.name, device.waiver, today)


def _granted(what: str, kind: str, subject: str, it: Exemption, today: date) -> Departure:
    state = "expired" if it.is_expired(today) else "in_force"
    return Departure(what, kind, subject, state, it.reason, it.approver, it.until.isoformat())


def _overrides(entries: Sequence[Entry]) -> Iterator[Departure]:
    """Phases that were declared though a gate did not hold, from the journal."""
    for entry in entries:
        if entry.kind == "override":
            gates = [it["gate"] for it in entry.what.get("gates", ()) if "gate" in it]
            yield Departure(
                what="override",
                kind="network",
                subject=entry.subject,
                state="was_declared",
                reason=entry.what.get("reason"),
                by=entry.by,
                day=facts.day(entry.at_s).isoformat(),
                declared=entry.what.get("phase"),
                gates=gates,
            )


def _contradictions(one: Migration) -> Iterator[Departure]:
    """Where the data disagree with what is declared; a mismatch that is not decided is none."""
    standing = one.standing
    if standing.returned or "reverted" in {standing.declared, standing.observed}:
        what = "reverted"
    elif standing.residual:
        what = "residual"
    elif standing.mismatch:
        what = "mismatch"
    else:
        return
    asked = [] if standing.declared is None else standing.asked(standing.declared)
    yield Departure(
        what=what,
        kind="network",
        subject=one.network,
        state=_STATES[standing.unproven],
        day=one.declared_on.isoformat() if one.declared_on else None,
        declared=standing.declared,
        observed=standing.observed,
        gates=[it.name for it in asked if it.holds is False],
    )
