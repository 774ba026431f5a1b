"""Echo requests and their answers, for every target over one ICMP socket a family (or source).

One timer serves all rounds: every LOOK_S it reads what came, ends what is over and sends what is
due. Nothing wakes us when a reply comes: the kernel stamps its arrival, so that a look at all
sockets costs no accuracy, and a fraction of the CPU where a thousand targets answer.
"""

import asyncio
import heapq
import os
from collections.abc import AsyncGenerator, Iterator, Sequence
from itertools import count, cycle
from time import perf_counter

from collectors.arrival import Arrivals
from collectors.base import CollectError, Metric, Sample
from collectors.echo_round import Over, Round
from collectors.endpoint import failed
from collectors.pace import wait_for_turn_s
from collectors.wire import READ_AT_ONCE, TOKEN_BYTES, Asked, Way, Wire, open_wire

DROPS = Metric(
    "netfold_icmp_socket_drops_total",
    "counter",
    "Replies lost in this host's own receive buffers, which is no loss of any line.",
)

LOOK_S = 0.01
"""A reply is read so long after its arrival at the latest, while the loop is not busy."""

LEAST_WAIT_S = 0.1
"""For the last packet's reply: a packet whose turn leaves less is not sent."""

_EARLY_S = 0.001  # some loops' timers wake so much too soon
_SEQUENCES, _TOKENS = 2**16, 256

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
        self._to_send: list[tuple[float, int, Round]] = []  # a heap
        self._ends: dict[float, dict[Round, None]] = {}  # by the look that ends them
        self._numbers = count()
        self._marks = _marks()
        self._arrivals = Arrivals()
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_s = float("inf")
        self._looked_s = 0.0
        self._dropped_before = 0  # by sockets that are closed

    async def measure(self, rounds: Sequence[Round]) -> AsyncGenerator[list[Round], None]:
        """Send these, each from its time on, and yield those that are over; close it if you end.

        A round is over when every packet has its answer, or its time is.
        """
        left, over = len(rounds), Over()
        try:
            for round_ in rounds:
                round_.over = over
                self._queue(round_)
                self._ends.setdefault(round_.until_s // LOOK_S, {})[round_] = None
            self._wake_in_time()
            while left:
                some = await over.take()
                left -= len(some)
                yield some
        finally:
            for round_ in rounds:
                if not round_.is_over:
                    self._end(round_)

    def samples(self) -> list[Sample]:
        """What is counted of the sockets, not of any target."""
        dropped = sum(wire.dropped for wire in self.wires.values())
        return [Sample(DROPS, self._dropped_before + dropped)]

    async def close(self) -> None:
        """Close the sockets; what still waits gets no answer."""
        if self._timer:
            self._timer.cancel()
        for wire in self.wires.values():
            wire.sock.close()

    def _queue(self, round_: Round) -> None:
        heapq.heappush(self._to_send, (round_.due_s, next(self._numbers), round_))

    def _wake_in_time(self) -> None:
        """See to it that we look again LOOK_S after the last time, or when something is due."""
        wakes_s = self._looked_s + LOOK_S
        if not self._waiting:
            wakes_s = max(wakes_s, self._to_send[0][0] if self._to_send else float("inf"))
        if wakes_s < self._wakes_s:
            if self._timer:
                self._timer.cancel()
            wait_s = max(0.0, wakes_s - perf_counter())
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._look)
            self._wakes_s = wakes_s

    def _look(self) -> None:
        self._timer, self._wakes_s = None, float("inf")
        self._looked_s = now_s = perf_counter()
        self._arrivals.look()
        seen_all = [self._read(wire) for wire in self.wires.values()]
        if all(seen_all):  # a reply that is not read yet is not lost
            self._end_until(now_s)
        self._send_until(now_s)
        self._wake_in_time()

    def _send_until(self, now_s: float) -> None:
        """Send a packet of each round that has one due; what is late sends but one all the same."""
        due = []
        while self._to_send and self._to_send[0][0] <= now_s + _EARLY_S:
            due.append(heapq.heappop(self._to_send)[2])
        for round_ in due:
            if not round_.is_over:
                self._send_next(round_, now_s)

    def _send_next(self, round_: Round, now_s: float) -> None:
        try:
            if not round_.has_turn:
                within_s = max(0.0, round_.until_s - LEAST_WAIT_S - now_s)
                if wait_s := wait_for_turn_s(round_.tools, within_s):
                    round_.due_s, round_.has_turn = now_s + wait_s, True
                    self._queue(round_)
                    return
            self._send(round_)
        except CollectError as error:
            round_.unsent = error
        except OSError as error:
            round_.unsent = failed(round_.plan.endpoint, error)
        round_.left -= 1
        if round_.left:
            round_.due_s, round_.has_turn = max(round_.due_s + round_.plan.gap_s, now_s), False
            self._queue(round_)
        elif not round_.unanswered:
            self._end(round_)

    def _send(self, round_: Round) -> None:
        endpoint, way, shape = round_.plan[:3]
        mark = next(self._marks)
        try:
            wire = self._wire(way)
            sent_ns = wire.send(endpoint.sockaddr, mark, shape)
        except OSError:
            # The system tells of an earlier packet's failure at whatever comes next.
            self._read_refusals(self._wire(way))
            self._renew(way)
            wire = self._wire(way)
            sent_ns = wire.send(endpoint.sockaddr, mark, shape)
        asked = (endpoint.host, mark)
        self._waiting[asked] = (round_, len(round_.answers), sent_ns)
        round_.sent(asked, wire)

    def _wire(self, way: Way) -> Wire:
        """The one socket for all that leaves this way.

        Raises:
            CollectError: `local`, if this host lets us open none.

        """
        wire = self.wires.get(way)
        if wire is None:
            wire = self.wires[way] = open_wire(way)
        return wire

    def _renew(self, way: Way) -> None:
        """Leave a socket whose interface has gone; what comes back under its name is another."""
        wire = self.wires[way]
        if not wire.still_stands():
            self._dropped_before += self.wires.pop(way).dropped
            wire.sock.close()

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
                if round_.take(packet, (arrived_ns - sent_ns) / 1e9):
                    self._end(round_)
        wire.count_drops()
        return replies < READ_AT_ONCE

    def _read_refusals(self, wire: Wire) -> None:
        for asked, word in wire.refusals():
            if not (waiting := self._waiting.get(asked)):
                continue
            round_, packet, _ = waiting
            # Of a packet that may be split the system has only learned the size to split it to.
            if round_.plan.shape.dont_fragment or not word.is_size:
                del self._waiting[asked]
                if round_.take(packet, word):
                    self._end(round_)

    def _end_until(self, now_s: float) -> None:
        """End the rounds whose time is over."""
        for look in [it for it in self._ends if it * LOOK_S <= now_s]:
            for round_ in list(self._ends[look]):
                self._end(round_)

    def _end(self, round_: Round) -> None:
        """Let a round be over: what it still waits for is forgotten."""
        round_.is_over = True
        look = round_.until_s // LOOK_S
        del self._ends[look][round_]
        if not self._ends[look]:
            del self._ends[look]
        if round_.unanswered:
            wire = round_.wire
            stands = self.wires.get(round_.plan.way) is wire
            round_.is_whole = stands and wire is not None and wire.dropped == round_.dropped
            for asked in round_.asked:
                self._waiting.pop(asked, None)
        if round_.over:
            round_.over.add(round_)


def _marks() -> Iterator[bytes]:
    """Sequence numbers, each with a random token; the system is asked for many tokens at once."""
    for first in cycle(range(0, _SEQUENCES, _TOKENS)):
        tokens = os.urandom(_TOKENS * TOKEN_BYTES)
        for n in range(_TOKENS):
            yield (first + n).to_bytes(2) + tokens[n * TOKEN_BYTES : (n + 1) * TOKEN_BYTES]
