"""What a source of windows is to the judge, wherever the data lie."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from agent.judge.bounds import Traffic


class Windows(Protocol):
    """The agent's own history, or what another store holds of its counters."""

    @property
    def tick_s(self) -> float:
        """The length of a tick."""

    def traffic(
        self, links: Sequence[str], first: int, ticks: int
    ) -> Iterator[tuple[str, Traffic]]:
        """Each link's window from tick number `first`, in the order of `links`.

        A link of which nothing is known has one all the same, with nothing seen in it.
        """


class SourceError(Exception):
    """A source cannot be read now: where, what was seen, what would be right, in a line."""
