"""What a report of many lines costs: `netfold report` on 30 days of history, in all its forms."""

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.judge.rates import TICK_S
from tests.agentproc import write
from tests.bench.verdicts import BANDWIDTH_BPS, DAYS, FIRST, TICKS, names, written

LINKS, NETWORKS = 2_000, 200
FORMS = ("html", "xlsx", "csv", "json")
LIMIT_S, HTML_MB = 10.0, 5.0
AT = datetime.fromtimestamp((FIRST + TICKS) * TICK_S, UTC)


def main() -> None:
    """Print what a report of 2,000 lines takes, and how large each form is."""
    print(f"## A report of many lines, {DAYS} days\n")
    print(f"{NETWORKS} networks of ten lines, half of these hardly used; the command from its")
    print("start to its end: the configuration read, all judged, the report written in all forms,")
    print("and in one.\n")
    print("| links | forms | took | CPU | files |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = history(folder, LINKS, NETWORKS)
        every = cost(config, folder, FORMS)
        page = cost(config, folder, FORMS[:1])
    for forms, found in ((FORMS, every), (FORMS[:1], page)):
        sizes = ", ".join(f"{form} {found[form]:.1f} MB" for form in forms)
        print(
            f"| {LINKS:,} | {', '.join(forms)} | {found['wall_s']:.1f} s "
            f"| {found['cpu_s']:.1f} s | {sizes} |"
        )
    word = "PASS" if every["wall_s"] <= LIMIT_S else "over"
    print(f"\n- {LINKS:,} links: {every['wall_s']:.1f} s, {word} (at most {LIMIT_S:g})")
    word = "PASS" if every["html"] <= HTML_MB else "over"
    print(f"- {LINKS:,} links: html {every['html']:.1f} MB, {word} (at most {HTML_MB:g})\n")


def history(folder: Path, links: int, networks: int) -> Path:
    """Write 30 days of `links`, and return the configuration that names them."""
    written(folder, links)
    (folder / "history.db").rename(folder / "history.sqlite")
    declared = [_network(n) for n in range(networks)]
    lines = [_link(name, f"n{n % networks}") for n, name in enumerate(names(links))]
    path = folder / "netfold.yaml"
    node = {"name": "bench", "department": "市网络中心", "region": "440300"}
    write(path, {"node": node, "data_dir": ".", "networks": declared, "links": lines})
    return path


def cost(config: Path, folder: Path, forms: tuple[str, ...]) -> dict[str, float]:
    """Seconds of one run, and each file's megabytes."""
    outs = {it: folder / f"{len(forms)}.{it}" for it in forms}
    words = [word for it in outs.values() for word in ("--out", str(it))]
    command = [sys.executable, "-m", "agent", "report", "-c", str(config), "--lang", "zh", *words]
    begun = time.perf_counter()
    with subprocess.Popen([*command, "--at", AT.isoformat()], stdout=subprocess.DEVNULL) as done:
        _, status, usage = os.wait4(done.pid, 0)
        done.returncode = os.waitstatus_to_exitcode(status)
    assert done.returncode == 0
    taken = {"wall_s": time.perf_counter() - begun, "cpu_s": usage.ru_utime + usage.ru_stime}
    sizes = {form: out.stat().st_size / 1e6 for form, out in outs.items()}
    return {**taken, **sizes}


def _network(number: int) -> dict[str, Any]:
    return {
        "name": f"n{number}",
        "title": f"专网{number}",
        "kind": "dedicated",
        "owner": f"市第{number % 40}局",
        "destination": "extranet",
        "phase": "surveyed",
    }


def _link(name: str, network: str) -> dict[str, Any]:
    return {
        "name": name,
        "network": network,
        "interface": {"local": name},
        "bandwidth": f"{BANDWIDTH_BPS:.0f}",
        "carrier": "中国电信",
        "line_type": "MSTP",
        "annual_cost_yuan": "96000",
        "contract_end": "2027-06-30",
    }


if __name__ == "__main__":
    main()
