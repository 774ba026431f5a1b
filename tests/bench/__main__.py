"""Run every benchmark of this folder and print its figures as Markdown, with the versions.

In a network namespace of its own (so that interfaces can be made), as root or not.
"""

import os
import platform
import shutil
import sys
from importlib.metadata import version

from tests.bench import (
    agent_cost,
    centre,
    http,
    icmp,
    many_devices,
    plan,
    progress,
    report,
    services,
    snmp_poll,
    tcp,
    verdicts,
)
from tests.testbed import peer

LIBRARIES = ("aiohttp", "prometheus-client", "psutil", "pydantic", "pysnmp", "uvloop")


def main() -> None:
    if "inside" not in sys.argv:
        unshare = shutil.which("unshare")
        if unshare is None:
            sys.exit("the benchmarks need unshare (Debian: util-linux) for a network of their own")
        user = [] if os.geteuid() == 0 else ["-Ur"]
        command = [unshare, *user, "-n", sys.executable, "-m", "tests.bench", "inside"]
        os.execv(unshare, command)  # noqa: S606 - itself, in another namespace
    print("# Benchmarks\n")
    print("Written by `make bench`. CPU seconds and ratios carry over to other machines; wall")
    print("times do not.\n")
    print(f"- {platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    print(f"- netfold {version('netfold')}, {libraries}")
    print(f"- {peer('snmpd').run('-v').stdout.strip().splitlines()[0]}\n")
    snmp_poll.main()
    many_devices.main()
    icmp.main()
    agent_cost.main()
    tcp.main()
    http.main()
    services.main()
    verdicts.main()
    progress.main()
    plan.main()
    report.main()
    centre.main()


if __name__ == "__main__":
    main()
