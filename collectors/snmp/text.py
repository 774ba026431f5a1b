"""What devices write into names and descriptions, as text."""

import codecs
from functools import lru_cache

_LONGEST_NAME = 255  # octets of a DisplayString, RFC 2579

PADDING = b"\0 \t\r\n"

_PROOFS = {"utf-8": "\u0800", "gbk": "\x80"}
"""By encoding, the first character that proves it where a text was cut: one of three octets in
UTF-8, for those of two may as well be a GBK character each."""
_SHORTEST_CUT = 15
"""Octets: no device cuts a text off sooner, and shorter ones might be anything."""


def text(value: object) -> str:
    """Decode an OCTET STRING up to its end or first NUL; anything else is empty.

    UTF-8 is tried first, then GBK; a device that has room for so many octets only (ifAlias: 64)
    may cut the last character in two, and what is left of it is dropped. What is neither is
    taken for Latin-1, which any octets are.
    """
    if not isinstance(value, bytes):
        return ""
    return _remembered(value) if len(value) <= _LONGEST_NAME else _read(value)


@lru_cache(maxsize=16_384)
def _remembered(value: bytes) -> str:
    """Decode it once: a name is read again at every poll."""
    return _read(value)


def _read(value: bytes) -> str:
    octets = value.strip(PADDING).split(b"\0")[0].rstrip(PADDING)
    for encoding in _PROOFS:
        found = _decoded(octets, encoding)
        if found is not None:
            return found.strip()
    return octets.decode("latin-1").strip()


def _decoded(octets: bytes, encoding: str) -> str | None:
    """Decode it whole, or without the piece of a character at its end; None if it is another.

    A piece is believed only in a long text with a character that proves the encoding: the octets
    of `café` in Latin-1 are no UTF-8 that was cut.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        found = decoder.decode(octets)
    except UnicodeDecodeError:
        return None
    piece = decoder.getstate()[0]
    if not piece:
        return found
    is_cut = len(octets) >= _SHORTEST_CUT and max(found) >= _PROOFS[encoding]
    return found if is_cut else None
