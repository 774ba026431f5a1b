"""The history's wide rows, indexed by slot: the rates of a tick, and where its series stand."""

import array
import math
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from struct import Struct
from zlib import crc32

from agent.standing import STANDING_BYTES

_BLOCK = 64
"""Standings in one row: a device's links end a tick together, and have slots side by side.

Even slots and odd ones have rows of their own: a link stands in the first of its two slots alone,
and what is empty would be written with every tick.
"""

_SPAN = 2 * _BLOCK

NOWHERE = bytes(STANDING_BYTES)
"""Of a slot that no series stands in."""

_SEAL = Struct("<I")
"""CRC-32 of all states in a row: a bad disk may change any of them.

Of each state by itself it would take longer than writing them does.
"""

_STATES = Struct(f"{STANDING_BYTES}s" * _BLOCK)


def merge(db: sqlite3.Connection, tick: int, slots: Sequence[int], values: Sequence[float]) -> bool:
    """Put rates where the tick's row has none; return whether the row is new."""
    row = db.execute("SELECT rates FROM ticks WHERE tick = ?", (tick,)).fetchone()
    rates = rates_of(row[0]) if row else array.array("f")
    rates.extend(array.array("f", [math.nan]) * (1 + max(slots) - len(rates)))
    its = zip(slots, values, strict=True)
    for slot, value in its if row is None else [it for it in its if math.isnan(rates[it[0]])]:
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
    blocks: dict[int, list[bytes]] = {}
    for slot, state in states.items():
        number = slot // _SPAN * 2 + slot % 2
        if number not in blocks:
            blocks[number] = [b""] * _BLOCK
        blocks[number][slot % _SPAN // 2] = state
    for number, block in blocks.items():
        if b"" in block:
            query = "SELECT states FROM standings WHERE block = ?"
            row = db.execute(query, (number,)).fetchone() or (b"",)
            block[:] = [new or old for new, old in zip(block, _unsealed(*row), strict=True)]
    rows = ((number, _sealed(block)) for number, block in blocks.items())
    db.executemany("INSERT OR REPLACE INTO standings VALUES (?, ?)", rows)


def states(db: sqlite3.Connection) -> dict[int, bytes]:
    """Where the series stand, by slot."""
    found = {}
    for number, row in db.execute("SELECT block, states FROM standings"):
        for at, state in enumerate(_unsealed(row)):
            if state != NOWHERE:
                found[number // 2 * _SPAN + at * 2 + number % 2] = state
    return found


def _sealed(block: Sequence[bytes]) -> bytes:
    octets = b"".join(block)
    return _SEAL.pack(crc32(octets)) + octets


def _unsealed(row: bytes) -> Sequence[bytes]:
    """The standings of a block; nobody's, where a disk changed any of it."""
    octets = row[_SEAL.size :]
    if len(octets) != _STATES.size or _SEAL.unpack_from(row) != (crc32(octets),):
        return (NOWHERE,) * _BLOCK
    return _STATES.unpack(octets)


def _packed(rates: "array.array[float]") -> bytes:
    if sys.byteorder == "big":
        rates.byteswap()
    return rates.tobytes()
