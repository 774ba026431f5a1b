"""`netfold journal`: who declared what and when, and whether the log of it is whole."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from agent.cli import config_option, stop
from agent.cli.shown import console, plain, table
from agent.cli.source import read as read_config
from agent.journal import Content, Entry, JournalError, journal_in, read
from config.problems import ConfigError


@click.group("journal")
def command() -> None:
    """The decisions on this agent's networks, each chained to the one before."""


@command.command("show")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def show(path: Path | None, as_json: bool) -> None:
    """Print every entry; of a damaged journal those before the damage, and what it is.

    Of the policy what changed in it is shown; --json has its terms in full.
    """
    journal, content = _content(path)
    if as_json:
        said = [asdict(it) for it in content.entries]
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        shown = table(">n", "at", "kind", "subject", "~what", "by")
        for it in content.entries:
            texts = (it.at, it.kind, it.subject, in_words(_in_short(it)), it.by)
            shown.add_row(str(it.n), *map(plain, texts))
        console().print(shown)
    if content.problem:
        stop(f"{journal}: {content.problem}; what follows is not shown", 1)


@command.command("verify")
@config_option
@click.option("--head", metavar="DIGEST", help="A digest noted earlier: it has to be there still.")
def verify(path: Path | None, head: str | None) -> None:
    """Recompute every digest: a byte that was changed, removed or cut off is found.

    Entries cut off at the end, or written anew, show only against a digest that was noted earlier:
    from /metrics, or from anything exported.
    """
    head = head and head.removeprefix("sha256:")  # as exports have it
    if head is not None and not re.fullmatch("[0-9a-f]{64}", head):
        stop(f"--head: not a digest: {head!r}; write its 64 digits, as /metrics has them", 2)
    journal, content = _content(path)
    if content.problem:
        stop(f"{journal}: {content.problem}; unbroken before it: {len(content.entries)}", 1)
    if head is not None and not content.has(head):
        count = len(content.entries)
        stop(
            f"{journal}: none of its entries ({count}) has the digest {head}: entries were cut off "
            "or written anew since that was noted; compare with a backup",
            1,
        )
    count = len(content.entries)
    said = "1 entry" if count == 1 else f"{count} entries"
    click.echo(f"{said}, unbroken; head {content.head}")


def _in_short(entry: Entry) -> dict[str, Any]:
    """What an entry says, without a policy's terms: those that changed stand beside them."""
    terms = {"terms"} if entry.kind == "policy" else set()
    return {key: it for key, it in entry.what.items() if key not in terms}


def in_words(what: Any) -> str:
    """What an entry says, in one line."""
    if isinstance(what, dict):
        return ", ".join(f"{key}: {in_words(it)}" for key, it in what.items())
    if isinstance(what, list):
        return "; ".join(map(in_words, what)) or "none"
    return "none" if what is None else str(what)


def _content(path: Path | None) -> tuple[Path, Content]:
    """The journal of a configuration's data folder; ends the command where it cannot be read."""
    try:
        journal = journal_in(read_config(path).data_dir)
        return journal, read(journal)
    except ConfigError as error:
        stop(error, 2)
    except JournalError as error:
        stop(error, 1)
