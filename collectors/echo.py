"""Echo requests and their answers, for every target over one ICMP socket a family (or source).

Nothing wakes us when a reply comes: the kernel stamps its arrival, so that a look at all sockets
every LOOK_S costs no accuracy, and a fraction of the CPU where a thousand targets answer.
"""

import asyncio
import heapq
import os
from collections.abc import Iterator
from itertools import count, cycle
from time import perf_counter
from typing import Self

from collectors.arrival import Arrivals
from collectors.base import Metric, Sample
from collectors.endpoint import Endpoint
from collectors.router import RoutersWord
from collectors.wire import READ_AT_ONCE, TOKEN_BYTES, Asked, Shape, Way, Wire, open_wire

DROPS = Metric(
    "netfold_icmp_socket_drops_total",
    "counter",
    "Replies lost in this host's own receive buffers, which is no loss of any line.",
)

LOOK_S = 0.01
"""A reply is read so long after its arrival at the latest, while the loop is not busy."""

_SEQUENCES, _TOKENS = 2**16, 256

Answer = float | RoutersWord
"""The round-trip time in seconds, or the word of the network that there will be no reply."""


class Round:
    """The packets of one round to one endpoint, and what became of each; leave it when it is over.

    `answers` are in the order of sending, None where there is none yet; `ttl` is the last reply's.
    """

    __slots__ = (
        *("endpoint", "shape", "answers", "ttl", "unanswered"),
        *("_engine", "_way", "_wire", "_dropped", "_asked", "_settled"),
    )

    def __init__(self, engine: "IcmpEngine", endpoint: Endpoint, way: Way, shape: Shape) -> None:
        self.endpoint, self.shape = endpoint, shape
        self.answers: list[Answer | None] = []
        self.ttl: int | None = None
        self.unanswered = 0
        self._engine, self._way = engine, way
        self._wire = engine.wire(way)
        self._dropped = self._wire.dropped
        self._asked: list[Asked] = []
        self._settled: asyncio.Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.unanswered:
            self._engine.forget(self._asked)

    @property
    def is_whole(self) -> bool:
        """Whether a packet without an answer is lost: not if its answer may have been lost here."""
        same = self._engine.wires.get(self._way) is self._wire
        return same and self._wire.dropped == self._dropped

    def send(self) -> None:
        """Send one more packet.

        Raises:
            CollectError: `local`, if its source or interface has gone from this host.
            OSError: this host could not send it.

        """
        self._asked.append(self._engine.send(self, self._way, len(self.answers)))
        self.answers.append(None)
        self.unanswered += 1

    def take(self, packet: int, answer: Answer) -> None:
        """Note what became of a packet."""
        self.answers[packet] = answer
        self.unanswered -= 1
        if not self.unanswered and self._settled and not self._settled.done():
            self._settled.set_result(None)

    async def settle(self, until_s: float) -> None:
        """Wait until every packet has its answer, or until then (of perf_counter)."""
        if self.unanswered:
            self._settled = asyncio.get_running_loop().create_future()
            self._engine.end_by(self._settled, until_s)
            await self._settled


_Waiting = tuple[Round, int, int]
"""A round, which packet of it, and when that was sent (ns of perf_counter)."""


