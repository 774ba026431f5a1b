"""A PNG as browsers write it, taken apart (RFC 2083): eight bits a channel, not interlaced."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import cached_property

Colour = tuple[int, int, int]

CHANNELS = {2: 3, 6: 4}
"""Of the colour types that are read: RGB, and RGB with opacity, which is passed over."""


class Picture:
    """What was painted; `png` is the file itself."""

    def __init__(self, png: bytes) -> None:
        chunks = list(_chunks(png))
        header = struct.unpack(">IIBBBBB", chunks[0][1])
        assert header[2] == 8, "eight bits a channel"
        assert header[6] == 0, "not interlaced"
        self.png = png
        self.width, self.height = header[:2]
        self._channels = CHANNELS[header[3]]
        self._packed = b"".join(body for kind, body in chunks if kind == b"IDAT")

    @cached_property
    def rows(self) -> list[list[Colour]]:
        """The colours, row by row from the top."""
        reds, greens, blues = (
            [line[it :: self._channels] for line in self._lines] for it in range(3)
        )
        triples = zip(reds, greens, blues, strict=True)
        return [list(zip(*channels, strict=True)) for channels in triples]

    @cached_property
    def colours(self) -> Counter[Colour]:
        """How many pixels have each colour."""
        return Counter(colour for row in self.rows for colour in row)

    def painted(self, colour: Colour, column: int, within: int = 60) -> list[int]:
        """The rows (0 is the top) of a column in that colour, but for its smoothed edge."""
        seen = (row[column] for row in self.rows)
        return [y for y, one in enumerate(seen) if _distance(one, colour) <= within]

    @cached_property
    def _lines(self) -> list[bytearray]:
        size = self.width * self._channels
        raw = zlib.decompress(self._packed)
        lines = [bytearray(size)]  # what stands above the first one
        for start in range(0, self.height * (size + 1), size + 1):
            line = bytearray(raw[start + 1 : start + 1 + size])
            _unfilter(raw[start], line, lines[-1], self._channels)
            lines.append(line)
        return lines[1:]


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        yield kind, png[at + 8 : at + 8 + size]
        at += 12 + size


def _unfilter(kind: int, line: bytearray, above: bytearray, channels: int) -> None:
    """Turn differences into values, in place."""
    for n in range(len(line) if kind else 0):
        left = line[n - channels] if n >= channels else 0
        corner = above[n - channels] if n >= channels else 0
        guess = (left, above[n], (left + above[n]) // 2, _paeth(left, above[n], corner))[kind - 1]
        line[n] = (line[n] + guess) & 0xFF


def _paeth(left: int, above: int, corner: int) -> int:
    """Whichever of the three is nearest to left + above - corner."""
    guess = left + above - corner
    return min((left, above, corner), key=lambda it: abs(guess - it))


def _distance(one: Colour, other: Colour) -> int:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))
