"""The rows of a bundle's CSV files, series by series, each as its file's order has it."""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.bundle.errors import BundleError
from agent.bundle.keys import NAME
from agent.bundle.manifest import Manifest
from agent.judge.bounds import Floats
from agent.judge.rates import TICK_S

Key = tuple[str, ...]
_LONGEST = 4096
"""Of a line, in bytes; netfold's have no more than a quarter of that."""


class Rows(NamedTuple):
    """One series: its key, the ticks that were seen, and each column's values (NaN: absent)."""

    key: Key
    ticks: NDArray[np.int64]
    values: list[Floats]

    def without(self, stretches: Iterable[tuple[int, int]]) -> "Rows":
        """Those of no stretch, each of which has the ticks from its first to before its end."""
        kept = np.ones(len(self.ticks), dtype=np.bool_)
        for stretch in stretches:
            kept[slice(*np.searchsorted(self.ticks, stretch).tolist())] = False
        return Rows(self.key, self.ticks[kept], [it[kept] for it in self.values])


def series_of(
    chunks: Iterable[bytes], name: str, head: str, keys: int, manifest: Manifest
) -> Iterator[Rows]:
    """Each series of a file: `keys` columns name it, then its times and values follow.

    The values are rounded to the floats of 32 bits that they were.

    Raises:
        BundleError: the rows are not as netfold writes them.
    """
    before: Key = ()
    more = manifest.last_tick - manifest.first_tick + 2  # than there are ticks: told by `_rows`
    try:
        lines = _lines(chunks)
        if next(lines, None) != head.rstrip():
            raise ValueError  # noqa: TRY301 - told below, as all that is wrong
        rows = csv.reader(lines, strict=True)
        for key, its in groupby(rows, itemgetter(slice(keys))):
            found = _rows(tuple(key), list(islice(its, more)), head.count(",") + 1, manifest)
            if found.key <= before:
                raise ValueError  # noqa: TRY301 - as above
            before = found.key
            yield found
    except (csv.Error, ValueError, OverflowError) as error:
        msg = f"{name}: what follows {','.join(before) or 'its beginning'} is not as netfold "
        msg += "writes it, though it is signed; ask its sender"
        raise BundleError(msg) from error


def names_of(key: Key) -> Key:
    """What may stand as a label's value, as the configuration has it.

    Raises:
        ValueError: one of them may not.
    """
    if not all(re.fullmatch(NAME, it) for it in key):
        msg = "no name"
        raise ValueError(msg)
    "".join(key).encode()  # half a character has no bytes
    return key


def _rows(key: Key, rows: list[list[str]], width: int, manifest: Manifest) -> Rows:
    names_of(key)
    columns = list(zip(*rows, strict=True))[len(key) :]
    if len(columns) + len(key) != width:
        raise ValueError
    times = np.array(list(map(int, columns[0])), dtype=np.int64)
    ticks = times // int(TICK_S)
    in_order = bool((np.diff(ticks) > 0).all())
    inside = manifest.first_tick <= ticks[0] and ticks[-1] <= manifest.last_tick
    if not in_order or not inside or (times % int(TICK_S)).any():
        raise ValueError
    with np.errstate(over="ignore"):  # it becomes infinite, and is told below
        values = [
            np.array([float(it) if it else np.nan for it in column]).astype("f4").astype("f8")
            for column in columns[1:]
        ]
    if any(np.isinf(it).any() for it in values):
        raise ValueError
    return Rows(key, ticks, values)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).rsplit(b"\n", 1)
        if len(rest) > _LONGEST:
            raise ValueError
        for block in whole:
            yield from block.decode().split("\n")
    if rest:
        raise ValueError
