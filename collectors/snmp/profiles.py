"""What a vendor's devices tell of their CPU and memory, and where: one YAML file a vendor.

docs/adding-a-vendor.md shows how to write one. A scalar is a column whose one row is 0.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

FOLDER = Path(__file__).parent / "profiles"

_ENTERPRISES = "1.3.6.1.4.1"
# libyaml's parser is ten times as fast; PyYAML is built without it where there is no libyaml.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Oid = Annotated[str, Field(pattern=r"^[0-2](\.\d{1,10})+$")]
Source = Annotated[str, Field(min_length=10)]


class ProfileError(ValueError):
    """A profile that cannot be used; the text has a line for each thing that is wrong."""


class _Item(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Condition(_Item):
    """What a row must show in `column` to count; all that is given has to hold.

    A number has to be there; a text that is absent is like nothing.
    """

    column: Oid
    one_of: tuple[int, ...] = ()
    none_of: tuple[int, ...] = ()
    not_like: str | None = None

    @field_validator("not_like")
    @classmethod
    def _is_a_pattern(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            msg = f"no regular expression: {value!r} ({error})"
            raise ValueError(msg) from error
        return value

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.one_of and not self.none_of and self.not_like is None:
            msg = "asks nothing of the row; write one_of:, none_of: or not_like:"
            raise ValueError(msg)
        return self


class _Rows(_Item):
    """Rows of a table; `source` names the MIB and the object, and where they are published.

    A `fallback` is read only where nothing before it gave a row.
    """

    source: Source
    name: Oid | None = None
    title: str | None = None
    rows: tuple[Condition, ...] = ()
    fallback: bool = False


class Processors(_Rows):
    """How busy processors are; `whole` is the device's own mean, so the others are parts of it."""

    load: Oid
    unit: Literal["percent", "idle_percent", "hundredths_of_percent"] = "percent"
    whole: bool = False


class Pools(_Rows):
    """Memory: two of total, used and free, or the percentage that is used; `unit_bytes` of each."""

    total: Oid | None = None
    used: Oid | None = None
    free: Oid | None = None
    used_percent: Oid | None = None
    unit_bytes: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _says_what_is_used(self) -> Self:
        amounts = [it for it in (self.total, self.used, self.free) if it]
        if self.used_percent is None and len(amounts) < 2:  # noqa: PLR2004 - the third follows
            msg = "does not say what is used; write used_percent:, or two of total:, used:, free:"
            raise ValueError(msg)
        return self


HOST_RESOURCES = Processors(
    source="HOST-RESOURCES-MIB hrProcessorLoad, hrDeviceDescr (RFC 2790)",
    load="1.3.6.1.2.1.25.3.3.1.2",
    name="1.3.6.1.2.1.25.3.2.1.3",
)


class Profile(_Item):
    """One vendor's devices; what it leaves out is read of HOST-RESOURCES-MIB and UCD-SNMP-MIB."""

    vendor: str
    match: tuple[Oid, ...] = Field(min_length=1)
    processors: tuple[Processors, ...] = ()
    memory: tuple[Pools, ...] = ()

    @field_validator("match")
    @classmethod
    def _is_of_a_vendor(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in value:
            if not prefix.startswith(f"{_ENTERPRISES}."):
                msg = f"no sysObjectID of a vendor: {prefix!r}; write one below {_ENTERPRISES}"
                raise ValueError(msg)
        return value


STANDARD = Profile(vendor="any", match=("1.3.6.1.4.1.0",), processors=(HOST_RESOURCES,))
"""For devices of vendors that have no profile."""


@cache
def shipped() -> tuple[Profile, ...]:
    """Read every profile that came with Netfold, once."""
    return tuple(read(path) for path in sorted(FOLDER.glob("*.yaml")))


def choose(object_id: str | None, profiles: Iterable[Profile] | None = None) -> Profile:
    """Return the profile whose prefix of sysObjectID is the longest, or the standard one."""
    asked = _arcs(object_id or "")
    best, longest = STANDARD, 0
    for profile in shipped() if profiles is None else profiles:
        for prefix in map(_arcs, profile.match):
            if len(prefix) > longest and asked[: len(prefix)] == prefix:
                best, longest = profile, len(prefix)
    return best


def read(path: Path) -> Profile:
    """Read one file.

    Raises:
        ProfileError: it is no YAML or no profile; each line is `file:line: key: what is wrong`.

    """
    text = path.read_text(encoding="utf-8")
    try:
        root = yaml.compose(text, Loader=_LOADER)
        profile = Profile.model_validate(yaml.load(text, Loader=_LOADER))  # noqa: S506 - a safe one
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        msg = f"{path}:{line}: no YAML: {error.problem}"
        raise ProfileError(msg) from error
    except ValidationError as error:
        raise ProfileError(_lines(path, root, error)) from error
    return profile


def _lines(path: Path, root: yaml.Node | None, error: ValidationError) -> str:
    return "\n".join(
        f"{path}:{_line(root, one['loc'])}: {'.'.join(map(str, one['loc']))}: {one['msg']}"
        for one in error.errors()
    )


def _line(node: yaml.Node | None, loc: Sequence[int | str]) -> int:
    """Follow a key into the file as far as it is there."""
    line = node.start_mark.line if node else 0
    for key in loc:
        if isinstance(node, yaml.MappingNode):
            found = [(name, value) for name, value in node.value if name.value == str(key)]
            if not found:
                break
            line, node = found[0][0].start_mark.line, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
            node = node.value[key]
            line = node.start_mark.line
    return line + 1


def _arcs(oid: str) -> list[str]:
    return oid.split(".")
