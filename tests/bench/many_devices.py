"""A thousand recorded devices, 200 of them dead, polled every two seconds for 200 rounds."""

import tempfile
from pathlib import Path

from tests.many_devices import DEAD_EVERY, DEVICES, INTERVAL_S, LINKS, watch

ROUNDS = 200
SETTLED_S = 60
"""By then every series has been seen, and all verdicts were given once."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        seen = watch(Path(folder), ROUNDS)
    settled = [size for at_s, size in seen.memory if at_s > SETTLED_S]
    first, last = (sum(some) / len(some) / 2**20 for some in (settled[:20], settled[-20:]))
    print(f"## {DEVICES:,} devices, one in {DEAD_EVERY} dead, {LINKS} links each, SNMPv2c\n")
    print(f"One agent, a round every {INTERVAL_S:g} s, {ROUNDS} rounds; recordings replayed by one")
    print("process; /metrics is read every second.\n")
    print("| what | figure |")
    print("|---|---|")
    print(f"| live devices polled | {seen.polled} of {DEVICES - DEVICES // DEAD_EVERY} |")
    print(f"| polls of theirs that failed | {seen.failed:g} |")
    print(f"| time between two polls of one, 99th percentile | {seen.gap_p99_s:.2f} s |")
    print(f"| the longest of {len(seen.gaps_s):,} | {max(seen.gaps_s):.2f} s |")
    print(f"| CPU | {seen.cpu_s / seen.wall_s:.0%} of a core |")
    print(f"| resident memory after {SETTLED_S} s | {first:.0f} MiB |")
    print(f"| resident memory at the end | {last:.0f} MiB |\n")


if __name__ == "__main__":
    main()
