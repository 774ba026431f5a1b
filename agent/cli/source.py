"""Where a command's configuration comes from: the named file, or this host as it is."""

import platform
from pathlib import Path

from config.agent import AgentConfig, state_folder
from config.load import load
from config.targets import local_config


def read(path: Path | None) -> AgentConfig:
    """Read the file; without one, describe this host.

    Raises:
        ConfigError: every mistake in the file.
    """
    if path is not None:
        return load(path)
    from collectors.host import nics  # noqa: PLC0415 - psutil only where this host is watched

    return local_config(platform.node() or "localhost", nics(), state_folder())
