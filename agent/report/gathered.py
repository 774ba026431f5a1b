"""All that a report is made of, by one reading of the history and of the journal."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from agent import facts
from agent.assessment import assess_lines
from agent.data_centres import DataCentre, data_centres
from agent.declared import Declaration, Timelines, applied, look
from agent.history import HistoryError
from agent.history_reader import HistoryReader
from agent.journal import Entry, JournalError, journal_in
from agent.journal import read as read_journal
from agent.judge.counted import Counted
from agent.judge.tenure import Tenure
from agent.migration import Migration, migrations
from agent.progress import counted
from agent.report.curves import Curves, Days
from agent.report.month import Month, ReportError, chosen
from agent.report.uptime import Uptime, uptime
from agent.server_assessment import assess_servers
from agent.server_windows import KeptServers
from agent.systems import SystemVerdict, assess_systems
from agent.verdict import Verdict
from config.agent import AgentConfig

Subject = tuple[str, str]
Verdicts = Sequence[Verdict | SystemVerdict]


class Gathered(NamedTuple):
    """A report's facts as of `at_s`; `config` has its networks in the phases declared by then.

    `verdicts` are those of `netfold assess` at that time; `tenures` of those alone that the
    running agent has said without a break since before it.
    """

    config: AgentConfig
    at_s: float
    today: date
    verdicts: Verdicts
    tenures: Mapping[Subject, Tenure]
    curves: Mapping[str, Days]
    migrations: Sequence[Migration]
    networks: Sequence[Counted]
    data_centres: Sequence[DataCentre]
    uptime: Uptime
    entries: Sequence[Entry]


def gather(
    config: AgentConfig, at_s: float, month: Month | None, told: Callable[[float], None]
) -> Gathered:
    """Read and judge all as of `at_s`; `told` hears the part (0 to 1) that is done.

    Raises:
        HistoryError: there is no history, nothing is in it, or it cannot be read.
        ReportError: the history holds nothing from before `at_s`, or nothing of the month.
    """
    today = facts.day(at_s)
    declared = look(config, today).timelines
    timelines = as_of(declared, today)
    with HistoryReader(config.data_dir / "history.sqlite") as reader:
        which = chosen(month, at_s, _began_s(reader, at_s))
        end_tick = int(at_s // reader.tick_s)
        first = end_tick - int(config.policy.links.window_s // reader.tick_s)
        curves = Curves(reader, first, len(config.links) or 1, lambda it: told(0.7 * it))
        # As `netfold assess` has it: a line has a right size unless it is declared to move.
        judged = applied(config, declared)
        verdicts: Verdicts = [
            *assess_lines(judged, curves, end_tick, today),
            *assess_servers(judged, KeptServers(reader), end_tick, today),
            *assess_systems(judged, reader, end_tick, today),
        ]
        told(0.8)
        config = applied(config, timelines)
        moves = list(migrations(config, timelines, reader, end_tick, verdicts, today=today))
        told(0.9)
        up = uptime(config, reader, which, end_tick)
        tenures = reader.tenures()
    return Gathered(
        config=config,
        at_s=at_s,
        today=today,
        verdicts=verdicts,
        tenures=_standing(tenures, verdicts, at_s),
        curves=curves.of,
        migrations=moves,
        networks=list(counted(config, timelines, moves, verdicts)),
        data_centres=data_centres(config, verdicts),
        uptime=up,
        entries=_entries(config, at_s),
    )


def as_of(declared: Timelines, today: date) -> dict[str, Sequence[Declaration]]:
    """What was declared up to a day; of a network that was declared later, no phase."""
    return {
        network: [it for it in timeline if it.on <= today] or [Declaration(None, today)]
        for network, timeline in declared.items()
    }


def _began_s(reader: HistoryReader, at_s: float) -> float:
    first = reader.first_tick
    if first is None:
        msg = "the history holds nothing yet"
        raise HistoryError(msg)
    began_s = first * reader.tick_s
    if began_s >= at_s:
        day = facts.day(began_s)
        msg = f"--at {facts.day(at_s)} is before the history, which begins on {day}; name a later "
        msg += "time"
        raise ReportError(msg)
    return began_s


def _standing(
    tenures: Mapping[Subject, Tenure], verdicts: Verdicts, at_s: float
) -> dict[Subject, Tenure]:
    """Those that stood at `at_s` already, with the same verdict."""
    return {
        key: tenure
        for it in verdicts
        if (tenure := tenures.get(key := (it.kind, it.subject))) is not None
        and tenure.status is it.status
        and tenure.since_s <= at_s
    }


def _entries(config: AgentConfig, at_s: float) -> list[Entry]:
    """The journal up to a time; of a damaged one what stands unbroken, which was told."""
    try:
        entries = read_journal(journal_in(config.data_dir)).entries
    except JournalError:
        return []
    return [it for it in entries if it.at_s <= at_s]
