"""Bundles as OpenMetrics text with timestamps in seconds, for `promtool` or VictoriaMetrics.

Each family stands in one piece, in it each series, in that its samples in order of time. A mean is
dated with the end of its five minutes.
"""

import heapq
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent import whole_file
from agent.bundle import verify
from agent.bundle.contents import LEVEL_COLUMNS, LINK_COLUMNS
from agent.bundle.errors import BundleError
from agent.bundle.keys import PublicKey
from agent.bundle.manifest import LEVELS, LINKS, VERDICTS
from agent.bundle.rows import Rows, names_of, series_of
from agent.bundle.store import Kept
from agent.judge.bounds import Floats
from agent.judge.rates import TICK_S
from agent.judge.status import OF_LINES, OF_SYSTEMS
from agent.recorder import LINK_CAPACITY
from agent.verdict_metrics import CONFIRMED, SINCE, VERDICT
from collectors.base import Metric

JOB = "netfold"


def _mean(name: str, what: str, *labels: str) -> Metric:
    help_text = f"{what}, a mean of the five minutes before, from a bundle."
    return Metric(f"netfold_bundle_{name}", "gauge", help_text, labels)


RECEIVE = _mean("link_receive_bytes_per_second", "Received by the link", "link")
TRANSMIT = _mean("link_transmit_bytes_per_second", "Sent by the link", "link")
OF_LEVELS: Mapping[tuple[str, str], tuple[Metric, float]] = {
    ("server", "cpu"): (_mean("server_cpu_ratio", "CPU of the server in use", "server"), 1),
    ("server", "memory"): (_mean("server_memory_used_ratio", "Memory in use", "server"), 1),
    ("server", "receive"): (
        _mean("server_receive_bytes_per_second", "Received by the server", "server"),
        1 / 8,
    ),
    ("server", "transmit"): (
        _mean("server_transmit_bytes_per_second", "Sent by the server", "server"),
        1 / 8,
    ),
    ("probe", "up"): (_mean("probe_success_ratio", "Rounds that went well", "target"), 1),
    ("probe", "rtt"): (_mean("probe_rtt_seconds", "Round-trip time", "target"), 1),
    ("probe", "loss"): (_mean("probe_loss_ratio", "Packets without a reply", "target"), 1),
    ("probe", "jitter"): (_mean("probe_jitter_seconds", "Jitter", "target"), 1),
    ("system", "clients"): (_mean("system_clients", "Clients of the system", "system"), 1),
}
"""The level of each kind and measure, and by what it is multiplied; others stay in the file."""


class _Part(NamedTuple):
    """A bundle, and which of its ticks count: those that no newer bundle covers."""

    kept: Kept
    first: int
    end: int


def write(
    chosen: Sequence[Kept],
    known: Sequence[Kept],
    trusted: Sequence[PublicKey],
    out: Path,
    *,
    force: bool = False,
) -> None:
    """Write what the chosen bundles hold, without what a newer one of those known has anew.

    Raises:
        BundleError: a bundle is not as it was taken, or the file cannot be written; one that is
            there is written over only with `force`.
    """
    parts = sorted(_parts(chosen, known), key=lambda it: it.kept.manifest.node)
    try:
        whole_file.refuse(out, force=force)
        with ExitStack() as stack:
            families = _Families(stack, out.parent)
            for node, its in groupby(parts, lambda it: it.kept.manifest.node):
                _add_node(families, node, list(its), trusted)
            whole_file.fill(out, families.write, force=force)
    except whole_file.WriteError as error:
        raise BundleError(str(error)) from error
    except OSError as error:
        msg = f"{out} cannot be written: {error.strerror}; name a file in a folder that has room"
        raise BundleError(msg) from error


def _parts(chosen: Sequence[Kept], known: Sequence[Kept]) -> Iterator[_Part]:
    for one in chosen:
        manifest = one.manifest
        newer = [
            it.manifest.first_tick
            for it in known
            if it.manifest.node == manifest.node
            and (it.manifest.made, it.manifest.number) > (manifest.made, manifest.number)
        ]
        yield _Part(one, manifest.first_tick, min([manifest.last_tick + 1, *newer]))


