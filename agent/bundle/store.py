"""What came from elsewhere: the bundles themselves, in a folder for each node and key.

There is no record beside them that could part from them: what is there, is missing or differs is
read from the files.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO

from agent import whole_file
from agent.bundle import container, verify
from agent.bundle.errors import BundleError
from agent.bundle.keys import PublicKey
from agent.bundle.manifest import (
    MANIFEST,
    MOST_MANIFEST_BYTES,
    Manifest,
    digest_of,
    manifest_of,
)
from agent.bundle.numbers import SUFFIX, in_file_names
from agent.bundle.verify import Checked


class Copying:
    """A source that copies what is read of it, so that what was checked is what is kept."""

    def __init__(self, source: IO[bytes], copy: IO[bytes]) -> None:
        self._source, self._copy = source, copy

    def read(self, size: int, /) -> bytes:
        """Read, and write it down."""
        chunk = self._source.read(size)
        self._copy.write(chunk)
        return chunk


@dataclass(frozen=True, slots=True)
class Kept:
    """A bundle that is in the store."""

    path: Path
    manifest: Manifest
    digest: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import of one file came to; `is_new` is False where it was there already."""

    kept: Kept
    is_new: bool


def take(path: Path, trusted: Sequence[PublicKey], into: Path) -> Taken:
    """Take one bundle into the store, whole or not at all; a copy that was damaged since is mended.

    Raises:
        BundleError: it is not to be believed, or another bundle of its number is there.
    """
    with verify.opened(path) as stream:
        bundle = verify.check(stream, trusted)
        verify.unpacks(stream, bundle)
        folder = folder_of(into, bundle.manifest)
        before = {it.manifest.number: it for it in kept_in(folder)}
        there = before.get(bundle.manifest.number)
        _refuse_fork(bundle, before)
        if there is not None and _is_whole(there, trusted):
            return Taken(there, is_new=False)
        place = there.path if there else folder / f"{bundle.manifest.number:06d}{SUFFIX}"
        stream.seek(0)
        _write(place, stream, bundle, trusted, force=there is not None)
        return Taken(Kept(place, bundle.manifest, bundle.digest), is_new=True)


def _is_whole(there: Kept, trusted: Sequence[PublicKey]) -> bool:
    try:
        with verify.opened(there.path) as stream:
            verify.check(stream, trusted)
    except BundleError:
        return False
    return True


def folder_of(into: Path, manifest: Manifest) -> Path:
    """Where the bundles of a node and key are."""
    return into / f"{in_file_names(manifest.node)}-{manifest.key}"


def kept_in(folder: Path) -> list[Kept]:
    """The bundles of a folder by their number; they were checked when they were taken.

    Raises:
        BundleError: one of them is not as it was taken.
    """
    found = []
    for path in sorted(folder.glob(f"[0-9]*{SUFFIX}")):
        with verify.opened(path) as stream:
            signed = container.first(stream, MANIFEST, MOST_MANIFEST_BYTES)
            found.append(Kept(path, manifest_of(signed), digest_of(signed)))
    return found


def gaps(known: Iterable[Kept]) -> Iterator[str]:
    """Name what is missing of each node and key, from its first bundle to the last one there."""
    numbers: dict[tuple[str, str], set[int]] = {}
    for it in known:
        numbers.setdefault((it.manifest.node, it.manifest.key), set()).add(it.manifest.number)
    for (node, key), its in numbers.items():
        if missing := sorted(set(range(1, max(its) + 1)) - its):
            yield f"missing of {node} (key {key}): bundle {in_ranges(missing)}"


def breaks(bundles: Iterable[tuple[Manifest, str]]) -> Iterator[str]:
    """Name what does not follow among bundles beside one another, each with its digest."""
    of_keys: dict[tuple[str, str], dict[int, tuple[Manifest, str]]] = {}
    for manifest, digest in bundles:
        its = of_keys.setdefault((manifest.node, manifest.key), {})
        number, before = manifest.number, its.get(manifest.number)
        if before is not None and before[1] != digest:
            yield f"forked: two bundles {number} of {manifest.node}, {before[1]} and {digest}"
        its.setdefault(number, (manifest, digest))
    for (node, key), its in of_keys.items():
        if missing := sorted(set(range(min(its), max(its))) - its.keys()):
            yield f"missing of {node} (key {key}): bundle {in_ranges(missing)}"
        for number, (manifest, _) in its.items():
            if number - 1 in its and manifest.previous != its[number - 1][1]:
                yield f"forked: bundle {number} of {node} follows another bundle {number - 1}"


def in_ranges(numbers: Sequence[int]) -> str:
    """Numbers in order as a person writes them: 2, 4-6."""
    parts = []
    for _, its in groupby(enumerate(numbers), lambda it: it[1] - it[0]):
        run = [number for _, number in its]
        parts.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
    return ", ".join(parts)


def _refuse_fork(bundle: Checked, before: dict[int, Kept]) -> None:
    """Say no to a second history of one node: a number given twice, or another one before it."""
    manifest, number = bundle.manifest, bundle.manifest.number
    ask = "two histories bear one key: ask its sender, who is to make a new key"
    there = before.get(number)
    if there is not None and there.digest != bundle.digest:
        msg = f"forked: bundle {number} of {manifest.node} was taken with the digest "
        msg += f"{there.digest}, and this one has {bundle.digest}; {ask}"
        raise BundleError(msg)
    earlier, later = before.get(number - 1), before.get(number + 1)
    if earlier is not None and earlier.digest != manifest.previous:
        msg = f"forked: it follows a bundle {number - 1} with the digest {manifest.previous}, and "
        msg += f"the one that was taken has {earlier.digest}; {ask}"
        raise BundleError(msg)
    if later is not None and later.manifest.previous != bundle.digest:
        msg = f"forked: bundle {number + 1}, which was taken, follows one with the digest "
        msg += f"{later.manifest.previous}, and this has {bundle.digest}; {ask}"
        raise BundleError(msg)


def _write(
    place: Path,
    stream: IO[bytes],
    bundle: Checked,
    trusted: Sequence[PublicKey],
    *,
    force: bool,
) -> None:
    def by(copy: IO[bytes]) -> None:
        if verify.check(Copying(stream, copy), trusted).digest != bundle.digest:
            msg = "it was changed while it was read; try again"
            raise BundleError(msg)

    try:
        place.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        whole_file.fill(place, by, force=force)
        _make_name_last(place.parent)
    except whole_file.WriteError as error:
        raise BundleError(str(error)) from error
    except OSError as error:
        msg = f"{place.parent} cannot be written: {error.strerror}; name a folder that netfold "
        msg += "may write"
        raise BundleError(msg) from error


def _make_name_last(folder: Path) -> None:
    """A new file outlives a power cut only once its folder is written."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
