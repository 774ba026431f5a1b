"""How full this host's own disks are, without ever waiting long for one that hangs."""

import asyncio
import os
from concurrent.futures import Future
from threading import Thread
from typing import NamedTuple

import psutil

_WAIT_S = 1.0


class Usage(NamedTuple):
    """One mounted filesystem, in bytes."""

    mountpoint: str
    size_bytes: int
    used_bytes: int


class Filesystems:
    """Reads the usages in a thread; while one reading hangs there are none, and no second thread.

    A daemon thread, not the loop's pool: a dead disk must not use up the pool, nor keep the
    agent from stopping.
    """

    def __init__(self) -> None:
        self._reading: Future[list[Usage]] | None = None

    async def usages(self) -> list[Usage]:
        """Return what the local disks hold; nothing if they do not say so within a second."""
        if self._reading is None:
            self._reading = Future()
            Thread(target=_read_into, args=(self._reading,), name="disks", daemon=True).start()
        done, _ = await asyncio.wait({asyncio.wrap_future(self._reading)}, timeout=_WAIT_S)
        if not done:
            return []
        self._reading = None
        return done.pop().result()

    async def close(self) -> None:
        """Nothing to give back: a thread that hangs ends with the process."""


def _read_into(result: Future[list[Usage]]) -> None:
    result.set_running_or_notify_cancel()
    result.set_result(_usages())


def _usages() -> list[Usage]:
    try:
        partitions = psutil.disk_partitions(all=False)
    except (OSError, psutil.Error):
        return []
    found: dict[str, Usage] = {}
    for partition in partitions:
        # A container mounts files of one disk many times; a loop device is an image, always full.
        if partition.device in found or partition.device.startswith("/dev/loop"):
            continue
        try:
            usage = psutil.disk_usage(partition.mountpoint)
        except (OSError, psutil.Error):
            continue
        if usage.total:
            # A mount point's name may be any bytes, a label's value may not.
            label = os.fsencode(partition.mountpoint).decode("utf-8", "replace")
            found[partition.device] = Usage(label, usage.total, usage.used)
    return sorted(found.values())
