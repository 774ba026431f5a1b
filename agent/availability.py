"""How much of the last day and month each target and network was there, and the SLA's verdict."""

from collections.abc import Iterable, Iterator, Mapping

from agent.history_reader import HistoryReader
from agent.isolation import must_not_answer
from agent.judge.availability import Together, available, keeps_at_least, keeps_at_most
from agent.judge.bounds import Bounds, Floats
from collectors.base import GaugeMeasure, Metric, Sample, Target
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
MEASURES: tuple[GaugeMeasure, ...] = ("up", "rtt", "jitter", "loss")
"""What the history keeps of a target that availability and its promises ask for."""

METRICS = (PROBE_AVAILABILITY, NETWORK_AVAILABILITY, SLA_MET)


def samples(config: AgentConfig, reader: HistoryReader, end_tick: int) -> Iterator[Sample]:
    """Say all of the windows that end before tick `end_tick`.

    A target that must not answer is in no network's availability, and no SLA is for it.
    """
    ticks = {window: _ticks(reader, window_s) for window, window_s in WINDOWS.items()}
    sla_ticks = _ticks(reader, config.sla.window_s)
    longest = max(sla_ticks, *ticks.values())
    regular = [it for it in config.probes if not must_not_answer(it)]
    network_of = {it.name: it.network for it in regular if it.network}
    networks = {network: Together(longest) for network in network_of.values()}
    promised = profiles(config, regular)
    names = [it.name for it in config.probes]
    for name, levels in reader.levels(MEASURES, names, end_tick - longest, longest):
        for window, count in ticks.items():
            share = available(levels["up"][-count:])
            yield from _bounds(PROBE_AVAILABILITY, (name, window), share)
        if name in network_of:
            networks[network_of[name]].add(levels["up"])
        if name in promised:
            last = {measure: values[-sla_ticks:] for measure, values in levels.items()}
            least = min(sla_ticks, _ticks(reader, LEAST_SEEN_S))
            yield from _met(name, promised[name], last, least)
    for network, together in networks.items():
        for window, count in ticks.items():
            yield from _bounds(NETWORK_AVAILABILITY, (network, window), together.available(count))


def _ticks(reader: HistoryReader, window_s: float) -> int:
    return int(window_s // reader.tick_s)


def profiles(config: AgentConfig, regular: Iterable[Target]) -> dict[str, Profile]:
    """What is promised of each target that anything is promised of."""
    kinds = {network.name: network.kind for network in config.networks}
    found = {it.name: config.sla.profile(it, kinds.get(it.network or "")) for it in regular}
    return {name: profile for name, profile in found.items() if profile}


def _met(
    target: str, profile: Profile, levels: Mapping[str, Floats], least: int
) -> Iterator[Sample]:
    """Each rule of a profile that is known to be kept, or not to be."""
    for rule, known in kept(profile, levels, least).items():
        if known is not None:
            yield Sample(SLA_MET, int(known), (target, profile.name, rule))


def kept(profile: Profile, levels: Mapping[str, Floats], least: int) -> dict[str, bool | None]:
    """Whether each rule of a profile is kept; None: not known, or of fewer ticks than `least`."""
    found: dict[str, bool | None] = {}
    if profile.availability is not None:
        found["availability"] = keeps_at_least(profile.availability, available(levels["up"]))
    for rule, measure, limit in (
        ("latency", "rtt", profile.latency_s),
        ("jitter", "jitter", profile.jitter_s),
        ("loss", "loss", profile.loss),
    ):
        if limit is not None:
            found[rule] = keeps_at_most(limit, levels[measure], least)
    return found


def _bounds(metric: Metric, labels: tuple[str, str], share: Bounds) -> Iterator[Sample]:
    yield Sample(metric, share.lower, (*labels, "lower"))
    yield Sample(metric, share.upper, (*labels, "upper"))
