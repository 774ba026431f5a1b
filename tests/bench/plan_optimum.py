"""How far the greedy plan is from the best one there is, found by trying all of them."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import product
from typing import NamedTuple

import numpy as np

from agent.judge.flows import Flow
from agent.judge.headroom import Uplink, uplink
from agent.judge.waves import Move, Terms, waves
from config.policy import load_policy

CASES, MOVES, UPLINKS, TICKS, CUTOVERS = 100, 6, 3, 96, 3
TODAY = date(2026, 11, 22)


class Found(NamedTuple):
    """Yuan a year of the plan, as a ratio of the best one's: in all, and in the first wave."""

    total: float
    first_wave: float


def found(*, dated: bool) -> list[Found]:
    """Of every case; `dated`: notice days, which go before any saving, are drawn too."""
    return [it for seed in range(CASES) if (it := _of(seed, dated=dated))]


def _of(seed: int, *, dated: bool) -> Found | None:
    chance = np.random.default_rng(seed)
    ends = [uplink(f"u{n}", 100e6, _flow(chance, 60e6), 300.0) for n in range(UPLINKS)]
    moves = [_move(chance, n, dated=dated) for n in range(MOVES)]
    plan = load_policy().plan
    terms = Terms(plan.uplinks, CUTOVERS, ())
    done = waves(moves, {"extranet": ends}, terms).steps
    best, best_first = _best(moves, ends, terms)
    if not best:
        return None  # nothing fits
    total = sum(it.move.saving_yuan or 0.0 for it in done)
    first = sum(it.move.saving_yuan or 0.0 for it in done if it.wave == 1)
    return Found(total / best, first / best_first)


def _flow(chance: np.random.Generator, most_bps: float) -> Flow:
    """Office hours, or the night, or any other third of the day, and some noise."""
    shape = np.full(TICKS, 0.1)
    begin = TICKS // 3 * int(chance.integers(3))
    shape[begin : begin + TICKS // 3] = 1.0
    rates = chance.random() * most_bps * shape * (0.8 + 0.2 * chance.random((2, TICKS)))
    nothing = np.empty(0, dtype=np.int32)
    fill, seen = np.empty(0, dtype=np.float32), np.ones(TICKS, dtype=np.bool_)
    return Flow(rates.astype(np.float32), nothing, fill, (), seen)


def _move(chance: np.random.Generator, number: int, *, dated: bool) -> Move:
    flow = _flow(chance, 60e6)
    yuan = float(chance.integers(10, 200)) * 1000
    day = TODAY + timedelta(int(chance.integers(400))) if dated else None
    return Move(f"m{number}", {"extranet": flow}, 1, day, yuan, flow.p95_bps())


def _best(moves: Sequence[Move], ends: Sequence[Uplink], terms: Terms) -> tuple[float, float]:
    """The most yuan by any choice of uplinks, of any moves, and of as many as a wave has."""
    fits = [_fitting(moves, it, terms) for it in ends]
    best = best_first = 0.0
    for choice in product(range(UPLINKS + 1), repeat=MOVES):
        sets = (sum(1 << n for n, it in enumerate(choice) if it == end) for end in range(UPLINKS))
        if all(mask in its for mask, its in zip(sets, fits, strict=True)):
            chosen = [
                it.saving_yuan or 0.0 for it, to in zip(moves, choice, strict=True) if to < UPLINKS
            ]
            best = max(best, sum(chosen))
            if len(chosen) <= CUTOVERS:
                best_first = max(best_first, sum(chosen))
    return best, best_first


def _fitting(moves: Sequence[Move], end: Uplink, terms: Terms) -> set[int]:
    """Every set of moves, as bits, that an uplink bears."""
    found = set()
    for mask in range(1 << MOVES):
        its = end
        for n, move in enumerate(moves):
            if mask >> n & 1:
                its = its.carrying(move.flows["extranet"])
        if its.bears(terms.rules):
            found.add(mask)
    return found


def table() -> Iterator[str]:
    """The distances, as rows of Markdown."""
    for name, dated in (("no notice days", False), ("notice days first", True)):
        its = found(dated=dated)
        for what, ratios in (
            ("all that fits", [it.total for it in its]),
            ("the first wave", [it.first_wave for it in its]),
        ):
            exact = sum(it > 1 - 1e-9 for it in ratios)
            low, worst = float(np.percentile(ratios, 5)), min(ratios)
            yield (
                f"| {name} | {what} | {np.mean(ratios):.1%} | {low:.1%} | {worst:.1%} "
                f"| {exact} of {len(ratios)} |"
            )
