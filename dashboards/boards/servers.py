"""What servers and data centres have to spare, and which systems nobody seems to use."""

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from agent.data_centres import IDLE, SERVERS
from agent.facts import SERVER_INFO
from agent.judge.status import Status
from agent.reconciliation import USE_UNSEEN
from agent.recorder import SYSTEM_LAST_USED
from agent.verdict_metrics import CONFIRMED, MISSED, SINCE, VERDICT, WATCHED
from collectors import server
from collectors.base import Metric
from collectors.services import CLIENTS, LISTENING
from dashboards.board import EVERYTHING_OR_NOTHING, board, chosen, here, variable
from dashboards.board_rules import CPU_MEAN
from dashboards.boards.one_server import ONE_SERVER
from dashboards.links import to_board, to_page
from dashboards.panels import (
    BYTES,
    DATE,
    NUMBER,
    PERCENT,
    YES_NO,
    Column,
    count_by_status,
    curves,
    figure,
    rows,
)
from dashboards.promql import LOW

_DATA_CENTRE = 'data_centre=~"$data_centre"'
_ON_SERVER = "on (job, instance, server)"
_ON_SYSTEM = "on (job, instance, system)"
_INFO = here(chosen(SERVER_INFO, _DATA_CENTRE))


def servers() -> dict[str, Any]:
    """The board, as Grafana loads it."""
    return board(
        "netfold-servers",
        "Netfold: servers and data centres",
        "Which servers stand idle, what each data centre could give back, and which systems nobody "
        "was seen to use.",
        {
            "What can be given back": _idle(),
            "Servers": _servers(),
            "Systems": _systems(),
            "Over time": _over_time(),
        },
        variable(
            "data_centre", "Data centre", chosen(SERVER_INFO), everything=EVERYTHING_OR_NOTHING
        ),
    )


def _with_centre(series: str) -> str:
    return f"{series} * {_ON_SERVER} group_left (data_centre) {_INFO}"


def _idle() -> Iterator[Builder[Panel]]:
    yield count_by_status(
        "Servers by verdict",
        "How many servers have each verdict; exempt ones and standbys are never called idle.",
        f"sum by (status) ({_with_centre(chosen(VERDICT['server']))})",
    ).span(12)
    yield count_by_status(
        "Systems by verdict",
        "How many systems have each verdict. Suspected is all that counting clients can prove.",
        f"sum by (status) ({here(chosen(VERDICT['system']))})",
    ).span(12)

    def idle(size: str, bound: str) -> str:
        return here(chosen(IDLE[size], _DATA_CENTRE, f'bound="{bound}"'))

    def in_use(statuses: str) -> str:
        found = here(chosen(SERVERS, _DATA_CENTRE, f'status=~"{statuses}"'))
        return f"sum by (job, instance, data_centre) ({found})"

    yield rows(
        "Idle capacity of data centres",
        "What the idle and low-use servers of each data centre have: at least those that are "
        "proven so, and at most with those that are not decided. Empty where a server does not "
        "tell its size.",
        {"data_centre": "Data centre", "instance": "Node"},
        [
            Column("Servers", in_use(".+"), NUMBER),
            Column("Idle or low use", in_use(LOW), NUMBER),
            Column("Cores, at least", idle("cores", "lower"), NUMBER),
            Column("Cores, at most", idle("cores", "upper"), NUMBER),
            Column("Memory, at least", idle("memory_bytes", "lower"), BYTES),
            Column("Memory, at most", idle("memory_bytes", "upper"), BYTES),
            Column("Disks, at least", idle("disk_bytes", "lower"), BYTES),
            Column("Disks, at most", idle("disk_bytes", "upper"), BYTES),
        ],
        sort_by="Cores, at least",
    )


def _servers() -> Iterator[Builder[Panel]]:
    verdicts = chosen(VERDICT["server"], f'status=~"{LOW}"')
    low = _with_centre(f"({verdicts} == 1)")

    def of_server(metric: Metric) -> str:
        return f"{chosen(metric)} * {_ON_SERVER} group_right () ({low})"

    yield rows(
        "Idle and low-use servers",
        "Servers that the data prove idle or of low use, the most cores first; CPU and memory as "
        "of now. A server leads to its curves, a node to its agent's explanation.",
        {
            "data_centre": "Data centre",
            "server": "Server",
            "instance": "Node",
            "status": "Verdict",
        },
        [
            Column("Cores", of_server(server.CORES), NUMBER),
            Column("Memory", of_server(server.MEMORY), BYTES),
            Column("Since", f"1000 * {of_server(SINCE['server'])}", DATE),
            Column("Confirmed", of_server(CONFIRMED["server"]), YES_NO),
            Column("CPU", of_server(server.CPU), PERCENT, is_bar=True),
            Column("Memory in use", of_server(server.MEMORY_USED), PERCENT, is_bar=True),
        ],
        sort_by="Cores",
        links={"server": to_board(ONE_SERVER, "server"), "instance": to_page("server")},
    )


def _systems() -> Iterator[Builder[Panel]]:
    named = f'status!="{Status.IN_USE}"'
    doubtful = here(f"{chosen(VERDICT['system'], named)} == 1")

    def of_system(metric: Metric) -> str:
        return f"{chosen(metric)} * {_ON_SYSTEM} group_right () ({doubtful})"

    yield rows(
        "Systems that are not known to be in use",
        "Since when, and what it rests on: when a client was last seen, today's clients, the share "
        "of the window in which clients were watched, and the share of connections that no look "
        "saw. Use seen by nobody though it is declared is marked.",
        {"system": "System", "instance": "Node", "status": "Verdict"},
        [
            Column("Since", f"1000 * {of_system(SINCE['system'])}", DATE),
            Column("Confirmed", of_system(CONFIRMED["system"]), YES_NO),
            Column("Last used", f"1000 * {of_system(SYSTEM_LAST_USED)}", DATE),
            Column("Clients today", of_system(CLIENTS), NUMBER),
            Column("Watched", of_system(WATCHED), PERCENT, is_bar=True),
            Column("Connections missed", of_system(MISSED), PERCENT),
            Column("Declared, not seen", of_system(USE_UNSEEN), YES_NO),
        ],
        sort_by="Since",
        rising=True,
    )
    yield figure(
        "Ports that nobody listens on",
        "Declared TCP ports of systems where no program listens; a system without any is not "
        "watched.",
        f"sum(1 - {here(chosen(LISTENING))})",
        NUMBER,
        bad_from=1,
    ).span(6)


def _over_time() -> Iterator[Builder[Panel]]:
    yield curves(
        "CPU of all servers",
        "Mean, over the chosen nodes, of the busy share of their servers' cores, by the recording "
        "rules.",
        f"avg({here(chosen(CPU_MEAN))})",
        "CPU",
    ).span(18)
