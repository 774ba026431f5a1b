"""The history's wide rows, indexed by slot: the rates of a tick, and where its series stand."""

import array
import math
import sqlite3
import sys
from collections.abc import Mapping, Sequence

from agent.standing import STANDING_BYTES

_BLOCK = 64
"""Standings in one row: a device's links end a tick together, and have slots side by side.

Even slots and odd ones have rows of their own: a link stands in the first of its two slots alone,
and what is empty would be written with every tick.
"""

_SPAN = 2 * _BLOCK

NOWHERE = bytes(STANDING_BYTES)
"""Of a slot that no series stands in."""


def merge(db: sqlite3.Connection, tick: int, slots: Sequence[int], values: Sequence[float]) -> bool:
    """Put rates where the tick's row has none; return whether the row is new."""
    row = db.execute("SELECT rates FROM ticks WHERE tick = ?", (tick,)).fetchone()
    rates = rates_of(row[0]) if row else array.array("f")
    rates.extend(array.array("f", [math.nan]) * (1 + max(slots) - len(rates)))
    for slot, value in zip(slots, values, strict=True):
        if row is None or math.isnan(rates[slot]):
            rates[slot] = value
    db.execute("INSERT OR REPLACE INTO ticks VALUES (?, ?)", (tick, _packed(rates)))
    return row is None


def rates_of(blob: bytes) -> "array.array[float]":
    """A tick's rates by slot; NaN where absent, and it may end before the last slot."""
    rates = array.array("f", blob)
    if sys.byteorder == "big":
        rates.byteswap()
    return rates


def place(db: sqlite3.Connection, states: Mapping[int, bytes]) -> None:
    """Put states into their blocks, each of which is written once."""
    blocks: dict[int, bytearray] = {}
    for slot, state in states.items():
        number, at = slot // _SPAN * 2 + slot % 2, slot % _SPAN // 2 * STANDING_BYTES
        if number not in blocks:
            blocks[number] = bytearray(_block(db, number))
        blocks[number][at : at + STANDING_BYTES] = state
    db.executemany("INSERT OR REPLACE INTO standings VALUES (?, ?)", blocks.items())


def states(db: sqlite3.Connection) -> dict[int, bytes]:
    """Where the series stand, by slot."""
    found = {}
    for number, block in db.execute("SELECT block, states FROM standings"):
        for at in range(_BLOCK):
            state = block[at * STANDING_BYTES : (at + 1) * STANDING_BYTES]
            if state.strip(b"\0"):
                found[number // 2 * _SPAN + at * 2 + number % 2] = state
    return found


def _block(db: sqlite3.Connection, number: int) -> bytes:
    row = db.execute("SELECT states FROM standings WHERE block = ?", (number,)).fetchone()
    return row[0] if row else NOWHERE * _BLOCK


def _packed(rates: "array.array[float]") -> bytes:
    if sys.byteorder == "big":
        rates.byteswap()
    return rates.tobytes()
