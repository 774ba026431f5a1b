"""The demo's past: what an agent would have written in 90 days, up to the last poll before now.

Whole ticks are reckoned at once. The open one is read as an agent reads it, through its own
`Recorder`: so the real agent goes on from there, and finds neither a gap nor a jump.
"""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from agent import facts
from agent.assessment import assess
from agent.declared import bring_up
from agent.demo.devices import port_of, uptime_s
from agent.demo.meter import Meter
from agent.demo.networks import NETWORKS
from agent.demo.register import phases_on
from agent.demo.series import all_levels
from agent.demo.town import LINES_OF_TOWN, MACHINES, Town
from agent.demo.traffic import DAY_TICKS, Floats
from agent.history import Capacity, History, Record, SeriesKey
from agent.history_reader import HistoryReader
from agent.journal import opened
from agent.judge.rates import TICK_S, Tick
from agent.judge.tenure import Tenure, carry
from agent.recorder import Recorder
from agent.standing import unpacked
from collectors.base import CounterReading, GaugeReading, Measurement, Moment
from config.agent import AgentConfig

Progress = Callable[[float], None]

_BATCH_DAYS = 10
_POLL_S = 30.0
_DAY_S = 86_400.0
_JUDGED_DAYS_AGO = (45, 20, 8)
"""When the demo's agent is made to have judged before: so long do its verdicts stand already."""


class Past:
    """All that was seen before `now`; `booted_s` is when its devices were switched on."""

    def __init__(self, town: Town, ports: Mapping[str, int], now: Moment, booted_s: float) -> None:
        self._town, self._now, self._booted_s = town, now, booted_s
        self._levels = list(all_levels(town, ports))
        self._counters = dict(self._all_counters())

    def write(self, config: AgentConfig, progress: Progress) -> None:
        """Write history, journal and how long verdicts have stood into the data folder.

        Raises:
            HistoryError: the folder cannot be written.
            JournalError: neither can the journal.
        """
        write_journal(config, self._now.wall_s)
        history = History(config.data_dir / "history.sqlite")
        try:
            first_s = self._town.first * TICK_S
            capacities = [
                Capacity("link", it.name, first_s, it.bandwidth_bps) for it in config.links
            ]
            with _uncollected():
                history.fill(self._batches(progress), capacities)
            history.keep(_tenures(config, self._now.wall_s))
        finally:
            history.close()

    def _batches(self, progress: Progress) -> Iterator[dict[SeriesKey, Record]]:
        first, last = self._town.first, self._town.now_tick
        step = _BATCH_DAYS * DAY_TICKS
        for begin in range(first, last, step):
            end = min(begin + step, last)
            yield dict(self._between(begin, end))
            progress((end - first) / (last - first))
        yield self._standing()

    def _between(self, begin: int, end: int) -> Iterator[tuple[SeriesKey, Record]]:
        """What was seen in whole ticks."""
        for key, meter in self._counters.items():
            yield key, _record(begin, meter.past[:, begin - meter.first : end - meter.first])
        for levels in self._levels:
            days = levels.days
            since = max(begin, self._town.now_tick - days * DAY_TICKS) if days else begin
            if since < end:
                for measure, values in levels.at(np.arange(since, end)).items():
                    yield levels.key(measure), _record(since, values[np.newaxis])

    def _standing(self) -> dict[SeriesKey, Record]:
        """Where every series stands, once the open tick was read up to now."""
        recorder = Recorder()
        begin_s = self._town.now_tick * TICK_S
        polls = int((self._now.wall_s - begin_s) // _POLL_S) + 1
        for at_s in (*(begin_s + n * _POLL_S for n in range(polls)), self._now.wall_s):
            recorder.take(self._readings(at_s))
        records, _ = recorder.drain(everything=True)
        for key, record in records.items():
            standing = unpacked(key, record.state)
            if standing and key in self._counters:
                since_s = self._seen_since_s(self._counters[key])
                record.state = standing._replace(seen_since_s=since_s).packed()
        return records

    def _readings(self, at_s: float) -> Iterator[Measurement]:
        at = Moment(at_s, self._now.steady_s - (self._now.wall_s - at_s))
        for key, meter in self._counters.items():
            kind, subject, identity, _ = key
            if np.isnan(meter.past[0, -1]):
                continue  # nobody answers there any more
            received, sent = meter.at(at_s)
            yield CounterReading(
                "server" if kind == "server" else "link",
                subject,
                identity,
                at,
                received,
                sent,
                64,
                uptime_s(at_s, self._booted_s),
                self._port_bps(subject),
                0 if kind == "link" else None,
            )
        tick = np.array([self._town.now_tick])
        for levels in self._levels:
            who = levels.kind, levels.subject, levels.identity
            for measure, (value,) in levels.at(tick).items():
                level = None if np.isnan(value) else float(value)
                yield GaugeReading(*who, at, measure, level, levels.holds_s)

    def _all_counters(self) -> Iterator[tuple[SeriesKey, Meter]]:
        for line in LINES_OF_TOWN:
            identity = f"{line.device}/{port_of(line)}"
            yield SeriesKey("link", line.name, identity, "octets"), self._town.lines[line.name]
        for machine in MACHINES:
            identity = f"{machine.name}/eth0"
            key = SeriesKey("server", machine.name, identity, "octets")
            yield key, self._town.machines[machine.name]

    def _seen_since_s(self, meter: Meter) -> float:
        seen = np.flatnonzero(~np.isnan(meter.past[0]))
        return float((meter.first + int(seen[0])) * TICK_S)

    def _port_bps(self, subject: str) -> float:
        ports = {it.name: it.port_bps for it in LINES_OF_TOWN}
        return float(ports.get(subject, 10**9))


def write_journal(config: AgentConfig, now_s: float) -> None:
    """Declare the phases as of the days on which they were, in the agent's own way.

    Raises:
        JournalError: it cannot be written.
    """
    days = sorted({since for it in NETWORKS for since in it.phases.values()}, reverse=True)
    with opened(config.data_dir) as journal:
        for days_ago in days:
            phases = phases_on(days_ago)
            networks = [
                it.model_copy(update={"phase": phases.get(it.name)}) for it in config.networks
            ]
            then = config.model_copy(update={"networks": tuple(networks)})
            bring_up(journal, then, now_s - days_ago * _DAY_S)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let no garbage collection look through millions of ticks, none of them in a cycle.

    They would take more than half of the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _tenures(config: AgentConfig, now_s: float) -> dict[tuple[str, str], Tenure]:
    """Since when each line, group, network and server has its verdict, by judging the past."""
    found: dict[tuple[str, str], Tenure] = {}
    with HistoryReader(config.data_dir / "history.sqlite") as reader:
        for days_ago in _JUDGED_DAYS_AGO:
            at_s = now_s - days_ago * _DAY_S
            end_tick = int(at_s // reader.tick_s)
            for one in assess(config, reader, end_tick, facts.day(at_s)):
                key = (one.kind, one.subject)
                rules = config.policy.servers if one.kind == "server" else config.policy.links
                found[key] = carry(found.get(key), one.status, at_s, rules.confirm_after_s)
    return found


def _record(first: int, values: Floats) -> Record:
    """Rows of values from tick `first` on, without the ticks in which one is NaN."""
    seen = np.flatnonzero(~np.isnan(values).any(axis=0))
    ticks = map(Tick, (seen + first).tolist(), map(tuple, values[:, seen].T.tolist()))
    return Record(list(ticks))
