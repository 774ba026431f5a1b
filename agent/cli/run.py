"""`netfold run`: the agent, until it is told to stop."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Never

import click

from agent import logs
from agent.app import Agent, StartError
from agent.cli import config_option, stop
from agent.cli.source import read
from agent.judge.rates import TICK_S
from agent.web.security import Security
from config.agent import AgentConfig, Listen, listen_at
from config.problems import ConfigError

log = logging.getLogger(__name__)


def _listen(_: click.Context, __: click.Parameter, value: str | None) -> Listen | None:
    try:
        return None if value is None else listen_at(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


listen_option = click.option(
    "--listen", callback=_listen, help="Where to serve, instead of the configured one."
)


@click.command()
@config_option
@listen_option
@click.option(
    "--web.config.file",
    "web_path",
    type=click.Path(path_type=Path),
    help="TLS, client certificates and users, in the format of Prometheus's exporter-toolkit.",
)
@click.option("--log-format", type=click.Choice(["logfmt", "json"]), default="logfmt")
def command(
    path: Path | None, listen: Listen | None, web_path: Path | None, log_format: logs.Form
) -> None:
    """Measure, keep and serve. Without a configuration, watch this host."""
    logs.set_up(log_format)
    run(path, listen, web_path=web_path)


def run(
    path: Path | None,
    listen: Listen | None = None,
    tick_s: float = TICK_S,
    web_path: Path | None = None,
) -> None:
    """Run the agent to its end, and end the process."""

    def load() -> AgentConfig:
        config = read(path)
        return config.model_copy(update={"listen": listen}) if listen else config

    try:
        security = Security(web_path) if web_path else None
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(load, tick_s, security))
            _end()
    except (ConfigError, StartError) as error:
        stop(error if isinstance(error, ConfigError) else f"netfold: {error}", 2)


def _end() -> Never:
    """End at once: closing the loop would wait for threads that ask a silent name server."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # whoever read it is gone
            stream.flush()
    os._exit(0)


async def _serve(load: Callable[[], AgentConfig], tick_s: float, security: Security | None) -> None:
    agent = Agent(load, tick_s, security)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    table = asyncio.create_task(_print_first_round(agent, security))
    try:
        await agent.serve(ended)
    finally:
        table.cancel()


async def _print_first_round(agent: Agent, security: Security | None) -> None:
    try:
        click.echo(f"measuring {agent.unmeasured} targets for the first time ...")
        observations = await agent.first_round()
        from agent.cli.table import show  # noqa: PLC0415 - rich is loaded when something is shown

        show(agent.config, observations)
        scheme = "https" if security and security.is_tls else "http"
        click.echo(f"serving {scheme}://{agent.config.listen}/metrics until Ctrl-C")
    except (OSError, SystemExit) as error:  # rich ends the program where nobody reads its output
        log.info("the table cannot be printed, measuring goes on", extra={"error": repr(error)})


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Uvloop where it is to be had: 20 to 30 % less CPU; asyncio's own loop elsewhere."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
