"""Windows from a Prometheus-compatible server that scraped the agent: its own counters, read back.

Not by PromQL's `rate`, which guesses at the ends and knows nothing of lost polls: the samples come
as they were scraped, and are folded into ticks as the agent folds its own readings.
"""

import asyncio
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Self

import numpy as np

from agent.judge.bounds import Traffic
from agent.judge.rates import TICK_S
from agent.recorder import LINK_CAPACITY, LINK_SEEN_SINCE
from agent.server_windows import ServerWindow, window_of
from agent.sources.batch import LINKS, SERVERS, Asked, Batch
from agent.sources.promapi import MOST_POINTS, Api
from collectors import server
from collectors.base import Metric
from config.prometheus import PrometheusAccess

log = logging.getLogger(__name__)

TOGETHER = 32
"""Subjects asked for at once."""

CHUNK_S = 6 * 3600.0
"""Of samples asked for at once: 1,440 a series where it is scraped every 15 s."""

_BITS = 8


class PrometheusReader:
    """What one server holds of an agent's links and servers; a context manager.

    `progress` is told which part (0 to 1) of the subjects in hand is read.

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
        self._has_found: dict[str, bool] = {}
        self._untold: set[str] = set()

    def __enter__(self) -> Self:
        self._runner.run(self._open.enter_async_context(self._api))
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._runner.run(self._open.aclose())
        self._runner.close()
        if error is not None:
            return
        facts = {"server": self._url}
        for kind, has_found in self._has_found.items():
            if not has_found:
                log.warning(
                    "the server holds nothing of these %ss, all is unseen", kind, extra=facts
                )
        if self._untold:
            log.warning(
                "an older agent was scraped, which did not say where 32-bit counters tell nothing:"
                " links on ports that are fast enough to let one wrap are unseen there",
                extra=facts | {"links": len(self._untold), "metric": LINK_SEEN_SINCE.name},
            )

    def traffic(
        self, links: Sequence[str], first: int, ticks: int
    ) -> Iterator[tuple[str, Traffic]]:
        """Each link's window from tick number `first`; one that the server lacks is all unseen.

        Raises:
            SourceError: the server does not answer as it should; no link is judged by half.
        """
        for link, batch in self._batches(LINKS, links, first, ticks):
            receive, transmit = batch.rates(link)
            capacity = _BITS * batch.constant(link, LINK_CAPACITY)
            yield link, Traffic(first, receive, transmit, capacity, (), self.tick_s)

    def servers(
        self, servers: Sequence[str], first: int, ticks: int
    ) -> Iterator[tuple[str, ServerWindow]]:
        """Each server's window from tick number `first`, without the size of its disks.

        Raises:
            SourceError: the server does not answer as it should; none is judged by half.
        """
        for name, batch in self._batches(SERVERS, servers, first, ticks):
            receive, transmit = batch.rates(name)
            read_of = {
                "cpu": batch.level(name, server.CPU),
                "memory": batch.level(name, server.MEMORY_USED),
                "cores": batch.constant(name, server.CORES),
                "memory_bytes": batch.constant(name, server.MEMORY),
                "receive": receive,
                "transmit": transmit,
                "disk_bytes": np.full(ticks, np.nan),
            }
            yield name, window_of(read_of, first, self.tick_s)

    def _batches(
        self, asked: Asked, subjects: Sequence[str], first: int, ticks: int
    ) -> Iterator[tuple[str, Batch]]:
        """Each subject with the batch that knows it; what is done with it may be ambiguous."""
        for start in range(0, len(subjects), TOGETHER):
            some = subjects[start : start + TOGETHER]

            def tell(part: float, done: int = start, more: int = len(some)) -> None:
                self._progress((done + part * more) / len(subjects))

            batch = Batch(self._url, asked, first, ticks, self.tick_s)
            self._runner.run(self._fetch(asked, batch, some, tell))
            self._untold |= batch.untold
            for subject in some:
                known = self._has_found.get(asked.kind, False)
                self._has_found[asked.kind] = known or batch.is_known(subject)
                yield subject, batch

    async def _fetch(
        self, asked: Asked, batch: Batch, subjects: Sequence[str], tell: Callable[[float], None]
    ) -> None:
        first, stop = batch.first, batch.first + batch.ticks
        constants = self._selector(asked.constants, asked.kind, subjects)
        for start in range(first, stop, MOST_POINTS):
            count = min(MOST_POINTS, stop - start)
            batch.take_constants(
                await self._api.steps(constants, start * self.tick_s, self.tick_s, count)
            )
        sampled = self._selector(asked.sampled, asked.kind, subjects)
        # A tick is covered by what was read before its beginning and after its end.
        start_s, end_s = (first - 1) * self.tick_s, (stop + 1) * self.tick_s
        for at_s in np.arange(start_s, end_s, CHUNK_S).tolist():
            until_s = min(at_s + CHUNK_S, end_s)
            batch.take_samples(await self._api.samples(sampled, at_s, until_s))
            tell((until_s - start_s) / (end_s - start_s))

    def _selector(self, metrics: Iterable[Metric], kind: str, subjects: Iterable[str]) -> str:
        names = "|".join(metric.name for metric in metrics)
        own = "|".join(re.escape(it) for it in subjects)
        others = "".join(f",{name}={_quoted(text)}" for name, text in self._labels.items())
        return f'{{__name__=~"{names}",{kind}=~{_quoted(own)}{others}}}'


def _quoted(text: str) -> str:
    """A string of PromQL, which takes JSON's escapes."""
    return json.dumps(text, ensure_ascii=False)
