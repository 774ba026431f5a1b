"""Files that a configuration names: where a relative path starts."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo

from collectors.fields import seen


def path_in(value: object, info: ValidationInfo) -> object:
    """Read a path; a relative one starts at the folder of the file that is being read.

    Raises:
        ValueError: it begins with the home of nobody.

    """
    if not isinstance(value, str):
        return value
    try:
        return folder_of(info) / Path(value).expanduser()
    except RuntimeError:
        msg = f"nobody is at home there: {seen(value)}; write the path in full"
        raise ValueError(msg) from None


def folder_of(info: ValidationInfo) -> Path:
    """Return the folder of the file that is being read; relative paths start there."""
    context: dict[str, Any] = info.context or {}
    return Path(context.get("folder", "."))


FilePath = Annotated[Path, BeforeValidator(path_in)]
"""A path; a relative one starts at the folder of the file that names it."""
