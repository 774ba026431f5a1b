"""The daemons that tests talk to: real ones, unpacked into the user's cache and never installed.

`python -m tests.testbed fetch` fills the cache; `peer("snmpd")` finds a program in it.
"""

import asyncio
import ctypes
import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from tests.debian import ASSUMED, UnavailableError, download, unpack

PACKAGES = (
    *("chromium", "curl", "dnsmasq-base", "fonts-wqy-microhei", "fping", "iproute2"),
    *("openssl", "prometheus", "prometheus-alertmanager", "prometheus-blackbox-exporter"),
    *("prometheus-snmp-exporter", "snmp", "snmpd", "victoria-metrics"),
)
"""What today's tests talk to; their libraries come along."""

PLACES = ("usr/lib/chromium", "usr/bin", "usr/sbin", "bin", "sbin")
"""Where programs are; Chromium's in usr/bin is a script that wants to be installed."""

LIBRARIES = ("usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib/*-linux-gnu*/pulseaudio")

RECIPE = 1
"""Raised when the way of unpacking changes, so that older caches are left alone."""

POLL_S = 0.02

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Peer:
    """A program of the test bed, and the environment that it alone gets."""

    binary: Path
    env: dict[str, str]

    def popen(self, *args: str | Path, **options: Any) -> "subprocess.Popen[str]":
        """Start it; `options` are Popen's, and an `env` among them is added to its own."""
        env = self.env | options.pop("env", {})
        return subprocess.Popen([self.binary, *args], env=env, text=True, **options)

    def run(
        self, *args: str | Path, input_text: str = "", timeout_s: float = 60, **options: Any
    ) -> "subprocess.CompletedProcess[str]":
        """Run it to its end and return what it said; `options` are as for `popen`."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with self.popen(*args, **pipes | options) as process:
            try:
                stdout, stderr = process.communicate(input_text, timeout=timeout_s)
            finally:
                process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def peer(name: str) -> Peer:
    """Find a program such as `snmpd` or `promtool`.

    Raises:
        UnavailableError: the test bed is not there; the text names the program and says why.
        LookupError: the test bed is there, and none of its packages has such a program.

    """
    root = _root()
    if not root.is_dir():
        note = _note(root)
        reason = note.read_text() if note.is_file() else "run python -m tests.testbed fetch"
        msg = f"{name} is not to be had: {reason.strip()}"
        raise UnavailableError(msg)
    places = [root / it for it in PLACES]
    binary = next((place / name for place in places if (place / name).is_file()), None)
    if binary is None:
        msg = f"no program {name!r} in the test bed: add its package to PACKAGES"
        raise LookupError(msg)
    libraries = [folder for it in LIBRARIES for folder in root.glob(it)]
    path = [*map(str, places), os.environ.get("PATH", os.defpath)]
    own = {"PATH": ":".join(path), "LD_LIBRARY_PATH": ":".join(map(str, libraries))}
    return Peer(binary, dict(os.environ) | own)


def free_port(kind: Literal["tcp", "udp"]) -> int:
    """Find a loopback port that nobody uses, for daemons that cannot be given port 0.

    It lies below those that the kernel hands out, so that no client's socket takes it meanwhile.
    """
    type_ = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket(socket.AF_INET, type_) as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used, to the nanosecond (clock_getcpuclockid(3))."""
    clock = ctypes.c_int()
    assert ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock)) == 0
    return time.clock_gettime(clock.value)


def eventually(claim: Callable[[], T], deadline_s: float = 10) -> T:
    """Ask again and again until the answer is truthy, and return it; fail after the deadline."""
    end = time.monotonic() + deadline_s
    while not (answer := claim()):
        assert time.monotonic() < end, f"not within {deadline_s:g} s: {claim}"
        time.sleep(POLL_S)
    return answer


async def eventually_async(claim: Callable[[], Any], deadline_s: float = 10) -> Any:
    """Do as `eventually` and let the loop go on; `claim` may be a coroutine function."""
    end = time.monotonic() + deadline_s
    while True:
        answer = claim()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {deadline_s:g} s: {claim}"
        await asyncio.sleep(POLL_S)


def fetch() -> str | None:
    """Make the test bed if it is not there; returns why it cannot be had, or None.

    Two fetches at once are safe: the second waits for the first and finds its work done.
    """
    root = _root()
    if root.is_dir():
        return None
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with _locked(root.parent):
            return None if root.is_dir() else _fetch(root)
    except OSError as error:
        return f"cannot write to {root.parent}: {error.strerror}"


def _fetch(root: Path) -> str | None:
    for stale in root.parent.glob("*.partial"):
        shutil.rmtree(stale, ignore_errors=True)  # of a fetch that was killed: the lock is ours
    with tempfile.TemporaryDirectory(dir=root.parent, suffix=".partial") as work:
        try:
            unpack(download(PACKAGES, Path(work)), Path(work, "root"))
        except UnavailableError as error:
            _note(root).write_text(str(error))
            return str(error)
        Path(work, "root").rename(root)
    _note(root).unlink(missing_ok=True)
    return None


def _root() -> Path:
    """Where the unpacked packages are: one folder for each set of packages and release."""
    release = Path("/etc/os-release")
    system = release.read_text() if release.is_file() else ""
    wanted = f"{RECIPE} {PACKAGES} {ASSUMED} {os.uname().machine} {system}"
    return _cache() / hashlib.sha256(wanted.encode()).hexdigest()[:16]


def _cache() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not cache.is_absolute():  # unset, or to be ignored as the XDG specification says
        cache = Path(os.path.expanduser("~/.cache"))  # noqa: PTH111  # no error without a home
    return cache / "netfold/testbed"


def _note(root: Path) -> Path:
    """Where the last fetch that failed left its reason."""
    return root.with_suffix(".missing")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Fetch the test bed; where it cannot be had, say why and leave it to the tests to skip."""
    if sys.argv[1:] != ["fetch"]:
        sys.exit("usage: python -m tests.testbed fetch")
    reason = fetch()
    if reason:
        print(f"test bed: {reason}; the tests that need it will be skipped")


if __name__ == "__main__":
    main()
