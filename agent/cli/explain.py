"""`netfold explain`: one verdict with each of its rules, in words."""

from pathlib import Path

import click

from agent.cli import stop
from agent.cli.assess import (
    assessed,
    at_option,
    explained,
    policy_option,
    series_option,
    step_option,
)
from config.problems import hint


@click.command()
@click.argument("subject")
@series_option
@policy_option
@at_option
@step_option
def command(
    subject: str, path: Path, policy_path: Path | None, at: str | None, step: float
) -> None:
    """Say what proves the verdict on SUBJECT, what was not seen, and what would change it."""
    _, found = assessed(path, policy_path, at, step)
    one = next((it for it in found if it.subject == subject), None)
    if one is None:
        names = [it.subject for it in found]
        stop(f"no subject {subject!r} in {path}; {hint(subject, names, 'there are {}')}", 2)
    for line in explained(one):
        click.echo(line)
