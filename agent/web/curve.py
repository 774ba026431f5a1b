"""A line's traffic over its window as an SVG path: gaps stay gaps."""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 1000, 220


class Curve(NamedTuple):
    """The highest rate of each part of the window, in bit/s, None where nothing was seen."""

    from_s: float
    to_s: float
    rates: tuple[float | None, ...]
    capacity_bps: float | None


class Drawing(NamedTuple):
    """What the page draws: the path, how high the capacity lies, and what full height means."""

    path: str
    capacity_y: float | None
    top_bps: float


def drawn(curve: Curve) -> Drawing:
    """Scale a curve to WIDTH x HEIGHT; full height is its peak, or the capacity if that is more."""
    peak = max((rate for rate in curve.rates if rate is not None), default=0.0)
    top = max(peak, curve.capacity_bps or 0.0) or 1.0
    capacity_y = None if curve.capacity_bps is None else _y(curve.capacity_bps, top)
    return Drawing(_path(curve.rates, top), capacity_y, top)


def _path(rates: Sequence[float | None], top: float) -> str:
    step = WIDTH / max(1, len(rates))
    parts: list[str] = []
    pen_is_down = False
    for n, rate in enumerate(rates):
        if rate is not None:
            # A part of its own width, so that one seen between two gaps shows too.
            verb = "L" if pen_is_down else "M"
            y = _y(rate, top)
            parts.append(f"{verb}{n * step:.1f},{y:.1f}H{(n + 1) * step:.1f}")
        pen_is_down = rate is not None
    return "".join(parts)


def _y(bps: float, top: float) -> float:
    return round(HEIGHT * (1 - bps / top), 1)
