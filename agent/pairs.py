"""What paired probes come to: two rounds of the same second, and the last of them together."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from agent import rounds
from agent.judge.paired import spread
from agent.observe import Observation
from collectors.base import GaugeMeasure, GaugeReading, Metric, Sample, Target
from collectors.probe import Probe
from config.pairs import Pair

log = logging.getLogger(__name__)

KEPT_ROUNDS = 60
"""So many rounds of a pair are looked at together: an hour of those that are a minute apart."""

SAME_S = 1.0
"""Rounds that begin within so long are of one moment: what a network does changes slower."""

PAIR_INFO = Metric(
    "netfold_pair_info",
    "info",
    "Which probes are compared, for the migration of which network.",
    ("pair", "network", "old", "new"),
)
PAIR_ROUNDS = Metric(
    "netfold_pair_rounds",
    "gauge",
    "Of the pair's last 60 rounds, those in which both paths had a time.",
    ("pair",),
)
PAIR_RTT = Metric(
    "netfold_pair_rtt_difference_seconds",
    "gauge",
    "How much slower the new path is: median of the last rounds' differences, and the ends of its "
    "95 % interval; absent if the last round is not known.",
    ("pair", "stat"),
)
PAIR_LOSS = Metric(
    "netfold_pair_loss_difference_ratio",
    "gauge",
    "How much more the new path loses: mean of the last rounds' differences; absent if the last "
    "round is not known.",
    ("pair",),
)
PAIR_TLS = Metric(
    "netfold_pair_tls_same",
    "gauge",
    "Whether both paths showed the same expiry, issuer or version in the last round.",
    ("pair", "what"),
)
METRICS = (PAIR_INFO, PAIR_ROUNDS, PAIR_RTT, PAIR_LOSS, PAIR_TLS)

Tls = Mapping[str, tuple[object, object]]
"""What both said of themselves, the old one first."""

_TLS = {
    "netfold_probe_tls_expiry_timestamp_seconds": "expiry",
    "netfold_probe_tls_issuer_info": "issuer",
    "netfold_probe_tls_info": "version",
}
"""By name: they are of kinds that this agent may never import."""


@dataclass(frozen=True, slots=True)
class PairedRound:
    """One round by both paths: new less old, None where it is not known; what TLS showed."""

    pair: Pair
    old: Observation
    new: Observation
    slower_s: float | None
    lossier: float | None
    tls: Tls

    def readings(self) -> Iterator[GaugeReading]:
        """What the history keeps: levels that stand until the next round, as a probe's do."""
        at = max(self.old.at, self.new.at, key=lambda it: it.steady_s)
        identity = f"{self.old.target.kind}/{_way(self.old.target)}/{_way(self.new.target)}"
        holds_s = rounds.holds_s(self.new.target)
        levels: dict[GaugeMeasure, float | None] = {
            "rtt_difference": self.slower_s,
            "loss_difference": self.lossier,
        }
        for measure, value in levels.items():
            yield GaugeReading("pair", self.pair.name, identity, at, measure, value, holds_s)


class Remembered(NamedTuple):
    """What was known of last rounds, the newest last."""

    slower_s: Sequence[float]
    lossier: Sequence[float]


def _deque(values: Iterable[float | None] = ()) -> deque[float | None]:
    return deque(values, maxlen=KEPT_ROUNDS)


@dataclass(slots=True)
class _Window:
    """The last rounds of one pair, the newest last."""

    probes: tuple[Target, Target]
    slower_s: deque[float | None] = field(default_factory=_deque)
    lossier: deque[float | None] = field(default_factory=_deque)
    unlike: tuple[str, ...] = ()


