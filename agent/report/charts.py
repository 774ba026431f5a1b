"""A report's charts as inline SVG: no script, and nothing from elsewhere.

The template takes them as they are: every text in them is escaped here, all else is numbers.
"""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from agent.judge.steps import STEPS
from agent.report.curves import Days

_WIDTH, _HEIGHT = 75, 18
"""Of a curve, in pixels."""

_BAR_WIDTH, _BAR_HEIGHT, _LEGEND = 900, 26, 22
_LETTER, _GAP = 8, 26
"""About how wide half of a Chinese character is, and what lies between two words of a legend."""

_ROW, _LABEL, _PLOT, _ROOM = 26, 150, 640, 90
"""A row of bars, its name, the longest bar, and the number after it."""

Words = Mapping[str, str]


def curve(days: Days) -> str:
    """A bar a day; its full height is the contracted bandwidth, and a gap was not seen."""
    step = _WIDTH / max(1, len(days))
    parts = []
    for n, load in enumerate(days):
        if load is not None:
            # What was used at all shows, if only by a hair.
            height = max(0.6, min(1.0, load) * _HEIGHT)
            left, right = n * step, (n + 0.8) * step
            parts.append(f"M{left:.4g} {_HEIGHT}V{_HEIGHT - height:.3g}H{right:.4g}V{_HEIGHT}")
    path = "".join(parts)
    svg = f'<svg class="curve" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
    return f'{svg}height="{_HEIGHT}"><path d="{path}"/></svg>'


def verdicts(counts: Mapping[str, int], words: Words) -> str:
    """Lines by verdict as one bar, with a legend that names each part."""
    total = sum(counts.values())
    parts, x, at, row = [], 0.0, 0.0, 1
    for status, count in counts.items():
        if not count:
            continue
        width = _BAR_WIDTH * count / total
        parts.append(_rect(x, 0, width, _BAR_HEIGHT, status))
        x += width
        label = f"{words[status]} {count:,} ({count / total:.1%})"
        room = 16 + _GAP + _LETTER * _length(label)
        if at + room > _BAR_WIDTH:
            at, row = 0.0, row + 1
        legend = _BAR_HEIGHT + row * _LEGEND
        parts.append(_rect(at, legend - 11, 11, 11, status))
        parts.append(_text(at + 16, legend, label))
        at += room
    return _svg(_BAR_WIDTH, _BAR_HEIGHT + row * _LEGEND + 6, parts, words["lines_by_verdict"])


def phases(total: Mapping[str, Any], words: Words) -> str:
    """Networks in each phase: what is declared, and below it what the data prove."""
    names = (*STEPS, "interconnected", "reverted", "exempt", "none")
    both = [[_count(total[of], it) for of in ("declared", "observed")] for it in names]
    most = max((it for pair in both for it in pair), default=0) or 1
    parts = []
    shown = [(name, pair) for name, pair in zip(names, both, strict=True) if any(pair)]
    for row, (name, pair) in enumerate(shown):
        y = row * _ROW
        parts.append(_text(_LABEL - 10, y + 16, words[name], "end"))
        for n, (of, count) in enumerate(zip(("declared", "observed"), pair, strict=True)):
            top, width = y + 3 + 10 * n, _PLOT * count / most
            parts.append(_rect(_LABEL, top, width, 8, of))
            if count:
                parts.append(_text(_LABEL + width + 6, top + 8, f"{count:,}", small=True))
    width = _LABEL + _PLOT + _ROOM
    return _svg(width, len(shown) * _ROW + 2, parts, words["phases_chart"])


def _count(of: Mapping[str, Any], phase: str) -> int:
    return int(of[phase]["networks"]) if phase in of else 0


def _length(text: str) -> int:
    return sum(2 if ord(it) > 0x2E80 else 1 for it in text)  # noqa: PLR2004 - where CJK begins


def _rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start", *, small: bool = False) -> str:
    size = ' class="small"' if small else ""
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}"{size}>{html.escape(text)}</text>'


def _svg(width: int, height: int, parts: Sequence[str], title: str) -> str:
    inside = f"<title>{html.escape(title)}</title>{''.join(parts)}"
    frame = f'<svg class="chart" role="img" viewBox="0 0 {width} {height}">'
    return f"{frame}{inside}</svg>"
