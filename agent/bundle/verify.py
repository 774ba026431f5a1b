"""Whether a bundle is whole and of whom: its signature first, then every byte of it."""

import hashlib
import os
import re
import stat
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from agent.bundle import container
from agent.bundle.errors import BundleError
from agent.bundle.keys import SIGNATURE_BYTES, PublicKey
from agent.bundle.manifest import (
    MANIFEST,
    MOST_MANIFEST_BYTES,
    SIGNATURE,
    FileEntry,
    Manifest,
    digest_of,
    manifest_of,
)

_CHUNK_BYTES = 1 << 18
_GZIP = 31
"""zlib's word for one gzip member with its head and checksum."""

_KEY = re.compile(rb'"key": "([0-9a-f-]{39})"')


@dataclass(frozen=True, slots=True)
class Checked:
    """A bundle that is as it was signed; `places` are where its files begin in the archive."""

    manifest: Manifest
    digest: str
    places: dict[str, int]


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a bundle; errors inside are told with its name.

    Raises:
        BundleError: it cannot be read, or what is said inside, with the file's name before it.
    """
    try:
        with _open(path) as stream:
            yield stream
    except BundleError as error:
        msg = f"{path}: {error}"
        raise BundleError(msg) from error
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}; name a bundle that netfold may read"
        raise BundleError(msg) from error


def _open(path: Path) -> IO[bytes]:
    # Without waiting, should it be a pipe that nobody writes to.
    stream = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        return stream
    stream.close()
    msg = "not a file; name one that netfold bundle create made"
    raise BundleError(msg)


def check(source: container.Source, trusted: Sequence[PublicKey]) -> Checked:
    """Read a bundle to its end; nothing in it is looked at before its signature is found good.

    Raises:
        BundleError: it is not signed by a key that is trusted for its node, or was changed.
    """
    signed = container.first(source, MANIFEST, MOST_MANIFEST_BYTES)
    signature = b"".join(container.next_file(source, SIGNATURE, SIGNATURE_BYTES))
    key = next((it for it in trusted if it.has_signed(signed, signature)), None)
    if key is None:
        raise BundleError(_not_trusted(signed, trusted))
    manifest = manifest_of(signed)
    if (manifest.node, manifest.key) != (key.node, key.fingerprint):
        msg = f"foreign: it is of node {manifest.node!r}, and the key {key.fingerprint} is trusted "
        msg += f"for {key.node!r} only; give each node a key of its own"
        raise BundleError(msg)
    places: dict[str, int] = {}
    at = sum(_taken(it) for it in (len(signed), SIGNATURE_BYTES))
    for file in manifest.files:
        places[file.name] = at + container.BLOCK_BYTES
        at += _taken(file.bytes)
        _hold_to_digest(source, file)
    container.end(source)
    return Checked(manifest, digest_of(signed), places)


def contents(stream: IO[bytes], bundle: Checked, name: str) -> Iterator[bytes]:
    """Unpack a file of a bundle that was checked, never to more than its manifest says.

    Raises:
        BundleError: it is not what the manifest says, though signed so.
    """
    (file,) = (it for it in bundle.manifest.files if it.name == name)
    stream.seek(bundle.places[name])
    unpacker = zlib.decompressobj(_GZIP)
    left, content_left, packed = file.bytes, file.content_bytes, b""
    try:
        while not unpacker.eof:
            if not packed:
                packed = stream.read(min(left, _CHUNK_BYTES))
                left -= len(packed)
            chunk = unpacker.decompress(packed, min(content_left, _CHUNK_BYTES) + 1)
            packed = unpacker.unconsumed_tail
            content_left -= len(chunk)
            if content_left < 0 or not (chunk or packed or left):
                break
            yield chunk
    except zlib.error as error:
        msg = f"{name} cannot be unpacked: {error}; it is signed so: ask its sender"
        raise BundleError(msg) from error
    if content_left or left or not unpacker.eof or unpacker.unused_data:
        msg = f"{name} does not unpack to {file.content_bytes} bytes, as {MANIFEST} says; "
        msg += "it is signed so: ask its sender"
        raise BundleError(msg)


def unpacks(stream: IO[bytes], bundle: Checked) -> None:
    """Unpack all of it, and keep nothing.

    Raises:
        BundleError: a file is not what the manifest says.
    """
    for file in bundle.manifest.files:
        for _ in contents(stream, bundle, file.name):
            pass


def _hold_to_digest(source: container.Source, file: FileEntry) -> None:
    digest = hashlib.sha256()
    for chunk in container.next_file(source, file.name, file.bytes):
        digest.update(chunk)
    if digest.hexdigest() != file.sha256:
        msg = f"{file.name} was changed: its SHA-256 is {digest.hexdigest()}, signed was "
        msg += f"{file.sha256}; copy it once more"
        raise BundleError(msg)


def _not_trusted(signed: bytes, trusted: Sequence[PublicKey]) -> str:
    """An unknown key is told from a changed manifest by what that says, which proves nothing."""
    said = _KEY.search(signed)
    names = ", ".join(f"{it.fingerprint} ({it.node})" for it in trusted)
    if said is None or said[1].decode() in {it.fingerprint for it in trusted}:
        return (
            f"{MANIFEST} was changed after it was signed, or its signature was; copy it once more"
        )
    unknown = f"signed by an unknown key, as it says {said[1].decode()}; trusted: {names or 'none'}"
    return f"{unknown}; compare with its sender, then --trust that key"


def _taken(size: int) -> int:
    """What a file takes in the archive."""
    return container.BLOCK_BYTES + size + -size % container.BLOCK_BYTES
