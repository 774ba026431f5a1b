"""What went wrong with a request, in the words of `Reason` and one line for a person."""

import os
from collections.abc import Sequence

from collectors.base import CollectError, Reason
from collectors.snmp import ber
from collectors.snmp.agent import Agent
from collectors.snmp.credential import MAX_USER_OCTETS, User
from collectors.snmp.keys import other_expansion
from collectors.snmp.udp import Address

_STATUS = (
    *("noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr", "noAccess"),
    *("wrongType", "wrongLength", "wrongEncoding", "wrongValue", "noCreation"),
    *("inconsistentValue", "resourceUnavailable", "commitFailed", "undoFailed"),
    *("authorizationError", "notWritable", "inconsistentName"),
)
"""RFC 3416, error-status."""

_EXPANSIONS = ("by Blumenthal's draft, as net-snmp does", "by Reeder's draft, as Cisco does")
_LEVELS = {0: "noAuthNoPriv", 1: "authNoPriv", 3: "authPriv"}

_ENGINE_OCTETS = 32
"""As many as an snmpEngineID may have (RFC 3411); what is longer is not shown."""

_FORBIDDEN = {"noAccess", "authorizationError"}


class TooBigError(CollectError):
    """The device cannot put so much into one reply; less may do."""


class BadValueError(CollectError):
    """The device failed at one value, the one at `place`; it may have the others."""

    def __init__(self, detail: str, place: int) -> None:
        super().__init__(Reason.UNEXPECTED_CONTENT, detail)
        self.place = place


def of_user_name(user: User) -> CollectError | None:
    """Name what keeps a user from existing on any device."""
    octets = len(user.name.encode())
    if 0 < octets <= MAX_USER_OCTETS:
        return None
    msg = f"user {user.name!r} has {octets} octets; SNMPv3 takes 1 to {MAX_USER_OCTETS}"
    return CollectError(Reason.LOCAL, msg)


def of_report(device: str, user: User, reason: Reason) -> CollectError:
    """Name what a report refuses (RFC 3414, section 3.2)."""
    name = f"user {user.name!r}"
    said = {
        Reason.UNKNOWN_USER: f"knows no {name}",
        Reason.UNSUPPORTED_LEVEL: f"has {name}, but not for {_LEVELS[user.level]}",
        Reason.WRONG_DIGEST: f"takes the authentication secret of {name} for wrong, or the "
        f"protocol, {user.auth_protocol}",
        Reason.NOT_IN_TIME_WINDOW: f"does not accept the time that it told itself ({name})",
        Reason.DECRYPTION_ERROR: f"cannot decrypt what {name} sends: {_privacy(user)}",
    }
    return CollectError(reason, f"{device} {said[reason]}")


def of_other_report(device: str, user: User, oid: bytes) -> CollectError:
    """Name a report that is about no user: `oid` is as in a message, for an expert to look up."""
    _, start, stop = ber.header(oid, 0, len(oid))
    said = f"{device} reports {ber.dotted(oid[start:stop])} to user {user.name!r}"
    return CollectError(Reason.UNEXPECTED_CONTENT, said)


def of_silence(device: str, user: User) -> CollectError:
    """Name the device that told its engine and is silent to what is encrypted, as net-snmp is."""
    return CollectError(
        Reason.DECRYPTION_ERROR,
        f"{device} told its engine, but does not answer what user {user.name!r} encrypts: "
        f"probably {_privacy(user)}",
    )


def of_unreadable(device: str, user: User) -> CollectError:
    """Name the device whose reply is signed, and cannot be decrypted."""
    return CollectError(
        Reason.DECRYPTION_ERROR,
        f"{device} encrypts its replies to user {user.name!r} otherwise than asked: "
        f"{_privacy(user)}",
    )


def of_engine(device: str, engine_id: bytes) -> CollectError:
    """Name the device that does not stand by its snmpEngineID, or has none."""
    shown = engine_id[:_ENGINE_OCTETS].hex()
    said = f"tells snmpEngineID {shown} and does not know it" if shown else "tells no snmpEngineID"
    msg = f"{device} {said}; SNMPv3 needs one that stays"
    return CollectError(Reason.UNEXPECTED_CONTENT, msg)


def _privacy(user: User) -> str:
    """Say what is to be checked; keys of the same name may be made in two ways."""
    text = f"the privacy secret or the protocol, {user.priv_protocol}, is another one there"
    if user.auth_protocol is None or user.priv_protocol is None:
        return text
    other = other_expansion(user.auth_protocol, user.priv_protocol)
    if other is None:
        return text
    ours, theirs = (_EXPANSIONS[it.endswith("-C")] for it in (user.priv_protocol, other))
    return f"{text} ({user.priv_protocol} stretches the key {ours}; {other} {theirs})"


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


def of_no_answer(address: Address, strange: bytes | None) -> CollectError:
    """Name a silence, or what came instead of SNMP; a little of it helps to see what it was."""
    where = f"{address[0]} port {address[1]}"
    if strange is None:
        return CollectError(Reason.TIMEOUT, f"no answer from {where}")
    shown = f"{len(strange)} bytes beginning {strange[:5].hex(' ')}" if strange else "nothing"
    return CollectError(Reason.UNEXPECTED_CONTENT, f"{where} answered with no good SNMP: {shown}")


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
