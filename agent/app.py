"""The running agent: what is wired to what, how it starts, reloads and ends."""

import asyncio
import fcntl
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, closing, suppress
from datetime import date
from pathlib import Path
from typing import IO, Any

from agent import clock, declared, facts, rounds
from agent.assessor import Assessor, Said, is_judged
from agent.declared import Declared
from agent.exposition import Exposition
from agent.judge.rates import TICK_S
from agent.keeper import Keeper
from agent.observe import Attempts, Observation, is_shared, observe, observe_all, probe_samples
from agent.pairs import Pairs
from agent.recorder import Recorder
from agent.round import collector_of
from agent.scheduler import Key, Scheduler
from agent.web.curve import Curve
from agent.web.security import Security
from agent.web.server import listen
from collectors import link as link_metrics
from collectors.base import Collector, Metric, Sample, Target, Tools
from config.agent import AgentConfig
from config.pairs import places
from config.problems import ConfigError
from config.targets import contracts, targets

log = logging.getLogger(__name__)

RELOAD_SUCCESSFUL = Metric(
    "netfold_config_last_reload_successful",
    "gauge",
    "Whether the configuration was taken when last read; if not, the one before is in force.",
)
RELOAD_TIME = Metric(
    "netfold_config_last_reload_success_timestamp_seconds",
    "gauge",
    "When a configuration was last taken.",
)
METRICS = (RELOAD_SUCCESSFUL, RELOAD_TIME)

KEPT_INTERVALS = 3
"""Values stand on /metrics for so many intervals without a success: a lost poll is no gap."""


FIRST_ROUND_S = 3.0
"""The first verdicts wait so long for the first round: silent devices do not hold them up."""


_COLLECTED_AT = 20_000
"""New objects that a garbage collection waits for; a poll of a device makes as many at most."""

JUDGE_EVERY_S = 600.0


class StartError(Exception):
    """The agent cannot start; the message is one line for the person who started it."""


