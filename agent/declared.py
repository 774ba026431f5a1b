"""What is declared, and since when: the journal, kept up with what the configuration says.

A network's declared phase is that of its newest entry, whether the configuration or a command made
it. A phase that the configuration says no more takes back what it had said, and nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple, get_args

from agent import facts
from agent.journal import (
    BY_CONFIG,
    Content,
    Entry,
    Journal,
    JournalError,
    Kind,
    journal_in,
    opened,
    read,
)
from collectors.base import Metric, Sample
from config.agent import AgentConfig
from config.policy import Policy
from config.register import Phase

JOURNAL_HEAD = Metric(
    "netfold_journal_head_info", "info", "The digest of the journal's last entry.", ("digest",)
)
JOURNAL_WRITABLE = Metric(
    "netfold_journal_writable",
    "gauge",
    "Whether the journal is whole and was written; if not, the log says why.",
)
METRICS = (JOURNAL_HEAD, JOURNAL_WRITABLE)

POLICY = "policy"
"""The subject of entries about the policy."""


class Declaration(NamedTuple):
    """From this day on (Asia/Shanghai) a network was declared to be in a phase, or in none."""

    phase: Phase | None
    on: date


Timelines = Mapping[str, Sequence[Declaration]]
"""Each network's declarations in order of time."""


class Draft(NamedTuple):
    """An entry that is not written yet."""

    kind: Kind
    subject: str
    what: dict[str, Any]


class Declared(NamedTuple):
    """The phases that are declared, the journal's head, and why nothing can be added to it."""

    timelines: Timelines
    head: str | None
    problem: str | None = None


def follow(config: AgentConfig, at_s: float, *, has_changed: bool = True) -> Declared:
    """Write what changed in the configuration since it was last written; the agent does this.

    Where neither it nor the day is another one since the agent last did, only a journal begun anew
    is written: a command beside the agent may have read a newer file and written what it says.
    Without a journal that can be written, what the configuration says counts from today.
    """
    today = facts.day(at_s)
    try:
        with opened(config.data_dir) as journal:
            if has_changed or not journal.entries:
                bring_up(journal, config, at_s)
            return Declared(timelines(journal.entries), journal.entries[-1].digest)
    except JournalError as error:
        return look(config, today)._replace(head=None, problem=str(error))


def bring_up(journal: Journal, config: AgentConfig, at_s: float) -> None:
    """Write what the configuration says beyond the journal: before a command declares more."""
    for draft in drafts(journal.entries, config, facts.day(at_s)):
        journal.append(*draft, BY_CONFIG, at_s)


def look(config: AgentConfig, today: date) -> Declared:
    """As `follow` does, but without writing anything; of a damaged journal what stands unbroken."""
    try:
        content = read(journal_in(config.data_dir))
    except JournalError as error:
        content = Content((), str(error))
    pending = drafts(content.entries, config, today)
    found = timelines(content.entries, ((it, today) for it in pending))
    return Declared(found, content.head, content.problem)


def samples(declared: Declared) -> Iterator[Sample]:
    """The journal's head, for whoever notes it; absent if the journal is damaged."""
    yield Sample(JOURNAL_WRITABLE, int(declared.problem is None))
    if declared.head is not None:
        yield Sample(JOURNAL_HEAD, 1, (declared.head,))


def applied(config: AgentConfig, found: Timelines) -> AgentConfig:
    """The configuration, its networks in the phases that are declared."""
    networks = [
        it.model_copy(update={"phase": found[it.name][-1].phase}) if it.name in found else it
        for it in config.networks
    ]
    return config.model_copy(update={"networks": tuple(networks)})


def timelines(
    entries: Iterable[Entry], pending: Iterable[tuple[Draft, date]] = ()
) -> dict[str, list[Declaration]]:
    """Each network's declarations; `pending` are what the configuration says beyond the journal."""
    said = [
        (it.subject, it.what, it.by, facts.day(it.at_s)) for it in entries if it.kind == "phase"
    ]
    said += [(it.subject, it.what, BY_CONFIG, on) for it, on in pending if it.kind == "phase"]
    found: dict[str, list[Declaration]] = {}
    by_command: dict[str, Phase | None] = {}
    for network, what, by, on in said:
        phase = what.get("phase")
        if phase not in (*get_args(Phase), None):
            continue  # of a version that knew more phases
        if by != BY_CONFIG:
            by_command[network] = phase
        if phase is None:
            phase = by_command.get(network)
        found.setdefault(network, []).append(Declaration(phase, on))
    return found


def drafts(entries: Sequence[Entry], config: AgentConfig, today: date) -> list[Draft]:
    """What the configuration says otherwise than its last entries about it do."""
    last = {_key(it): it.what for it in entries if it.by == BY_CONFIG}
    return [
        *_phases(last, config),
        *_exemptions(last, config, today),
        *_policy(last, config.policy),
    ]


Key = tuple[str, str, str]
Last = Mapping[Key, Mapping[str, Any]]


def _key(entry: Entry) -> Key:
    return (entry.kind, entry.subject, str(entry.what.get("of", "")))


def _phases(last: Last, config: AgentConfig) -> Iterator[Draft]:
    declared = {it.name: it.phase for it in config.networks}
    known = {
        subject: what.get("phase") for (kind, subject, _), what in last.items() if kind == "phase"
    }
    for network in dict.fromkeys((*declared, *known)):
        phase = declared.get(network)
        if phase != known.get(network):
            yield Draft("phase", network, {"phase": phase})


def _exemptions(last: Last, config: AgentConfig, today: date) -> Iterator[Draft]:
    """One that was added, changed, ran out or is there no more; on what, stands under `of`."""
    now = dict(_exempt(config, today))
    known = {key: dict(what) for key, what in last.items() if key[0] == "exemption"}
    for key in dict.fromkeys((*now, *known)):
        before = known.get(key, {"state": "gone"})
        was = before.pop("state")
        what = now.get(key)
        state = _state(was, "gone" if what is None else what.pop("state"), what == before)
        if state is not None:
            yield Draft("exemption", key[1], {"state": state, **(what or before)})


def _state(was: str, now: Literal["gone", "expired", "in force"], same: bool) -> str | None:
    """How an exemption came to be as it is `now`; None: it was so before."""
    if now == "in force":
        new = "added" if was in {"gone", "expired"} else "changed"
        return None if same and new == "changed" else new
    return None if was == now and (same or now == "gone") else now


def _exempt(config: AgentConfig, today: date) -> Iterator[tuple[Key, dict[str, Any]]]:
    for of, name, it in config.exemptions:
        what = {"of": of, "reason": it.reason, "approver": it.approver}
        what |= {"until": it.until.isoformat()}
        what |= {"state": "expired" if it.is_expired(today) else "in force"}
        yield ("exemption", name, of), what


def _policy(last: Last, policy: Policy) -> Iterator[Draft]:
    before = last.get(("policy", POLICY, ""), {})
    if before.get("hash") != policy.hash:
        changes = list(_differences(before.get("terms", {}), policy.terms)) if before else []
        what = {"hash": policy.hash, "changes": changes, "terms": policy.terms}
        yield Draft("policy", POLICY, what)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for section in sorted({*before, *after}):
        was, now = before.get(section, {}), after.get(section, {})
        for name in sorted({*was, *now}):
            old, new = _in_words(was.get(name)), _in_words(now.get(name))
            if old != new:
                yield f"{section}.{name}: was {old}, is {new}"


def _in_words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "; ".join(map(_in_words, value)) or "none"
    if isinstance(value, float):
        return f"{value:.15g}"
    return "none" if value is None else str(value)
