"""The demo from its beginning to its end: town, past, and an ordinary agent that watches."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from time import process_time

import click

import agent
from agent.cli.assess import judged
from agent.cli.assessed import show
from agent.cli.bar import shown
from agent.demo.blocks import Programs
from agent.demo.stage import Stage, may_ping
from agent.demo.traffic import HISTORY_DAYS
from agent.history import HistoryError
from agent.journal import JournalError
from agent.judge.rates import TICK_S
from config.agent import AgentConfig, Listen

Process = asyncio.subprocess.Process

_LOG = "agent.log"
_LOOK_S = 0.1
_END_S = 5.0
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NO_PING = (
    "no permission for ICMP, so the gateways are not measured; as root, "
    'sysctl -w net.ipv4.ping_group_range="0 2147483647" gives it'
)


class DemoError(Exception):
    """The demo cannot go on; the message is one line for the person who started it."""


class _EndedError(Exception):
    """Somebody wants it to end while it still begins."""


async def play(home: Path, listen: Listen, server: Programs | None = None) -> None:
    """Run it in an empty folder until a signal; all that it started ends with it.

    With a Prometheus, that one too, with the same past of the lines.

    Raises:
        DemoError: it cannot go on.
    """
    ended = asyncio.Event()
    for number in _ENDING:
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    if not may_ping():
        click.echo(_NO_PING, err=True)
    with suppress(_EndedError):
        async with AsyncExitStack() as stack:
            try:
                stage = Stage(home)
                config = await stage.open(stack, str(listen))
                await _fill(stage, config, ended)
            except (OSError, HistoryError, JournalError) as error:
                raise DemoError(_why(error)) from error
            command = (sys.executable, "-m", "agent", "run", "-c", str(stage.config))
            watching = await _start(stack, home / _LOG, *command)
            await asyncio.to_thread(_show_verdicts, stage.config)  # the devices answer meanwhile
            await _until_judged(watching, home, listen, ended)
            click.echo(f"configuration: {stage.config}")
            click.echo(f"serving http://{listen}/ and /metrics until Ctrl-C")
            if server is not None:
                await _prometheus(stack, stage, server, home / "prometheus", listen)
            await _first(ended, watching)
            _check(watching, home, ended)


async def _fill(stage: Stage, config: AgentConfig, ended: asyncio.Event) -> None:
    started_s = process_time()
    text = f"{HISTORY_DAYS} days of history"
    with shown(text) as show_part:

        def progress(part: float) -> None:
            if ended.is_set():
                raise _EndedError
            show_part(part)

        await asyncio.to_thread(stage.write_past, config, progress)
    took_s = process_time() - started_s
    click.echo(f"{text}: {len(config.links)} lines, written in {took_s:.1f} s of CPU")
    if ended.is_set():
        raise _EndedError


def _show_verdicts(config: Path) -> None:
    """Print what `netfold assess` does: the past is all there, and the agent judges by the same."""
    show(judged(path=config, series=None, prometheus=None, policy_path=None, at=None, step=TICK_S))


async def _start(stack: AsyncExitStack, log_file: Path, *command: str) -> Process:
    """Run a program until the stack ends; what it says goes into a log."""
    with log_file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=Path(agent.__file__).parents[1],  # whatever is called `agent` where it is started
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    stack.push_async_callback(_end, process)
    return process


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _until_judged(
    watching: Process, home: Path, listen: Listen, ended: asyncio.Event
) -> None:
    """Wait until the agent serves verdicts."""
    while not ended.is_set():
        _check(watching, home, ended)
        with suppress(OSError):
            if await _asked(listen) not in {b"", b"[]"}:
                return
        await asyncio.sleep(_LOOK_S)
    raise _EndedError


async def _asked(listen: Listen) -> bytes:
    """The agent's verdicts as it serves them."""
    reader, writer = await asyncio.open_connection(listen.host, listen.port)
    try:
        writer.write(b"GET /api/v1/verdicts HTTP/1.0\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        return body if b" 200 " in head.split(b"\r\n")[0] else b""
    finally:
        writer.close()


async def _prometheus(
    stack: AsyncExitStack, stage: Stage, server: Programs, folder: Path, listen: Listen
) -> None:
    """Start it once promtool has made blocks of the past; a signal meanwhile waits for promtool."""
    await asyncio.to_thread(stage.write_for_prometheus, folder, listen)
    making = await _start(stack, folder / "promtool.log", *server.backfill(folder))
    if await making.wait():
        msg = f"promtool made no blocks: {_last_line(folder / 'promtool.log')}"
        raise DemoError(msg)
    await _start(stack, folder / "prometheus.log", *server.serve(folder))
    click.echo(f"Prometheus, with the past of the lines: http://{server.listen}/graph")


async def _first(ended: asyncio.Event, watching: Process) -> None:
    """Wait for a signal, or for the agent to end by itself."""
    tasks = [asyncio.create_task(it) for it in (ended.wait(), watching.wait())]
    _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()


def _check(watching: Process, home: Path, ended: asyncio.Event) -> None:
    """See that the agent runs, or should not.

    Raises:
        DemoError: with the last thing that it said.
    """
    if watching.returncode is not None and not ended.is_set():
        msg = f"the agent ended: {_last_line(home / _LOG)}"
        raise DemoError(msg)


def _last_line(log: Path) -> str:
    said = log.read_text(encoding="utf-8").splitlines()
    return said[-1] if said else "it said nothing"


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'loopback'}: {error.strerror}; name another --folder"
    return str(error)
