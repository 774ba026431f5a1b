"""Keeps the history while the agent measures: on a thread of its own, and patient with the disk."""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from agent.clock import now
from agent.history import Capacity, History, HistoryError, Record, SeriesKey
from agent.judge.rates import TICK_S
from agent.judge.tenure import Tenure
from agent.recorder import Recorder
from collectors.base import Metric, Sample

log = logging.getLogger(__name__)
T = TypeVar("T")

TICKS = Metric("netfold_history_ticks", "gauge", "Five-minute ticks that the history holds.")
WRITE_FAILURES = Metric(
    "netfold_history_write_failures_total",
    "counter",
    "Attempts to write the history that failed; a day of ticks waits for the next.",
)
SET_ASIDE = Metric(
    "netfold_history_set_aside_total", "counter", "Damaged history files renamed and begun anew."
)
METRICS = (TICKS, WRITE_FAILURES, SET_ASIDE)

GATHER_S = 1.0
"""Series that finish a tick within this time are written together."""

RETRY_S = 10.0
END_S = 1.2
"""An agent told to stop has 2 s; a lock takes up to half a second of them, a scrape as much."""

PRUNE_EVERY_S = 86_400.0


class Keeper:
    """Writes what `recorder` finishes into `path`; a failing disk stops writing, not measuring."""

    def __init__(
        self, path: Path, recorder: Recorder, retention_s: float, tick_s: float = TICK_S
    ) -> None:
        self.retention_s = retention_s
        self._path = path
        self._recorder = recorder
        self._tick_s = tick_s
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history")
        self._history: History | None = None
        self._failures = 0
        self._pruned_steady_s = -math.inf
        self._said_aside = 0
        self._last_error = ""

    async def open(self) -> bool:
        """Open the history, and let the recorder go on where it stopped; False: not yet."""
        if self._history is None:
            opened = await self._attempt(self._begin)
            if opened is not None:
                self._history, states = opened
                self._recorder.restore(states)
                self._say_set_aside()
        return self._history is not None

    async def serve(self) -> None:
        """Write what finishes until cancelled."""
        while True:
            await asyncio.sleep(GATHER_S)
            if self._recorder.has_finished or self._is_prune_due():
                written = await self.flush()
                await asyncio.sleep(0 if written else RETRY_S)

    async def flush(self, *, everything: bool = False) -> bool:
        """Write what finished (before an end: where every series stands); False if that failed."""
        if not await self.open():
            return False
        records, steps = self._recorder.drain(everything=everything)
        written = None
        try:
            written = await self._attempt(lambda: self._write(records, steps))
        finally:
            if written is None:  # failed, or not waited for: written twice is written once
                self._recorder.put_back(records, steps)
        return written is not None

    async def tenures(self) -> dict[tuple[str, str], Tenure]:
        """Since when each subject has its verdict; none where the history is not to be had."""
        history = self._history
        return (await self._attempt(history.tenures) if history else None) or {}

    async def keep(self, tenures: Mapping[tuple[str, str], Tenure]) -> None:
        """Remember since when each subject has its verdict."""
        if (history := self._history) is not None:
            await self._attempt(lambda: history.keep(tenures))

    async def note_ports(self, up: Mapping[str, bool], at_s: float) -> None:
        """Remember whether links' ports are up."""
        if up and (history := self._history) is not None:
            await self._attempt(lambda: history.note_ports(up, at_s))

    async def close(self) -> None:
        """Write all that is known and close the file; leave it where the disk hangs."""
        try:
            async with asyncio.timeout(END_S):
                await self.flush(everything=True)
                if self._history is not None:
                    await self._on_thread(self._history.close)
        except TimeoutError:
            log.warning("history is left open, its disk hangs", extra={"path": str(self._path)})
        self._thread.shutdown(wait=False)

    def samples(self) -> list[Sample]:
        """What /metrics says of the history."""
        history = self._history
        samples = [
            Sample(WRITE_FAILURES, self._failures),
            Sample(SET_ASIDE, len(history.set_aside) if history else 0),
        ]
        return samples + ([Sample(TICKS, history.tick_count)] if history else [])

    def _begin(self) -> tuple[History, dict[SeriesKey, bytes]]:
        history = History(self._path, self._tick_s)
        try:
            return history, history.states()
        except HistoryError:
            history.close()
            raise

    def _write(self, records: dict[SeriesKey, Record], steps: list[Capacity]) -> bool:
        """Write on the history's thread; True, so that a failed attempt's None can be told."""
        if self._history is not None:
            self._history.write(records, steps)
            if self._is_prune_due():
                keep = int(self.retention_s // self._tick_s)
                self._history.prune(now().wall_s - self.retention_s, keep)
                self._pruned_steady_s = now().steady_s
        return True

    def _is_prune_due(self) -> bool:
        return now().steady_s - self._pruned_steady_s > PRUNE_EVERY_S

    async def _attempt(self, work: Callable[[], T]) -> T | None:
        """Work on the thread; a failure (None) is counted, and logged if it is a new one."""
        try:
            done = await self._on_thread(work)
        except HistoryError as error:
            self._failures += 1
            if str(error) != self._last_error:
                log.error("history is not written, measuring goes on", extra={"error": str(error)})  # noqa: TRY400 - the message says it all
            self._last_error = str(error)
            return None
        if self._last_error:
            log.info("history is written again")
            self._last_error = ""
        self._say_set_aside()
        return done

    def _say_set_aside(self) -> None:
        aside = self._history.set_aside if self._history else []
        for path in aside[self._said_aside :]:
            log.warning("damaged history set aside, a new one begun", extra={"path": str(path)})
        self._said_aside = len(aside)

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
