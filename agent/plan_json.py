"""The plan as JSON: what `plan --json` prints."""

from collections.abc import Iterable
from math import isinf
from typing import Any

from agent.judge.waves import Hold, Move, Obstacle, Step, holds
from agent.parties import LeftOut
from agent.planning import Plan
from agent.verdict_json import iso

Said = dict[str, Any]


def said_of(plan: Plan) -> Said:
    """All of it, its keys in docs/operating.md. Days are as written, money is yuan a year."""
    window = plan.window
    steps, unfit = plan.waves.steps, plan.waves.unfit
    return {
        "window": {
            "from": iso(window.first * window.tick_s),
            "to": iso((window.first + window.ticks) * window.tick_s),
            "ticks": window.ticks,
        },
        "policy": plan.policy,
        "rules": [str(it) for it in plan.terms.rules],
        "cutovers": plan.terms.cutovers,
        "waves": [_step(plan, number, it) for number, it in enumerate(steps, 1)],
        "does_not_fit": [_unfit(plan, move, its) for move, its in unfit],
        "left_out": [_left(it) for it in plan.left_out],
        "uplinks": [
            _uplink(plan, destination, it.name)
            for destination, its in plan.uplinks.of.items()
            for it in its
        ],
        "totals": _totals(plan),
    }


def _step(plan: Plan, number: int, step: Step) -> Said:
    places = [
        {
            "destination": it.destination,
            "uplink": it.uplink,
            "rules": [_hold(hold) for hold in it.holds],
        }
        for it in step.places
    ]
    return {"wave": step.wave, "place": number, **_move(plan, step.move), "uplinks": places}


def _unfit(plan: Plan, move: Move, obstacles: Iterable[Obstacle]) -> Said:
    why = "too_many_cutovers" if move.cutovers > plan.terms.cutovers else "no_room"
    return {**_move(plan, move), "why": why, "obstacles": [_obstacle(it) for it in obstacles]}


def _obstacle(it: Obstacle) -> Said:
    return {
        "destination": it.destination,
        "uplink": it.uplink,
        **_hold(it.hold),
        "upgrade_bps": it.upgrade_bps,
    }


def _move(plan: Plan, move: Move) -> Said:
    party = plan.parties[move.name]
    worth = move.yuan_per_mbps
    return {
        "lines": [it.name for it in party.links],
        "networks": list(party.networks),
        "cutovers": move.cutovers,
        "order": "notice" if move.notice_by else "saving" if worth is not None else "name",
        "notice_by": None if move.notice_by is None else move.notice_by.isoformat(),
        "annual_saving_yuan": move.saving_yuan,
        "p95_bps": move.p95_bps,
        "yuan_per_mbps": None if worth is None or isinf(worth) else worth,
        "seen_ratio": plan.seen[move.name],
    }


def _left(it: LeftOut) -> Said:
    return {"network": it.network, "lines": list(it.lines), "why": it.why, "what": it.what}


def _uplink(plan: Plan, destination: str, name: str) -> Said:
    after = plan.waves.uplinks[name]
    rules = plan.terms.rules
    now = next(it for it in plan.uplinks.of[destination] if it.name == name)
    return {
        "destination": destination,
        "uplink": name,
        "lines": list(plan.uplinks.lines[name]),
        "capacity_bps": after.capacity_bps,
        "seen_ratio": plan.seen[name],
        "before": [_hold(it) for it in plan.uplinks.holds[name]],
        "after": [_hold(it) for it in holds(after, rules)],
        "room_before_bps": now.room_bps(rules),
        "room_after_bps": after.room_bps(rules),
    }


def _hold(hold: Hold) -> Said:
    return {"rule": str(hold.rule), "share": list(hold.share), "holds": hold.is_proven}


def _totals(plan: Plan) -> Said:
    """Lines, cutovers and money: of all lines that the plan looked at, in one of three places."""
    steps, unfit = plan.waves.steps, plan.waves.unfit
    parts = {
        "planned": [it.move for it in steps],
        "does_not_fit": [move for move, _ in unfit],
    }
    said: Said = {name: _total(plan, moves) for name, moves in parts.items()}
    left = sum(len(it.lines) for it in plan.left_out)
    said["left_out"] = {"lines": left}
    said["lines"] = left + sum(it["lines"] for name, it in said.items() if name in parts)
    said["waves"] = max((it.wave for it in steps), default=0)
    first = [it.move for it in steps if it.wave == 1]
    said["first_wave"] = _total(plan, first)
    return said


def _total(plan: Plan, moves: Iterable[Move]) -> Said:
    its = list(moves)
    known = [it.saving_yuan for it in its if it.saving_yuan is not None]
    return {
        "lines": sum(len(plan.parties[it.name].links) for it in its),
        "cutovers": sum(it.cutovers for it in its),
        "annual_saving_yuan": sum(known) if known else None,
        "without_saving": len(its) - len(known),
    }
