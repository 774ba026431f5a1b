"""A bundle's archive: ustar (POSIX 1003.1-1988), in the one form that names and sizes allow.

So no byte is left that could change unseen: heads are compared with those that would be written,
padding with zeros, and after the end there is nothing. Any tar opens it.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from typing import IO, Protocol

from agent.bundle.errors import BundleError

BLOCK_BYTES = 512
_HEAD = struct.Struct("100s8s8s8s12s12s8s1s100s6s2s32s32s8s8s155s12x")
_SIZE = slice(124, 136)
_CHECKSUM = slice(148, 156)
_END = bytes(2 * BLOCK_BYTES)
_CHUNK_BYTES = 1 << 20


class Source(Protocol):
    """What an archive is read from."""

    def read(self, size: int, /) -> bytes:
        """Up to so many bytes; none at the end."""


def head(name: str, size: int) -> bytes:
    """The block before a file: nobody's, of no time."""
    nobody, none = b"0000000\0", b""
    fields = (name.encode(), b"0000644\0", nobody, nobody, b"%011o\0" % size, b"%011o\0" % 0)
    more = (b"0", none, b"ustar\0", b"00", none, none, nobody, nobody, none)
    block = bytearray(_HEAD.pack(*fields, b" " * 8, *more))
    block[_CHECKSUM] = b"%06o\0 " % sum(block)
    return bytes(block)


def put(out: IO[bytes], name: str, size: int, chunks: Iterable[bytes]) -> None:
    """Add a file of `size` bytes."""
    out.write(head(name, size))
    for chunk in chunks:
        out.write(chunk)
    out.write(bytes(-size % BLOCK_BYTES))


def finish(out: IO[bytes]) -> None:
    """Write the end."""
    out.write(_END)


def first(source: Source, name: str, most_bytes: int) -> bytes:
    """Read the first file, whose size nobody has told yet.

    Raises:
        BundleError: another one comes first, or it is larger than it may be.
    """
    block = source.read(BLOCK_BYTES)
    size = re.fullmatch(rb"([0-7]{11})\0", block[_SIZE])
    if size is None or block != head(name, int(size[1], 8)):
        msg = f"not a bundle: it does not begin with {name} as netfold writes it; "
        msg += "name a file that netfold bundle create made"
        raise BundleError(msg)
    if int(size[1], 8) > most_bytes:
        msg = f"{name} has {int(size[1], 8)} bytes, at most {most_bytes} are read; "
        msg += "netfold never makes it so large"
        raise BundleError(msg)
    return b"".join(_content(source, name, int(size[1], 8)))


def next_file(source: Source, name: str, size: int) -> Iterator[bytes]:
    """Read the file that has to come next, chunk by chunk.

    Raises:
        BundleError: another one comes, it was changed around it, or it is cut off.
    """
    if source.read(BLOCK_BYTES) != head(name, size):
        msg = f"{name} of {size} bytes has to come next, and does not; "
        msg += "bytes were changed, added or removed: copy it once more"
        raise BundleError(msg)
    yield from _content(source, name, size)


def end(source: Source) -> None:
    """Read the end.

    Raises:
        BundleError: there is more, or less.
    """
    if source.read(len(_END) + 1) != _END:
        msg = "it does not end where its last file ends; bytes were added or removed: "
        msg += "copy it once more"
        raise BundleError(msg)


def _content(source: Source, name: str, size: int) -> Iterator[bytes]:
    left = size
    while left:
        chunk = source.read(min(left, _CHUNK_BYTES))
        if not chunk:
            msg = f"cut off within {name}: {size - left} of its {size} bytes are there; "
            msg += "copy it once more"
            raise BundleError(msg)
        left -= len(chunk)
        yield chunk
    padding = bytes(-size % BLOCK_BYTES)
    if source.read(len(padding)) != padding:
        msg = f"what fills the block after {name} was changed; copy it once more"
        raise BundleError(msg)
