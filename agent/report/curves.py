"""The windows that verdicts are judged by, with a small curve of each kept as it goes by.

So the history is read once, and thousands of windows never stand in memory together.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from agent.judge.bounds import Traffic
from agent.sources.windows import Windows

_DAY_S = 86_400

Days = tuple[float | None, ...]
"""The highest load of each day of a window, as a ratio of the capacity; None where not seen."""


class Curves:
    """A source of windows; `of` has the curve of each line read from tick `first` on.

    A busy period of the past is no part of the window, and has no curve.
    """

    def __init__(
        self, source: Windows, first: int, lines: int, told: Callable[[float], None]
    ) -> None:
        self.of: dict[str, Days] = {}
        self._source = source
        self._first = first
        self._lines = lines
        self._told = told

    @property
    def tick_s(self) -> float:
        """The length of a tick."""
        return self._source.tick_s

    def traffic(
        self, links: Sequence[str], first: int, ticks: int
    ) -> Iterator[tuple[str, Traffic]]:
        """Each link's window, as its source has it."""
        for link, window in self._source.traffic(links, first, ticks):
            if first == self._first and link not in self.of:
                self.of[link] = _days(window)
                self._told(len(self.of) / self._lines)
            yield link, window


def _days(window: Traffic) -> Days:
    day_ticks = max(1, int(_DAY_S // window.tick_s))
    count = window.ticks // day_ticks
    last = window.load[window.ticks - count * day_ticks :].reshape(count, day_ticks)
    highest = np.fmax.reduce(last, axis=1, initial=np.nan)  # NaN only where all of a day is
    return tuple(None if np.isnan(it) else round(float(it), 4) for it in highest)
