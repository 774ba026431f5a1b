"""Texts that an operator writes, and the values they stand for: `60s`, `100M`, `r1`."""

import re
from typing import Annotated

from pydantic import BeforeValidator

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", value)
    if match is None:
        msg = f"not a duration: {value!r}; write a number and ms, s, m, h or d, as 60s"
        raise ValueError(msg)
    return float(match[1]) * _SECONDS[match[2]]


def _bandwidth(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kMGT]?)", value)
    if match is None or float(match[1]) == 0:
        msg = f"not a bandwidth: {value!r}; write bit/s above 0 with k, M, G or T, as 100M"
        raise ValueError(msg)
    return float(match[1]) * _BITS[match[2]]


def _name(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[^\s\"\\{}]{1,128}", value):
        msg = f"not a name: {value!r}; write 1 to 128 characters without blanks, quotes or braces"
        raise ValueError(msg)
    return value


Duration = Annotated[float, BeforeValidator(_duration)]
"""Seconds, written as `500ms`, `60s`, `5m`, `12h` or `400d`."""

Bandwidth = Annotated[float, BeforeValidator(_bandwidth)]
"""Bit/s; `M` is 10^6, as in a line's contract."""

Name = Annotated[str, BeforeValidator(_name)]
"""What something is called in the configuration and in labels."""
