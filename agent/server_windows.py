"""The history of servers as windows for the judge, and how much each server has."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.history_reader import HistoryReader
from agent.judge.bounds import Floats, Usage, carried
from config.policy import Measure

_Binding = Mapping[str, NDArray[np.float32]]


class Sizes(NamedTuple):
    """How much a server has, as last told; None where it was not."""

    cores: float | None
    memory_bytes: float | None
    disk_bytes: float | None


class ServerWindow(NamedTuple):
    """How a server was used, and how large it is."""

    usage: Usage
    sizes: Sizes


def read(
    reader: HistoryReader, servers: Sequence[str], first: int, ticks: int
) -> Iterator[tuple[str, ServerWindow]]:
    """Each server's window from tick number `first`.

    A server that is another device now has several series: each tick is of the one that saw it.
    """
    for server, bindings in reader.bindings("server", servers, first, ticks):
        read_of = {it: _joined(bindings, it, ticks) for it in ("cpu", "memory", *Sizes._fields)}
        usage = Usage(first, _levels(read_of, _network(bindings, ticks)), reader.tick_s)
        yield server, ServerWindow(usage, Sizes(*(_last(read_of[it]) for it in Sizes._fields)))


def _levels(read_of: Mapping[str, Floats], network: Floats) -> dict[Measure, Floats]:
    """What rules ask for; a measure that was never read is left out, but the CPU always stands.

    Servers seldom change their cores, so that a number of them stands until the next one is told.
    """
    levels: dict[Measure, Floats] = {
        "cpu": read_of["cpu"],
        "memory": read_of["memory"],
        "cores": read_of["cpu"] * carried(read_of["cores"]),
        "network": network,
    }
    return {it: values for it, values in levels.items() if it == "cpu" or _is_known(values)}


def _network(bindings: Sequence[_Binding], ticks: int) -> Floats:
    """The busier direction, bit/s."""
    receive, transmit = (_joined(bindings, it, ticks) for it in ("receive", "transmit"))
    return np.maximum(receive, transmit)


def _joined(bindings: Sequence[_Binding], measure: str, ticks: int) -> Floats:
    joined = np.full(ticks, np.nan)
    for one in bindings:
        if measure in one:
            seen = ~np.isnan(one[measure])
            joined[seen] = one[measure][seen]
    return joined


def _last(values: Floats) -> float | None:
    return float(carried(values)[-1]) if _is_known(values) else None


def _is_known(values: Floats) -> bool:
    return not bool(np.isnan(values).all())
