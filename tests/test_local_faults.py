"""What is this host's own fault and what is the far side's, by what the system says of it."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from collectors.base import CollectError, Reason

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "number",
    [
        errno.ENETUNREACH,
        errno.EACCES,
        errno.EPERM,
        errno.EADDRNOTAVAIL,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.ENODEV,
    ],
    ids=errno.errorcode.get,
)
def test_what_this_host_lacks_is_local_and_says_nothing_of_the_target(number: int) -> None:
    reason = CollectError.of(OSError(number, os.strerror(number))).reason
    assert reason is Reason.LOCAL
    assert not reason.is_remote


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, Reason.REFUSED),
        (errno.ECONNRESET, Reason.RESET),
        (errno.EPIPE, Reason.RESET),
        (errno.ETIMEDOUT, Reason.TIMEOUT),
        (errno.EHOSTUNREACH, Reason.UNREACHABLE),
    ],
)
def test_what_only_a_far_side_causes_is_remote(number: int, reason: Reason) -> None:
    assert CollectError.of(OSError(number, os.strerror(number))).reason is reason
    assert reason.is_remote


def test_no_route_is_local_here_and_remote_where_a_router_says_it() -> None:
    namespace = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
    done = subprocess.run(
        [*namespace, sys.executable, "-m", "tests.router_lab"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "behind the router, reachable": "unreachable",
        "behind the router, unreachable": "None",
        "without a route, reachable": "local",
        "without a route, unreachable": "local",
        "no neighbour, reachable": "unreachable",
        "no neighbour, unreachable": "None",
    }
