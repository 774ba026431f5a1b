"""Which phase of its migration a network is in, by evidence alone: the gates of each step."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from agent.judge.days import Day, Days
from agent.judge.gates import Gate, days_at_least, declared_only, gate, none_of, one_of, within
from agent.judge.paired import Parity
from agent.judge.steps import LEFT, STEPS, rank
from agent.judge.verdict import all_hold
from config.policy import PhasePolicy
from config.register import Phase

_PLANNED = ("destination_declared", "dates_declared")
_BASELINED = ("facts_declared", "use_decided", "busy_periods_seen")
_QUIET = (*_PLANNED, "database_moved", "line_fell", "line_at_floor")
ASKED: Mapping[Phase, tuple[str, ...]] = {
    "surveyed": ("facts_declared",),
    "baselined": _BASELINED,
    "planned": (*_BASELINED, *_PLANNED),
    "connected": (*_PLANNED, "successor_green"),
    "dual_running": (*_PLANNED, "successor_green", "both_ran"),
    "cut_over": (*_QUIET, "successor_up", "no_slower", "no_lossier"),
    "observing": (*_QUIET, "successor_up", "floor_settled"),
    "retired": (*_QUIET, "floor_held", "ports_down", "contracts_ended"),
    "funding_cut": ("database_moved", "contracts_ended", "budget_cut"),
    "interconnected": (*_PLANNED, "successor_green", "line_kept"),
    "exempt": ("exemption_in_force",),
}
"""The gates that must hold for a phase. What was decided before a line is moved is not asked again:
that a line falls silent is then the plan. Without pairs of probes there are no gates of parity."""

_MEASURED = (
    *("use_decided", "busy_periods_seen"),
    *("successor_green", "both_ran", "successor_up", "line_fell", "line_at_floor"),
    *("floor_settled", "floor_held", "ports_down", "line_kept", "contracts_ended"),
    *("no_slower", "no_lossier"),
)
"""Of a classified network nothing of these is known, nor are its lines declared here."""


@dataclass(frozen=True, slots=True)
class PhaseEvidence:
    """All that is known of one network; None, and what is left out, is not known.

    `cut_over_on` is when it was declared to have left its old lines. `undecided` are the units of
    which the window proves nothing yet, `unseen_periods` the declared busy periods that were not
    seen to pass, `parities` how its pairs of probes compared before the cutover, `ports_up` the
    lines whose port is up, `contracts_end` the last end of all lines'.
    """

    today: date
    declared: Phase | None = None
    cut_over_on: date | None = None
    exempt: bool = False
    classified: bool = False
    basic_database: bool = False
    interconnect: bool = False
    destination: str | None = None
    planned: tuple[str, ...] = ()
    missing_facts: tuple[str, ...] = ()
    undecided: tuple[str, ...] | None = None
    unseen_periods: tuple[str, ...] | None = None
    days: tuple[Day, ...] = ()
    parities: tuple[Parity, ...] = ()
    ports_up: tuple[str, ...] | None = None
    contracts_end: date | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a network stands: the furthest phase that is proven (None: not one), and by what.

    `returned`: traffic came back to a line that had been quiet since it was declared cut over;
    `residual`: it never became quiet. Both are None while nobody knows, or nothing was declared,
    and of what is exempt: its lines may carry what they like.
    """

    declared: Phase | None
    observed: Phase | None
    gates: tuple[Gate, ...]
    returned: bool | None
    residual: bool | None

    def asked(self, phase: Phase) -> list[Gate]:
        """The gates of a phase; `reverted` has none."""
        return [it for it in self.gates if it.name in ASKED.get(phase, ())]

    @property
    def unproven(self) -> bool | None:
        """Whether the declared phase is disproven; None: what was not seen decides it.

        Of what is exempt nothing is asked.
        """
        return None if self.observed == "exempt" else self._disproven

    @property
    def _disproven(self) -> bool | None:
        if self.declared is None:
            return None
        if self.returned or self.residual:
            return self.declared in LEFT
        if rank(self.observed) >= rank(self.declared):
            return False
        holds = all_hold(it.holds for it in self.asked(self.declared))
        return None if holds is None else not holds

    @property
    def upheld(self) -> Phase | None:
        """What it counts as: the declared phase; if disproven, the furthest before it that is not.

        So what was not seen sets nobody back. Traffic that came back does, as it is observed.
        """
        if not self._disproven or self.declared is None:
            return self.declared
        if self.returned:
            return self.observed
        before = STEPS[: rank(self.declared) - 1]
        steps = [it for it in before if not (self.residual and it in LEFT)]
        left = [it for it in steps if all_hold(gate.holds for gate in self.asked(it)) is not False]
        return max((self.observed, *left), key=rank)

    @property
    def mismatch(self) -> bool | None:
        """Whether declared and observed differ; None: nothing is declared, or it is not decided."""
        if self.declared is None:
            return None
        if self.declared == self.observed:
            return False
        ahead = rank(self.declared) > rank(self.observed)
        return None if ahead and self.unproven is None else True


