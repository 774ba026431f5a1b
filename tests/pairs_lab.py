"""Paired paths in network namespaces of the test's own, and an agent that compares them.

`python -m tests.pairs_lab FOLDER`, inside `unshare -n` (`-Urn` as an ordinary user): the far side
(icmp_far.py) answers at PROMPT at once, the old path, and at COMMANDED as it is told, the new one.
A second pair has this host itself as its old path. Prints what the agent said, and what the far
side knows of it, after some rounds, after the new path fell silent, and after the line was cut.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from tests.agentproc import Agent, running
from tests.icmp_far import COMMANDED, PROMPT, V4, ip, say
from tests.icmp_lab import connect
from tests.testbed import eventually

DELAY_S, DROP_RATIO = 0.02, 0.1
LEAST_ROUNDS = 30
MEDIAN = "pair_rtt_difference_seconds {} median"
MANNERS = {"seed": 11, "delay_s": DELAY_S, "drop_ratio": DROP_RATIO}


def near(folder: Path) -> None:
    """Build the namespaces, run the agent, and tell what came of it."""
    with subprocess.Popen(
        ["unshare", "-n", sys.executable, "-m", "tests.icmp_far"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as far:
        answer(far)
        ip("link set lo up")
        connect(far.pid)
        tell(far, "connected")
        answer(far)
        tell(far, json.dumps(MANNERS))
        answer(far)
        with running(folder, configuration(), tick_s=1) as agent:
            say(json.dumps(dict(story(agent, far))))
        assert far.stdin
        far.stdin.close()


def configuration() -> dict[str, Any]:
    """Rounds of one packet, whose median is that of the packets; and of several, to be cut in."""
    one, several = {"count": 1}, {"count": 4, "gap": "50ms"}
    ways = {
        "old": one | {"address": V4.format(PROMPT)},
        "new": one | {"address": V4.format(COMMANDED)},
        "here": several | {"address": "127.0.0.1"},
        "there": several | {"address": V4.format(PROMPT)},
    }
    shape = {"kind": "icmp", "interval": "500ms", "timeout": "400ms"}
    return {
        "networks": [{"name": "edu", "kind": "dedicated"}],
        "probes": [{"name": name, **shape, **way} for name, way in ways.items()],
        "pairs": [
            {"name": "far", "network": "edu", "old": "old", "new": "new"},
            {"name": "line", "network": "edu", "old": "here", "new": "there"},
        ],
    }


def story(agent: Agent, far: "subprocess.Popen[str]") -> Any:
    eventually(lambda: rounds(agent) >= LEAST_ROUNDS, deadline_s=60)
    tell(far, json.dumps({"drop_ratio": 1}))
    record = json.loads(answer(far))
    yield "measured", said(agent, lambda values: True)
    yield "delay_s", median(record["delays_s"])
    yield "lost", record["dropped"] / len(record["sources"])
    yield "silent", said(agent, lambda it: MEDIAN.format("far") not in it)
    ip("link set near down")
    yield "cut", said(agent, lambda it: MEDIAN.format("line") not in it)


def rounds(agent: Agent) -> float:
    return agent.value("netfold_pair_rounds", "far") or 0


def said(agent: Agent, is_so: Any) -> Mapping[str, float]:
    """All of pairs and of probes' successes, once something is so."""
    found: dict[str, float] = {}

    def look() -> bool:
        values = agent.values()
        found.clear()
        for (name, *labels), value in values.items():
            if name.startswith(("netfold_pair_", "netfold_probe_success")):
                found[" ".join([name.removeprefix("netfold_"), *labels])] = value
        return bool(is_so(found))

    eventually(look, deadline_s=30)
    return found


def tell(far: "subprocess.Popen[str]", line: str) -> None:
    assert far.stdin
    far.stdin.write(line + "\n")
    far.stdin.flush()


def answer(far: "subprocess.Popen[str]") -> str:
    assert far.stdout
    line = far.stdout.readline()
    assert line, "the far side ended"
    return line


def namespace() -> list[str]:
    return ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]


if __name__ == "__main__":
    near(Path(sys.argv[1]))
