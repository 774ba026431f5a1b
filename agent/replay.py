"""What another policy would change, and by which rule."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from agent.judge.status import Status
from agent.judge.system_words import doubts_in_words
from agent.judge.words import decided_in_words
from agent.systems import SystemVerdict
from agent.verdict import Verdict


class Change(NamedTuple):
    """One subject that would have another status, and what decides it."""

    kind: str
    subject: str
    before: Status
    after: Status
    why: str


def changes(
    before: Iterable[Verdict | SystemVerdict], after: Iterable[Verdict | SystemVerdict]
) -> Iterator[Change]:
    """The subjects whose status differs between two judgements of the same data."""
    was = {(it.kind, it.subject): it.status for it in before}
    for it in after:
        status = was.get((it.kind, it.subject), it.status)
        if status is not it.status:
            yield Change(it.kind, it.subject, status, it.status, _why(it))


def _why(one: Verdict | SystemVerdict) -> str:
    if isinstance(one, SystemVerdict):
        return doubts_in_words(one.judgement, one.evidence)
    main = one.main_evidence
    if main is None:
        return f"made of {', '.join(one.members)}"
    if one.status is not one.judgement.status:
        return f"its group; alone it is {one.judgement.status}"
    return decided_in_words(one.judgement, main.ticks)
