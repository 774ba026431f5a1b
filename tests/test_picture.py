import struct
import zlib

from hypothesis import given
from hypothesis import strategies as st

from tests.picture import Picture

SIZE = st.integers(1, 5)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))


def filtered(kind: int, line: bytes, above: bytes, channels: int) -> bytes:
    """Say a line by its differences, as RFC 2083 section 6 has it."""
    found = bytearray([kind])
    for n, value in enumerate(line):
        a = line[n - channels] if n >= channels else 0
        b = above[n]
        c = above[n - channels] if n >= channels else 0
        distances = {a: abs(b - c), b: abs(a - c), c: abs(a + b - 2 * c)}
        nearest = next(it for it in (a, b, c) if distances[it] == min(distances.values()))
        found.append((value - (0, a, b, (a + b) // 2, nearest)[kind]) % 256)
    return bytes(found)


@given(st.data(), SIZE, SIZE, st.sampled_from([(2, 3), (6, 4)]))
def test_a_picture_has_the_colours_that_were_written_by_whatever_filter(
    data: st.DataObject, width: int, height: int, kind: tuple[int, int]
) -> None:
    colour_type, channels = kind
    size = width * channels
    lines = [data.draw(st.binary(min_size=size, max_size=size)) for _ in range(height)]
    filters = [data.draw(st.integers(0, 4)) for _ in range(height)]
    above = [bytes(size), *lines]
    body = b"".join(filtered(*it, channels) for it in zip(filters, lines, above[:-1], strict=True))
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    packed = zlib.compress(body)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    png += chunk(b"IDAT", packed[:4]) + chunk(b"IDAT", packed[4:]) + chunk(b"IEND", b"")
    picture = Picture(png)
    starts = range(0, size, channels)
    assert picture.rows == [[tuple(line[it : it + 3]) for it in starts] for line in lines]
    assert picture.colours.total() == width * height
