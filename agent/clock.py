"""The only wall clock; everything else is handed the time."""

import time

from collectors.base import Moment


def now() -> Moment:
    """Read UTC epoch seconds and, beside them, a clock that is never set and counts sleep."""
    return Moment(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME))  # noqa: TID251 - it is here
