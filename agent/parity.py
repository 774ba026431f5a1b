"""How the paths of paired probes compared, as the history has it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time

from agent.history_reader import HistoryReader
from agent.judge.bounds import Floats
from agent.judge.calendar import SHANGHAI
from agent.judge.paired import Parity, mean_spread, spread
from agent.pairs import KEPT_ROUNDS, Remembered
from collectors.base import GaugeMeasure
from config.agent import AgentConfig
from config.pairs import Pair

_DAY_S = 86_400
_MEASURES: tuple[GaugeMeasure, ...] = ("rtt_difference", "loss_difference")


def parities(
    config: AgentConfig, reader: HistoryReader, end_tick: int, cut_over: Mapping[str, date]
) -> dict[str, tuple[Parity, ...]]:
    """Each network's pairs, over the policy's days before tick `end_tick` or the cutover's day.

    After it the old path may be gone, which says nothing against the new one.
    """
    ticks = int(config.policy.phases.parity_days * _DAY_S // reader.tick_s)
    found: dict[str, tuple[Parity, ...]] = {}
    for pair in config.pairs:
        end = min(end_tick, _begins(cut_over.get(pair.network), reader.tick_s) or end_tick)
        ((_, levels),) = reader.levels(_MEASURES, [pair.name], end - ticks, ticks, "pair")
        every = _every(config, pair, reader.tick_s)
        slower, lossier = (_rounds(levels[it], every) for it in _MEASURES)
        parity = Parity(pair.name, spread(slower), mean_spread(lossier))
        found[pair.network] = (*found.get(pair.network, ()), parity)
    return found


def unknown(config: AgentConfig) -> dict[str, tuple[Parity, ...]]:
    """The same without a history."""
    networks = {it.network for it in config.pairs}
    return {
        name: tuple(Parity(it.name, None, None) for it in config.pairs if it.network == name)
        for name in networks
    }


def remembered(
    config: AgentConfig, reader: HistoryReader, end_tick: int
) -> Iterator[tuple[str, Remembered]]:
    """Each pair's last rounds as far as the history has them: a tick's rounds are one."""
    for pair in config.pairs:
        every = _every(config, pair, reader.tick_s)
        ticks = KEPT_ROUNDS * every
        ((_, levels),) = reader.levels(_MEASURES, [pair.name], end_tick - ticks, ticks, "pair")
        slower, lossier = (_rounds(levels[it], every) for it in _MEASURES)
        known = ([it for it in one if it is not None] for one in (slower, lossier))
        yield pair.name, Remembered(*known)


def _begins(day: date | None, tick_s: float) -> int | None:
    return (
        None if day is None else int(datetime.combine(day, time(), SHANGHAI).timestamp() // tick_s)
    )


def _every(config: AgentConfig, pair: Pair, tick_s: float) -> int:
    """A round that stands for several ticks is counted once."""
    interval_s = next(it.interval_s for it in config.probes if it.name == pair.new)
    return max(1, math.ceil(interval_s / tick_s))


def _rounds(level: Floats, every: int) -> Sequence[float | None]:
    return [None if math.isnan(it) else it for it in level[::every].tolist()]
