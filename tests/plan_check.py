"""A check of `plan --json` by code of its own: every constraint, from configuration and truth.

It knows what truly crossed each line, also where the plan saw nothing: what the plan says of shares
must hold of that, whatever it was.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.inventory import Link, Network
from tests.plan_cases import TICKS, TODAY, Case

Said = dict[str, Any]
LIMITS = {"load >= 0.70 at most 0.05": (0.7, 0.05), "load >= 0.90 at most 0.01": (0.9, 0.01)}
GONE = {"cut_over", "observing", "retired", "funding_cut", "interconnected"}


def check(case: Case, said: Said) -> None:
    """Assert all that a plan must keep to."""
    _each_line_once(case, said)
    _who_moves(case, said)
    _together(case, said)
    _seen(case, said)
    _waves(said)
    _order(case, said)
    _loads(case, said)
    _upgrades(case, said)


def _moves(said: Said) -> list[Said]:
    return [*said["waves"], *said["does_not_fit"]]


def _each_line_once(case: Case, said: Said) -> None:
    dedicated = {it.name for it in case.config.networks if it.kind == "dedicated"}
    told = Counter(it for one in (*_moves(said), *said["left_out"]) for it in one["lines"])
    assert told == Counter(it.name for it in case.config.links if it.network in dedicated)
    totals = said["totals"]
    assert totals["lines"] == told.total()
    assert totals["planned"]["lines"] == sum(len(it["lines"]) for it in said["waves"])


def _who_moves(case: Case, said: Said) -> None:
    networks = {it.name: it for it in case.config.networks}
    links = {it.name: it for it in case.config.links}
    for one in _moves(said):
        for name in one["lines"]:
            network = networks[links[name].network]
            assert network.destination
            assert network.outcome != "interconnect"
            assert not network.classified
            assert network.phase not in GONE
            for exempt in (network.exempt, links[name].exempt):
                assert exempt is None or exempt.until < TODAY
    for one in said["left_out"]:
        its = [case.seen[it] for it in one["lines"] if links[it].bandwidth_bps is None]
        if one["why"] == "unbounded":
            assert any(np.isnan(it.receive).any() for it in its)


def _together(case: Case, said: Said) -> None:
    place = {name: n for n, one in enumerate(_moves(said)) for name in one["lines"]}
    for group in case.config.groups:
        assert len({place.get(it.name) for it in group.links}) == 1, group.name
    networks = {it.name: it for it in case.config.networks}
    for network in case.config.networks:
        for other in network.moves_with:
            pair = [networks[network.name], networks[other]]
            if any(it.phase in GONE for it in pair):
                continue
            its = [
                {
                    place[it.name]
                    for it in case.config.links
                    if it.network == one.name and it.name in place
                }
                for one in pair
            ]
            assert len(its[0] | its[1]) <= 1, (network.name, other)
            if its[0] | its[1]:
                assert all(_may_move(it) for it in pair), (network.name, other)


def _may_move(network: Network) -> bool:
    kept = network.outcome == "interconnect" or not network.destination
    return not kept and (network.exempt is None or network.exempt.until < TODAY)


def _seen(case: Case, said: Said) -> None:
    """The share of ticks in which every line of it was seen, not that of the least seen one."""
    for it in (*_moves(said), *said["uplinks"]):
        rates = [case.seen[name].receive for name in it["lines"]]
        assert it["seen_ratio"] == np.mean(~np.isnan(rates).any(axis=0))


def _waves(said: Said) -> None:
    free: list[int] = []
    in_order = sorted(said["waves"], key=_key)
    for one in in_order:
        at = next((n for n, it in enumerate(free) if it >= one["cutovers"]), len(free))
        free += [said["cutovers"]] if at == len(free) else []
        free[at] -= one["cutovers"]
        assert one["wave"] == at + 1
    assert [it["place"] for it in said["waves"]] == list(range(1, len(said["waves"]) + 1))
    assert [it["wave"] for it in said["waves"]] == sorted(it["wave"] for it in said["waves"])


def _key(one: Said) -> tuple[Any, ...]:
    worth = one["yuan_per_mbps"]
    if worth is None and one["annual_saving_yuan"] is not None and one["p95_bps"] == 0:
        worth = inf
    known = worth is not None
    return (one["notice_by"] or "9999", -worth if known else inf, one["lines"][0])


def _order(case: Case, said: Said) -> None:
    links = {it.name: it for it in case.config.links}
    for one in _moves(said):
        its = [links[it] for it in one["lines"]]
        days = [it.notice_by or it.contract_end for it in its]
        ahead = [it for it in days if it and it >= TODAY]
        due = min(ahead) if ahead else None
        assert one["notice_by"] == (due and date.isoformat(due))
        assert one["cutovers"] == len({it.group or it.name for it in its})
        _saving(case, one, its)
    for wave in range(1, said["totals"]["waves"] + 1):
        keys = [_key(it) for it in said["waves"] if it["wave"] == wave]
        assert keys == sorted(keys)


def _saving(case: Case, one: Said, its: list[Link]) -> None:
    """Nobody knows what is saved where a price is missing that no network's own stands in for."""
    prices = [it.annual_cost_yuan for it in its if it.annual_cost_yuan is not None]
    lacking = {it.network for it in its if it.annual_cost_yuan is None}
    if not lacking:
        assert one["annual_saving_yuan"] == sum(prices)
    elif any(it.annual_cost_yuan is None for it in case.config.networks if it.name in lacking):
        assert one["annual_saving_yuan"] is None


