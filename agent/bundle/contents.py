"""What is in a bundle's files, text by text: ticks of a stretch of the history, and the rest."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.bundle.redaction import Redaction
from agent.history_reader import HistoryReader
from agent.judge.bounds import Traffic
from agent.judge.rates import TICK_S
from config.agent import AgentConfig

LINK_COLUMNS = "subject,unix_time,receive_bps,transmit_bps,capacity_bps\n"
RUN_COLUMNS = "subject,from_unix_time,to_unix_time,receive_bits,transmit_bits\n"
LEVEL_COLUMNS = "kind,subject,measure,unix_time,value\n"
LEVEL_KINDS = ("pair", "probe", "server", "system")
"""What has levels, in the order of the rows."""

Named = Sequence[tuple[str, str]]
"""Subjects: the name they leave under, and their own."""


@dataclass(slots=True)
class Ticks:
    """The ticks of one bundle, from number `first`, as rows; `counts` fill up as they are read."""

    config: AgentConfig
    reader: HistoryReader
    redaction: Redaction
    first: int
    ticks: int
    progress: Callable[[float], None]
    counts: Counter[str] = field(default_factory=Counter)
    _runs: list[str] = field(default_factory=list)

    def links(self) -> Iterator[str]:
        """Every seen tick of every link: by its name as it leaves, then by time.

        So the order tells nothing of the names, and bundles merge without sorting.
        """
        yield LINK_COLUMNS
        named = self._named("link", (it.name for it in self.config.links))
        windows = self.reader.traffic([own for _, own in named], self.first, self.ticks)
        for n, ((name, _), (_, traffic)) in enumerate(zip(named, windows, strict=True)):
            self.progress(n / len(named))
            self._runs += self._runs_of(name, traffic)
            if rows := self._rows_of(name, traffic):
                self.counts["links"] += 1
                yield rows

    def runs(self) -> Iterator[str]:
        """The runs that ended within; one that still grows comes again, longer. After `links`."""
        self.counts["runs"] = len(self._runs)
        yield RUN_COLUMNS
        yield from self._runs

    def levels(self) -> Iterator[str]:
        """Every level of servers, systems, probes and pairs."""
        yield LEVEL_COLUMNS
        its: Mapping[str, Iterable[str]] = {
            "pair": (it.name for it in self.config.pairs),
            "probe": (it.name for it in self.config.probes),
            "server": (it.name for it in self.config.servers),
            "system": (it.name for it in self.config.systems),
        }
        for kind in LEVEL_KINDS:
            named = self._named(kind, its[kind])
            own = [it for _, it in named]
            found = self.reader.bindings(kind, own, self.first, self.ticks)
            for (name, _), (_, bindings) in zip(named, found, strict=True):
                yield from self._levels_of(kind, name, bindings)

    def _named(self, kind: str, own: Iterable[str]) -> Named:
        return sorted((self.redaction.name(kind, it), it) for it in own)

    def _rows_of(self, name: str, traffic: Traffic) -> str:
        seen = np.flatnonzero(~np.isnan(traffic.rate))
        self.counts["link_ticks"] += len(seen)
        capacity = np.nan_to_num(traffic.capacity[seen])
        texts = {it: f"{it:.15g}" if it else "" for it in np.unique(capacity).tolist()}
        # Nine digits hold all that the history keeps of a rate (a float of 32 bits).
        row = f"{_cell(name)},%d,%.9g,%.9g,%s\n"
        columns = (
            ((seen + self.first) * int(TICK_S)).tolist(),
            traffic.receive[seen].tolist(),
            traffic.transmit[seen].tolist(),
            [texts[it] for it in capacity.tolist()],
        )
        return "".join(map(row.__mod__, zip(*columns, strict=True)))

    def _runs_of(self, name: str, traffic: Traffic) -> Iterator[str]:
        last = self.first + self.ticks - 1
        for run in sorted(traffic.runs):
            if self.first <= run.last <= last and run.amounts:
                times = f"{run.first * TICK_S:.0f},{(run.last + 1) * TICK_S:.0f}"
                amounts = ",".join(f"{it:.17g}" for it in run.amounts)
                yield f"{_plain(name)},{times},{amounts}\n"

    def _levels_of(
        self, kind: str, name: str, bindings: Sequence[Mapping[str, NDArray[np.float32]]]
    ) -> Iterator[str]:
        for measure in sorted({it for one in bindings for it in one}):
            values = np.full(self.ticks, np.nan)
            for one in bindings:
                if measure in one:
                    np.copyto(values, one[measure], where=~np.isnan(one[measure]))
            seen = np.flatnonzero(~np.isnan(values))
            self.counts["levels"] += 1
            self.counts["level_ticks"] += len(seen)
            row = f"{kind},{_cell(name)},{measure},%d,%.9g\n"
            times = ((seen + self.first) * int(TICK_S)).tolist()
            yield "".join(map(row.__mod__, zip(times, values[seen].tolist(), strict=True)))


def as_json(said: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A list of objects, one a line."""
    lines = (json.dumps(it, ensure_ascii=False) for it in said)
    yield "[\n" + ",\n".join(lines) + "\n]\n"


def facts(config: AgentConfig, redaction: Redaction) -> list[dict[str, Any]]:
    """What is declared of lines, networks, servers and systems; no address, device or interface."""
    return sorted(_facts(config, redaction), key=lambda it: (it["kind"], it["subject"]))


def _facts(config: AgentConfig, redaction: Redaction) -> Iterator[dict[str, Any]]:
    hide = redaction.name
    for link in config.links:
        yield redaction.facts(
            {"kind": "link", "subject": hide("link", link.name)}
            | {"network": hide("network", link.network)}
            | {"group": link.group and hide("group", link.group)}
            | {it: getattr(link, it) for it in ("role", "carrier", "line_type", "number")}
            | {"bandwidth_bps": link.bandwidth_bps, "annual_cost_yuan": link.annual_cost_yuan}
        )
    for network in config.networks:
        keys = ("title", "classified", "owner", "region", "level", "destination", "outcome")
        yield redaction.facts(
            {"kind": "network", "subject": hide("network", network.name)}
            | {"network_kind": network.kind}
            | {it: getattr(network, it) for it in keys}
            | {"annual_cost_yuan": network.annual_cost_yuan}
        )
    for server in config.servers:
        centre = server.data_centre and hide("data_centre", server.data_centre)
        yield {"kind": "server", "subject": hide("server", server.name), "data_centre": centre}
    for system in config.systems:
        said = {"kind": "system", "subject": hide("system", system.name)}
        yield redaction.facts(said | {"title": system.title, "owner": system.owner})


def _cell(name: str) -> str:
    """A name in a row that is filled in by `%`."""
    return _plain(name).replace("%", "%%")


def _plain(name: str) -> str:
    """A name as CSV has it; none bears a quote or a line's end."""
    return f'"{name}"' if "," in name else name
