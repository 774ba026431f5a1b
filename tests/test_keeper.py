"""The history on its thread: what is interrupted, refused or told a wrong time is not lost."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from time import perf_counter

import pytest

from agent.history import History, Record, SeriesKey
from agent.judge.rates import Tick
from agent.keeper import SET_ASIDE, Keeper
from agent.recorder import Recorder
from collectors.base import CounterReading, Moment
from tests.testbed import eventually_async

NOON = 1_800_000_000.0
FIRST = int(NOON // 300)
DAY_S = 86_400.0
KEY = SeriesKey("link", "edu-a", "r1/ge0", "octets")


def reading(after_s: float) -> CounterReading:
    return CounterReading(
        kind="link",
        subject="edu-a",
        identity="r1/ge0",
        at=Moment(NOON + after_s, 1_000 + after_s),
        receive_bytes=int(after_s),
        transmit_bytes=0,
        counter_bits=64,
        uptime_s=50_000 + after_s,
        port_speed_bps=1e9,
    )


def kept(path: Path) -> list[int]:
    with closing(History(path)) as history:
        return [tick.number for tick in history.ticks(KEY, 0, 2 * FIRST)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


@pytest.fixture
def damaged(path: Path) -> Path:
    path.write_bytes(b"this is no history" * 1_000)
    return path


async def test_a_write_that_the_end_interrupts_is_not_lost(path: Path) -> None:
    recorder = Recorder()
    keeper = Keeper(path, recorder, 400 * DAY_S)
    assert await keeper.open()
    recorder.take([reading(0), reading(300)])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(keeper.flush())
        await eventually_async(lambda: not recorder.has_finished)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        await keeper._on_thread(lambda: None)  # the write itself has run into the lock by now
        other.execute("ROLLBACK")
    await keeper.close()
    assert kept(path) == [FIRST]


async def test_a_disk_that_hangs_does_not_delay_the_end(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = Keeper(path, Recorder(), 400 * DAY_S)
    assert await keeper.open()
    answered = threading.Event()
    assert keeper._history
    keeper._thread.submit(answered.wait)
    keeper._thread.submit(keeper._history.close)
    started = perf_counter()
    try:
        await keeper.close()
    finally:
        answered.set()
    assert perf_counter() - started < 1.8
    assert "history is left open, its disk hangs" in caplog.text
    await asyncio.get_running_loop().run_in_executor(None, keeper._thread.shutdown)


async def test_a_clock_set_to_a_wrong_year_forgets_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(History(path)) as history:
        history.write({KEY: Record([Tick(FIRST, (1.0, 2.0))], {}, b"")})
    wrong = Moment(NOON + 70 * 365 * DAY_S, 1_000.0)
    monkeypatch.setattr("agent.keeper.now", lambda: wrong)
    keeper = Keeper(path, Recorder(), 400 * DAY_S)
    assert await keeper.flush()
    await keeper.close()
    assert kept(path) == [FIRST]


async def test_a_damaged_file_is_counted_and_said_when_it_is_set_aside(
    damaged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = Keeper(damaged, Recorder(), 400 * DAY_S)
    assert await keeper.open()
    assert next(it.value for it in keeper.samples() if it.metric is SET_ASIDE) == 1
    assert "damaged history set aside, a new one begun" in caplog.text
    await keeper.close()
