"""One server, or a few: CPU, memory, disks and traffic."""

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from agent.facts import SERVER_INFO
from agent.judge.status import Status
from agent.verdict_metrics import CONFIRMED, SINCE, VERDICT
from collectors import server
from collectors.base import Metric
from config.policy import load_policy
from dashboards.board import EVERYTHING_OR_NOTHING, board, chosen, few, here, rated, variable
from dashboards.links import to_page
from dashboards.panels import (
    BITS_PER_SECOND,
    BYTES,
    DATE,
    NUMBER,
    STATUS_COLOURS,
    YES_NO,
    Column,
    curves,
    rows,
)

ONE_SERVER = "netfold-server"

_DATA_CENTRE = 'data_centre=~"$data_centre"'
_SERVER = 'server=~"$server"'
_NAMED = "{{instance}} {{server}}"


def one_server() -> dict[str, Any]:
    """The board, as Grafana loads it."""
    return board(
        ONE_SERVER,
        "Netfold: one server",
        "What the chosen servers do, and what they are by their node's policy.",
        {"Verdict": _verdict(), "Use": _use(), "Disks": _disks()},
        variable(
            "data_centre", "Data centre", chosen(SERVER_INFO), everything=EVERYTHING_OR_NOTHING
        ),
        few("server", "Server", chosen(SERVER_INFO, _DATA_CENTRE)),
    )


def _of(metric: Metric) -> str:
    return here(chosen(metric, _SERVER))


def _verdict() -> Iterator[Builder[Panel]]:
    verdicts = here(f"{chosen(VERDICT['server'], _SERVER)} == 1")

    def of_server(metric: Metric) -> str:
        return f"{chosen(metric)} * on (job, instance, server) group_right () {verdicts}"

    yield rows(
        "Verdicts of the chosen servers",
        "What each server is by its node's policy, since when, and its size. A node leads to its "
        "agent's explanation.",
        {"server": "Server", "instance": "Node", "status": "Verdict"},
        [
            Column("Since", f"1000 * {of_server(SINCE['server'])}", DATE),
            Column("Confirmed", of_server(CONFIRMED["server"]), YES_NO),
            Column("Cores", of_server(server.CORES), NUMBER),
            Column("Memory", of_server(server.MEMORY), BYTES),
            Column("Swap", of_server(server.SWAP), BYTES),
        ],
        sort_by="Cores",
        links={"instance": to_page("server")},
    ).height(6)


def _use() -> Iterator[Builder[Panel]]:
    policy = load_policy().servers
    low = next(it.threshold for it in policy.low_use if it.measure == "cpu")
    busy = next(it.threshold for it in policy.busy if it.measure == "cpu")
    yield curves(
        "CPU",
        "Busy share of all cores. Dashed: the levels of low use and busy of the policy that "
        "Netfold brings.",
        _of(server.CPU),
        _NAMED,
        {low: STATUS_COLOURS[Status.LOW_USE], busy: STATUS_COLOURS[Status.BUSY]},
    ).span(12)
    yield curves(
        "Memory",
        "Share of the memory that is not available to programs.",
        _of(server.MEMORY_USED),
        _NAMED,
    ).span(12)
    yield curves(
        "Traffic",
        "What the physical interfaces receive (in) and send (out).",
        f"8 * {here(rated(server.RECEIVE, _SERVER))}",
        f"{_NAMED} in",
        unit=BITS_PER_SECOND,
        more={f"{_NAMED} out": f"8 * {here(rated(server.TRANSMIT, _SERVER))}"},
    ).span(12)
    yield curves(
        "Swap in use",
        "Swap space in use.",
        _of(server.SWAP_USED),
        _NAMED,
        unit=BYTES,
    ).span(12)


def _disks() -> Iterator[Builder[Panel]]:
    yield rows(
        "Filesystems",
        "Size of each filesystem, and the space in use on it.",
        {"server": "Server", "mountpoint": "Mounted at", "instance": "Node"},
        [
            Column("Size", _of(server.FILESYSTEM), BYTES),
            Column("In use", _of(server.FILESYSTEM_USED), BYTES),
        ],
        sort_by="Size",
    )
