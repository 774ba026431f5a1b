"""Which slot of the history's rows each series has, for as long as it has ticks or runs."""

import sqlite3
from collections.abc import Mapping
from itertools import count

from agent.series import Record, SeriesKey

DAY_TICKS = 288
"""`series.last_tick` is behind by up to a day, so that not every tick rewrites every series."""


class Slots:
    """The table `series` in memory: to be loaded before use, and where others may have written."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, ...], int] = {}
        self._last_ticks: dict[int, int] = {}
        self._known: dict[SeriesKey, tuple[int, ...]] = {}
        self._taken = 0
        """Every slot below this one has a series."""

    def load(self, db: sqlite3.Connection) -> None:
        """Read the table anew."""
        rows = list(db.execute("SELECT * FROM series"))
        self._numbers = {tuple(row[1:5]): row[0] for row in rows}
        self._last_ticks = {row[0]: row[5] for row in rows}
        self._known.clear()
        self._taken = 0

    def of(self, key: SeriesKey) -> list[int]:
        """The slots of a series; none if it is not remembered."""
        return [self._numbers[slot] for slot in key.slots if slot in self._numbers]

    def give(self, db: sqlite3.Connection, records: Mapping[SeriesKey, Record]) -> list[int]:
        """Give slots to the series that have none: the lowest that nobody has; return those."""
        if records.keys() <= self._known.keys():
            return []
        self.load(db)  # an import beside the agent may have given some out
        new: list[int] = []
        for key, record in records.items():
            unknown = [slot for slot in key.slots if slot not in self._numbers]
            new += [self._new(db, slot, record.last_tick) for slot in unknown]
            self._known[key] = tuple(self._numbers[slot] for slot in key.slots)
        return new

    def note(self, db: sqlite3.Connection, key: SeriesKey, record: Record) -> tuple[int, ...]:
        """The slots that a series was given; when it was last seen is written once a day."""
        slots, last = self._known[key], record.last_tick
        if last >= self._last_ticks[slots[0]] + DAY_TICKS:
            for slot in slots:
                db.execute("UPDATE series SET last_tick = ? WHERE slot = ?", (last, slot))
                self._last_ticks[slot] = last
        return slots

    def _new(self, db: sqlite3.Connection, slot: tuple[str, ...], last_tick: int) -> int:
        number = next(it for it in count(self._taken) if it not in self._last_ticks)
        db.execute("INSERT INTO series VALUES (?, ?, ?, ?, ?, ?)", (number, *slot, last_tick))
        self._numbers[slot], self._last_ticks[number] = number, last_tick
        self._taken = number + 1
        return number
