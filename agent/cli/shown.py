"""How tables and numbers look to a person, in every command alike."""

from typing import Literal

from rich.console import Console
from rich.table import Table

UNKNOWN = "-"
PIPE_WIDTH = 140
_THOUSAND = 1000


def console() -> Console:
    """Stdout: in colour and at its width on a terminal, wide and plain elsewhere.

    Names and texts are an operator's or a device's: no bracket or colon in them is a command.
    """
    stdout = Console(markup=False, emoji=False)
    if not stdout.is_terminal:
        stdout.width = PIPE_WIDTH
    return stdout


def table(*columns: str, title: str | None = None, box: bool = True) -> Table:
    """A table that never cuts what is in it; `>` before a column's name sets it to the right.

    One with `~` before its name may be folded where the terminal is narrow.
    """
    made = Table(title=title, title_justify="left", header_style="bold")
    if not box:
        made.box, made.pad_edge = None, False
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.startswith(">") else "left"
        folds = column.startswith("~")
        made.add_column(column.lstrip(">~"), justify=justify, no_wrap=not folds, overflow="fold")
    return made


def scaled(value: float | None, unit: str) -> str:
    """A number with a decimal prefix, as line contracts have them: 100 Mbit/s."""
    if value is None:
        return UNKNOWN
    prefixes = ["", "k", "M", "G", "T"]
    while abs(value) >= _THOUSAND and len(prefixes) > 1:
        value /= _THOUSAND
        del prefixes[0]
    return f"{value:.4g} {prefixes[0]}{unit}"


def percent(ratio: float | None) -> str:
    """A ratio as a person reads it."""
    return UNKNOWN if ratio is None else f"{ratio:.1%}"


def plain(text: str | None) -> str:
    """A device's text made safe for a terminal."""
    printable = "".join(it if it.isprintable() else " " for it in text or "")
    return printable.strip() or UNKNOWN
