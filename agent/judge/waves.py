"""Which moves go onto which uplink, and in which wave: a greedy order that anybody can follow.

1. Moves are taken by the day to which notice must be given, the earliest first, those without one
   last; then by the yuan a year that each Mbit/s of their 95th percentile saves, the most first,
   those of unknown saving last; then by name.
2. Each goes to the uplink of its destination with the least room of which all rules are proven
   then: so the larger rooms are kept for what needs them. Of the same room, the one declared first.
   What moves to several destinations needs a place at each.
3. What has a place gets the first wave that has as many cutovers left as it needs.

More traffic makes no rule easier to hold, so every wave holds if the last one does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from math import inf
from typing import NamedTuple

from agent.judge.bounds import Bounds
from agent.judge.flows import Flow
from agent.judge.headroom import Uplink
from config.policy import Rule

_MBPS = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """What is cut over in one wave or not at all; `flows` are its traffic by destination.

    `notice_by` is the earliest day to come on which notice must be given, `saving_yuan` what a year
    then costs less; None: not known.
    """

    name: str
    flows: Mapping[str, Flow]
    cutovers: int = 1
    notice_by: date | None = None
    saving_yuan: float | None = None
    p95_bps: float | None = None

    @property
    def yuan_per_mbps(self) -> float | None:
        """What each Mbit/s of room saves a year; infinite of a silent line, None if not known."""
        if self.saving_yuan is None or self.p95_bps is None:
            return None
        if not self.p95_bps:
            return inf if self.saving_yuan else 0.0
        return self.saving_yuan / (self.p95_bps / _MBPS)


class Hold(NamedTuple):
    """A rule of an uplink, and the bounds of its share."""

    rule: Rule
    share: Bounds

    @property
    def is_proven(self) -> bool | None:
        """Whether it holds; None: what was not seen decides it."""
        if self.share.upper <= self.rule.limit:
            return True
        return False if self.share.lower > self.rule.limit else None


class Place(NamedTuple):
    """A move's uplink of one destination, and how its rules stand once it has moved."""

    destination: str
    uplink: str
    holds: tuple[Hold, ...]


class Step(NamedTuple):
    """A move that has its places, in the order in which it is cut over."""

    move: Move
    wave: int
    places: tuple[Place, ...]


class Obstacle(NamedTuple):
    """No uplink of a destination bears a move: where it takes the least, and what it would take.

    `hold` is the first rule that is not proven there. `upgrade_bps` is the smallest of the usual
    bandwidths with which all would be, of each of its primaries; None if no uplink has one.
    """

    destination: str
    uplink: str
    hold: Hold
    upgrade_bps: float | None


