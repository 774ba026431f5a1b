"""Debian packages with their libraries, unpacked into a folder: nothing on the system changes.

apt gets lists, a cache and a list of installed packages of its own, and its hooks are switched
off (on a container one of them empties the system's cache); dpkg only unpacks. Neither needs root.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

ASSUMED = (
    # Another C library beside the host's loader crashes: it must be the host's own.
    *("libc6", "libcrypt1", "libgcc-s1", "libstdc++6"),
    # What only serves installing, or is on every Debian.
    *("adduser", "debconf", "dpkg", "init-system-helpers", "libcap2-bin", "libpam-modules"),
    *("lsb-base", "netbase", "passwd", "perl", "perl-base", "sysvinit-utils", "tar"),
    "libfile-find-rule-perl",
    # What only serves Prometheus' own pages.
    *("fonts-glyphicons-halflings", "javascript-common", "libjs-bootstrap", "libjs-bootstrap4"),
    *("libjs-eonasdan-bootstrap-datetimepicker", "libjs-jquery", "libjs-jquery-hotkeys"),
    *("libjs-moment", "libjs-moment-timezone", "libjs-mustache", "libjs-popper.js"),
    "libjs-rickshaw",
    # What only serves a desktop: without it Chromium takes half the room, and is headless here.
    *("libgtk-3-0", "x11-utils", "xdg-utils"),
)
"""What apt is told is there already, so that it is not unpacked."""

APT_CONF = """
#clear APT::Update;
#clear DPkg;
#clear AptCli;
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "15";
Acquire::https::Timeout "15";
Debug::NoLocking "1";
Dir::State "{work}/state";
Dir::State::lists "{work}/state/lists";
Dir::State::status "{work}/status";
Dir::Cache "{work}/cache";
Dir::Cache::archives "{work}/cache/archives";
Dir::Log "{work}/log";
"""

INSTALLED = """\
Package: {package}
Status: install ok installed
Version: 99:9999
Architecture: {architecture}
Maintainer: nobody

"""


class UnavailableError(Exception):
    """The packages cannot be had here; the text is one line that says why."""


def download(packages: Sequence[str], work: Path) -> list[Path]:
    """Download packages and their libraries into `work`, an empty folder.

    Raises:
        UnavailableError: no apt here, no network, or no such package.

    """
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        msg = "no apt-get and dpkg here"
        raise UnavailableError(msg)
    _prepare(work)
    apt = ("apt-get", "-c", str(work / "apt.conf"), "-q")
    update = _output(*apt, "update")
    install = _output(
        *apt, "install", "--download-only", "--yes", "--no-install-recommends", *packages
    )
    if install.returncode:
        # Without lists every package is "unable to locate": the update knows why.
        complaints = [*update.stderr.splitlines(), *install.stderr.splitlines(), "no reason given"]
        msg = f"apt-get could not fetch it: {complaints[0].removeprefix('W: ').removeprefix('E: ')}"
        raise UnavailableError(msg)
    return sorted((work / "cache/archives").glob("*.deb"))


def unpack(archives: Sequence[Path], root: Path) -> None:
    """Unpack packages into `root`, a new folder.

    Raises:
        UnavailableError: dpkg refused one of them.

    """
    root.mkdir()
    for archive in archives:
        result = _output("dpkg", "-x", str(archive), str(root))
        if result.returncode:
            complaints = [*result.stderr.splitlines(), "no reason given"]
            msg = f"dpkg could not unpack {archive.name}: {complaints[0]}"
            raise UnavailableError(msg)


def _prepare(work: Path) -> None:
    for folder in ("state/lists/partial", "cache/archives/partial", "log"):
        (work / folder).mkdir(parents=True)
    (work / "apt.conf").write_text(APT_CONF.format(work=work))
    architecture = _output("dpkg", "--print-architecture").stdout.strip()
    (work / "status").write_text(
        "".join(INSTALLED.format(package=it, architecture=architecture) for it in ASSUMED)
    )


def _output(*command: str) -> "subprocess.CompletedProcess[str]":
    env = dict(os.environ) | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        return subprocess.run(
            command, env=env, timeout=600, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired as error:
        msg = f"{command[0]} took more than 10 minutes"
        raise UnavailableError(msg) from error