class Agent:
    """Everything that runs; inert until `serve`. `load` reads the configuration, now and again."""

    def __init__(
        self,
        load: Callable[[], AgentConfig],
        tick_s: float = TICK_S,
        security: Security | None = None,
    ) -> None:
        self._load = load
        self._security = security
        self.config = load()
        self._latest: dict[Key, Observation] = {}
        self._attempts: dict[Key, Attempts] = {}
        self._tools = Tools(clock.now)
        self._exposition = Exposition()
        self._recorder = Recorder(tick_s)
        path = self.config.data_dir / "history.sqlite"
        self._keeper = Keeper(path, self._recorder, self.config.retention_s, tick_s)
        self._scheduler = Scheduler(
            self._measure,
            measure_all=self._measure_all,
            is_shared=lambda target: is_shared(collector_of(target), target),
        )
        self._assessor = Assessor(path, self._keeper, tick_s)
        self._pairs = Pairs()
        self.verdicts: list[dict[str, Any]] = []
        """What was last judged, as `assess --json` has it."""
        self.phases: list[dict[str, Any]] = []
        self.progress: dict[str, Any] | None = None
        self._declared = Declared({}, None)
        self._reloaded_s = 0.0
        self._taken = asyncio.Event()
        self._today = date.min
        self._expired: set[str] = set()
        self._apply(self.config)

    async def serve(self, ended: asyncio.Event) -> None:
        """Run until `ended` is set; then hand everything back, within 2 s.

        Raises:
            StartError: the port or the data folder is taken, or may not be used.
        """
        # First of all: a SIGHUP that nobody handles ends the process.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.reload)
        async with AsyncExitStack() as stack:
            stack.enter_context(closing(_hold(self.config.data_dir)))
            stack.push_async_callback(self._tools.close)
            stack.callback(self._assessor.close)
            try:
                await stack.enter_async_context(listen(self, self._security))
            except OSError as error:
                msg = f"cannot listen on {self.config.listen}: {_why(error)}"
                msg += "; set another `listen`, or --listen"
                raise StartError(msg) from error
            await self._keeper.open()
            stack.push_async_callback(self._keeper.close)
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._scheduler.serve()),
                    group.create_task(self._keeper.serve()),
                    group.create_task(self._judge()),
                ]
                await ended.wait()
                for task in tasks:
                    task.cancel()

    def reload(self) -> str | None:
        """Read the configuration again; return what is wrong if it is not taken."""
        try:
            config = self._load()
        except ConfigError as error:
            for line in str(error).splitlines():
                log.error("configuration not taken", extra={"problem": line})  # noqa: TRY400 - the message says it all
            self._put_reload(successful=False)
            return str(error)
        if (config.listen, config.data_dir) != (self.config.listen, self.config.data_dir):
            log.warning("listen and data_dir change with the next start")
        self._apply(config)
        log.info("configuration taken", extra={"targets": len(targets(config))})
        return None

    def metrics(self, *, openmetrics: bool = False) -> bytes:
        """Render all that is known now."""
        at = clock.now()
        if facts.day(at.wall_s) != self._today:  # a waiver may have expired overnight
            self._say_facts(self.config, facts.day(at.wall_s))
        self._exposition.put("history", self._keeper.samples())
        self._exposition.put("engines", self._tools.samples())
        return self._exposition.render(at.steady_s, openmetrics_text=openmetrics)

    @property
    def unmeasured(self) -> int:
        """Targets that have not been measured once since they were configured."""
        return self._scheduler.unmeasured

    async def first_round(self) -> list[Observation]:
        """Wait until every target has been measured once; return the last attempt at each."""
        await self._scheduler.all_measured.wait()
        return list(self._latest.values())

    async def _judge(self) -> None:
        """Judge once the first round is over, or has had its time, then again and again.

        A configuration that is taken is judged at once: what it left out says nothing any more.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_ROUND_S):
                await self._scheduler.all_measured.wait()
        spare_what_lasts()
        self._pairs.remember(await self._assessor.remembered(self.config))
        self._taken.clear()
        while True:
            config = await self._take_what_is_declared()
            ports = dict(self._ports_up())
            if (said := await self._assessor.assess(config, self._declared, ports)) is not None:
                self._say(said)
            elif not is_judged(self.config):
                self.verdicts, self.phases, self.progress = [], [], None
                self._exposition.drop("verdicts")
            with suppress(TimeoutError):
                async with asyncio.timeout(JUDGE_EVERY_S):
                    await self._taken.wait()
            self._taken.clear()

    def _say(self, said: Said) -> None:
        self._exposition.put("verdicts", said.samples)
        self.verdicts, self.phases, self.progress = said.verdicts, said.phases, said.progress

    async def _take_what_is_declared(self) -> AgentConfig:
        """Bring journal and configuration together; what a command declared counts from now on."""
        before = self._declared.problem
        self._declared = await self._assessor.declared(self.config)
        if self._declared.problem not in {None, before}:
            log.error("journal is not written", extra={"problem": self._declared.problem})
        self._exposition.put("journal", declared.samples(self._declared))
        self._say_facts(self.config, facts.day(clock.now().wall_s))
        return declared.applied(self.config, self._declared.timelines)

    def _ports_up(self) -> Iterator[tuple[str, bool]]:
        """Whether each link's port is up, where its last poll told."""
        for observation in self._latest.values():
            for it in observation.measurements:
                if isinstance(it, Sample) and it.metric is link_metrics.UP:
                    yield it.labels[0], bool(it.value)

    async def curve(self, kind: str, subject: str) -> Curve:
        """What a link or a server did over its window; HistoryError if it cannot be read."""
        return await self._assessor.curve(self.config, kind, subject)

    def _apply(self, config: AgentConfig) -> None:
        at_s = clock.now().wall_s
        for key in self._scheduler.follow(targets(config), places(config.pairs, config.probes)):
            self._forget(key)
        for name in self._pairs.follow(config.pairs, config.probes):
            self._exposition.drop(("pair", name))
        self._recorder.contract(*contracts(config), at_s)
        self._keeper.retention_s = config.retention_s
        self._tools.packets_per_s = config.probe_packets_per_second
        self._say_facts(config, facts.day(at_s))
        self.config = config
        self._taken.set()
        self._reloaded_s = at_s
        self._put_reload(successful=True)

    def _say_facts(self, config: AgentConfig, today: date) -> None:
        expired = {device.name for device in config.expired_waivers(today)}
        for name in sorted(expired - self._expired):
            log.warning("waiver for a weaker SNMP has expired", extra={"device": name})
        self._today, self._expired = today, expired
        said = declared.applied(config, self._declared.timelines)
        self._exposition.put("facts", facts.samples(said, today))

    def _put_reload(self, *, successful: bool) -> None:
        samples = [
            Sample(RELOAD_SUCCESSFUL, int(successful)),
            Sample(RELOAD_TIME, self._reloaded_s),
        ]
        self._exposition.put("reload", samples)

    def _forget(self, key: Key) -> None:
        self._latest.pop(key, None)
        self._attempts.pop(key, None)
        self._exposition.drop(("state", key))
        self._exposition.drop(("values", key))

    async def _measure(self, target: Target) -> None:
        collector = collector_of(target)
        self._publish(collector, await observe(collector, target, self._tools))

    async def _measure_all(
        self, targets: Sequence[Target], measured: Callable[[Target], None]
    ) -> None:
        collector = collector_of(targets[0])
        async for observation in observe_all(collector, targets, self._tools):
            # A reload may have left it out meanwhile.
            if self._scheduler.follows(observation.target):
                self._publish(collector, observation)
            measured(observation.target)

    def _publish(self, collector: Collector, observation: Observation) -> None:
        """Put an observation on /metrics and into the history."""
        target = observation.target
        key = (target.kind, target.name)
        attempts = self._attempts.setdefault(key, Attempts())
        attempts.note(observation)
        state = attempts.samples(observation)
        if collector.probe:
            state += probe_samples(observation)
        self._exposition.put(("state", key), state)
        samples = [it for it in observation.measurements if isinstance(it, Sample)]
        if len(samples) < len(observation.measurements):
            samples += self._recorder.take(observation.measurements)
        if collector.probe:
            self._recorder.take(rounds.readings(collector, observation))
        # A probe that failed measured that: its last round-trip times no longer hold.
        if samples or observation.reason is None or (collector.probe and observation.is_conclusive):
            until_s = observation.at.steady_s + KEPT_INTERVALS * target.interval_s
            self._exposition.put(("values", key), samples, until_s)
        self._latest[key] = observation
        for paired in self._pairs.take(observation):
            self._recorder.take(paired.readings())
            until_s = observation.at.steady_s + KEPT_INTERVALS * target.interval_s
            name = paired.pair.name
            self._exposition.put(("pair", name), self._pairs.samples(paired), until_s)


def spare_what_lasts() -> None:
    """Leave what an agent keeps for good out of garbage collections to come, and have fewer.

    Each poll makes thousands of objects, which the collector takes for a reason to look through
    all others: a third of the CPU of a large device's poll. Hardly any of them are in cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_AT)


def _why(error: OSError) -> str:
    if error.errno is None or isinstance(error, socket.gaierror):  # its numbers are its own
        return str(error.strerror or error)
    return os.strerror(error.errno)  # the loop's own text repeats the address


def _hold(data_dir: Path) -> IO[str]:
    """Keep other agents off the data folder for as long as the returned file is open.

    Raises:
        StartError: another agent has it, or it may not be written.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (data_dir / "lock").open("w")
    except OSError as error:
        msg = f"cannot use the data folder {data_dir}: {error.strerror}; set another `data_dir`"
        raise StartError(msg) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        msg = f"another netfold uses the data folder {data_dir}; stop it or set another `data_dir`"
        raise StartError(msg) from error
    except OSError as error:
        lock.close()
        msg = f"cannot lock the data folder {data_dir}: {error.strerror}; set a local `data_dir`"
        raise StartError(msg) from error
    return lock
