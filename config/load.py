"""A file, with all that it includes -> a configuration."""

import glob
import os
from pathlib import Path

from collectors.fields import seen
from config.agent import AgentConfig
from config.build import build
from config.document import Document
from config.problems import ConfigError
from config.reader import read


def load(path: Path) -> AgentConfig:
    """Read a configuration with all that it includes, its secrets too.

    Raises:
        ConfigError: with every mistake in it, at once.

    """
    document = Document(path)
    config = None
    if read(document, path):
        _include(document)
        config = build(document)
    problems = document.problems()
    if problems or config is None:
        raise ConfigError(problems)
    return config


def _include(document: Document) -> None:
    """Read what the patterns under `include:` match, each file once."""
    patterns = document.data.get("include", [])
    folder = document.file.parent
    known = {os.path.realpath(document.file)}
    for index, pattern in enumerate(patterns if isinstance(patterns, list) else []):
        loc = ("include", index)
        if not isinstance(pattern, str) or document.is_unreadable(loc):
            continue
        files = _matches(folder, pattern)
        if not files:
            msg = f"no file matches {seen(pattern)} in {folder}; name one, or take it out"
            document.report(loc, msg)
        for file in files:
            # Not Path.resolve, which raises at links that go round in circles.
            if os.path.realpath(file) not in known:
                known.add(os.path.realpath(file))
                read(document, file)


def _matches(folder: Path, pattern: str) -> list[Path]:
    # Not Path.glob, which refuses absolute patterns; not Path.is_dir, which raises where closed.
    names = sorted(glob.glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207
    return [folder / name for name in names if not os.path.isdir(folder / name)]  # noqa: PTH112
