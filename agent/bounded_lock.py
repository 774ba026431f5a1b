"""Locks of a file that are waited for a while only: whoever has one may be stopped for good."""

import fcntl
import time

LOCK_S = 2.0
"""So long others are waited for: what they write takes milliseconds."""

_AGAIN_S = 0.02


def lock(descriptor: int, how: int) -> bool:
    """Take LOCK_SH or LOCK_EX, waiting for it; False if others have not let go within LOCK_S.

    Raises:
        OSError: there are no locks here, as on some network file systems.
    """
    until_s = time.monotonic() + LOCK_S
    while True:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until_s:
                return False
            time.sleep(_AGAIN_S)
        else:
            return True
