"""Tables in the words of a language, as a terminal shows them."""

from collections.abc import Iterable

from agent.cli.shown import console, plain, table
from agent.progress_tables import Grid

_SHOWN = 300
"""So many rows of a table are printed."""


def show(found: Iterable[Grid], more: str) -> None:
    """Print them one after another; `more` says how many rows are left out."""
    stdout = console()
    for grid in found:
        first, *others = grid.columns or ("",)
        shown = table(f"~{first}", *others, title=grid.title)
        for row in grid.rows[:_SHOWN]:
            shown.add_row(*map(plain, row))
        notes = list(grid.notes)
        if grid.rows:
            stdout.print(shown)
        else:
            notes.insert(0, grid.title)
        if len(grid.rows) > _SHOWN:
            notes.append(more.format(len(grid.rows) - _SHOWN))
        for line in notes:
            stdout.print(line, highlight=False, soft_wrap=True)
