"""What is said of one subject."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from agent.judge.evidence import Evidence
from agent.judge.status import Status
from agent.judge.verdict import Judgement
from agent.right_sizing import RightSize
from agent.server_windows import Sizes
from config.inventory import Exemption
from config.policy import Measure


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one subject, and what it rests on.

    `status` is what the data prove (`judgement`), or that it is exempt or a standby. A network has
    no evidence of its own: its `members` are its units. A server has some for each measure.
    """

    kind: str  # link, group, network or server
    subject: str
    status: Status
    judgement: Judgement
    evidence: Evidence | Mapping[Measure, Evidence] | None = None
    members: tuple[str, ...] = ()
    earliest_s: float | None = None
    sizes: Sizes | None = None
    """A server's, where an agent measured it."""
    right_size: RightSize | None = None
    """Of a line or group that must stay and could be smaller."""

    @property
    def main_evidence(self) -> Evidence | None:
        """The evidence to name first: a line's load, a server's CPU."""
        if self.evidence is None or isinstance(self.evidence, Evidence):
            return self.evidence
        return next(iter(self.evidence.values()))


def is_exempt(today: date, *exemptions: Exemption | None) -> bool:
    """Whether one of them is in force; an expired one counts no more."""
    return any(it is not None and not it.is_expired(today) for it in exemptions)


def is_wholly_low(
    network: str, links: Iterable[str], statuses: Mapping[tuple[str, str], Status]
) -> bool:
    """Whether a network is idle or of low use with all its lines: one that is exempt is to stay.

    `statuses` are by kind and subject.
    """
    whole = statuses.get(("network", network))
    kept = any(statuses.get(("link", it)) is Status.EXEMPT for it in links)
    return whole is not None and whole.is_low and not kept
