"""Milestones: which part of the networks is to be how far by which day; and those of the past."""

from functools import cache
from pathlib import Path

from pydantic import Field

from collectors.fields import Name
from config.document import Document, Form
from config.fields import Day, Item, Text
from config.policy_rule import Level
from config.problems import ConfigError
from config.reader import read
from config.register import Step
from config.validate import validate

_SHIPPED = Path(__file__).parent / "milestones.yaml"
_FORM = Form(("historic",), "config/milestones.yaml", "historic: [{name: …}]")


class Milestone(Item):
    """`share` (a ratio) of the networks to consolidate is to have reached `phase` by a day.

    A network that is kept and joined (`interconnected`) has reached every phase.
    """

    name: Name = Field(examples=["half"])
    title: Text | None = None
    by: Day = Field(examples=["2027-06-30"])
    share: Level = Field(examples=["50%"])
    phase: Step = "retired"


class Historic(Item):
    """A day that a document of the state set, and that is over: history, never late."""

    name: Name
    title: Text
    by: Day
    source: Text


@cache
def historic() -> tuple[Historic, ...]:
    """The dated deadlines of the two documents that Netfold serves, the oldest first."""
    document = Document(_SHIPPED, _FORM)
    read(document, _SHIPPED)
    made = [validate(document, Historic, loc, row) for loc, row in document.items("historic")]
    if problems := document.problems():
        raise ConfigError(problems)
    return tuple(sorted((it for it in made if it), key=lambda it: it.by))
