"""How far a round has come, step by step: what a person may hear, and what a timeout means.

Each round has its own story (`agent/observe.py` begins it), which its coroutine and the tasks of
that find without being handed it. Where no round is observed, all of this does nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Story:
    """One round's; `listener` hears every step at once.

    `resolving`: a name server has been asked and has not answered. `answered`: something came from
    the target itself, so that it was reached, whatever becomes of the round.
    """

    listener: Callable[[str], None] | None = None
    resolving: bool = False
    answered: bool = False


_STORY: ContextVar[Story | None] = ContextVar("story", default=None)


def begin(listener: Callable[[str], None] | None = None) -> Story:
    """Begin the story of a round in this task."""
    story = Story(listener)
    _STORY.set(story)
    return story


def tell(text: str, *values: object) -> None:
    """Tell a step (`%` and `values`, as in logging); formatted only where somebody listens."""
    story = _STORY.get()
    if story and story.listener:
        story.listener(text % values if values else text)


def answered(text: str, *values: object) -> None:
    """Tell what came from the target itself: from now on it is known that it was reached."""
    if story := _STORY.get():
        story.answered = True
    tell(text, *values)


@contextmanager
def resolving() -> Iterator[None]:
    """Mark the time in which a name server is waited for; it stays marked where that is cut off."""
    story = _STORY.get() or Story()
    story.resolving = True
    try:
        yield
    except Exception:  # an answer too; a cut is a BaseException
        story.resolving = False
        raise
    story.resolving = False
