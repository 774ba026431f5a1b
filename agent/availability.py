"""How much of the last day and month each target and network was there, and the SLA's verdict."""

from collections.abc import Iterator
from dataclasses import dataclass

from agent.history_reader import HistoryReader
from agent.isolation import must_not_answer
from agent.judge.availability import Together, available, keeps_at_least, keeps_at_most
from agent.judge.bounds import Bounds, Floats
from collectors.base import GaugeMeasure, Metric, Sample
from config.agent import AgentConfig
from config.sla import Profile

_DAY_S = 86_400.0
WINDOWS = {"24h": _DAY_S, "30d": 30 * _DAY_S}
LEAST_SEEN_S = _DAY_S
"""Latency, jitter and loss are means: of less than this, one bad hour would decide."""

PROBE_AVAILABILITY = Metric(
    "netfold_probe_availability_ratio",
    "gauge",
    "Share of the window in which the target was as it should be: at least, and at most.",
    ("target", "window", "bound"),
)
NETWORK_AVAILABILITY = Metric(
    "netfold_network_availability_ratio",
    "gauge",
    "Share of the window in which any target of the network answered: at least, and at most.",
    ("network", "window", "bound"),
)
SLA_MET = Metric(
    "netfold_probe_sla_met",
    "gauge",
    "Whether the target keeps a rule of its SLA profile; absent while that is not known.",
    ("target", "profile", "rule"),
)
METRICS = (PROBE_AVAILABILITY, NETWORK_AVAILABILITY, SLA_MET)


def samples(config: AgentConfig, reader: HistoryReader, end_tick: int) -> Iterator[Sample]:
    """Say all of the windows that end before tick `end_tick`.

    A target that must not answer is in no network's availability, and no SLA is for it.
    """
    looking = _Looking(reader, end_tick)
    longest_s = max(config.sla.window_s, *WINDOWS.values())
    regular = [it for it in config.probes if not must_not_answer(it)]
    of = {it.name: it.network for it in regular if it.network}
    networks = {network: Together(looking.ticks(longest_s)) for network in of.values()}
    profiles = _profiles(config)
    for name, up in looking.back("up", [it.name for it in config.probes], longest_s):
        for window, window_s in WINDOWS.items():
            share = available(up[-looking.ticks(window_s) :])
            yield from _bounds(PROBE_AVAILABILITY, (name, window), share)
        if name in of:
            networks[of[name]].add(up)
        profile = profiles.get(name)
        if profile and profile.availability is not None:
            share = available(up[-looking.ticks(config.sla.window_s) :])
            yield from _met(
                name, profile, "availability", keeps_at_least(profile.availability, share)
            )
    for network, together in networks.items():
        for window, window_s in WINDOWS.items():
            share = together.available(looking.ticks(window_s))
            yield from _bounds(NETWORK_AVAILABILITY, (network, window), share)
    yield from _means(looking, profiles, config.sla.window_s)


@dataclass(frozen=True, slots=True)
class _Looking:
    reader: HistoryReader
    end_tick: int

    def ticks(self, window_s: float) -> int:
        return int(window_s // self.reader.tick_s)

    def back(
        self, measure: GaugeMeasure, targets: list[str], window_s: float
    ) -> Iterator[tuple[str, Floats]]:
        ticks = self.ticks(window_s)
        return self.reader.levels(measure, targets, self.end_tick - ticks, ticks)


def _profiles(config: AgentConfig) -> dict[str, Profile]:
    kinds = {network.name: network.kind for network in config.networks}
    regular = (it for it in config.probes if not must_not_answer(it))
    found = {it.name: config.sla.profile(it, kinds.get(it.network or "")) for it in regular}
    return {name: profile for name, profile in found.items() if profile}


def _means(looking: _Looking, profiles: dict[str, Profile], window_s: float) -> Iterator[Sample]:
    """Latency, jitter and loss: the mean of what was seen, once that is a day."""
    rules: tuple[tuple[str, GaugeMeasure, str], ...] = (
        ("latency", "rtt", "latency_s"),
        ("jitter", "jitter", "jitter_s"),
        ("loss", "loss", "loss"),
    )
    least = looking.ticks(min(LEAST_SEEN_S, window_s))
    for rule, measure, key in rules:
        limits = {name: getattr(it, key) for name, it in profiles.items()}
        limited = [name for name, limit in limits.items() if limit is not None]
        for name, values in looking.back(measure, limited, window_s):
            kept = keeps_at_most(limits[name], values, least)
            yield from _met(name, profiles[name], rule, kept)


def _met(target: str, profile: Profile, rule: str, kept: bool | None) -> Iterator[Sample]:
    if kept is not None:
        yield Sample(SLA_MET, int(kept), (target, profile.name, rule))


def _bounds(metric: Metric, labels: tuple[str, str], share: Bounds) -> Iterator[Sample]:
    yield Sample(metric, share.lower, (*labels, "lower"))
    yield Sample(metric, share.upper, (*labels, "upper"))
