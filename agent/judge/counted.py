"""Networks as progress counts them: each once, by how far it is and what it comes to."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from operator import add, sub
from typing import Literal, NamedTuple, TypeVar

from agent.judge.steps import rank
from config.register import Level, Phase

NONE = "none"
"""Stands for a phase that is not declared, or not observed."""

Bucket = Literal["exempt", "migrated", "interconnected", "on_the_way", "waiting"]
"""Each network is in one: exempt; done, in one of two ways; being moved; not yet begun."""


Measure = Literal["networks", "lines", "bps", "yuan"]


class Amount(NamedTuple):
    """Networks with their lines, contracted bandwidth and yearly cost, as far as declared.

    Of `sized` networks all bandwidths are declared, of `priced` ones the cost: of none, nothing is
    known, which is not 0.
    """

    networks: int = 0
    lines: int = 0
    bps: float = 0.0
    yuan: float = 0.0
    sized: int = 0
    priced: int = 0

    def plus(self, other: "Amount") -> "Amount":
        """Both together."""
        return Amount._make(map(add, self, other))

    def less(self, other: "Amount") -> "Amount":
        """What is left without the other."""
        return Amount._make(map(sub, self, other))

    def known(self, measure: Measure) -> float | None:
        """One of its numbers; None where nothing is declared that would tell it."""
        lacking = {"bps": not self.sized, "yuan": not self.priced}.get(measure, False)
        return None if lacking and self.lines + self.networks else getattr(self, measure)


NOTHING = Amount()


class Reached(NamedTuple):
    """Since when a network is as far as that; not `exact`: it was when first declared at all."""

    on: date
    exact: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """One network: whose, where, how far, and what it comes to.

    `phase` is what it counts as: the declared one as far as the data do not disprove it. `timeline`
    are its declarations in order of time. `low` is what of it is idle or of low use; networks are 0
    where it is only lines. `decided`: the data prove something of its use.
    """

    name: str
    amount: Amount
    department: str | None = None
    region: str | None = None
    level: Level | None = None
    declared: Phase | None = None
    observed: Phase | None = None
    phase: Phase | None = None
    exempt: bool = False
    low: Amount = NOTHING
    decided: bool = False
    plan: Mapping[Phase, date] = field(default_factory=dict)
    timeline: tuple[tuple[Phase | None, date], ...] = ()

    @property
    def bucket(self) -> Bucket:
        """Where it is counted; what is declared to move is no low use, though disproven so far."""
        if self.exempt or self.phase == "exempt":
            return "exempt"
        if self.phase == "interconnected":
            return "interconnected"
        if has_reached(self.phase, "retired"):
            return "migrated"
        return "on_the_way" if has_reached(self.declared, "connected") else "waiting"

    def reached(self, phase: Phase) -> Reached | None:
        """Since when it has been as far as `phase` without a break; None: it is not."""
        if not has_reached(self.phase, phase):
            return None
        found = None
        for number, (step, on) in enumerate(self.timeline):
            if not has_reached(step, phase):
                found = None
            elif found is None:
                found = Reached(on, exact=number > 0)
        return found


def has_reached(phase: Phase | None, wanted: Phase) -> bool:
    """Whether a network in `phase` is as far as `wanted`; one that is joined has reached all."""
    if phase == "interconnected" or wanted == "interconnected":
        return phase == "interconnected"
    return rank(phase) >= rank(wanted)


@dataclass(frozen=True, slots=True)
class Totals:
    """What some networks come to; each is counted in one phase a source, and in one bucket.

    `name` is what they have in common, None where that is not declared. `reclaimable` is what is
    idle or of low use among those that wait: what is on its way is not promised a second time. Of
    `undecided` ones that wait nothing is proven; None: of all that wait.
    """

    name: str | None
    all: Amount
    declared: Mapping[str, Amount]
    observed: Mapping[str, Amount]
    buckets: Mapping[Bucket, Amount]
    reclaimable: Amount | None
    undecided: int

    @property
    def to_consolidate(self) -> Amount:
        """The denominator of every rate: all networks but the exempt ones."""
        return self.all.less(self.of("exempt"))

    def of(self, bucket: Bucket) -> Amount:
        """What is in a bucket."""
        return self.buckets.get(bucket, NOTHING)

    def rate(self, bucket: Bucket, measure: Measure) -> float | None:
        """Which share of what is to be consolidated a bucket holds; None: there is none of it."""
        part, whole = self.of(bucket).known(measure), self.to_consolidate.known(measure)
        return part / whole if whole and part is not None else None


def totals(name: str | None, networks: Iterable[Counted]) -> Totals:
    """Add networks up."""
    its = list(networks)
    waiting = [it for it in its if it.bucket == "waiting"]
    undecided = sum(not it.decided for it in waiting)
    is_known = not waiting or undecided < len(waiting)
    return Totals(
        name=name,
        all=_sum(it.amount for it in its),
        declared=_by(its, lambda it: it.declared or NONE),
        observed=_by(its, lambda it: it.observed or NONE),
        buckets=_by(its, lambda it: it.bucket),
        reclaimable=_sum(it.low for it in waiting) if is_known else None,
        undecided=undecided,
    )


def by(
    networks: Iterable[Counted], key: Callable[[Counted], str | None]
) -> list[tuple[str | None, list[Counted]]]:
    """Networks with what they have in common, those without it last."""
    found: dict[str | None, list[Counted]] = {}
    for it in networks:
        found.setdefault(key(it), []).append(it)
    return sorted(found.items(), key=lambda it: (it[0] is None, it[0] or ""))


K = TypeVar("K", bound=str)


def _by(networks: Iterable[Counted], key: Callable[[Counted], K]) -> dict[K, Amount]:
    found: dict[K, Amount] = {}
    for it in networks:
        which = key(it)
        found[which] = found.get(which, NOTHING).plus(it.amount)
    return found


def _sum(amounts: Iterable[Amount]) -> Amount:
    total = NOTHING
    for it in amounts:
        total = total.plus(it)
    return total
