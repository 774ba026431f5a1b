"""From readings to what the history keeps and what /metrics counts; holds where each series stands.

Readings of one series come in order of arrival. Nothing here waits: what finished is handed over
by `drain`, and given back by `put_back` where it could not be written.
"""

import logging
from collections.abc import Iterable, Mapping

from agent.history import Capacity, Record, SeriesKey
from agent.judge.rates import (
    TICK_S,
    Fold,
    Gap,
    Span,
    advance,
    begin,
    bridge,
    hold,
    pieces,
    seen_since,
)
from agent.standing import Standing, unpacked
from collectors.base import CounterReading, GaugeReading, Measurement, Metric, Sample

log = logging.getLogger(__name__)

LINK_RECEIVE = Metric(
    "netfold_link_receive_bytes_total",
    "counter",
    "Bytes received (ifHCInOctets; 32-bit counters unwrapped).",
    ("link",),
)
LINK_TRANSMIT = Metric(
    "netfold_link_transmit_bytes_total",
    "counter",
    "Bytes transmitted (ifHCOutOctets; 32-bit counters unwrapped).",
    ("link",),
)
LINK_RATES_DROPPED = Metric(
    "netfold_link_rates_dropped_total",
    "counter",
    "Rates above what the port can carry, left out of the history.",
    ("link",),
)
LINK_SEEN_SINCE = Metric(
    "netfold_link_seen_since_timestamp_seconds",
    "gauge",
    "Since when the link's rate is known without a gap; where it moves, the counters tell nothing.",
    ("link",),
)
LINK_CAPACITY = Metric(
    "netfold_link_capacity_bytes_per_second",
    "gauge",
    "Contracted bandwidth of the link; the port's speed only in a local network.",
    ("link",),
)
LINK_OVERSOLD = Metric(
    "netfold_link_contract_above_port_speed",
    "gauge",
    "Whether the contracted bandwidth is more than the port can carry: one of them is wrong.",
    ("link",),
)
SYSTEM_LAST_USED = Metric(
    "netfold_system_last_used_timestamp_seconds",
    "gauge",
    "When a client outside the management ranges was last connected, kept over restarts.",
    ("system",),
)
METRICS = (
    *(LINK_RECEIVE, LINK_TRANSMIT, LINK_SEEN_SINCE, LINK_RATES_DROPPED),
    *(LINK_CAPACITY, LINK_OVERSOLD),
    SYSTEM_LAST_USED,
)

ROUNDED = 1.05
"""A contract may be named a little above its port: 155M of SDH on a port that says 150M."""

MAX_PENDING_TICKS = 288
"""A day of ticks waits in memory for a disk that takes no writes; then the oldest are let go."""


