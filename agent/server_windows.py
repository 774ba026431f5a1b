"""The history of servers as windows for the judge, and how much each server has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

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


_READ = ("cpu", "memory", "receive", "transmit", *Sizes._fields)


class ServerWindow(NamedTuple):
    """How a server was used, and how large it is."""

    usage: Usage
    sizes: Sizes


class ServerWindows(Protocol):
    """A source of servers' windows, wherever the data lie."""

    @property
    def tick_s(self) -> float:
        """The length of a tick."""

    def servers(
        self, servers: Sequence[str], first: int, ticks: int
    ) -> Iterator[tuple[str, ServerWindow]]:
        """Each server's window from tick number `first`, in the order of `servers`.

        A server of which nothing is known has one all the same, with nothing seen in it.
        """


@dataclass(frozen=True, slots=True)
class KeptServers:
    """The agent's own history as a source of servers' windows."""

    reader: HistoryReader

    @property
    def tick_s(self) -> float:
        """The length of a tick."""
        return self.reader.tick_s

    def servers(
        self, servers: Sequence[str], first: int, ticks: int
    ) -> Iterator[tuple[str, ServerWindow]]:
        """Each server's window from tick number `first`.

        A server that is another device now has several series: each tick is of the one that saw it.
        """
        for server, bindings in self.reader.bindings("server", servers, first, ticks):
            read_of = {it: _joined(bindings, it, ticks) for it in _READ}
            yield server, window_of(read_of, first, self.tick_s)


def window_of(read_of: Mapping[str, Floats], first: int, tick_s: float) -> ServerWindow:
    """Make a window of what was read by tick; receive and transmit are bit/s."""
    sizes = Sizes(*(_last(read_of[it]) for it in Sizes._fields))
    return ServerWindow(Usage(first, _levels(read_of), tick_s), sizes)


def _levels(read_of: Mapping[str, Floats]) -> dict[Measure, Floats]:
    """What rules ask for; a measure that was never read is left out, but the CPU always stands.

    Servers seldom change their cores, so that a number of them stands until the next one is told.
    """
    levels: dict[Measure, Floats] = {
        "cpu": read_of["cpu"],
        "memory": read_of["memory"],
        "cores": read_of["cpu"] * carried(read_of["cores"]),
        "network": np.maximum(read_of["receive"], read_of["transmit"]),  # the busier direction
    }
    return {it: values for it, values in levels.items() if it == "cpu" or _is_known(values)}


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
