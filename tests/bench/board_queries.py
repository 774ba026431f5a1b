"""Every query of every board, asked of a server that answers as Prometheus does, and timed."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlencode
from urllib.request import Request

from agent.clock import now
from dashboards.build import files
from tests.peers import DIRECTLY

TIMES = 3
LONG_S = 1.0
"""What takes longer is asked once only."""

SHOWN_S, STEP_S = 3600, 60
"""What a curve shows, and how finely."""

OF_GRAFANA = {"__rate_interval": "4m"}
"""Four scrapes of the shipped configurations."""


class Asked(NamedTuple):
    """A query's panel, what it took (the median), and how many series came back."""

    panel: str
    took_s: float
    series: int


def boards() -> list[dict[str, Any]]:
    """As they are shipped; their queries are the same in every language."""
    return [json.loads(text) for name, text in files(("en",)).items() if name.endswith(".json")]


def ask_all(url: str, chosen: Mapping[str, str]) -> list[Asked]:
    """Ask all queries with variables as `chosen`, else with all values; the slowest first."""
    asked = [
        _timed(url, f"{board['title']}: {panel['title']}", *_query(target, values))
        for board in boards()
        for values in [_values(url, board) | dict(chosen)]
        for panel in board["panels"]
        for target in panel.get("targets", ())
    ]
    return sorted(asked, key=lambda it: -it.took_s)


def _values(url: str, board: Mapping[str, Any]) -> dict[str, str]:
    """What Grafana puts in for each variable where all is chosen; later ones rest on earlier."""
    values = dict(OF_GRAFANA)
    for one in board["templating"]["list"]:
        if one["type"] != "query":
            continue
        if "allValue" in one:
            values[one["name"]] = one["allValue"]
            continue
        series, label = re.findall(r"label_values\((.+), (\w+)\)", one["query"])[0]
        found = _ask(url, "query", query=f"group by ({label}) ({_filled(series, values)})")
        values_found = sorted(it["metric"][label] for it in found)
        # Without all, Grafana takes the first until one is chosen.
        values[one["name"]] = "|".join(values_found if one["includeAll"] else values_found[:1])
    return values


def _query(target: Mapping[str, Any], values: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    parameters = {"query": _filled(target["expr"], values)}
    if not target.get("range"):
        return "query", parameters
    end_s = now().wall_s
    window = {"start": f"{end_s - SHOWN_S:.0f}", "end": f"{end_s:.0f}", "step": f"{STEP_S}"}
    return "query_range", parameters | window


def _filled(expression: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda it: values[it[1]], expression)


def _timed(url: str, panel: str, path: str, parameters: Mapping[str, str]) -> Asked:
    took, series = [], 0
    for _ in range(TIMES):
        begun = time.perf_counter()
        text = _read(url, path, parameters)
        took.append(time.perf_counter() - begun)
        series = text.count(b'"metric":{')
        if took[-1] > LONG_S:
            break
    return Asked(panel, median(took), series)


def _ask(url: str, path: str, **parameters: str) -> Iterator[dict[str, Any]]:
    yield from json.loads(_read(url, path, parameters))["data"]["result"]


def _read(url: str, path: str, parameters: Mapping[str, str]) -> bytes:
    # By POST, as Grafana asks.
    request = Request(f"{url}/api/v1/{path}", urlencode(parameters).encode())  # noqa: S310 - loopback
    with DIRECTLY.open(request, timeout=60) as answer:
        text: bytes = answer.read()
    return text