class Recorder:
    """Takes every reading of the agent; `capacities` is bit/s by link, None: its port's speed."""

    def __init__(self, tick_s: float = TICK_S) -> None:
        self._tick_s = tick_s
        self._standings: dict[SeriesKey, Standing] = {}
        self._identities: dict[tuple[str, str, str], str] = {}
        self._pending: dict[SeriesKey, Record] = {}
        self._capacities: dict[str, float] = {}
        self._steps: list[Capacity] = []
        self._local_links: frozenset[str] = frozenset()
        self._contracts: dict[str, float] = {}
        self._oversold: set[str] = set()

    @property
    def has_finished(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._pending or self._steps)

    def restore(self, states: Mapping[SeriesKey, bytes]) -> None:
        """Go on where the written series stopped; what has been read since stays as it is."""
        found = {key: it for key, state in states.items() if (it := unpacked(key, state))}
        read_since = set(self._identities)
        for key, standing in sorted(found.items(), key=lambda item: item[1].reading.at.wall_s):
            self._standings.setdefault(key, standing)
            if _subject(key) not in read_since:
                self._identities[_subject(key)] = key.identity

    def contract(
        self, capacities: Mapping[str, float | None], local_links: Iterable[str], at_s: float
    ) -> None:
        """Note each link's contracted bit/s as of now; local links stand at their port's speed."""
        self._local_links = frozenset(local_links)
        self._contracts = {link: bps for link, bps in capacities.items() if bps is not None}
        self._oversold.clear()
        self._capacities.clear()  # a link that was not local for a while has had another one since
        for link, bps in capacities.items():
            if link not in self._local_links:
                self._steps.append(Capacity("link", link, at_s, bps))

    def take(self, measurements: Iterable[Measurement]) -> list[Sample]:
        """Fold every reading in; return what /metrics says of the links read."""
        samples: list[Sample] = []
        for reading in measurements:
            if isinstance(reading, CounterReading):
                samples += self._count(reading)
            elif isinstance(reading, GaugeReading):
                kept = self._level(reading)
                if reading.measure == "last_used" and kept is not None:
                    samples.append(Sample(SYSTEM_LAST_USED, kept, (reading.subject,)))
        return samples

    def drain(self, *, everything: bool = False) -> tuple[dict[SeriesKey, Record], list[Capacity]]:
        """Hand over what finished, or (before an end) also where every other series stands."""
        records, self._pending = self._pending, {}
        steps, self._steps = self._steps, []
        if everything:
            records |= {key: Record() for key in self._standings if key not in records}
        for key, record in records.items():
            record.state = self._standings[key].packed()
        return records, steps

    def put_back(self, records: Mapping[SeriesKey, Record], steps: Iterable[Capacity]) -> None:
        """Take back what could not be written, to hand it over again."""
        for key, record in records.items():
            newer = self._pending.get(key, Record())
            self._pending[key] = Record(record.ticks + newer.ticks, record.runs | newer.runs)
            _let_go_of_the_oldest(self._pending[key])
        self._steps = [*steps, *self._steps]

    def _count(self, reading: CounterReading) -> list[Sample]:
        key = SeriesKey(reading.kind, reading.subject, reading.identity, "octets")
        rebound = self._identities.get(_subject(key), key.identity) != key.identity
        # What crossed an interface while the link was bound to another one was not the link's.
        before = None if rebound else self._standings.get(key)
        if before is None or not isinstance(before.reading, CounterReading):
            fold = begin(reading.at.wall_s, 2, self._tick_s)
            after = Standing(reading, fold, (reading.receive_bytes, reading.transmit_bytes))
        else:
            span = bridge(before.reading, reading, self._tick_s)
            fold = self._filled(key, before.fold, reading, [span] if isinstance(span, Span) else ())
            totals = _unwrapped(before.totals, before.reading, reading, span)
            dropped = before.dropped + (span is Gap.IMPLAUSIBLE)
            since_s = seen_since(before.reading, reading, span, _seen_since_s(before), self._tick_s)
            after = Standing(reading, fold, totals, dropped, since_s)
        if rebound:
            # Bound to another interface: a jump to that one's count would look like traffic.
            after = after._replace(totals=(0, 0))
        self._standings[key] = after
        self._identities[_subject(key)] = key.identity
        return self._link_samples(reading, after) if reading.kind == "link" else []

    def _level(self, reading: GaugeReading) -> float | None:
        """Fold a level in; return it as it is kept."""
        kind, subject, identity, at, measure, _, _ = reading
        key = SeriesKey(kind, subject, identity, measure)
        before = self._standings.get(key)
        if before is None or not isinstance(before.reading, GaugeReading):
            self._standings[key] = Standing(reading, begin(at.wall_s, 1, self._tick_s))
            return reading.value
        if measure == "last_used":
            reading = reading._replace(value=_later(before.reading.value, reading))
        span = hold(before.reading, reading)
        spans = pieces(span, self._tick_s) if isinstance(span, Span) else ()
        self._standings[key] = Standing(reading, self._filled(key, before.fold, reading, spans))
        return reading.value

    def _filled(
        self,
        key: SeriesKey,
        fold: Fold,
        reading: CounterReading | GaugeReading,
        spans: Iterable[Span],
    ) -> Fold:
        """Fill ticks up to the reading, and let those that finished wait to be written."""
        width = len(fold.amounts)
        for span in spans:
            fold, ticks, runs = advance(fold, span, self._tick_s)
            if ticks or runs:
                record = self._pending.setdefault(key, Record())
                record.ticks += ticks
                record.runs |= {run.first: run for run in runs}
                _let_go_of_the_oldest(record)
        if fold.until_s != reading.at.wall_s:  # unknown up to here
            fold = begin(reading.at.wall_s, width, self._tick_s)
        return fold

    def _link_samples(self, reading: CounterReading, standing: Standing) -> list[Sample]:
        link = (reading.subject,)
        samples = [
            Sample(LINK_RECEIVE, standing.totals[0], link),
            Sample(LINK_TRANSMIT, standing.totals[1], link),
            # To the millisecond: stores that keep 15 digits keep all of them.
            Sample(LINK_SEEN_SINCE, round(_seen_since_s(standing), 3), link),
            Sample(LINK_RATES_DROPPED, standing.dropped, link),
        ]
        if reading.port_speed_bps is None:
            return samples
        if reading.subject in self._local_links:
            samples.append(Sample(LINK_CAPACITY, reading.port_speed_bps / 8, link))
            self._note_port_speed(reading, reading.port_speed_bps)
        elif (contract_bps := self._contracts.get(reading.subject)) is not None:
            oversold = contract_bps > ROUNDED * reading.port_speed_bps
            samples.append(Sample(LINK_OVERSOLD, int(oversold), link))
            self._note_oversold(reading, contract_bps, oversold=oversold)
        return samples

    def _note_oversold(
        self, reading: CounterReading, contract_bps: float, *, oversold: bool
    ) -> None:
        """Say it once: the contract stays the capacity, for it is what is paid for."""
        if oversold and reading.subject not in self._oversold:
            facts = {"link": reading.subject, "contract_bps": contract_bps}
            facts |= {"port_speed_bps": reading.port_speed_bps}
            log.warning("contract is more than the port can carry, one is wrong", extra=facts)
        (self._oversold.add if oversold else self._oversold.discard)(reading.subject)

    def _note_port_speed(self, reading: CounterReading, bps: float) -> None:
        if self._capacities.get(reading.subject) != bps:
            self._capacities[reading.subject] = bps
            self._steps.append(Capacity("link", reading.subject, reading.at.wall_s, bps))


