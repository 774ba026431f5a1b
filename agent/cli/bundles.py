"""Bundles as a person reads them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from agent.bundle.manifest import Manifest
from agent.cli.shown import UNKNOWN, console, plain, table

_DIGITS = 12
"""Of a digest, as far as people compare it."""


class Row(NamedTuple):
    """A bundle, and what became of it."""

    manifest: Manifest
    state: str
    digest: str = ""


def show(rows: Sequence[Row]) -> None:
    """Print what came or went, a row a bundle; nothing where there is none."""
    if not rows:
        return
    columns = ("node", ">number", "from", "to", ">series", "~verdicts", "policy", "journal")
    shown = table(*columns, "state")
    for it in rows:
        manifest = it.manifest
        series = sum(manifest.counts.get(key, 0) for key in ("links", "levels"))
        shown.add_row(
            plain(manifest.node),
            str(manifest.number),
            _minute(manifest.from_),
            _minute(manifest.to),
            str(series),
            "\n".join(_verdicts(manifest)) or UNKNOWN,
            _short(manifest.policy),
            _short(manifest.journal),
            it.state,
        )
    console().print(shown)


def _verdicts(manifest: Manifest) -> list[str]:
    return [
        f"{kind} " + ", ".join(f"{count} {status}" for status, count in its.items())
        for kind, its in manifest.verdicts.items()
    ]


def _minute(time: str) -> str:
    return datetime.fromisoformat(time).strftime("%Y-%m-%d %H:%M")


def _short(digest: str | None) -> str:
    return UNKNOWN if digest is None else digest.removeprefix("sha256:")[:_DIGITS]
