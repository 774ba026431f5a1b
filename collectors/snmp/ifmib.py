"""IF-MIB (RFC 2863): the columns that are read of an interface, and what they mean."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from collectors.snmp.text import PADDING
from collectors.snmp.varbind import Value

_IF = "1.3.6.1.2.1.2.2.1."
_IFX = "1.3.6.1.2.1.31.1.1.1."

SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
INDEX = _IF + "1"
DESCRIPTION = _IF + "2"
TYPE = _IF + "3"
SPEED = _IF + "5"
ADMIN_STATUS = _IF + "7"
OPER_STATUS = _IF + "8"
IN_OCTETS = _IF + "10"
IN_DISCARDS = _IF + "13"
IN_ERRORS = _IF + "14"
OUT_OCTETS = _IF + "16"
OUT_DISCARDS = _IF + "19"
OUT_ERRORS = _IF + "20"
NAME = _IFX + "1"
HC_IN_OCTETS = _IFX + "6"
HC_OUT_OCTETS = _IFX + "10"
HIGH_SPEED = _IFX + "15"
ALIAS = _IFX + "18"
DISCONTINUITY = _IFX + "19"

SIGNS_OF_LIFE = (OPER_STATUS, HC_IN_OCTETS, HC_OUT_OCTETS, IN_OCTETS, OUT_OCTETS)
"""A row with none of these is a phantom: see `is_phantom`."""

STATUS = dict(
    enumerate(
        ("up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown"), start=1
    )
)
"""ifOperStatus; ifAdminStatus knows the first three."""
_ADMIN_STATES = 3

SATURATED = 2**32 - 1

FASTEST_BPS = 100 * 10**12
"""No port and no aggregate has more: a switch's whole chip of 2025 forwards 102.4 Tbit/s."""

_SLOW_BPS = 10 * 10**6
_MBIT = 10**6
_WRONG_UNITS = (10**3, 10**6)
"""How much too large ifHighSpeed is where it counts kbit/s, or bit/s."""
_NO_PORT_BPS = 10**12
"""What no port has; half of it is the fastest that Ethernet knows in 2026."""
_ALIKE = 0.01
_DIGITS = 20  # of 2^64
_MOST = 2**64

Row = Mapping[str, Value]
"""One interface: its values by column."""


_Pair = tuple[int | None, int | None]


class Octets(NamedTuple):
    """Both octet counters of an interface; None: the device does not count that direction."""

    receive: int | None
    transmit: int | None
    bits: Literal[32, 64] | None


def number(value: Value) -> int | None:
    """Take a number as it is, or as the digits of a string, as some devices give a speed."""
    if isinstance(value, bytes):
        digits = value.strip(PADDING)
        return int(digits) if digits.isdigit() and len(digits) <= _DIGITS else None
    return value if isinstance(value, int) else None


def count(value: Value) -> int | None:
    """Take a number of 64 bits that cannot be negative; any other says nothing."""
    found = number(value)
    return found if found is not None and 0 <= found < _MOST else None


def ticks(value: Value) -> int | None:
    """Take TimeTicks, of which there are 2^32."""
    found = number(value)
    return None if found is None else found % 2**32


def octets(row: Row, before: Row | None = None) -> Octets:
    """Choose the 64-bit counters, or the 32-bit ones where those are absent or do not count.

    Some devices have the high-capacity column and leave it at 0 while the 32-bit one moves. One
    reading shows that when the latter is above 0; `before`, the reading before it, shows it also
    when that has just wrapped to 0. Both directions have the same width: where only one has a
    32-bit counter, the other's 64-bit one is cut down to 32.
    """
    now, then = _counters(row), _counters(before or {})
    wide, narrow = zip(*now, strict=True)
    stuck = any(_is_stuck(*pairs) for pairs in zip(now, then, strict=True))
    if narrow == (None, None) or (None not in wide and not stuck):
        return Octets(*wide, None if wide == (None, None) else 64)
    receive, transmit = (_in_32_bits(*pair) for pair in now)
    return Octets(receive, transmit, 32)


def _counters(row: Row) -> tuple[_Pair, _Pair]:
    """Both directions, each with its 64-bit and its 32-bit counter."""
    received = count(row.get(HC_IN_OCTETS)), count(row.get(IN_OCTETS))
    return received, (count(row.get(HC_OUT_OCTETS)), count(row.get(OUT_OCTETS)))


def _is_stuck(now: _Pair, then: _Pair) -> bool:
    """Whether the 64-bit counter stays at 0 while the other one counts."""
    (wide, narrow), (wide_then, narrow_then) = now, then
    moved = wide_then == 0 and None not in {narrow, narrow_then} and narrow != narrow_then
    return wide == 0 and (bool(narrow) or moved)


def _in_32_bits(wide: int | None, narrow: int | None) -> int | None:
    return wide % 2**32 if narrow is None and wide else narrow


def speed_bps(row: Row) -> int | None:
    """Read ifHighSpeed (Mbit/s), else ifSpeed; 0, and an ifSpeed at its maximum, say nothing.

    Under 10 Mbit/s, where ifHighSpeed rounds too much away, ifSpeed is taken. Where the two are
    1,000 or 1,000,000 apart one of them is in another unit: ifHighSpeed if no port is so fast, else
    nobody knows. More than `FASTEST_BPS` is nonsense.
    """
    high, low = ((number(row.get(column)) or 0) for column in (HIGH_SPEED, SPEED))
    high_bps = high * _MBIT if 0 < high * _MBIT <= FASTEST_BPS else None
    low_bps = low if 0 < low < SATURATED else None
    if low_bps is None or not high:
        return low_bps or high_bps
    if any(abs(high * _MBIT / low_bps / unit - 1) < _ALIKE for unit in _WRONG_UNITS):
        return low_bps if high * _MBIT >= _NO_PORT_BPS else None
    is_finer = low_bps < _SLOW_BPS and abs(high * _MBIT - low_bps) < _MBIT
    return low_bps if high_bps is None or is_finer else high_bps


def status(value: Value) -> str | None:
    """Name an ifOperStatus; a number outside the enumeration is none."""
    return STATUS.get(number(value) or 0)


def admin_status(value: Value) -> str | None:
    """Name an ifAdminStatus: up, down or testing."""
    return status(value) if (number(value) or 0) <= _ADMIN_STATES else None


def is_phantom(row: Row) -> bool:
    """Whether a row has no state and counts nothing, whatever it is called.

    Some devices list thousands of those, as for units that are not there.
    """
    return all(number(row.get(column)) is None for column in SIGNS_OF_LIFE)
