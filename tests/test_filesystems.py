"""Disks that fail, hang or are mounted more than once."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from collectors.filesystems import Filesystems


def partitions(monkeypatch: pytest.MonkeyPatch, usage: Callable[[str], Any]) -> None:
    """Stand in for a host with disks that fail or hang: no real one does so to order."""
    disks = [
        SimpleNamespace(device="/dev/a", mountpoint="/a"),
        SimpleNamespace(device="/dev/b", mountpoint="/b"),
        SimpleNamespace(device="/dev/b", mountpoint="/etc/hosts"),
        SimpleNamespace(device="/dev/loop3", mountpoint="/snap/x"),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: disks)
    monkeypatch.setattr(psutil, "disk_usage", usage)


async def test_a_disk_that_fails_is_left_out_and_one_mounted_twice_counts_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def usage(mountpoint: str) -> Any:
        if mountpoint == "/a":
            raise OSError(5, "Input/output error")
        return SimpleNamespace(total=100, used=40)

    partitions(monkeypatch, usage)
    assert await Filesystems().usages() == [("/b", 100, 40)]


async def test_a_disk_that_hangs_holds_up_one_thread_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("collectors.filesystems._WAIT_S", 0.05)
    released = threading.Event()

    def usage(_: str) -> Any:
        released.wait(20)
        return SimpleNamespace(total=100, used=40)

    partitions(monkeypatch, usage)
    disks = Filesystems()
    threads = threading.active_count()
    assert [await disks.usages() for _ in range(3)] == [[], [], []]
    assert threading.active_count() == threads + 1
    monkeypatch.setattr("collectors.filesystems._WAIT_S", 20)
    released.set()
    assert [one.mountpoint for one in await disks.usages()] == ["/a", "/b"]
    await disks.close()