def stand(evidence: PhaseEvidence, policy: PhasePolicy) -> Standing:
    """Derive the phase; the policy says what a quiet and a green day is, and how many it takes."""
    days = Days.of(evidence.days, evidence.today, policy)
    gates = tuple(_gates(evidence, days, policy))
    returned, residual = _traffic_after(evidence, days)
    failing = {it.name for it in gates if not it.holds}
    way = (*STEPS[:5], "interconnected") if evidence.interconnect else STEPS
    reached = [it for it in way if failing.isdisjoint(ASKED[it])]
    if residual:  # whatever is said of contracts and budgets, the old lines are in use
        reached = [it for it in reached if it not in LEFT]
    observed: Phase | None = reached[-1] if reached else None
    if returned:
        observed = "reverted"
    if evidence.exempt:
        observed = "exempt"
    return Standing(evidence.declared, observed, gates, returned, residual)


def _gates(evidence: PhaseEvidence, days: Days, policy: PhasePolicy) -> Iterator[Gate]:
    for it in (*_of_declared(evidence), *_of_measured(evidence, days, policy)):
        if evidence.classified and it.name in _MEASURED:
            first = min(rank(phase) for phase, asked in ASKED.items() if it.name in asked)
            yield declared_only(it.name, rank(evidence.declared) >= first)
        else:
            yield it


def _of_declared(evidence: PhaseEvidence) -> Iterator[Gate]:
    yield none_of("facts_declared", evidence.missing_facts, "missing")
    yield none_of("use_decided", evidence.undecided, "undecided", "the window")
    yield none_of("busy_periods_seen", evidence.unseen_periods, "unproven", "the window")
    allowed = ("intranet",) if evidence.classified else ("intranet", "extranet")
    yield one_of("destination_declared", evidence.destination, allowed)
    end = "interconnected" if evidence.interconnect else "cut_over"
    yield gate("dates_declared", end in evidence.planned, f"plan: a day for {end}")
    moved = not evidence.basic_database
    yield gate("database_moved", moved, "basic_database: false, once its exchange has moved")
    if evidence.declared == "exempt":  # of others it is no question
        wanted = "exempt: a reason, who approved it, and until when"
        yield gate("exemption_in_force", evidence.exempt, wanted)
    cut = evidence.declared == "funding_cut"
    yield gate("budget_cut", cut, "declared, with next year's budget lower")


def _of_measured(evidence: PhaseEvidence, days: Days, policy: PhasePolicy) -> Iterator[Gate]:
    green, up = days.run("green"), days.now("green")
    yield days_at_least("successor_green", up, len(green.days), green.at_most, policy.green_days)
    since = green.days[policy.green_days :]
    both = sum(it.quiet is False and it.day in since for it in days.days)
    yield days_at_least("both_ran", up, both, green.at_most - policy.green_days, 1)
    yield from _of_parity(evidence.parities, policy)
    yield gate("successor_up", up, "green on the last day seen", "the successor's last days")
    fell = "traffic above the floor before, or declared cut_over"
    yield gate("line_fell", _fell(evidence, days), fell, "a day of the old lines' use")
    quiet, at_floor = days.run("quiet"), days.now("quiet")
    yield gate("line_at_floor", at_floor, "quiet on the last day seen", "the old lines' last days")
    for name, least in (("floor_settled", policy.settled_days), ("floor_held", policy.floor_days)):
        yield days_at_least(name, at_floor, len(quiet.days), quiet.at_most, least)
    yield none_of("ports_down", evidence.ports_up, "up", "a line's port")
    kept = None if evidence.ports_up is None else bool(evidence.ports_up)
    kept = kept if evidence.interconnect else False
    yield gate("line_kept", kept, "outcome: interconnect, and a port up", "a line's port")
    end, today = evidence.contracts_end, evidence.today
    ended = None if end is None else end < today
    value = None if end is None else end.isoformat()
    unseen = "" if value else "the end of every line's contract"
    yield Gate("contracts_ended", ended, value, f"before {today}", unseen)


def _of_parity(parities: Sequence[Parity], policy: PhasePolicy) -> Iterator[Gate]:
    if parities:
        slower = {it.pair: it.slower for it in parities}
        yield within(
            "no_slower", slower, policy.slower_s, lambda it: f"{it * 1e3:.3g} ms", "slower"
        )
        lossier = {it.pair: it.lossier for it in parities}
        yield within("no_lossier", lossier, policy.lossier, lambda it: f"{it:.2%}", "more lost")


def _fell(evidence: PhaseEvidence, days: Days) -> bool | None:
    """Whether a silent line fell silent: one that never carried anything was not moved by that."""
    if evidence.cut_over_on is not None or evidence.declared in LEFT:
        return True
    over = [it.quiet for it in days.days if (it.day, it.quiet) != (days.today, None)]
    if False in over:
        return True
    return None if not over or None in over else False


def _traffic_after(evidence: PhaseEvidence, days: Days) -> tuple[bool | None, bool | None]:
    """Whether traffic returned, and whether it never went, after the declared cutover's day."""
    if evidence.cut_over_on is None or evidence.classified or evidence.exempt:
        return None, None
    if days.now("quiet") is None:
        return None, None
    known = [it for it in days.days if it.quiet is not None and it.day >= evidence.cut_over_on]
    if not known:
        return None, None
    loud = not known[-1].quiet
    if loud and known[-1].day == evidence.cut_over_on:
        return None, None  # until the cutover that day, the old lines carried what they should
    was_quiet = any(it.quiet for it in known)
    return loud and was_quiet, loud and not was_quiet