class IcmpEngine:
    """Sends echo requests and brings each its answer; sockets open on first use.

    A reply counts if its source, sequence and token are those of a request that still waits:
    replies to other programs, duplicates and replies from elsewhere do not.
    """

    def __init__(self) -> None:
        self.wires: dict[Way, Wire] = {}
        self._waiting: dict[Asked, _Waiting] = {}
        self._ends: list[tuple[float, int, asyncio.Future[None]]] = []  # a heap
        self._numbers = count()
        self._marks = _marks()
        self._arrivals = Arrivals()
        self._next_look: asyncio.TimerHandle | None = None
        self._dropped_before = 0  # by sockets that are closed

    def samples(self) -> list[Sample]:
        """What is counted of the sockets, not of any target."""
        dropped = sum(wire.dropped for wire in self.wires.values())
        return [Sample(DROPS, self._dropped_before + dropped)]

    def wire(self, way: Way) -> Wire:
        """The one socket for all that leaves this way.

        Raises:
            CollectError: `local`, if this host lets us open none.

        """
        if way not in self.wires:
            self.wires[way] = open_wire(way)
        return self.wires[way]

    def send(self, round_: Round, way: Way, packet: int) -> Asked:
        """Send a packet of a round, and return what its answer will bear."""
        endpoint, shape = round_.endpoint, round_.shape
        mark = next(self._marks)
        if not self._next_look:
            self._arrivals.look()
            self._look_soon()
        try:
            sent_ns = self.wire(way).send(endpoint.sockaddr, mark, shape)
        except OSError:
            # The system tells of an earlier packet's failure at whatever comes next.
            self._read_refusals(self.wire(way))
            self._renew(way)
            sent_ns = self.wire(way).send(endpoint.sockaddr, mark, shape)
        asked = (endpoint.host, mark)
        self._waiting[asked] = (round_, packet, sent_ns)
        return asked

    def end_by(self, settled: asyncio.Future[None], until_s: float) -> None:
        """Settle a round at that time, if it is not before."""
        heapq.heappush(self._ends, (until_s, next(self._numbers), settled))

    def forget(self, asked: list[Asked]) -> None:
        """Wait for answers to these no longer."""
        for one in asked:
            self._waiting.pop(one, None)

    async def close(self) -> None:
        """Close the sockets; what still waits gets no answer."""
        if self._next_look:
            self._next_look.cancel()
        for wire in self.wires.values():
            wire.sock.close()

    def _renew(self, way: Way) -> None:
        """Leave a socket whose interface has gone; what comes back under its name is another."""
        wire = self.wires[way]
        if not wire.still_stands():
            self._dropped_before += self.wires.pop(way).dropped
            wire.sock.close()

    def _look_soon(self) -> None:
        self._next_look = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def _look(self) -> None:
        self._next_look = None
        self._arrivals.look()
        seen_all = [self._read(wire) for wire in self.wires.values()]
        if all(seen_all):  # a reply that is not read yet is not lost
            self._end(perf_counter())
        if self._waiting:
            self._look_soon()

    def _read(self, wire: Wire) -> bool:
        """Read what has come; whether that was all."""
        self._read_refusals(wire)
        replies = 0
        for asked, stamp_ns, ttl in wire.replies():
            replies += 1
            if waiting := self._waiting.pop(asked, None):
                round_, packet, sent_ns = waiting
                round_.ttl = ttl
                arrived_ns = self._arrivals.at_ns(stamp_ns, sent_ns)
                round_.take(packet, (arrived_ns - sent_ns) / 1e9)
        wire.count_drops()
        return replies < READ_AT_ONCE

    def _read_refusals(self, wire: Wire) -> None:
        for asked, word in wire.refusals():
            if not (waiting := self._waiting.get(asked)):
                continue
            round_, packet, _ = waiting
            # Of a packet that may be split the system has only learned the size to split it to.
            if round_.shape.dont_fragment or not word.is_size:
                del self._waiting[asked]
                round_.take(packet, word)

    def _end(self, now_s: float) -> None:
        """Settle the rounds whose time is over, and forget those that settled before it."""
        while self._ends and (self._ends[0][0] <= now_s or self._ends[0][2].done()):
            settled = heapq.heappop(self._ends)[2]
            if not settled.done():
                settled.set_result(None)


def _marks() -> Iterator[bytes]:
    """Sequence numbers, each with a random token; the system is asked for many tokens at once."""
    for first in cycle(range(0, _SEQUENCES, _TOKENS)):
        tokens = os.urandom(_TOKENS * TOKEN_BYTES)
        for n in range(_TOKENS):
            yield (first + n).to_bytes(2) + tokens[n * TOKEN_BYTES : (n + 1) * TOKEN_BYTES]
