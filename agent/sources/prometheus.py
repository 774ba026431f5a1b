"""Windows from a Prometheus-compatible server that scraped the agent: its own counters, read back.

Not by PromQL's `rate`, which guesses at the ends and knows nothing of lost polls: the samples come
as they were scraped, and are folded into ticks as the agent folds its own readings.
"""

import asyncio
import json
import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from agent.judge.bounds import Floats, Traffic, carried
from agent.judge.rates import TICK_S
from agent.recorder import LINK_CAPACITY, LINK_RECEIVE, LINK_TRANSMIT
from agent.sources.promapi import MOST_POINTS, Api, Found
from agent.sources.scraped import Line
from agent.sources.windows import SourceError
from collectors.base import Metric
from collectors.link import PORT_SPEED
from config.prometheus import PrometheusAccess

log = logging.getLogger(__name__)

TOGETHER = 32
"""Links asked for at once."""

CHUNK_S = 6 * 3600.0
"""Of samples asked for at once: 1,440 a series where it is scraped every 15 s."""

_BITS = 8

_Key = tuple[tuple[str, str], ...]
"""The labels of a series."""


@dataclass(slots=True)
class _Batch:
    """What is known of some links so far."""

    first: int
    ticks: int
    levels: dict[str, dict[str, Floats]] = field(default_factory=dict)
    lines: dict[str, dict[_Key, Line]] = field(default_factory=dict)


class PrometheusReader:
    """What one server holds of an agent's links; a context manager.

    `progress` is told which part (0 to 1) of the links in hand is read.

    Raises:
        ValueError: the address cannot be asked.
    """

    def __init__(
        self,
        url: str,
        access: PrometheusAccess,
        progress: Callable[[float], None] = lambda _: None,
        tick_s: float = TICK_S,
    ) -> None:
        self.tick_s = tick_s
        self._url = url
        self._labels = access.labels
        self._progress = progress
        self._api = Api(url, access)
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self._has_found = False

    def __enter__(self) -> Self:
        self._runner.run(self._open.enter_async_context(self._api))
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._runner.run(self._open.aclose())
        self._runner.close()
        if error is None and not self._has_found:
            facts = {"server": self._url}
            log.warning("the server holds nothing of these links, all is unseen", extra=facts)

    def traffic(
        self, links: Sequence[str], first: int, ticks: int
    ) -> Iterator[tuple[str, Traffic]]:
        """Each link's window from tick number `first`; one that the server lacks is all unseen.

        Raises:
            SourceError: the server does not answer as it should; no link is judged by half.
        """
        for start in range(0, len(links), TOGETHER):
            some = links[start : start + TOGETHER]

            def tell(part: float, done: int = start, more: int = len(some)) -> None:
                self._progress((done + part * more) / len(links))

            batch = self._runner.run(self._fetch(some, first, ticks, tell))
            for link in some:
                yield link, self._window(batch, link)

    async def _fetch(
        self, links: Sequence[str], first: int, ticks: int, tell: Callable[[float], None]
    ) -> _Batch:
        batch = _Batch(first, ticks)
        constant = self._selector((LINK_CAPACITY, PORT_SPEED), links)
        for start in range(first, first + ticks, MOST_POINTS):
            count = min(MOST_POINTS, first + ticks - start)
            found = await self._api.steps(constant, start * self.tick_s, self.tick_s, count)
            self._take_levels(batch, found)
        counters = self._selector((LINK_RECEIVE, LINK_TRANSMIT), links)
        # A tick is covered by what was read before its beginning and after its end.
        start_s, end_s = (first - 1) * self.tick_s, (first + ticks + 1) * self.tick_s
        for at_s in np.arange(start_s, end_s, CHUNK_S).tolist():
            until_s = min(at_s + CHUNK_S, end_s)
            self._take_counters(batch, await self._api.samples(counters, at_s, until_s))
            tell((until_s - start_s) / (end_s - start_s))
        return batch

    def _selector(self, metrics: Iterable[Metric], links: Iterable[str]) -> str:
        names = "|".join(metric.name for metric in metrics)
        own = "|".join(re.escape(link) for link in links)
        others = "".join(f",{name}={_quoted(text)}" for name, text in self._labels.items())
        return f'{{__name__=~"{names}",link=~{_quoted(own)}{others}}}'

    def _take_levels(self, batch: _Batch, found: Iterable[Found]) -> None:
        for series in found:
            known = batch.levels.setdefault(series.labels.get("link", ""), {})
            level = known.setdefault(series.labels["__name__"], np.full(batch.ticks, np.nan))
            at = np.rint(np.array(series.times_s) / self.tick_s).astype(int) - batch.first
            inside = (at >= 0) & (at < batch.ticks)
            level[at[inside]] = np.array(series.values)[inside] * _BITS

    def _take_counters(self, batch: _Batch, found: Iterable[Found]) -> None:
        pairs: defaultdict[_Key, dict[str, Found]] = defaultdict(dict)
        for series in found:
            labels = {name: it for name, it in series.labels.items() if name != "__name__"}
            pairs[tuple(sorted(labels.items()))][series.labels.get("__name__", "")] = series
        for key, pair in pairs.items():
            if LINK_RECEIVE.name in pair and LINK_TRANSMIT.name in pair:
                line = self._line(batch, key)
                transmitted = _by_time(pair[LINK_TRANSMIT.name])
                for at_s, received in _by_time(pair[LINK_RECEIVE.name]).items():
                    if at_s in transmitted:
                        line.take(at_s, received, transmitted[at_s])

    def _line(self, batch: _Batch, key: _Key) -> Line:
        link = dict(key).get("link", "")
        lines = batch.lines.setdefault(link, {})
        if key not in lines:
            speed = batch.levels.get(link, {}).get(PORT_SPEED.name)
            speed = np.full(batch.ticks, np.nan) if speed is None else carried(speed)
            lines[key] = Line(batch.first, speed, self.tick_s)
        return lines[key]

    def _window(self, batch: _Batch, link: str) -> Traffic:
        receive, transmit = np.full(batch.ticks, np.nan), np.full(batch.ticks, np.nan)
        lines = batch.lines.get(link, {})
        for line in lines.values():
            line.end()
            seen = ~np.isnan(line.receive)
            if np.any(seen & ~np.isnan(receive)):
                msg = f"{self._url}: {_ambiguous(link, list(lines))}"
                raise SourceError(msg)
            receive[seen], transmit[seen] = line.receive[seen], line.transmit[seen]
        self._has_found |= bool(lines)
        capacity = batch.levels.get(link, {}).get(LINK_CAPACITY.name)
        capacity = np.full(batch.ticks, np.nan) if capacity is None else carried(capacity)
        return Traffic(batch.first, receive, transmit, capacity, (), self.tick_s)


def _by_time(series: Found) -> Mapping[float, float]:
    return dict(zip(series.times_s, series.values, strict=True))


def _ambiguous(link: str, keys: Sequence[_Key]) -> str:
    """Say by which label two agents' links of one name can be told from each other."""
    one, other = dict(keys[0]), dict(keys[1])
    name = next((it for it in one if one[it] != other.get(it)), "instance")
    seen = f"{one.get(name)!r} and {other.get(name)!r}"
    right = f"write under prometheus: labels: {{{name}: {one.get(name)}}}"
    return f"link {link!r} is there twice at one time, with {name} {seen}; {right}"


def _quoted(text: str) -> str:
    """A string of PromQL, which takes JSON's escapes."""
    return json.dumps(text, ensure_ascii=False)
