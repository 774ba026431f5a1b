"""The running agent's verdicts, judged off the loop.

numpy and all that needs it is imported when there is something to judge.
"""

import asyncio
import logging
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from agent import clock, facts
from agent.declared import Declared, follow
from agent.history import HistoryError
from agent.judge.rates import TICK_S
from agent.judge.tenure import Tenure, carry
from agent.keeper import Keeper
from agent.pairs import Remembered
from agent.web.curve import Curve
from collectors.base import Sample
from config.agent import AgentConfig

log = logging.getLogger(__name__)

SETTLED_S = 180.0
"""A tick that ended less than this ago may not be written yet."""

PART_TICKS = 24
"""A curve shows the highest value of every two hours."""

Subject = tuple[str, str]


class Said(NamedTuple):
    """One round: as /metrics has it, and as `assess`, `phase show` and `progress` say it in JSON.

    `progress` is None where no network moves.
    """

    samples: list[Sample]
    verdicts: list[dict[str, Any]]
    phases: list[dict[str, Any]]
    progress: dict[str, Any] | None


class Assessor:
    """Judges a configuration by the history in `path`."""

    def __init__(self, path: Path, keeper: Keeper, tick_s: float = TICK_S) -> None:
        self._path = path
        self._keeper = keeper
        self._tick_s = tick_s
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="judge")
        self._tenures: dict[Subject, Tenure] = {}
        self._followed: tuple[AgentConfig, date] | None = None

    async def declared(self, config: AgentConfig) -> Declared:
        """What the journal declares, once what changed in the configuration stands in it."""
        at_s = clock.now().wall_s
        before, today = self._followed, facts.day(at_s)
        has_changed = before is None or before[0] is not config or before[1] != today
        work = partial(follow, config, at_s, has_changed=has_changed)
        found = await asyncio.get_running_loop().run_in_executor(self._thread, work)
        self._followed = None if found.problem else (config, today)
        return found

    async def assess(
        self, config: AgentConfig, declared: Declared, ports_up: Mapping[str, bool]
    ) -> Said | None:
        """Judge all; None where there is nothing to judge, or the history cannot be read.

        `config` has its networks in the phases declared.
        """
        if not is_judged(config):
            return None
        at_s = clock.now().wall_s
        await self._keeper.flush()  # a contract just declared is judged by at once
        await self._keeper.note_ports(ports_up, at_s)
        before = await self._keeper.tenures() or self._tenures
        loop = asyncio.get_running_loop()
        try:
            said = await loop.run_in_executor(
                self._thread, self._judge, config, declared, before, at_s
            )
        except HistoryError as error:
            log.warning("history cannot be read, nothing is judged", extra={"error": str(error)})
            return None
        await self._keeper.keep(self._tenures)
        return said

    async def remembered(self, config: AgentConfig) -> dict[str, Remembered]:
        """The last rounds of each pair of probes, as far as the history has them."""
        if not config.pairs:
            return {}
        loop = asyncio.get_running_loop()
        end_tick = int(clock.now().wall_s // self._tick_s)
        try:
            return await loop.run_in_executor(self._thread, self._remembered, config, end_tick)
        except HistoryError:
            return {}  # the verdicts say so

    async def curve(self, config: AgentConfig, kind: str, subject: str) -> Curve:
        """The traffic of a link, or the CPU of a server, over the policy's window.

        Raises:
            HistoryError: the history cannot be read now.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, self._curve, config, kind, subject, clock.now().wall_s
        )

    def close(self) -> None:
        """Wait for nothing: what is being judged is of no use any more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _remembered(self, config: AgentConfig, end_tick: int) -> dict[str, Remembered]:
        from agent.history_reader import HistoryReader  # noqa: PLC0415 - numpy, see above
        from agent.parity import remembered  # noqa: PLC0415 - numpy, see above

        with HistoryReader(self._path, self._tick_s) as reader:
            return dict(remembered(config, reader, end_tick))

    def _curve(self, config: AgentConfig, kind: str, subject: str, at_s: float) -> Curve:
        from agent.history_reader import HistoryReader  # noqa: PLC0415 - numpy, see above
        from agent.server_windows import KeptServers  # noqa: PLC0415 - numpy, see above

        policy = config.policy.servers if kind == "server" else config.policy.links
        ticks = int(policy.window_s // self._tick_s)
        first = int((at_s - SETTLED_S) // self._tick_s) - ticks
        capacity = math.nan
        with HistoryReader(self._path, self._tick_s) as reader:
            if kind == "server":
                ((_, window),) = KeptServers(reader).servers([subject], first, ticks)
                values = window.usage.levels["cpu"].tolist()
            else:
                ((_, traffic),) = reader.traffic([subject], first, ticks)
                values, capacity = traffic.rate.tolist(), float(traffic.capacity[-1])
        known = None if math.isnan(capacity) else capacity
        from_s, to_s = first * self._tick_s, (first + ticks) * self._tick_s
        return Curve(from_s, to_s, _highest(values), known)

    def _judge(
        self, config: AgentConfig, declared: Declared, before: dict[Subject, Tenure], at_s: float
    ) -> Said:
        from agent import (  # noqa: PLC0415 - numpy, see above
            availability,
            data_centres,
            phase_json,
            phase_metrics,
            progress_json,
            progress_metrics,
            reconciliation,
            verdict_metrics,
        )
        from agent.assessment import assess  # noqa: PLC0415 - numpy, see above
        from agent.history_reader import HistoryReader  # noqa: PLC0415 - numpy, see above
        from agent.migration import migrations  # noqa: PLC0415 - numpy, see above
        from agent.progress import counted, progress_of  # noqa: PLC0415 - numpy, see above
        from agent.systems import SystemVerdict, assess_systems  # noqa: PLC0415 - numpy
        from agent.verdict import Verdict  # noqa: PLC0415 - numpy
        from agent.verdict_json import said_of  # noqa: PLC0415 - numpy, see above

        end_tick = int((at_s - SETTLED_S) // self._tick_s)
        with HistoryReader(self._path, self._tick_s) as reader:
            today = facts.day(at_s)
            verdicts: list[Verdict | SystemVerdict] = [
                *assess(config, reader, end_tick, today),
                *assess_systems(config, reader, end_tick, today),
            ]
            probes = list(availability.samples(config, reader, end_tick))
            lines = declared.timelines
            moves = list(migrations(config, lines, reader, end_tick, verdicts, today=today))
        networks = list(counted(config, lines, moves, verdicts))
        far = progress_of(config, networks, today)
        phases = [*phase_metrics.samples(moves), *progress_metrics.samples(far, networks)]
        subjects = [(one.kind, one.subject) for one in verdicts]
        self._tenures = {
            subject: carry(
                before.get(subject), one.status, at_s, _confirm_after_s(config, one.kind)
            )
            for subject, one in zip(subjects, verdicts, strict=True)
        }
        samples = verdict_metrics.samples(config, verdicts, self._tenures, at_s)
        said = [
            said_of(one, config.policy, self._tenures[subject])
            for subject, one in zip(subjects, verdicts, strict=True)
        ]
        centres = data_centres.samples(data_centres.data_centres(config, verdicts))
        uses = reconciliation.samples(config, verdicts)
        return Said(
            [*samples, *centres, *probes, *phases, *uses],
            said,
            [phase_json.said_of(it) for it in moves],
            progress_json.said_of(far) if networks else None,
        )


def _highest(values: list[float]) -> tuple[float | None, ...]:
    """The highest value of each part; None where all are NaN."""
    parts = (values[n : n + PART_TICKS] for n in range(0, len(values), PART_TICKS))
    return tuple(max((it for it in part if not math.isnan(it)), default=None) for part in parts)


def is_judged(config: AgentConfig) -> bool:
    """Whether anything of it is judged: lines, servers, systems, or what probes saw."""
    return bool(config.networks or config.servers or config.systems or config.probes)


def _confirm_after_s(config: AgentConfig, kind: str) -> float:
    policy = config.policy.servers if kind == "server" else config.policy.links
    return policy.confirm_after_s