def _loads(case: Case, said: Said) -> None:
    """After every single cutover: what truly crosses each uplink is within what is said of it."""
    truly = {it["uplink"]: _sum(case, it["lines"]) for it in said["uplinks"]}
    capacity = {it["uplink"]: it["capacity_bps"] for it in said["uplinks"]}
    destination = {it["uplink"]: it["destination"] for it in said["uplinks"]}
    for it in said["uplinks"]:
        _hold(it["before"], truly[it["uplink"]], it["capacity_bps"], proven=False)
    for one in said["waves"]:
        goes = {it["destination"]: it["uplink"] for it in one["uplinks"]}
        for name in one["lines"]:
            network = next(
                it for it in case.config.networks if it.name == _link(case, name).network
            )
            assert destination[goes[network.destination]] == network.destination
            truly[goes[network.destination]] += case.truth[name]
        for it in one["uplinks"]:
            _hold(it["rules"], truly[it["uplink"]], capacity[it["uplink"]], proven=True)
    for it in said["uplinks"]:
        _hold(it["after"], truly[it["uplink"]], it["capacity_bps"], proven=False)
        for of, moment in (("room_before_bps", "before"), ("room_after_bps", "after")):
            if it[of] > 0:
                assert all(hold["holds"] for hold in it[moment])


def _hold(
    holds: list[Said], truly: NDArray[np.float64], capacity_bps: float, *, proven: bool
) -> None:
    assert {it["rule"] for it in holds} == set(LIMITS)
    for it in holds:
        threshold, limit = LIMITS[it["rule"]]
        share = np.count_nonzero(truly.max(axis=0) >= threshold * capacity_bps) / TICKS
        assert it["share"][0] <= share <= it["share"][1], it
        assert it["holds"] is (True if it["share"][1] <= limit else it["holds"])
        if proven:
            assert share <= it["share"][1] <= limit


def _upgrades(case: Case, said: Said) -> None:
    """Where nothing is hidden but by capacity, what does not fit really does not, nor by less."""
    final: dict[str, NDArray[np.float64]] = {}
    for it in said["uplinks"]:
        final[it["uplink"]] = _worst(case, it["lines"])
    for one in said["waves"]:
        for it in one["uplinks"]:
            final[it["uplink"]] += _worst(case, _lines_to(case, one, it["destination"]))
    for one in said["does_not_fit"]:
        assert (one["why"] == "too_many_cutovers") == (one["cutovers"] > said["cutovers"])
        for it in one["obstacles"]:
            lines = _lines_to(case, one, it["destination"])
            ends = [end for end in said["uplinks"] if end["destination"] == it["destination"]]
            crossing = _crossing(said, lines, ends)
            if any(case.seen[name].runs for name in crossing):
                continue  # this check knows no runs
            moved = _worst(case, lines)
            assert not any(
                _bears(final[end["uplink"]] + moved, end["capacity_bps"]) for end in ends
            )
            found = [
                upgrade
                for end in ends
                for upgrade in _sizes(case, end, final[end["uplink"]] + moved)
            ]
            assert it["upgrade_bps"] == (min(found)[1] if found else None)


def _sizes(case: Case, end: Said, worst: NDArray[np.float64]) -> Iterator[tuple[float, float]]:
    """What is added by each usual bandwidth of an uplink's primaries that would do, and it."""
    primaries = [it for it in end["lines"] if _link(case, it).role == "primary"]
    for size in case.config.policy.right_sizing.bandwidths:
        whole = size * len(primaries)
        if whole > end["capacity_bps"] and _bears(worst, whole):
            yield whole - end["capacity_bps"], size


def _crossing(said: Said, lines: list[str], ends: list[Said]) -> list[str]:
    """All lines whose traffic is on one of the uplinks, or would be."""
    names = {it["uplink"] for it in ends}
    moved = [
        name
        for one in said["waves"]
        if names & {it["uplink"] for it in one["uplinks"]}
        for name in one["lines"]
    ]
    return [*lines, *moved, *(name for it in ends for name in it["lines"])]


def _lines_to(case: Case, one: Said, destination: str) -> list[str]:
    networks = {it.name: it for it in case.config.networks}
    return [
        it for it in one["lines"] if networks[_link(case, it).network].destination == destination
    ]


def _bears(worst: NDArray[np.float64], capacity_bps: float) -> bool:
    peaks = worst.max(axis=0)
    return all(
        sum(bool(it >= threshold * capacity_bps) for it in peaks) / TICKS <= limit
        for threshold, limit in LIMITS.values()
    )


def _sum(case: Case, names: list[str]) -> NDArray[np.float64]:
    return np.sum([case.truth[it] for it in names], axis=0) if names else np.zeros((2, TICKS))


def _worst(case: Case, names: list[str]) -> NDArray[np.float64]:
    """At most, each line by its capacity where it was not seen: no runs are known here."""
    total = np.zeros((2, TICKS))
    for name in names:
        its, capacity = case.seen[name], _link(case, name).bandwidth_bps
        for row, values in zip(total, (its.receive, its.transmit), strict=True):
            row += [
                inf if np.isnan(it) and capacity is None else capacity if np.isnan(it) else it
                for it in values
            ]
    return total


def _link(case: Case, name: str) -> Link:
    return next(it for it in case.config.links if it.name == name)
