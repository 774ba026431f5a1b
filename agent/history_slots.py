"""Which slot of the history's rows each series has, for as long as it has ticks or runs."""

import sqlite3
from collections.abc import Sequence, Set
from itertools import count

from agent.series import SeriesKey

DAY_TICKS = 288
"""`series.last_tick` is behind by up to a day, so that not every tick rewrites every series."""


class Slots:
    """The table `series` in memory: to be loaded before use, and where others may have written."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, ...], int] = {}
        self._last_ticks: dict[int, int] = {}
        self.given: dict[SeriesKey, tuple[int, ...]] = {}
        """Those of the series that were given some, or asked for, since the table was read."""

        self._taken = 0
        """Every slot below this one has a series."""

    def load(self, db: sqlite3.Connection) -> None:
        """Read the table anew."""
        rows = list(db.execute("SELECT * FROM series"))
        self._numbers = {tuple(row[1:5]): row[0] for row in rows}
        self._last_ticks = {row[0]: row[5] for row in rows}
        self.given.clear()
        self._taken = 0

    def of(self, key: SeriesKey) -> list[int]:
        """The slots of a series; none if it is not remembered."""
        return [self._numbers[slot] for slot in key.slots if slot in self._numbers]

    def give(self, db: sqlite3.Connection, keys: Set[SeriesKey]) -> list[int]:
        """Give slots to the series that have none: the lowest that nobody has; return those."""
        if keys <= self.given.keys():
            return []
        self.load(db)  # an import beside the agent may have given some out
        new: list[int] = []
        for key in keys:
            new += [self._new(db, slot) for slot in key.slots if slot not in self._numbers]
            self.given[key] = tuple(self._numbers[slot] for slot in key.slots)
        return new

    def note(self, db: sqlite3.Connection, slots: Sequence[int], tick: int) -> None:
        """Remember that something of a tick is known of these slots."""
        last_ticks = self._last_ticks
        if tick >= min(map(last_ticks.__getitem__, slots)) + DAY_TICKS:
            late = [slot for slot in slots if tick >= last_ticks[slot] + DAY_TICKS]
            update = "UPDATE series SET last_tick = ? WHERE slot = ?"
            db.executemany(update, ((tick, slot) for slot in late))
            last_ticks.update(dict.fromkeys(late, tick))

    def _new(self, db: sqlite3.Connection, slot: tuple[str, ...]) -> int:
        number = next(it for it in count(self._taken) if it not in self._last_ticks)
        db.execute("INSERT INTO series VALUES (?, ?, ?, ?, ?, 0)", (number, *slot))
        self._numbers[slot], self._last_ticks[number] = number, 0
        self._taken = number + 1
        return number
