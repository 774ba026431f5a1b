"""`netfold bundle`: figures of networks that are physically apart, as signed archives."""

from pathlib import Path

import click

from agent import clock, logs
from agent.bundle import keys, store, verify
from agent.bundle.create import Making
from agent.bundle.errors import BundleError
from agent.bundle.manifest import Manifest
from agent.bundle.redaction import Redaction, fields, names
from agent.bundle.seal import Sealing
from agent.cli import config_option, stop
from agent.cli.assess import time_s
from agent.cli.bar import shown
from agent.cli.bundles import Row, show
from agent.cli.shown import console, plain, table
from agent.cli.source import read
from agent.history import HistoryError
from agent.journal import Content, JournalError, journal_in
from agent.journal import read as read_journal
from agent.whole_file import WriteError, refuse
from config.agent import AgentConfig
from config.problems import ConfigError

_path = click.Path(path_type=Path)
key_option = click.option("--key", "key", type=_path, required=True, help="The node's private key.")
trust_option = click.option(
    "--trust",
    "trust",
    type=_path,
    multiple=True,
    required=True,
    help="A public key (.pub) to believe; again for each node.",
)


@click.group("bundle")
def command() -> None:
    """Carry a node's ticks and verdicts to where no network leads: numbered, signed, redacted."""


@command.command("key")
@click.option("--out", type=_path, required=True, help="The private key; OUT.pub is beside it.")
@click.option("--name", help="What the node is called in its bundles; default: as configured.")
@config_option
def key_(out: Path, name: str | None, path: Path | None) -> None:
    """Make the key that signs a node's bundles; its public half goes to whoever is to trust it."""
    logs.set_up()
    try:
        public = keys.make(name or read(path).node.name, out)
    except ConfigError as error:
        stop(error, 2)
    except BundleError as error:
        stop(error, 1)
    beside = f"{out}{keys.PUBLIC_SUFFIX}"
    click.echo(f"{out}: the private key of {public.node}; it stays here, and nothing shows it")
    click.echo(f"{beside}: its public half; fingerprint, to be compared: {public.fingerprint}")


@command.command("create")
@config_option
@key_option
@click.option("--out", type=_path, required=True, help="The folder that bundles are put into.")
@click.option("--since", help="From this time (UTC) on again; default: from the last bundle on.")
@click.option("--redact", help="Fields that must not leave, with commas between; all, or none.")
def create(path: Path | None, key: Path, out: Path, since: str | None, redact: str | None) -> None:
    """Make the bundles of all ticks since the last one; run it as the agent's user."""
    logs.set_up()
    since_s = None if since is None else time_s(since, "--since")
    try:
        config, own = read(path), keys.private(key)
        redaction = Redaction(fields(redact, config), own)
        journal = _journal(config)
        head = None if journal.problem else f"sha256:{journal.head}"
    except (ConfigError, BundleError) as error:
        stop(error, 2)
    with shown("packing") as progress:
        sealing = Sealing(config, own, redaction, head, out, progress)
        making = Making(sealing, journal.entries, clock.now().wall_s)
        made, problem = _made(making, since_s)
    for note in making.notes:
        click.echo(f"netfold: {note}", err=True)
    show([Row(it, "made") for it in made])
    for it in made:
        click.echo(sealing.path(it.number))
    if problem is not None:
        stop(problem, 1)
    if not made:
        click.echo("nothing new since the last bundle: none was made")


@command.command("verify")
@click.argument("files", type=_path, nargs=-1, required=True)
@trust_option
def verify_(files: tuple[Path, ...], trust: tuple[Path, ...]) -> None:
    """Check bundles to their last byte: of whom they are, and whether they follow one another."""
    logs.set_up()
    trusted = _trusted(trust)
    rows, wrong = [], False
    for file in files:
        try:
            with verify.opened(file) as stream:
                bundle = verify.check(stream, trusted)
                verify.unpacks(stream, bundle)
            rows.append(Row(bundle.manifest, "whole", bundle.digest))
        except BundleError as error:
            click.echo(error, err=True)
            wrong = True
    show(rows)
    for problem in store.breaks([(it.manifest, it.digest) for it in rows]):
        click.echo(problem, err=True)
        wrong = True
    if wrong:
        stop("not every bundle was found whole, trusted and in order", 1)


@command.command("import")
@click.argument("files", type=_path, nargs=-1, required=True)
@trust_option
@click.option("--into", type=_path, required=True, help="The folder that bundles are kept in.")
@click.option("--openmetrics", type=_path, help="Write what these bundles hold into this file.")
@click.option("--force", is_flag=True, help="Write over that file.")
def import_(
    *,
    files: tuple[Path, ...],
    trust: tuple[Path, ...],
    into: Path,
    openmetrics: Path | None,
    force: bool,
) -> None:
    """Take bundles in, each whole or not at all; once more changes nothing."""
    logs.set_up()
    trusted = _trusted(trust)
    if openmetrics is not None:
        _refuse(openmetrics, force=force)
    taken, wrong = [], False
    for file in files:
        try:
            taken.append(store.take(file, trusted, into))
        except BundleError as error:
            click.echo(error, err=True)
            wrong = True
    show([Row(it.kept.manifest, "taken" if it.is_new else "replayed") for it in taken])
    try:
        known = [
            it
            for folder in sorted({it.kept.path.parent for it in taken})
            for it in store.kept_in(folder)
        ]
        for line in store.gaps(known):
            click.echo(line, err=True)
        if openmetrics is not None and taken:
            from agent.bundle.openmetrics import write  # noqa: PLC0415 - numpy only for it

            chosen = {it.kept.path: it.kept for it in taken}
            write(list(chosen.values()), known, trusted, openmetrics, force=force)
    except BundleError as error:
        stop(error, 1)
    if wrong:
        stop("not all of it was taken", 1)


@command.command("names")
@config_option
@key_option
def names_(path: Path | None, key: Path) -> None:
    """Print which name stands behind each pseudonym: for this node's own people only."""
    logs.set_up()
    try:
        config, own = read(path), keys.private(key)
    except (ConfigError, BundleError) as error:
        stop(error, 2)
    shown = table("pseudonym", "kind", "name")
    for kind, its in names(config).items():
        for one in its:
            shown.add_row(own.pseudonym(kind, one), kind, plain(one))
    console().print(shown)


def _refuse(out: Path, *, force: bool) -> None:
    try:
        refuse(out, force=force)
    except WriteError as error:
        stop(error, 1)


def _trusted(trust: tuple[Path, ...]) -> list[keys.PublicKey]:
    try:
        return [keys.public(it) for it in trust]
    except BundleError as error:
        stop(error, 2)


def _journal(config: AgentConfig) -> Content:
    """The journal; what is wrong with it is told, and bundles then bear no digest."""
    path = journal_in(config.data_dir)
    try:
        content = read_journal(path)
    except JournalError as error:
        content = Content((), str(error))
    if content.problem:
        click.echo(f"netfold: {path}: {content.problem}; the bundle bears no digest", err=True)
    return content


def _made(making: Making, since_s: float | None) -> tuple[list[Manifest], Exception | None]:
    """The bundles that were made, and why there are no more, where that is a failure."""
    made = []
    try:
        for bundle in making.bundles(since_s):
            made.append(bundle.manifest)  # noqa: PERF401 - those before a failure count
    except (BundleError, HistoryError) as error:
        return made, error
    return made, None
