"""How tables and numbers look to a person, in every command alike."""

from collections.abc import Iterator
from typing import Literal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Column, Table
from rich.text import Text

UNKNOWN = "-"
PIPE_WIDTH = 140
_FOLDED = 10
"""So narrow a column that may be folded is still read."""
_BORDER = 3
_THOUSAND = 1000


class _Fitting(Table):
    """A table that is a list, a cell a line, where it would be wider than the terminal."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width if self.box else None
        if room is None or sum(map(_narrowest, self.columns)) + 1 <= room:
            yield from super().__rich_console__(console, options)
        else:
            yield from self._as_list()

    def _as_list(self) -> Iterator[Text]:
        if self.title:
            yield Text(str(self.title), "italic")
        headings = [str(it.header) for it in self.columns]
        widest = max(map(cell_len, headings))
        under = "\n" + " " * (widest + 2)
        for row in zip(*(it.cells for it in self.columns), strict=True):
            for heading, cell in zip(headings, row, strict=True):
                filled = heading + " " * (widest - cell_len(heading))
                lines = str(cell).splitlines()
                yield Text(f"{filled}  {under.join(lines)}".rstrip())
            yield Text()


def _narrowest(column: Column) -> int:
    lines = [line for it in (column.header, *column.cells) for line in str(it).splitlines()]
    widest = max(map(cell_len, lines), default=0)
    return (widest if column.no_wrap else min(widest, _FOLDED)) + _BORDER


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

    One with `~` before its name may be folded where the terminal is narrow; where that does not
    suffice, a table with a box becomes a list.
    """
    made = _Fitting(title=title, title_justify="left", header_style="bold")
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
