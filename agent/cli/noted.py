"""What every export bears: the journal's head, so that whoever has one can tell of a rewriting."""

from pathlib import Path

import click

from agent.journal import JournalError, head
from agent.sources.rows import NOTE


def digest(data_dir: Path) -> str:
    """The journal's last digest, after `sha256:`.

    Raises:
        JournalError: it cannot be read, or is damaged.
    """
    return f"sha256:{head(data_dir)}"


def note(data_dir: Path) -> str | None:
    """The same in a line for a file; None, and told on stderr, where there is none."""
    try:
        return f"{NOTE}{digest(data_dir)}"
    except JournalError as error:
        click.echo(f"netfold: {error}; what is exported bears no digest", err=True)
        return None
