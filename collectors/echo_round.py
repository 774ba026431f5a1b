"""A round of echo requests to one endpoint: what is to be sent, and what became of each packet."""

import asyncio
from typing import NamedTuple

from collectors.base import CollectError, Tools
from collectors.endpoint import Endpoint
from collectors.router import RoutersWord
from collectors.wire import Asked, Shape, Way, Wire

Answer = float | RoutersWord
"""The round-trip time in seconds, or the word of the network that there will be no reply."""


class Plan(NamedTuple):
    """What every round of a target is like."""

    endpoint: Endpoint
    way: Way
    shape: Shape
    packets: int
    gap_s: float


class Over:
    """Rounds that are over, until somebody takes them."""

    def __init__(self) -> None:
        self._rounds: list[Round] = []
        self._is_any = asyncio.Event()

    def add(self, round_: "Round") -> None:
        """Let a round be over."""
        self._rounds.append(round_)
        self._is_any.set()

    async def take(self) -> "list[Round]":
        """Wait for the next ones."""
        await self._is_any.wait()
        self._is_any.clear()
        rounds, self._rounds = self._rounds, []
        return rounds


class Round:
    """One round, which the engine sends and ends; `over` gets it when it has ended.

    Times are of perf_counter. `answers` are in the order of sending, None where there was none in
    time; a packet that this host could not send has no place there, but `unsent` says what hindered
    it (the last one of several). `is_whole` is whether a packet without an answer is lost: not if
    its answer may have been lost here. `ttl` is the last reply's.
    """

    __slots__ = (
        *("plan", "tools", "started_s", "until_s", "over"),
        *("answers", "unsent", "ttl", "is_whole", "is_over"),
        *("due_s", "has_turn", "left", "unanswered", "asked", "wire", "dropped"),
    )

    def __init__(self, plan: Plan, tools: Tools, started_s: float, until_s: float) -> None:
        self.plan, self.tools = plan, tools
        self.started_s, self.until_s = started_s, until_s
        self.over: Over | None = None
        self.answers: list[Answer | None] = []
        self.unsent: CollectError | None = None
        self.ttl: int | None = None
        self.is_whole = True
        self.is_over = False
        self.due_s = started_s  # the next packet
        self.has_turn = False
        self.left = plan.packets
        self.unanswered = 0
        self.asked: list[Asked] = []
        self.wire: Wire | None = None
        self.dropped = 0

    def sent(self, asked: Asked, wire: Wire) -> None:
        """Note a packet that has left, and by which socket."""
        if self.wire is None:
            self.wire, self.dropped = wire, wire.dropped
        self.asked.append(asked)
        self.answers.append(None)
        self.unanswered += 1

    def take(self, packet: int, answer: Answer) -> bool:
        """Note what became of a packet; return whether that was the last thing to wait for."""
        self.answers[packet] = answer
        self.unanswered -= 1
        return not self.unanswered and not self.left
