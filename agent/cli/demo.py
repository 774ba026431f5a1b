"""`netfold demo`: a made-up department on loopback, its past, and the ordinary agent on top."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli import stop
from agent.cli.run import listen_option
from config.agent import Listen

if TYPE_CHECKING:
    from agent.demo.blocks import Programs

_WHERE = Listen("127.0.0.1", 9945)


@click.command()
@listen_option
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Where all of it lies, an empty folder or none yet; the default is a temporary one.",
)
@click.option("--keep", is_flag=True, help="Leave the folder when the demo ends.")
@click.option("--prometheus", is_flag=True, help="Start a Prometheus too, with rules and the past.")
def command(listen: Listen | None, folder: Path | None, *, keep: bool, prometheus: bool) -> None:
    """Show a made-up city department: simulated devices, real SNMP, 90 days of history."""
    where = _free(listen or _WHERE)
    server = _programs() if prometheus else None
    with _home(folder, keep=keep) as home:
        from agent.demo.play import DemoError, play  # noqa: PLC0415 - numpy, once all else is right

        try:
            asyncio.run(play(home, where, server))
        except DemoError as error:
            stop(f"netfold: {error}", 1)


def _programs() -> "Programs":
    from agent.demo.blocks import Programs  # noqa: PLC0415 - as above

    found = {it: shutil.which(it) for it in ("prometheus", "promtool")}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        stop(
            f"netfold: --prometheus needs {' and '.join(missing)} on the PATH; "
            "on Debian: apt install prometheus",
            2,
        )
    listen = _free(Listen("127.0.0.1", 0))
    return Programs(str(found["prometheus"]), str(found["promtool"]), listen)


def _free(listen: Listen) -> Listen:
    """Find a port where 0 stands for any; ends the command if it is taken: before all the work."""
    try:
        found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)
        family, *_, address = found[0]
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the agent will
            sock.bind(address)
            return Listen(listen.host, sock.getsockname()[1])
    except OSError as error:
        stop(f"netfold: cannot listen on {listen}: {error.strerror}; set another --listen", 2)


@contextmanager
def _home(folder: Path | None, *, keep: bool) -> Iterator[Path]:
    """Give an empty folder, and leave things as they were; ends the command if there is none."""
    was_there = folder is not None and folder.exists()
    try:
        if folder is None:
            home = Path(tempfile.mkdtemp(prefix="netfold-demo-"))
        else:
            home = folder.resolve()
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(home.iterdir()):
            stop(f"netfold: {home} is not empty; name an empty folder, or none", 2)
        (home / "data").mkdir(mode=0o700)
    except OSError as error:
        where = folder or tempfile.gettempdir()
        stop(f"netfold: cannot use {where}: {error.strerror}; name another --folder", 2)
    try:
        yield home
    finally:
        if keep:
            click.echo(f"kept in {home}")
        else:
            _remove(home, whole=not was_there)


def _remove(home: Path, *, whole: bool) -> None:
    try:
        for it in home.iterdir():
            shutil.rmtree(it) if it.is_dir() else it.unlink()
        if whole:
            home.rmdir()
    except OSError as error:
        stop(f"netfold: {home} is not removed: {error.strerror}; remove it by hand", 1)
