"""The authoritative engine of RFC 3414: a device, with its keys and its clock as they are known."""

from dataclasses import dataclass
from typing import Self

from collectors.snmp.credential import User
from collectors.snmp.keys import Keys, localised
from collectors.snmp.message import UntrustedError
from collectors.snmp.v3 import MOST, Envelope

WINDOW_S = 150
"""How far the clocks of a message and of its engine may part (RFC 3414, section 2.2.3)."""


@dataclass(slots=True)
class Authority:
    """An engine, and what one user signs and encrypts with there.

    Its snmpEngineTime was `time_s` at the monotonic `at_s`, as the last message told that moved the
    clock (latestReceivedEngineTime). The clock is a guess until the engine signed it (`is_sure`).
    """

    id: bytes
    keys: Keys
    boots: int
    time_s: int
    at_s: float
    is_sure: bool = False

    @classmethod
    def named(cls, envelope: Envelope, user: User, now_s: float) -> Self:
        """Make the one that a message names, with the message's clock as a guess."""
        keys = localised(user, envelope.engine_id)
        return cls(envelope.engine_id, keys, envelope.boots, envelope.time_s, now_s)

    def now(self, now_s: float) -> int:
        """The snmpEngineTime it has now, in seconds."""
        return min(self.time_s + int(now_s - self.at_s), MOST)

    def parts_from(self, envelope: Envelope, now_s: float) -> bool:
        """Whether a message shows another clock, beyond what rounding and its way explain."""
        return self.boots != envelope.boots or abs(self.now(now_s) - envelope.time_s) > 1

    def set(self, envelope: Envelope, now_s: float, *, is_sure: bool) -> None:
        """Take a message's clock for its own."""
        self.boots, self.time_s, self.at_s = envelope.boots, envelope.time_s, now_s
        self.is_sure = is_sure

    def admit(self, envelope: Envelope, now_s: float) -> None:
        """Follow the clock of a message that it signed (section 3.2, step 7b).

        Raises:
            UntrustedError: the message is an old one.

        """
        clock = envelope.boots, envelope.time_s
        if not self.is_sure or clock > (self.boots, self.time_s):
            self.set(envelope, now_s, is_sure=True)
        if self.boots == MOST or clock < (self.boots, self.now(now_s) - WINDOW_S):
            raise UntrustedError
