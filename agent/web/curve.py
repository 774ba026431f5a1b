"""A line's traffic or a server's CPU over its window as an SVG path: gaps stay gaps."""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 1000, 220


class Curve(NamedTuple):
    """The highest value of each part of the window, None where nothing was seen.

    A line's are bit/s, and so is its capacity; a server's are ratios of its CPU.
    """

    from_s: float
    to_s: float
    values: tuple[float | None, ...]
    capacity: float | None = None


class Drawing(NamedTuple):
    """What the page draws: the path, how high the capacity lies, and what full height means."""

    path: str
    capacity_y: float | None
    top: float


def drawn(curve: Curve, least_top: float = 0.0) -> Drawing:
    """Scale a curve to WIDTH x HEIGHT; full height is its peak, or the capacity if that is more."""
    peak = max((it for it in curve.values if it is not None), default=0.0)
    top = max(peak, curve.capacity or 0.0, least_top) or 1.0
    capacity_y = None if curve.capacity is None else _y(curve.capacity, top)
    return Drawing(_path(curve.values, top), capacity_y, top)


def _path(values: Sequence[float | None], top: float) -> str:
    step = WIDTH / max(1, len(values))
    parts: list[str] = []
    pen_is_down = False
    for n, value in enumerate(values):
        if value is not None:
            # A part of its own width, so that one seen between two gaps shows too.
            verb = "L" if pen_is_down else "M"
            y = _y(value, top)
            parts.append(f"{verb}{n * step:.1f},{y:.1f}H{(n + 1) * step:.1f}")
        pen_is_down = value is not None
    return "".join(parts)


def _y(value: float, top: float) -> float:
    return round(HEIGHT * (1 - value / top), 1)
