"""How far a long command is: on a terminal only, and on stderr, away from what it prints."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def shown(text: str) -> Iterator[Callable[[float], None]]:
    """Show a bar while inside; what it gives is told the part (0 to 1) that is done."""
    from rich.console import Console  # noqa: PLC0415 - rich only where something is shown
    from rich.progress import Progress  # noqa: PLC0415 - as above

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(text, total=1.0)
        yield lambda part: progress.update(task, completed=part)
