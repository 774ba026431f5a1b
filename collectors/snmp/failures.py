"""What went wrong with a request, in the words of `Reason` and one line for a person."""

import os
from collections.abc import Sequence

from collectors.base import CollectError, Reason
from collectors.snmp.agent import Agent
from collectors.snmp.udp import Address

_STATUS = (
    *("noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr", "noAccess"),
    *("wrongType", "wrongLength", "wrongEncoding", "wrongValue", "noCreation"),
    *("inconsistentValue", "resourceUnavailable", "commitFailed", "undoFailed"),
    *("authorizationError", "notWritable", "inconsistentName"),
)
"""RFC 3416, error-status."""

_FORBIDDEN = {"noAccess", "authorizationError"}


class TooBigError(CollectError):
    """The device cannot put so much into one reply; less may do."""


class BadValueError(CollectError):
    """The device failed at one value, the one at `place`; it may have the others."""

    def __init__(self, detail: str, place: int) -> None:
        super().__init__(Reason.UNEXPECTED_CONTENT, detail)
        self.place = place


def of_status(agent: Agent, status: int, index: int, oids: Sequence[str]) -> CollectError:
    """Name an error-status; `index` counts from 1, and 0 means no OID in particular."""
    word = _STATUS[status] if status < len(_STATUS) else f"error-status {status}"
    if word == "tooBig":
        return TooBigError(Reason.UNEXPECTED_CONTENT, f"{agent} says one value is too big to send")
    if word in _FORBIDDEN:
        return CollectError(Reason.AUTH, f"{agent} does not show it to this credential: {word}")
    if 0 < index <= len(oids):
        return BadValueError(f"{agent} answered with {word} at {oids[index - 1]}", index - 1)
    return CollectError(Reason.UNEXPECTED_CONTENT, f"{agent} answered with {word}")


def of_silence(address: Address, strange: bytes | None) -> CollectError:
    """Name a silence, or what came instead of SNMP; a little of it helps to see what it was."""
    where = f"{address[0]} port {address[1]}"
    if strange is None:
        return CollectError(Reason.TIMEOUT, f"no answer from {where}")
    shown = f"{len(strange)} bytes beginning {strange[:8].hex(' ')}" if strange else "nothing"
    return CollectError(Reason.UNEXPECTED_CONTENT, f"{where} answered with no SNMP: {shown}")


def of_source(source: str | None, error: OSError) -> CollectError:
    """Name what keeps this host from sending at all, or from an address of its own."""
    said = os.strerror(error.errno) if error.errno else str(error)
    where = f" from {source}" if source else ""
    return CollectError(Reason.LOCAL, f"cannot send{where}: {said}")


def of_network(address: Address, error: OSError) -> CollectError:
    """Name an error that the network or this host reported of an address."""
    named = CollectError.of(error)
    said = os.strerror(error.errno) if error.errno else str(error)
    return CollectError(named.reason, f"{address[0]} port {address[1]}: {said}")
