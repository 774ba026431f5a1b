"""IF-MIB (RFC 2863): the columns that are read of an interface, and what they mean."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

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

STATUS = dict(
    enumerate(
        ("up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown"), start=1
    )
)
"""ifAdminStatus knows the first three of these, ifOperStatus all."""

SATURATED = 2**32 - 1

Row = Mapping[str, Value]
"""One interface: its values by column."""


class Octets(NamedTuple):
    """Both octet counters of an interface; None: the device does not count that direction."""

    receive: int | None
    transmit: int | None
    bits: Literal[32, 64] | None


def number(value: Value) -> int | None:
    """Take a number as it is, or as the digits of a string, as some devices give a speed."""
    if isinstance(value, bytes) and value.strip(b" \0").isdigit():
        return int(value.strip(b" \0"))
    return value if isinstance(value, int) else None


def octets(row: Row) -> Octets:
    """Choose the 64-bit counters, or the 32-bit ones where those are absent or stand at 0.

    Some devices have the high-capacity column and never count in it while the 32-bit one moves.
    """
    high = number(row.get(HC_IN_OCTETS)), number(row.get(HC_OUT_OCTETS))
    low = number(row.get(IN_OCTETS)), number(row.get(OUT_OCTETS))
    stuck = any(wide == 0 and bool(narrow) for wide, narrow in zip(high, low, strict=True))
    if None not in high and not stuck:
        return Octets(*high, 64)
    if low != (None, None):
        return Octets(*low, 32)
    return Octets(*high, None if high == (None, None) else 64)


def speed_bps(row: Row) -> int | None:
    """Read ifHighSpeed, else ifSpeed; 0, and an ifSpeed at its maximum, say nothing."""
    if high := number(row.get(HIGH_SPEED)):
        return high * 10**6
    speed = number(row.get(SPEED))
    return speed if speed and speed != SATURATED else None


def status(value: Value) -> str | None:
    """Name a state; a number outside the enumeration is none."""
    return STATUS.get(value) if isinstance(value, int) else None
