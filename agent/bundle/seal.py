"""One bundle: what a stretch of the history comes to, its manifest, and the signed archive."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, NamedTuple

from agent import facts, whole_file
from agent.assessment import assess
from agent.bundle import container, contents
from agent.bundle.errors import BundleError
from agent.bundle.keys import PrivateKey
from agent.bundle.manifest import (
    FACTS,
    LEVELS,
    LINKS,
    MANIFEST,
    PHASES,
    RUNS,
    SIGNATURE,
    VERDICTS,
    Manifest,
    digest_of,
)
from agent.bundle.numbers import Last, file_name
from agent.bundle.packing import Packed
from agent.bundle.redaction import Redaction
from agent.bundle.verify import Checked
from agent.declared import applied, look
from agent.history_reader import HistoryReader
from agent.judge.rates import TICK_S
from agent.migration import migrations
from agent.phase_json import said_of as phase_said
from agent.systems import SystemVerdict, assess_systems
from agent.verdict import Verdict
from agent.verdict_json import iso, said_of
from config.agent import AgentConfig

Said = list[dict[str, Any]]


class Stretch(NamedTuple):
    """Ticks `first` to before `end`; up to now, where `is_now`."""

    first: int
    end: int
    is_now: bool


@dataclass(frozen=True, slots=True)
class Sealing:
    """Whose figures, by which key, without what, and the journal's head as it was just read."""

    config: AgentConfig
    key: PrivateKey
    redaction: Redaction
    journal: str | None
    out: Path
    progress: Callable[[float], None] = lambda _: None

    def path(self, number: int) -> Path:
        """Where a bundle is written."""
        return self.out / file_name(self.key.node, number)

    def bundle(self, reader: HistoryReader, last: Last, stretch: Stretch, made_s: float) -> Checked:
        """Make the bundle after the last one.

        Raises:
            BundleError: it cannot be written; nothing of it is there.
        """
        count = stretch.end - stretch.first
        ticks = contents.Ticks(
            self.config, reader, self.redaction, stretch.first, count, self.progress
        )
        verdicts, phases = self._judged(reader, stretch)
        texts = {
            LINKS: ticks.links(),
            RUNS: ticks.runs(),
            LEVELS: ticks.levels(),
            VERDICTS: contents.as_json(verdicts),
            PHASES: contents.as_json(phases),
            FACTS: contents.as_json(contents.facts(self.config, self.redaction)),
        }
        try:
            with ExitStack() as stack:
                packed = [
                    stack.enter_context(closing(Packed(name, its, self.out)))
                    for name, its in texts.items()
                ]
                said = self._said(last, stretch, made_s) | {
                    "counts": dict(ticks.counts),
                    "verdicts": _counted(verdicts),
                    "files": tuple(it.entry for it in packed),
                }
                return self._written(Manifest.model_validate(said), packed)
        except OSError as error:
            msg = f"{self.out} cannot be written: {error.strerror}; name a folder that is there "
            msg += "and has room"
            raise BundleError(msg) from error
        except whole_file.WriteError as error:
            raise BundleError(
                str(error).replace(", or say --force to write over it", "")
            ) from error

    def _judged(self, reader: HistoryReader, stretch: Stretch) -> tuple[Said, Said]:
        """Verdicts and phases as of the stretch's end; only those of now have a `since`."""
        today = facts.day(stretch.end * TICK_S)
        timelines = look(self.config, today).timelines
        config = applied(self.config, timelines)
        verdicts: list[Verdict | SystemVerdict] = [
            *assess(config, reader, stretch.end, today),
            *assess_systems(config, reader, stretch.end, today),
        ]
        moves = migrations(config, timelines, reader, stretch.end, verdicts, today=today)
        tenures = reader.tenures() if stretch.is_now else {}
        groups = [it.name for it in config.groups]
        hide = self.redaction
        judged = []
        for one in verdicts:
            tenure = tenures.get((one.kind, one.subject))
            stands = tenure if tenure is not None and tenure.status is one.status else None
            judged.append(hide.verdict(said_of(one, config.policy, stands), groups))
        phases = [hide.phase(phase_said(it)) for it in moves]
        # By the names as they leave: the order of the configuration would tell of those.
        judged.sort(key=lambda it: (it["kind"], it["subject"]))
        return judged, sorted(phases, key=lambda it: str(it["network"]))

    def _said(self, last: Last, stretch: Stretch, made_s: float) -> dict[str, Any]:
        return {
            "node": self.key.node,
            "key": self.key.public.fingerprint,
            "number": last.number + 1,
            "previous": last.digest,
            "made": datetime.fromtimestamp(int(made_s), UTC).isoformat(),
            "from": iso(stretch.first * TICK_S),
            "to": iso(stretch.end * TICK_S),
            "first_tick": stretch.first,
            "last_tick": stretch.end - 1,
            "netfold": version("netfold"),
            "policy": self.config.policy.hash,
            "journal": self.journal,
            "redacted": self.redaction.fields,
        }

    def _written(self, manifest: Manifest, packed: Sequence[Packed]) -> Checked:
        signed = manifest.as_bytes()
        signature = self.key.sign(signed)

        def by(out: IO[bytes]) -> None:
            container.put(out, MANIFEST, len(signed), [signed])
            container.put(out, SIGNATURE, len(signature), [signature])
            for it in packed:
                container.put(out, it.entry.name, it.entry.bytes, it.chunks())
            container.finish(out)

        whole_file.fill(self.path(manifest.number), by)
        return Checked(manifest, digest_of(signed), {})


def _counted(verdicts: Said) -> Mapping[str, dict[str, int]]:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in verdicts:
        counts[one["kind"]][str(one["status"])] += 1
    return {kind: dict(sorted(its.items())) for kind, its in sorted(counts.items())}
