"""`netfold explain`: one verdict with each of its rules, in words."""

from typing import Any

import click

from agent.cli import stop
from agent.cli.assess import explained, judged, source_options
from config.problems import hint


@click.command()
@click.argument("subject")
@source_options
def command(subject: str, **source: Any) -> None:
    """Say what proves the verdict on SUBJECT, what was not seen, and what would change it."""
    verdicts = judged(**source).verdicts
    found = [it for it in verdicts if it.subject == subject]
    if not found:
        names = [it.subject for it in verdicts]
        stop(f"no subject {subject!r}; {hint(subject, names, 'there are {}')}", 2)
    for one in found:
        for line in explained(one):
            click.echo(line)
