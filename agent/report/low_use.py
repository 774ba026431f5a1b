"""What may be given back or made smaller: every idle or low-use network, group and line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agent.judge.status import Status
from agent.migration import annual_cost_yuan, links_by_network
from agent.report.gathered import Gathered, Subject
from agent.verdict import Verdict, is_wholly_low
from agent.verdict_json import iso
from config.inventory import LEAVING, Link, Network

Cut = Literal["give_back", "move_and_give_back", "smaller", "review"]
"""What is suggested: to end the contract; to do so once its traffic has moved; to pay for less
bandwidth; or, where a line is kept and is idle, or none smaller is proven to suffice, to ask its
users."""

_LEFT = (*LEAVING, "retired", "funding_cut")


@dataclass(frozen=True, slots=True)
class Listed:
    """The list, lines of normal use that could be smaller, and the networks that are not in it.

    Those are on their way or gone, by their names: their low use is the plan.
    """

    rows: Sequence[Mapping[str, Any]]
    smaller: Sequence[Mapping[str, Any]]
    leaving: Sequence[str]


def listed(found: Gathered, said: Sequence[Mapping[str, Any]]) -> Listed:
    """List them in the order of the configuration, each network before its groups and lines.

    `said` are the verdicts as JSON has them.
    """
    lines = _Lines(found, said)
    rows: list[Mapping[str, Any]] = []
    smaller: list[Mapping[str, Any]] = []
    leaving = []
    for network in found.config.networks:
        its = [it for it in lines.of(network) if it.status.is_low]
        if network.kind == "local" or (network.phase in _LEFT):
            leaving += [network.name] if its and network.kind != "local" else []
            continue
        rows += [lines.row(it, network) for it in its]
        normal = (it for it in lines.of(network) if it.status is Status.NORMAL and it.right_size)
        smaller += [lines.row(it, network) for it in normal]
    return Listed(rows, smaller, leaving)


class _Lines:
    """The verdicts of networks, groups and links by their subject, and what is declared of them."""

    def __init__(self, found: Gathered, said: Sequence[Mapping[str, Any]]) -> None:
        self._found = found
        self._said = {(it["kind"], it["subject"]): it for it in said}
        self._links = links_by_network(found.config.links)
        self._by_name = {it.name: it for it in found.config.links}
        self._members = {it.name: it.links for it in found.config.groups}
        verdicts = (it for it in found.verdicts if isinstance(it, Verdict))
        self._verdicts: dict[Subject, Verdict] = {(it.kind, it.subject): it for it in verdicts}
        self._statuses = {it: one.status for it, one in self._verdicts.items()}
        self._groups: dict[str, list[str]] = {}
        for group in found.config.groups:
            self._groups.setdefault(group.network, []).append(group.name)

    def of(self, network: Network) -> Iterator[Verdict]:
        """The network's verdict, its groups' and its links'."""
        subjects = [("network", network.name)]
        subjects += [("group", it) for it in self._groups.get(network.name, ())]
        subjects += [("link", it.name) for it in self._links.get(network.name, ())]
        return (self._verdicts[it] for it in subjects if it in self._verdicts)

    def row(self, one: Verdict, network: Network) -> dict[str, Any]:
        """One subject: what is declared of it, its verdict with all bounds, and the cut."""
        links = self._links_of(one, network)
        cost = annual_cost_yuan(network, links) if one.kind == "network" else _sum_of_costs(links)
        ends = sorted(it.contract_end for it in links if it.contract_end)
        notices = sorted(it.notice_by for it in links if it.notice_by)
        said = self._said[one.kind, one.subject]
        return {
            "kind": one.kind,
            "subject": one.subject,
            "title": network.title if one.kind == "network" else None,
            "network": network.name,
            "network_title": network.title,
            "owner": network.owner or self._found.config.node.department,
            "carrier": _common(it.carrier for it in links),
            "line_type": _common(it.line_type for it in links),
            "lines": len(links),
            "bandwidth_bps": _bandwidth_bps(one, links),
            "annual_cost_yuan": cost,
            "status": one.status,
            **self._tenure(one),
            "contract_end": str(ends[-1]) if ends and len(ends) == len(links) else None,
            "notice_by": str(notices[0]) if notices else None,
            "cut": cut(one, network, self._saved_yuan(one, links, cost)),
            "members": said["members"],
            "rules": said["rules"],
            "evidence": said["evidence"],
            "days": self._found.curves.get(one.subject) if one.kind == "link" else None,
        }

    def _links_of(self, one: Verdict, network: Network) -> Sequence[Link]:
        if one.kind == "network":
            return self._links.get(network.name, [])
        if one.kind == "group":
            return self._members[one.subject]
        return [self._by_name[one.subject]]

    def _saved_yuan(
        self, one: Verdict, links: Sequence[Link], cost_yuan: float | None
    ) -> float | None:
        """What giving it back saves; of a network with a line that is exempt, its low-use lines."""
        names = [it.name for it in links]
        if one.kind != "network" or is_wholly_low(one.subject, names, self._statuses):
            return cost_yuan
        return _sum_of_costs([it for it in links if self._statuses["link", it.name].is_low])

    def _tenure(self, one: Verdict) -> dict[str, Any]:
        """Since when; None: the agent has not said it yet, or something else since."""
        tenure = self._found.tenures.get((one.kind, one.subject))
        if tenure is None:
            return {"since": None, "confirmed": None}
        after_s = self._found.config.policy.links.confirm_after_s
        low_s = tenure.low_since_s
        confirmed = low_s is not None and self._found.at_s - low_s >= after_s
        return {"since": iso(tenure.since_s), "confirmed": confirmed}


def cut(one: Verdict, network: Network, saved_yuan: float | None) -> dict[str, Any]:
    """The suggestion and what it saves a year, and beside it what a smaller line would.

    An idle uplink of a shared network may be waiting for what is to move to it: its users know.
    """
    size = one.right_size
    is_kept = network.kind != "dedicated" or network.outcome == "interconnect"
    is_kept = is_kept or network.phase == "interconnected"
    what: Cut
    if one.status is Status.IDLE:
        what = "review" if is_kept else "give_back"
    elif one.status is Status.LOW_USE and not is_kept:
        what = "move_and_give_back"
    else:
        what = "smaller" if size else "review"
    saving = size.annual_saving_yuan if size else None
    gives_back = what in {"give_back", "move_and_give_back"}
    return {
        "what": what,
        "destination": network.destination if what == "move_and_give_back" else None,
        "saving_yuan": saved_yuan if gives_back else saving,
        "smaller_bps": size.bandwidth_bps if size else None,
        "smaller_saving_yuan": saving,
    }


def _sum_of_costs(links: Sequence[Link]) -> float | None:
    known = [it.annual_cost_yuan for it in links if it.annual_cost_yuan is not None]
    return sum(known) if known and len(known) == len(links) else None


def _bandwidth_bps(one: Verdict, links: Sequence[Link]) -> float | None:
    """All lines' together; a group's are its primaries', as its load is."""
    its = [it for it in links if one.kind != "group" or it.role == "primary"]
    known = [it.bandwidth_bps for it in its if it.bandwidth_bps is not None]
    return sum(known) if known and len(known) == len(its) else None


def _common(words: Iterator[str | None]) -> str | None:
    """What all lines have, joined; None where none has any."""
    return ", ".join(dict.fromkeys(it for it in words if it)) or None
