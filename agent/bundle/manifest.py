"""What a bundle says of itself: `manifest.json`, the bytes that are signed."""

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent.bundle.errors import BundleError
from agent.bundle.keys import NAME
from agent.judge.rates import TICK_S
from agent.verdict_json import iso

VERSION = 1
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
MOST_MANIFEST_BYTES = 1 << 20
LINKS, RUNS, LEVELS = "links.csv.gz", "runs.csv.gz", "levels.csv.gz"
VERDICTS, PHASES, FACTS = "verdicts.json.gz", "phases.json.gz", "facts.json.gz"
FILES = (LINKS, RUNS, LEVELS, VERDICTS, PHASES, FACTS)
"""All that a bundle holds beside the manifest and its signature, in this order."""

MOST_TICKS = 31 * 288
"""Of one bundle: what is more becomes several."""

MOST_NUMBER = 999_999
_MOST_BYTES = 2**31
_MOST_CONTENT_BYTES = 2**34
_LATEST_TICK = 800_000_000
"""In the year 9575: no date is later than 9999."""


Count = Annotated[int, Field(ge=0, le=2**53)]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")]
Word = Annotated[str, Field(pattern=r"^[a-z_ ]{1,64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class FileEntry(_Part):
    """A file: its bytes as they stand in the archive, and how many they are unpacked."""

    name: (
        Literal["links.csv.gz", "runs.csv.gz", "levels.csv.gz"]
        | Literal["verdicts.json.gz", "phases.json.gz", "facts.json.gz"]
    )
    bytes: Annotated[int, Field(ge=0, le=_MOST_BYTES)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    content_bytes: Annotated[int, Field(ge=0, le=_MOST_CONTENT_BYTES)]


class Manifest(_Part):
    """One bundle; ticks `first_tick` to `last_tick`, both included, in slots of five minutes."""

    format: Literal["netfold bundle"] = "netfold bundle"
    version: Literal[1] = 1
    node: Annotated[str, Field(pattern=rf"^{NAME}$")]
    key: Annotated[str, Field(pattern=r"^[0-9a-f-]{39}$")]
    number: Annotated[int, Field(ge=1, le=MOST_NUMBER)]
    previous: Digest | None
    made: Moment
    from_: Annotated[str, Field(alias="from")]
    to: str
    tick_seconds: Literal[300] = int(TICK_S)  # type: ignore[assignment]  # it is 300
    first_tick: Annotated[int, Field(ge=0, le=_LATEST_TICK)]
    last_tick: Annotated[int, Field(ge=0, le=_LATEST_TICK)]
    counts: dict[Word, Count]
    verdicts: dict[Word, dict[Word, Count]]
    netfold: str
    policy: Digest
    journal: Digest | None
    redacted: tuple[Word, ...]
    files: tuple[FileEntry, ...]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        times = (iso(self.first_tick * TICK_S), iso((self.last_tick + 1) * TICK_S))
        if (self.from_, self.to) != times or self.last_tick < self.first_tick:
            msg = "its times are not those of its ticks"
            raise ValueError(msg)
        if self.last_tick - self.first_tick >= MOST_TICKS:
            msg = f"it has more than {MOST_TICKS} ticks"
            raise ValueError(msg)
        if tuple(it.name for it in self.files) != FILES:
            msg = f"its files are not {', '.join(FILES)}"
            raise ValueError(msg)
        if (self.previous is None) != (self.number == 1):
            msg = "the first bundle alone has none before it"
            raise ValueError(msg)
        return self

    def as_bytes(self) -> bytes:
        """The file, as it is signed."""
        said = self.model_dump(by_alias=True)
        return (json.dumps(said, ensure_ascii=False, indent=1) + "\n").encode()


def digest_of(signed: bytes) -> str:
    """What the next bundle calls this one by; through the files' digests it covers everything."""
    return f"sha256:{hashlib.sha256(signed).hexdigest()}"


def manifest_of(signed: bytes) -> Manifest:
    """Read a manifest whose signature was found good.

    Raises:
        BundleError: it is of a later version, or not as netfold writes it.
    """
    try:
        said: Any = json.loads(signed)
        version = said["version"]
    except (ValueError, RecursionError, KeyError, TypeError):
        msg = f"{MANIFEST} is not as netfold writes it, though it is signed; ask its sender"
        raise BundleError(msg) from None
    if isinstance(version, int) and version > VERSION:
        msg = f"it is of version {version}, and this netfold reads version {VERSION}; "
        msg += "update netfold here"
        raise BundleError(msg)
    try:
        return Manifest.model_validate_json(signed)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, found["loc"]))
        msg = f"{MANIFEST} is not as netfold writes it, though it is signed: {where!r}: "
        msg += f"{found['msg']}; ask its sender"
        raise BundleError(msg) from None
