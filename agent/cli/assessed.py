"""Verdicts as a person reads them: a table, idle capacity, and what another policy changes."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.table import Table

from agent.cli.shown import console, percent, scaled, table
from agent.data_centres import AtLeastAtMost, DataCentre
from agent.judge.system_words import doubts_in_words
from agent.judge.words import flip_in_words
from agent.replay import Change
from agent.server_windows import Sizes
from agent.systems import SystemVerdict
from agent.verdict import Verdict
from config.policy import Policy

Verdicts = list[Verdict | SystemVerdict]


class Judged(NamedTuple):
    """What a command that judges has to say; `changes` where another policy was tried."""

    policy: Policy
    verdicts: Verdicts
    changes: tuple[Change, ...] | None = None
    data_centres: Sequence[DataCentre] = ()


def show(done: Judged) -> None:
    """Print the verdicts, what could be given back in data centres, and what would change."""
    console().print(_verdicts(done.verdicts))
    if done.data_centres:
        console().print(_data_centres(done.data_centres))
    if done.changes is not None:
        count, whole = len(done.changes), len(done.verdicts)
        console().print(f"{count} of {whole} subjects change under this policy", highlight=False)
    if done.changes:
        console().print(_changes(done.changes))


def _verdicts(verdicts: Verdicts) -> Table:
    shown = table("kind", "subject", "verdict", ">seen", ">mean", ">p95", ">peak", "~why")
    for one in verdicts:
        figures = ["", "", "", ""]
        if isinstance(one, SystemVerdict):
            figures[0] = percent(one.evidence.watched_ratio)
        elif (main := one.main_evidence) is not None:
            figures = [percent(it) for it in (main.seen_ratio, main.mean, main.p95, main.peak)]
        shown.add_row(one.kind, one.subject, one.status, *figures, _why(one))
    return shown


def _why(one: Verdict | SystemVerdict) -> str:
    if isinstance(one, SystemVerdict):
        return doubts_in_words(one.judgement, one.evidence)
    if one.main_evidence is None:
        return ", ".join(one.members) or "it has no link"
    return flip_in_words(one.judgement, one.main_evidence.ticks)


def _data_centres(found: Sequence[DataCentre]) -> Table:
    title = "idle capacity: of idle and low-use servers, and with the unknown ones"
    shown = table("data centre", ">servers", ">cores", ">memory", ">disks", title=title)
    for it in found:
        low = sum(status.is_low for status in it.statuses)
        cores, memory, disks = (it.idle[size] for size in Sizes._fields)
        row = (_between(cores, ""), _between(memory, "B"), _between(disks, "B"))
        shown.add_row(it.name, f"{low} of {len(it.statuses)}", *row)
    return shown


def _between(bounds: AtLeastAtMost, unit: str) -> str:
    lower, upper = (scaled(it, unit).strip() for it in bounds)
    if bounds.upper is None and bounds.lower is not None:
        return f"{lower} or more"
    return lower if lower == upper else f"{lower} to {upper}"


def _changes(changes: Sequence[Change]) -> Table:
    shown = table("kind", "subject", "is", "becomes", "~decided by")
    for it in changes:
        shown.add_row(it.kind, it.subject, it.before, it.after, it.why)
    return shown