class Pairs:
    """Finds rounds that belong together; `follow` says which probes are paired, now and again."""

    def __init__(self) -> None:
        self._pairs: tuple[Pair, ...] = ()
        self._of: dict[str, list[Pair]] = {}
        self._windows: dict[str, _Window] = {}
        self._last: dict[str, Observation] = {}

    def follow(self, pairs: Sequence[Pair], probes: Iterable[Target]) -> set[str]:
        """Compare these from now on; return the names whose rounds so far tell nothing of them."""
        known = {it.name: it for it in probes}
        before, self._windows, self._of = self._windows, {}, {}
        for it in pairs:
            both = (known[it.old], known[it.new])
            kept = before.get(it.name)
            same = kept is not None and kept.probes == both
            self._windows[it.name] = kept if kept and same else _Window(both)
            for name in (it.old, it.new):
                self._of.setdefault(name, []).append(it)
        self._pairs = tuple(pairs)
        self._last = {name: it for name, it in self._last.items() if name in self._of}
        return {name for name, it in before.items() if self._windows.get(name) is not it}

    def remember(self, before: Mapping[str, Remembered]) -> None:
        """Put what the history still has of last rounds before those seen since."""
        for name, remembered in before.items():
            if window := self._windows.get(name):
                window.slower_s = _deque([*remembered.slower_s, *window.slower_s])
                window.lossier = _deque([*remembered.lossier, *window.lossier])

    def take(self, observation: Observation) -> Iterator[PairedRound]:
        """Note a round; yield what it and one of another path are together."""
        target = observation.target
        pairs = [it for it in self._of.get(target.name, ()) if self._is_of(it, target)]
        if pairs:
            self._last[target.name] = observation
        for pair in pairs:
            old, new = self._last.get(pair.old), self._last.get(pair.new)
            within_s = min(SAME_S, target.interval_s / 2)
            if old and new and abs(_began_s(old) - _began_s(new)) <= within_s:
                yield self._noted(_compared(pair, old, new))

    def samples(self, found: PairedRound) -> Iterator[Sample]:
        """What /metrics says of a pair after its last round."""
        pair, name = found.pair, found.pair.name
        window = self._windows[name]
        yield Sample(PAIR_INFO, 1, (name, pair.network, pair.old, pair.new))
        yield Sample(PAIR_ROUNDS, sum(it is not None for it in window.slower_s), (name,))
        slower = spread(window.slower_s)
        if slower and window.slower_s[-1] is not None:
            ends = {"median": slower.middle, "lower": slower.lower, "upper": slower.upper}
            for stat, value in ends.items():
                if value is not None:
                    yield Sample(PAIR_RTT, value, (name, stat))
        if window.lossier and window.lossier[-1] is not None:
            known = [it for it in window.lossier if it is not None]
            yield Sample(PAIR_LOSS, sum(known) / len(known), (name,))
        for what, (old, new) in found.tls.items():
            yield Sample(PAIR_TLS, int(old == new), (name, what))

    def _is_of(self, pair: Pair, target: Target) -> bool:
        """Whether it is one of the probes compared: a device may bear the name of one."""
        return target in self._windows[pair.name].probes

    def _noted(self, found: PairedRound) -> PairedRound:
        window = self._windows[found.pair.name]
        window.slower_s.append(found.slower_s)
        window.lossier.append(found.lossier)
        if found.tls:
            unlike = tuple(what for what, (old, new) in found.tls.items() if old != new)
            if unlike and unlike != window.unlike:
                facts = {"pair": found.pair.name, "differences": _in_words(found, unlike)}
                log.warning("paths differ in TLS", extra=facts)
            window.unlike = unlike
        return found


def _compared(pair: Pair, old: Observation, new: Observation) -> PairedRound:
    before, after = rounds.values(old), rounds.values(new)
    slower_s = None
    if old.reason is None and new.reason is None and "rtt" in before and "rtt" in after:
        slower_s = after["rtt"] - before["rtt"]
    lost, losing = _lost(before), _lost(after)
    lossier = None if lost is None or losing is None else losing - lost
    shown, showing = _shown(old), _shown(new)
    tls = {what: (shown[what], showing[what]) for what in shown if what in showing}
    return PairedRound(pair, old, new, slower_s, lossier, tls)


def _lost(values: Mapping[GaugeMeasure, float]) -> float | None:
    """The share of packets that were lost; where a kind sends one, a failed round is all of it.

    None for a round that proves nothing: what was lost may never have left this host.
    """
    return values.get("loss", 1 - values["up"]) if "up" in values else None


def _shown(observation: Observation) -> dict[str, object]:
    found: dict[str, object] = {}
    for it in observation.measurements:
        if isinstance(it, Sample) and it.metric.name in _TLS:
            what = _TLS[it.metric.name]
            found[what] = it.value if what == "expiry" else it.labels[1]
    return found


def _in_words(found: PairedRound, unlike: Iterable[str]) -> str:
    """Each of them by the old path and by the new one."""
    both = ((what, *map(_word, found.tls[what])) for what in unlike)
    return "; ".join(f"{what} {old} by the old path, {new} by the new" for what, old, new in both)


def _word(value: object) -> str:
    if isinstance(value, str):
        return value
    return f"{datetime.fromtimestamp(float(str(value)), UTC):%Y-%m-%d %H:%M} UTC"


def _began_s(observation: Observation) -> float:
    return observation.at.steady_s - observation.duration_s


def _way(target: Target) -> str:
    """Where a probe goes, and from where: another way is another series."""
    if not isinstance(target, Probe):
        return target.address
    return "@".join(filter(None, (target.address, target.source, target.source_interface)))
