"""`netfold register`: the declared register as sheets, and how complete and how true it is."""

from collections.abc import Sequence
from pathlib import Path

import click

from agent import clock
from agent.cli import config_option, stop
from agent.cli.noted import note
from agent.cli.source import read
from agent.journal import JournalError, opened, user
from agent.register import Taken, in_words, take
from agent.whole_file import WriteError, refuse, write
from config.agent import AgentConfig
from config.problems import ConfigError, hint
from config.sheets.columns import SHEETS, Sheet, sheet_named
from config.sheets.exporting import exported_csv, exported_xlsx
from config.sheets.workbook import SheetError

_sheet_option = click.option(
    "--sheet", "name", help="One sheet only: 专网, 线路, 信息系统, 机房, or as the YAML key has it."
)
_out_option = click.option(
    "-o", "--output", "out", type=click.Path(path_type=Path), required=True, help="The new file."
)
_force_option = click.option("--force", is_flag=True, help="Write over a file that is there.")


@click.group("register")
def command() -> None:
    """Take the register from sheets, give it out, or check it."""


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@_sheet_option
@_out_option
@_force_option
@config_option
def import_(file: Path, name: str | None, out: Path, force: bool, path: Path | None) -> None:
    """Make a YAML file of an XLSX or CSV FILE: of all of it, or of nothing.

    Every cell that is wrong is told, with its sheet, row and column; exit 2 if any is. With -c the
    journal in the configuration's data_dir says that it was done.
    """
    only = _sheet(name)
    if path is not None and not path.is_file():
        stop(f"{path}: no such file; name the configuration; {out} is not written", 2)
    try:
        taken = take(file, only, out, force=force)
    except SheetError as error:
        count = len(str(error).splitlines())
        stop(f"{error}\n{count} mistake{'s' if count > 1 else ''}: {out} is not written", 2)
    except WriteError as error:
        stop(error, 2)
    _enter(file, taken, path)
    click.echo(taken)


@command.command("export")
@config_option
@_sheet_option
@_out_option
@_force_option
@click.option("--english", is_flag=True, help="Headings and words in English.")
def export(path: Path | None, name: str | None, out: Path, force: bool, english: bool) -> None:
    """Write the register as XLSX, or one sheet of it as CSV, as the name of the output says."""
    sheets = SHEETS if (only := _sheet(name)) is None else (only,)
    try:
        refuse(out, force=force)
        config = read(_named(path))
    except (WriteError, ConfigError) as error:
        stop(error, 2)
    try:
        content = _exported(config, out, sheets, english=english)
        write(out, content, force=force)
    except WriteError as error:
        stop(error, 1)
    except OSError as error:  # a workbook is put together in the folder for temporary files
        stop(f"{out} cannot be written: {error.strerror}; make room where TMPDIR is", 1)
    counts = {it.section: len(getattr(config, it.section)) for it in sheets}
    click.echo(f"{out}: {in_words(counts)}")


@command.command("check")
@config_option
@click.option("--live", is_flag=True, help="Also ask each device once.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def check(path: Path | None, live: bool, as_json: bool) -> None:
    """Say what the register lacks, and where reality disagrees with it."""
    # Imported where it is asked for: it judges by the history, and rich shows it.
    from agent.cli import register_check  # noqa: PLC0415 - only for check

    try:
        done = register_check.checked(read(_named(path)), live=live)
    except ConfigError as error:
        stop(error, 2)
    if as_json:
        click.echo(register_check.as_json(done))
    else:
        register_check.show(done)


def _enter(file: Path, taken: Taken, path: Path | None) -> None:
    """Say in the journal what was taken: only now is the configuration whole that includes it."""
    if path is None:
        said = (
            "no journal says that it was imported; name its configuration, as in: -c netfold.yaml"
        )
        click.echo(f"netfold: {said}", err=True)
        return
    try:
        with opened(read(path).data_dir) as journal:
            journal.append("register", file.name, taken.as_entry(), user(), clock.now().wall_s)
    except (ConfigError, JournalError) as error:
        stop(f"{taken}, but no entry says so: {error}", 1)


def _exported(config: AgentConfig, out: Path, sheets: Sequence[Sheet], *, english: bool) -> bytes:
    kind = out.suffix.lower()
    if kind not in {".xlsx", ".csv"}:
        stop(f"neither .xlsx nor .csv: {out}; name the output as one of them", 2)
    if kind == ".csv" and len(sheets) > 1:
        stop("a CSV file has one sheet; say --sheet 专网, 线路, 信息系统 or 机房", 2)
    digest = note(config.data_dir)
    if kind == ".xlsx":
        return exported_xlsx(config, sheets, english=english, note=digest and digest.lstrip("# "))
    return exported_csv(config, sheets[0], english=english, note=digest)


def _named(path: Path | None) -> Path:
    if path is None:
        stop("name the configuration, as in: -c netfold.yaml", 2)
    return path


def _sheet(name: str | None) -> Sheet | None:
    if name is None:
        return None
    found = sheet_named(name)
    if found is None:
        words = [it.chinese for it in SHEETS] + [it.section for it in SHEETS]
        stop(f"--sheet {name!r} is none of the register; {hint(name, words, 'there are {}')}", 2)
    return found
