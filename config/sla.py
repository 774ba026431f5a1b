"""What is promised of probed targets: profiles by purpose and kind of network, in a file."""

from functools import cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, InstanceOf, model_validator

from collectors.base import Purpose, Target
from collectors.fields import Duration, Name
from config.document import Document, Form
from config.fields import Item
from config.inventory import NetworkKind
from config.policy import Window
from config.policy_rule import Level, Limit
from config.problems import ConfigError
from config.reader import read
from config.validate import validate

_SHIPPED = Path(__file__).parent / "sla.yaml"
_FORM = Form(("profiles",), "config/sla.yaml", "window: 30d")
_LIMITS = ("availability", "latency", "jitter", "loss")

AtMost = Annotated[Duration, Field(gt=0)]


class Profile(Item):
    """One promise: a target has the first profile that names its purpose and kind of network.

    `availability` is kept if it is at least that, the others are means that are at most that.
    """

    name: Name = Field(examples=["gateway"])
    purposes: tuple[Purpose, ...] = ()
    networks: tuple[NetworkKind, ...] = ()
    availability: Level | None = None
    latency_s: AtMost | None = Field(None, alias="latency")
    jitter_s: AtMost | None = Field(None, alias="jitter")
    loss: Limit | None = None

    @model_validator(mode="after")
    def _promises_something(self) -> Self:
        if not self.model_dump(
            include={"availability", "latency_s", "jitter_s", "loss"}, exclude_none=True
        ):
            msg = f"promises nothing; write one of {', '.join(_LIMITS)}, as availability: 99.9%"
            raise ValueError(msg)
        return self

    def is_for(self, target: Target, kind: NetworkKind | None) -> bool:
        """Whether it is of a target in a network of that kind; a key left out takes all."""
        its_purpose = not self.purposes or target.purpose in self.purposes
        return its_purpose and (not self.networks or kind in self.networks)


class Sla(Item):
    """All profiles in force, and the seconds that they look back over."""

    window_s: Window = Field(alias="window")
    profiles: tuple[InstanceOf[Profile], ...] = ()

    def profile(self, target: Target, kind: NetworkKind | None) -> Profile | None:
        """Return what is promised of a target, None if nothing is."""
        return next((it for it in self.profiles if it.is_for(target, kind)), None)


def load_sla(path: Path | None = None) -> Sla:
    """Read a file of profiles; without one, take those that netfold ships.

    Raises:
        ConfigError: with every mistake in it, at once.

    """
    return _shipped() if path is None else _load(path)


@cache
def _shipped() -> Sla:
    return _load(_SHIPPED)


def _load(path: Path) -> Sla:
    document = Document(path, _FORM)
    sla = None
    if read(document, path):
        sla = _build(document)
    problems = document.problems()
    if problems or sla is None:
        raise ConfigError(problems)
    return sla


def _build(document: Document) -> Sla | None:
    made = [validate(document, Profile, loc, row) for loc, row in document.items("profiles")]
    document.check_names("profiles")
    top = {key: value for key, value in document.data.items() if key != "profiles"}
    return validate(document, Sla, (), top, {"profiles": [it for it in made if it]})