def _later(before_s: float | None, reading: GaugeReading) -> float | None:
    """The later of two times of use; one that is still to come is a clock's that was wrong."""
    times = [it for it in (before_s, reading.value) if it is not None and it <= reading.at.wall_s]
    return max(times, default=None)


def _let_go_of_the_oldest(record: Record) -> None:
    del record.ticks[:-MAX_PENDING_TICKS]
    for first in list(record.runs)[:-MAX_PENDING_TICKS]:
        del record.runs[first]


def _seen_since_s(standing: Standing) -> float:
    since_s = standing.seen_since_s
    return standing.reading.at.wall_s if since_s is None else since_s


def _subject(key: SeriesKey) -> tuple[str, str, str]:
    return (key.kind, key.subject, key.measure)


def _unwrapped(
    totals: tuple[int, int], before: CounterReading, after: CounterReading, span: Span | Gap
) -> tuple[int, int]:
    """Count on where a 32-bit counter wrapped; fall, as PromQL expects, where one began anew."""
    if before.counter_bits != after.counter_bits:
        return totals  # the two columns share no zero: their difference would look like traffic
    unbroken = isinstance(span, Span) and not span.since_boot
    modulus: int = 2**after.counter_bits

    def total(so_far: int, old: int, new: int) -> int:
        if unbroken:
            return so_far + (new - old) % modulus
        return so_far + new - old if new >= old else new

    return (
        total(totals[0], before.receive_bytes, after.receive_bytes),
        total(totals[1], before.transmit_bytes, after.transmit_bytes),
    )
