"""Making bundles: each of the ticks since the one before, numbered, and bearing its digest."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.assessor import SETTLED_S
from agent.bundle import verify
from agent.bundle.errors import BundleError
from agent.bundle.manifest import MOST_NUMBER, MOST_TICKS
from agent.bundle.numbers import Last, Numbers, alone
from agent.bundle.seal import Sealing, Stretch
from agent.bundle.verify import Checked
from agent.history_reader import HistoryReader
from agent.journal import Entry
from agent.judge.rates import TICK_S
from agent.verdict_json import iso
from config.agent import AgentConfig

MOST_CELLS = 36_000_000
"""Ticks times series of one bundle: 31 days of 2,000 links, in 250 MB of memory at most."""

_SERIES = {"link": 2, "server": 7, "system": 6, "probe": 4, "pair": 2}
"""How many each subject has, or less."""


@dataclass(slots=True)
class Making:
    """All that the bundles of one command share; `entries` is the whole journal."""

    sealing: Sealing
    entries: tuple[Entry, ...]
    now_s: float
    notes: list[str] = field(default_factory=list)
    """What whoever makes them should know, a line each."""

    def bundles(self, since_s: float | None = None) -> Iterator[Checked]:
        """Make those of all ticks from the last bundle on, or from `since_s`; none without any.

        Raises:
            BundleError: one cannot be made; those before it are whole, and numbered.
            HistoryError: the history cannot be read.
        """
        sealing = self.sealing
        sealing.redaction.refuse(sealing.key.node, sealing.config)
        folder = sealing.config.data_dir
        with HistoryReader(folder / "history.sqlite") as reader, alone(folder):
            numbers = Numbers(folder, sealing.key.public)
            self._take_up(numbers)
            self._note_imports(numbers.last)
            first, end = self._stretch(reader, numbers.last, since_s)
            most = most_ticks(sealing.config)
            for start in range(first, end, most):
                stop = min(start + most, end)
                if numbers.last.number >= MOST_NUMBER:
                    msg = f"{MOST_NUMBER} bundles bear this key, and none can bear a higher "
                    msg += "number; make a new key: numbers begin anew with it"
                    raise BundleError(msg)
                stretch = Stretch(start, stop, is_now=stop == end)
                bundle = sealing.bundle(reader, numbers.last, stretch, self.now_s)
                numbers.keep(self._last(bundle))
                yield bundle

    def _last(self, bundle: Checked) -> Last:
        manifest = bundle.manifest
        return Last(manifest.number, bundle.digest, manifest.last_tick + 1, len(self.entries))

    def _take_up(self, numbers: Numbers) -> None:
        """Count bundles that a command wrote and could not enter any more."""
        while (path := self.sealing.path(numbers.last.number + 1)).exists():
            with verify.opened(path) as stream:
                found = verify.check(stream, [self.sealing.key.public])
            manifest, last = found.manifest, numbers.last
            if (manifest.number, manifest.previous) != (last.number + 1, last.digest):
                msg = f"{path}: it is there, and does not follow from bundle {last.number}, the "
                msg += "last one that was made here; name another folder"
                raise BundleError(msg)
            numbers.keep(self._last(found))
            self.notes.append(f"{path} was there already, and is counted now")

    def _note_imports(self, last: Last) -> None:
        for it in self.entries[last.journal_entries :] if last.number else ():
            if it.kind == "import":
                self.notes.append(
                    f"old records were taken into the history at {it.at}: what is older than the "
                    f"end of bundle {last.number} is in no bundle; --since TIME sends it again"
                )

    def _stretch(self, reader: HistoryReader, last: Last, since_s: float | None) -> tuple[int, int]:
        """The first tick, and the one after the last: those that are settled and not yet sent."""
        settled = int((self.now_s - SETTLED_S) // TICK_S)
        if reader.first_tick is None or reader.last_tick is None:
            return settled, settled
        first = last.end_tick if last.number else reader.first_tick
        if since_s is not None:
            if last.number and since_s > first * TICK_S:
                msg = f"--since: {iso(since_s)} is after the end of bundle {last.number}, "
                msg += f"{iso(first * TICK_S)}: no bundle would have the ticks between; "
                msg += "write that time or an earlier one"
                raise BundleError(msg)
            first = max(int(since_s // TICK_S), reader.first_tick)
        return first, min(settled, reader.last_tick + 1)


def most_ticks(config: AgentConfig) -> int:
    """How many ticks one bundle of a configuration has at most."""
    subjects = {
        "link": config.links,
        "server": config.servers,
        "system": config.systems,
        "probe": config.probes,
        "pair": config.pairs,
    }
    series = sum(_SERIES[kind] * len(its) for kind, its in subjects.items())
    return max(1, min(MOST_TICKS, MOST_CELLS // max(1, series)))
