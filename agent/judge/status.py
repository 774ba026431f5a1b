"""The words of a verdict."""

from enum import StrEnum


class Status(StrEnum):
    """What a verdict says of a link, a group or a network; the last two are of systems."""

    UNKNOWN = "unknown"
    EXEMPT = "exempt"
    STANDBY = "standby"
    IDLE = "idle"
    LOW_USE = "low_use"
    NORMAL = "normal"
    BUSY = "busy"
    IN_USE = "in_use"
    SUSPECTED_UNUSED = "suspected_unused"

    @property
    def is_low(self) -> bool:
        """Whether it names a line that may be given back."""
        return self in {Status.IDLE, Status.LOW_USE}

    @property
    def is_finding(self) -> bool:
        """Whether it names anything that may be given up: such a verdict has to be confirmed."""
        return self.is_low or self is Status.SUSPECTED_UNUSED


OF_SYSTEMS = (
    Status.UNKNOWN,
    Status.EXEMPT,
    Status.STANDBY,
    Status.IN_USE,
    Status.SUSPECTED_UNUSED,
)
OF_LINES = tuple(it for it in Status if it not in {Status.IN_USE, Status.SUSPECTED_UNUSED})
"""Servers have the same ones."""