class _Families:
    """Each family's samples in a nameless file, until all are known."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self._files: dict[Metric, IO[bytes]] = {}

    def add(self, metric: Metric, labels: str, values: Floats, times: NDArray[np.int64]) -> None:
        """Add the samples of a series; a NaN is none."""
        known = ~np.isnan(values)
        pairs = zip(values[known].tolist(), times[known].tolist(), strict=True)
        head = f"{metric.name}{{{labels}}} "
        self._of(metric).write("".join(f"{head}{it!r} {at}\n" for it, at in pairs).encode())

    def write(self, out: IO[bytes]) -> None:
        """Write all of them, and the end."""
        for metric, file in self._files.items():
            if file.tell():
                head = f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} gauge\n"
                out.write(head.encode())
                file.seek(0)
                shutil.copyfileobj(file, out)
        out.write(b"# EOF\n")

    def _of(self, metric: Metric) -> IO[bytes]:
        if metric not in self._files:
            unnamed = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - the stack's
            self._files[metric] = self._stack.enter_context(unnamed)
        return self._files[metric]


def _add_node(
    families: _Families, node: str, parts: Sequence[_Part], trusted: Sequence[PublicKey]
) -> None:
    instance = f'instance="{node}",job="{JOB}"'
    for rows in _merged(parts, LINKS, trusted):
        labels, times = f'link="{rows.key[0]}",{instance}', _ends(rows)
        receive_bps, transmit_bps, capacity_bps = rows.values
        families.add(RECEIVE, labels, receive_bps / 8, times)
        families.add(TRANSMIT, labels, transmit_bps / 8, times)
        families.add(LINK_CAPACITY, labels, capacity_bps / 8, times)
    for rows in _merged(parts, LEVELS, trusted):
        kind, subject, measure = rows.key
        metric, factor = OF_LEVELS.get((kind, measure), (None, 1))
        if metric is not None:
            labels = f'{metric.labels[0]}="{subject}",{instance}'
            families.add(metric, labels, rows.values[0] * factor, _ends(rows))
    verdicts = [it for part in parts for it in _verdicts(part, instance, trusted)]
    for metric, labels, value, at in sorted(verdicts, key=lambda it: (it[0].name, it[1], it[3])):
        families.add(metric, labels, np.array([value]), np.array([at]))


def _merged(parts: Sequence[_Part], name: str, trusted: Sequence[PublicKey]) -> Iterator[Rows]:
    """Each series once, with its rows of all bundles in order of time."""
    in_time = sorted(parts, key=lambda it: it.first)
    found = heapq.merge(*(_series(it, name, trusted) for it in in_time), key=lambda it: it.key)
    for key, its in groupby(found, lambda it: it.key):
        of_all = list(its)
        columns = zip(*(it.values for it in of_all), strict=True)
        ticks = np.concatenate([it.ticks for it in of_all])
        yield Rows(key, ticks, [np.concatenate(it) for it in columns])


def _series(part: _Part, name: str, trusted: Sequence[PublicKey]) -> Iterator[Rows]:
    head, keys = (LINK_COLUMNS, 1) if name == LINKS else (LEVEL_COLUMNS, 3)
    with verify.opened(part.kept.path) as stream:
        bundle = verify.check(stream, trusted)
        chunks = verify.contents(stream, bundle, name)
        for rows in series_of(chunks, name, head, keys, bundle.manifest):
            yield rows.between(part.first, part.end)


def _verdicts(
    part: _Part, instance: str, trusted: Sequence[PublicKey]
) -> Iterator[tuple[Metric, str, float, int]]:
    """The verdicts of a bundle, as of its end."""
    at = int((part.kept.manifest.last_tick + 1) * TICK_S)
    with verify.opened(part.kept.path) as stream:
        bundle = verify.check(stream, trusted)
        text = b"".join(verify.contents(stream, bundle, VERDICTS))
    try:
        for one in json.loads(text):
            yield from ((*it, at) for it in _verdict(one, instance))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        msg = f"{part.kept.path}: {VERDICTS} is not as netfold writes it; ask its sender"
        raise BundleError(msg) from error


def _verdict(one: Mapping[str, Any], instance: str) -> Iterator[tuple[Metric, str, float]]:
    kind, subject = names_of((one["kind"], one["subject"]))
    labels = f'{kind}="{subject}"'
    for status in OF_SYSTEMS if kind == "system" else OF_LINES:
        is_its = float(one["status"] == status)
        yield VERDICT[kind], f'{labels},status="{status}",{instance}', is_its
    if one["since"] is not None:
        since_s = datetime.fromisoformat(one["since"]).timestamp()
        yield SINCE[kind], f"{labels},{instance}", since_s
        yield CONFIRMED[kind], f"{labels},{instance}", float(one["confirmed"])


def _ends(rows: Rows) -> NDArray[np.int64]:
    return (rows.ticks + 1) * int(TICK_S)
