"""What the register is held against: the agent's history, and each device as it is now."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from agent import facts
from agent.history_reader import HistoryReader
from agent.judge.reconcile import is_use_unseen
from agent.judge.silence import Silence, silence
from agent.judge.status import Status
from agent.observe import Observation
from agent.systems import SystemVerdict, assess_systems
from agent.verdict import Verdict, is_exempt
from collectors import link as link_metrics
from collectors.base import CounterReading, Metric, Sample
from config.agent import AgentConfig

USE_UNSEEN = Metric(
    "netfold_system_declared_use_unseen",
    "gauge",
    "Whether the system is declared to be used, and nobody was seen to use it.",
    ("system",),
)
METRICS = (USE_UNSEEN,)


def silences(config: AgentConfig, reader: HistoryReader, end_tick: int) -> dict[str, Silence]:
    """The links that end the policy's window in silence, but for those that are exempt."""
    ticks = int(config.policy.links.window_s // reader.tick_s)
    names = not_exempt(config, facts.day(end_tick * reader.tick_s))
    windows = reader.traffic(names, end_tick - ticks, ticks)
    return {name: found for name, traffic in windows if (found := silence(traffic))}


def not_exempt(config: AgentConfig, today: date) -> list[str]:
    """The links that may be held against what they cost: by no exemption, nor their network's."""
    exempt = {it.name for it in config.networks if is_exempt(today, it.exempt)}
    its = (it for it in config.links if it.network not in exempt)
    return [it.name for it in its if not is_exempt(today, it.exempt)]


def statuses(config: AgentConfig, reader: HistoryReader, end_tick: int) -> dict[str, Status]:
    """What the history proves of each system."""
    today = facts.day(end_tick * reader.tick_s)
    verdicts = assess_systems(config, reader, end_tick, today)
    return {it.subject: it.status for it in verdicts}


def ports(observations: Iterable[Observation]) -> tuple[dict[str, bool], dict[str, float]]:
    """Which links' ports are up, and how fast they are in bit/s, as a round saw them."""
    up: dict[str, bool] = {}
    speeds: dict[str, float] = {}
    for it in (one for observation in observations for one in observation.measurements):
        if isinstance(it, Sample) and it.metric is link_metrics.UP:
            up[it.labels[0]] = bool(it.value)
        if isinstance(it, CounterReading) and it.kind == "link" and it.port_speed_bps:
            speeds[it.subject] = it.port_speed_bps
    return up, speeds


def samples(config: AgentConfig, verdicts: Iterable[Verdict | SystemVerdict]) -> Iterator[Sample]:
    """Declared use against measured use, of every system that is declared to be used."""
    known: Mapping[str, Status] = {
        it.subject: it.status for it in verdicts if isinstance(it, SystemVerdict)
    }
    for system in config.systems:
        status = known.get(system.name)
        declared = system.used_by is not None or system.use_frequency is not None
        if declared and status in {Status.IN_USE, Status.SUSPECTED_UNUSED}:
            yield Sample(USE_UNSEEN, int(is_use_unseen(system, status)), (system.name,))
