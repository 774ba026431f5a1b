"""How far a round has come, step by step: what a person may hear, and what proves a breach.

Each round has its own story (`agent/observe.py` begins it), which its coroutine and the tasks of
that find without being handed it. Where no round is observed, all of this does nothing.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Story:
    """One round's; `listener` hears every step at once.

    `answered`: something came from the target itself; so it was reached, whatever the round's end.
    """

    listener: Callable[[str], None] | None = None
    answered: bool = False


_STORY: ContextVar[Story | None] = ContextVar("story", default=None)


def begin(listener: Callable[[str], None] | None = None) -> Story:
    """Begin the story of a round in this task."""
    story = Story(listener)
    _STORY.set(story)
    return story


def is_heard() -> bool:
    """Whether somebody listens, for steps that cost something to put into words."""
    story = _STORY.get()
    return story is not None and story.listener is not None


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
