"""`netfold explain`: one verdict with each of its rules, in words."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from agent import clock
from agent.cli import phased, stop
from agent.cli.assess import judged, source_options, time_s
from agent.cli.phase import found_for
from agent.cli.source import read
from agent.judge.evidence import Evidence
from agent.judge.system_words import doubts_in_words, sampling_in_words
from agent.judge.words import flip_in_words, rule_in_words
from agent.right_sizing import RightSize
from agent.systems import SystemVerdict
from agent.verdict import Verdict
from agent.verdict_json import iso
from config.problems import hint


@click.command()
@click.argument("subject")
@source_options
def command(subject: str, **source: Any) -> None:
    """Say what proves the verdict on SUBJECT, what was not seen, and what would change it."""
    verdicts = judged(**source).verdicts
    found = [it for it in verdicts if it.subject == subject]
    if not found:
        names = [it.subject for it in verdicts]
        stop(f"no subject {subject!r}; {hint(subject, names, 'there are {}')}", 2)
    for one in found:
        for line in explained(one):
            click.echo(line)
        if one.kind == "network":
            _explain_phase(one.subject, verdicts, **source)


def _explain_phase(
    network: str,
    verdicts: Sequence[Verdict | SystemVerdict],
    *,
    path: Path | None,
    prometheus: str | None,
    at: str | None,
    **_: Any,
) -> None:
    """The phase of a network that moves, where its verdict is by the agent's own history."""
    if prometheus is None:
        at_s = clock.now().wall_s if at is None else time_s(at)
        for it in found_for(read(path), at_s, verdicts):
            if it.network == network:
                click.echo("\n".join(phased.explained(it)))


def explained(one: Verdict | SystemVerdict) -> Iterator[str]:
    """The whole story of one verdict, a line each."""
    yield f"{one.kind} {one.subject}: {one.status}"
    yield from _of_system(one) if isinstance(one, SystemVerdict) else _of_line(one)


def _of_line(one: Verdict) -> Iterator[str]:
    if one.members:
        yield f"made of {', '.join(one.members)}"
    if one.status is not one.judgement.status:
        yield f"the data alone prove: {one.judgement.status}"
    main = one.main_evidence
    if main is None:
        return
    seen = f"{main.seen_ratio:.1%} of {main.ticks} ticks were seen"
    yield f"window {iso(main.from_s)} to {iso(main.to_s)}: {seen}"
    if main.office is not None:
        yield _office(main.office)
    for outcome in one.judgement.outcomes:
        yield f"  {rule_in_words(outcome, main.ticks)}"
    yield flip_in_words(one.judgement, main.ticks)
    if one.right_size is not None:
        yield _smaller(one.right_size, " for each primary" if one.kind == "group" else "")
    if one.earliest_s is not None:
        yield f"if it stays silent and seen, low use can be proven from {iso(one.earliest_s)}"


def _of_system(one: SystemVerdict) -> Iterator[str]:
    if one.status is not one.judgement.status:
        yield f"the data alone prove: {one.judgement.status}"
    yield doubts_in_words(one.judgement, one.evidence)
    yield f"window {iso(one.evidence.from_s)} to {iso(one.evidence.to_s)}"
    yield from sampling_in_words(one.evidence)
    if one.evidence.last_used_s is not None:
        yield f"last used about {iso(one.evidence.last_used_s)}"
    for what, said in (("by", one.system.used_by), ("how often", one.system.use_frequency)):
        if said is not None:
            yield f"declared use, {what}: {said}"
    if one.earliest_s is not None:
        yield f"if watched on without a client, it can be proven from {iso(one.earliest_s)}"


def _smaller(size: RightSize, of_what: str) -> str:
    text = f"{size.bandwidth_bps / 1e6:g} Mbit/s{of_what} would do: it would surely not be busy"
    saving = size.annual_saving_yuan
    return text if saving is None else f"{text}, and cost {saving:,.0f} yuan less a year"


def _office(office: Evidence) -> str:
    """What was seen of the office hours alone, and which years have none that are known."""
    text = f"office hours: {office.ticks} ticks"
    if office.mean is not None and office.p95 is not None:
        text += f", mean {office.mean:.1%}, p95 {office.p95:.1%}"
    for year in office.unknown_years:
        text += f"; the calendar does not know the working days of {year}: its years: may say them"
    return text
