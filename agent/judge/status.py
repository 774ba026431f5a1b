"""The words of a verdict."""

from enum import StrEnum


class Status(StrEnum):
    """What a verdict says of a link, a group or a network."""

    UNKNOWN = "unknown"
    EXEMPT = "exempt"
    STANDBY = "standby"
    IDLE = "idle"
    LOW_USE = "low_use"
    NORMAL = "normal"
    BUSY = "busy"

    @property
    def is_low(self) -> bool:
        """Whether it names a line that may be given back."""
        return self in {Status.IDLE, Status.LOW_USE}
