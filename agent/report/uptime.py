"""Availability of a month: how much of it each network and target was there, and what of its SLA.

As everywhere, what was not seen of the month parts the bounds, from its first tick to its last.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from agent.availability import LEAST_SEEN_S, MEASURES, kept, profiles
from agent.history_reader import HistoryReader
from agent.isolation import must_not_answer
from agent.judge.availability import Together, available
from agent.judge.bounds import Bounds, Floats
from agent.report.month import Month
from collectors.base import Target
from config.agent import AgentConfig
from config.sla import Profile


class Available(NamedTuple):
    """One target's month, or one network's.

    A target that must not answer (`isolated`) is available while it is not reached. `rules` are
    those of its SLA profile: kept, not kept, or None: not known.
    """

    kind: str
    subject: str
    network: str | None
    purpose: str | None
    isolated: bool
    share: Bounds
    seen_ratio: float
    profile: str | None = None
    rules: Mapping[str, bool | None] = {}


class Uptime(NamedTuple):
    """A month, as far as it was over at the report's time."""

    month: Month
    from_s: float
    to_s: float
    is_whole: bool
    rows: Sequence[Available]


def uptime(config: AgentConfig, reader: HistoryReader, month: Month, end_tick: int) -> Uptime:
    """Say all of a month, networks first; nothing from tick `end_tick` on is looked at."""
    first = int(month.from_s // reader.tick_s)
    last = int(month.to_s // reader.tick_s)
    ticks = min(last, end_tick) - first
    networks: dict[str, tuple[Together, list[float]]] = {}
    targets = list(_targets(config, reader, first, ticks, networks))
    rows = [
        Available("network", name, name, None, False, it.available(ticks), max(seen))
        for name, (it, seen) in networks.items()
    ]
    to_s = (first + ticks) * reader.tick_s
    is_whole = end_tick >= last
    return Uptime(month, first * reader.tick_s, to_s, is_whole, [*rows, *targets])


def _targets(
    config: AgentConfig,
    reader: HistoryReader,
    first: int,
    ticks: int,
    networks: dict[str, tuple[Together, list[float]]],
) -> Iterator[Available]:
    by_name = {it.name: it for it in config.probes}
    promised = profiles(config, [it for it in config.probes if not must_not_answer(it)])
    least = min(ticks, int(LEAST_SEEN_S // reader.tick_s))
    for name, levels in reader.levels(MEASURES, list(by_name), first, ticks):
        target, up = by_name[name], levels["up"]
        one = _one(target, levels, promised.get(name), least)
        if target.network and not one.isolated:
            together, seen = networks.setdefault(target.network, (Together(ticks), []))
            together.add(up)
            seen.append(one.seen_ratio)
        yield one


def _one(
    target: Target, levels: Mapping[str, Floats], profile: Profile | None, least: int
) -> Available:
    up = levels["up"]
    share = available(up)
    return Available(
        kind="target",
        subject=target.name,
        network=target.network,
        purpose=target.purpose,
        isolated=must_not_answer(target),
        share=share,
        seen_ratio=1.0 - (share.upper - share.lower),
        profile=profile.name if profile else None,
        rules=kept(profile, levels, least) if profile else {},
    )