class Waves(NamedTuple):
    """The plan: what moves, what does not fit and what stands in its way, the uplinks after all.

    A move without an obstacle needs more cutovers than a wave has.
    """

    steps: tuple[Step, ...]
    unfit: tuple[tuple[Move, tuple[Obstacle, ...]], ...]
    uplinks: Mapping[str, Uplink]


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked: the rules, the cutovers of a wave, the usual bandwidths in ascending order."""

    rules: tuple[Rule, ...]
    cutovers: int
    bandwidths_bps: tuple[float, ...]


def waves(moves: Iterable[Move], uplinks: Mapping[str, Sequence[Uplink]], terms: Terms) -> Waves:
    """Plan all moves; `uplinks` are each destination's, in the configuration's order."""
    placing = _Placing(uplinks, terms)
    placed: list[tuple[Move, Mapping[str, str]]] = []
    left: list[Move] = []
    for move in sorted(moves, key=_order):
        places = placing.place(move) if move.cutovers <= terms.cutovers else None
        if places is None:
            left.append(move)
        else:
            placed.append((move, places))
    numbers = _numbers([move.cutovers for move, _ in placed], terms.cutovers)
    in_order = sorted(zip(numbers, placed, strict=True), key=lambda it: it[0])
    own = {one.name: one for its in uplinks.values() for one in its}
    steps = tuple(_steps(in_order, own, terms.rules))
    unfit = tuple(
        (it, () if it.cutovers > terms.cutovers else tuple(placing.obstacles(it))) for it in left
    )
    return Waves(steps, unfit, placing.now)


def holds(uplink: Uplink, rules: Iterable[Rule]) -> tuple[Hold, ...]:
    """How the rules stand with an uplink."""
    return tuple(Hold(it, uplink.share(it)) for it in rules)


def _order(move: Move) -> tuple[bool, date, bool, float, str]:
    worth = move.yuan_per_mbps
    day = move.notice_by
    return (day is None, day or date.max, worth is None, -(worth or 0.0), move.name)


def _numbers(sizes: Iterable[int], most: int) -> Iterator[int]:
    """The wave of each: the first one that has room for it, counted from 1."""
    left: list[int] = []
    for size in sizes:
        at = next((n for n, free in enumerate(left) if free >= size), len(left))
        if at == len(left):
            left.append(most)
        left[at] -= size
        yield at + 1


def _steps(
    in_order: Iterable[tuple[int, tuple[Move, Mapping[str, str]]]],
    now: dict[str, Uplink],
    rules: Sequence[Rule],
) -> Iterator[Step]:
    """What is planned, cutover after cutover, on uplinks as they are `now`."""
    for number, (move, places) in in_order:
        for destination, name in places.items():
            now[name] = now[name].carrying(move.flows[destination])
        found = (Place(*it, holds(now[it[1]], rules)) for it in places.items())
        yield Step(move, number, tuple(found))


class _Placing:
    """The uplinks as they fill."""

    def __init__(self, uplinks: Mapping[str, Sequence[Uplink]], terms: Terms) -> None:
        self._terms = terms
        self._of = {it: [one.name for one in its] for it, its in uplinks.items()}
        self.now = {one.name: one for its in uplinks.values() for one in its}
        self._rooms = {it: one.room_bps(terms.rules) for it, one in self.now.items()}

    def place(self, move: Move) -> dict[str, str] | None:
        """Put a move where it fits; None, and nothing is changed, if it fits not everywhere."""
        before = dict(self.now), dict(self._rooms)
        places: dict[str, str] = {}
        for destination, flow in move.flows.items():
            found = self._with(destination, flow)
            if found is None:
                self.now, self._rooms = before
                return None
            self._put(found)
            places[destination] = found.name
        return places

    def obstacles(self, move: Move) -> list[Obstacle]:
        """What stands in the way of a move, with all that is planned already."""
        if len(move.flows) == 1:  # it had no place before, and there is no more room now
            return [self._obstacle(*it) for it in move.flows.items()]
        before = dict(self.now), dict(self._rooms)
        obstacles = []
        for destination, flow in move.flows.items():
            found = self._with(destination, flow)
            if found is None:
                obstacles.append(self._obstacle(destination, flow))
            else:
                self._put(found)
        self.now, self._rooms = before
        return obstacles

    def _with(self, destination: str, flow: Flow) -> Uplink | None:
        """The uplink that a flow goes to, with it."""
        rules = self._terms.rules
        for name in self._by_room(destination):
            now = self.now[name]
            if not now.is_too_full(rules, flow) and now.at_most_with(flow).bears(rules):
                return now.carrying(flow)
        return None

    def _put(self, with_it: Uplink) -> None:
        self.now[with_it.name] = with_it
        self._rooms[with_it.name] = with_it.room_bps(self._terms.rules)

    def _by_room(self, destination: str) -> list[str]:
        return sorted(self._of[destination], key=lambda it: self._rooms[it])

    def _obstacle(self, destination: str, flow: Flow) -> Obstacle:
        uplink, upgrade_bps = self._upgrade(destination, flow)
        rule = next(it for it in self._terms.rules if not uplink.bears([it]))
        return Obstacle(destination, uplink.name, Hold(rule, uplink.share(rule)), upgrade_bps)

    def _upgrade(self, destination: str, flow: Flow) -> tuple[Uplink, float | None]:
        """The uplink that takes the smallest upgrade; the one with the most room if none would do.

        Each comes with the flow. Of the same upgrade, the one with the most room.
        """
        names = self._by_room(destination)[::-1]
        upgrades = sorted(
            (size * it.primaries - it.capacity_bps, at, size)
            for at, it in enumerate(self.now[name] for name in names)
            for size in self._terms.bandwidths_bps
            if it.primaries and size * it.primaries > it.capacity_bps
        )
        with_it = cache(lambda at: self.now[names[at]].carrying(flow))
        for added_bps, at, size in upgrades:
            if with_it(at).bears(self._terms.rules, with_it(at).capacity_bps + added_bps):
                return with_it(at), size
        return with_it(0), None
