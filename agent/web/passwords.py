"""Passwords against bcrypt hashes, at a price that cannot be run up from outside."""

import asyncio
import hashlib
import hmac
import os
from collections.abc import Mapping

import bcrypt

MOST_WAITING = 32
"""So many checks wait for their turn; one more is turned away."""

_LONGEST = 72  # bytes; all that bcrypt looks at, of a longer password too


class BusyError(Exception):
    """Too many passwords wait to be checked."""


class Passwords:
    """Checks one password at a time, on a thread; the right ones are remembered until the end.

    What is remembered is a digest under a key that lives in this process alone, of the password
    together with its hash: so a hash that changes is checked anew.
    """

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._right: dict[str, bytes] = {}
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def fit(self, hashes: Mapping[str, bytes], name: str, password: bytes) -> bool:
        """Whether this is the user's password; `hashes` are the known users', at least one.

        Raises:
            BusyError: too many wait already.

        """
        known = name in hashes
        hashed = hashes[name] if known else self._stand_in(hashes, name)
        digest = self._digest(hashed, password)
        if self._is_remembered(name, digest):
            return known
        if self._waiting >= MOST_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            async with self._turn:
                # A client's other connections may have brought the same in the meantime.
                fits = self._is_remembered(name, digest) or await asyncio.to_thread(
                    bcrypt.checkpw, password[:_LONGEST], hashed
                )
        finally:
            self._waiting -= 1
        if known and fits:
            self._right[name] = digest
        return known and fits

    def _is_remembered(self, name: str, digest: bytes) -> bool:
        return hmac.compare_digest(self._right.get(name, b""), digest)

    def _stand_in(self, hashes: Mapping[str, bytes], name: str) -> bytes:
        """Let an unknown name cost what a known one does, and always what the same one does."""
        number = int.from_bytes(self._digest(b"", name.encode("utf-8", "surrogateescape")))
        return sorted(hashes.values())[number % len(hashes)]

    def _digest(self, *parts: bytes) -> bytes:
        # The hash of a password has no NUL, so that no two pairs read the same.
        return hmac.digest(self._key, b"\0".join(parts), hashlib.sha256)
