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
from agent.bundle.manifest import LEVELS, LINKS, VERDICTS, Manifest
from agent.bundle.rows import Rows, names_of, series_of
from agent.bundle.store import Kept
from agent.judge.bounds import Floats
from agent.judge.rates import TICK_S
from agent.judge.status import OF_LINES, OF_SYSTEMS
from agent.recorder import LINK_CAPACITY
from agent.verdict_metrics import CONFIRMED, SINCE, VERDICT
from collectors.base import Metric

JOB = "netfold"
_MOST_VERDICT_BYTES = 1 << 26
"""They are read at once: those of some 50,000 subjects."""


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
    """A bundle, and the stretches that newer ones cover: from their first tick to before an end."""

    kept: Kept
    newer: Sequence[tuple[int, int]]


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
        newer = [
            (it.manifest.first_tick, it.manifest.last_tick + 1)
            for it in known
            if it.manifest.node == one.manifest.node and _is_newer(it.manifest, one.manifest)
        ]
        yield _Part(one, newer)


def _is_newer(one: Manifest, other: Manifest) -> bool:
    """By the numbers of a key, whatever the clock said; of two keys, by when it was made."""
    if one.key == other.key:
        return one.number > other.number
    return (one.made, one.key) > (other.made, other.key)


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
    found = heapq.merge(*(_series(it, name, trusted) for it in parts), key=lambda it: it.key)
    for key, its in groupby(found, lambda it: it.key):
        of_all = list(its)
        columns = zip(*(it.values for it in of_all), strict=True)
        ticks = np.concatenate([it.ticks for it in of_all])
        in_time = np.argsort(ticks)
        yield Rows(key, ticks[in_time], [np.concatenate(it)[in_time] for it in columns])


def _series(part: _Part, name: str, trusted: Sequence[PublicKey]) -> Iterator[Rows]:
    head, keys = (LINK_COLUMNS, 1) if name == LINKS else (LEVEL_COLUMNS, 3)
    with verify.opened(part.kept.path) as stream:
        bundle = verify.check(stream, trusted)
        chunks = verify.contents(stream, bundle, name)
        for rows in series_of(chunks, name, head, keys, bundle.manifest):
            yield rows.without(part.newer)


def _verdicts(
    part: _Part, instance: str, trusted: Sequence[PublicKey]
) -> Iterator[tuple[Metric, str, float, int]]:
    """The verdicts of a bundle, as of its end; none where a newer one ends there too."""
    end = part.kept.manifest.last_tick + 1
    if end in (stop for _, stop in part.newer):
        return
    text = _verdict_text(part, trusted)
    known: set[tuple[str, str]] = set()
    try:
        for one in json.loads(text):
            subject = (one["kind"], one["subject"])
            if subject in known:
                raise ValueError  # noqa: TRY301 - told below, as all that is wrong
            known.add(subject)
            yield from ((*it, int(end * TICK_S)) for it in _verdict(one, instance))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        msg = f"{part.kept.path}: {VERDICTS} is not as netfold writes it; ask its sender"
        raise BundleError(msg) from error


def _verdict_text(part: _Part, trusted: Sequence[PublicKey]) -> bytes:
    with verify.opened(part.kept.path) as stream:
        bundle = verify.check(stream, trusted)
        (file,) = (it for it in bundle.manifest.files if it.name == VERDICTS)
        if file.content_bytes > _MOST_VERDICT_BYTES:
            msg = f"{VERDICTS} has {file.content_bytes} bytes, at most {_MOST_VERDICT_BYTES} are "
            msg += "read; it is signed so: ask its sender"
            raise BundleError(msg)
        return b"".join(verify.contents(stream, bundle, VERDICTS))


def _verdict(one: Mapping[str, Any], instance: str) -> Iterator[tuple[Metric, str, float]]:
    kind, subject = names_of((one["kind"], one["subject"]))
    labels = f'{kind}="{subject}"'
    for status in OF_SYSTEMS if kind == "system" else OF_LINES:
        is_its = float(one["status"] == status)
        yield VERDICT[kind], f'{labels},status="{status}",{instance}', is_its
    if one["since"] is not None:
        since = datetime.fromisoformat(one["since"])
        if since.tzinfo is None or not isinstance(one["confirmed"], bool):
            raise ValueError
        yield SINCE[kind], f"{labels},{instance}", since.timestamp()
        yield CONFIRMED[kind], f"{labels},{instance}", float(one["confirmed"])


def _ends(rows: Rows) -> NDArray[np.int64]:
    return (rows.ticks + 1) * int(TICK_S)
