"""An attempt's time: who runs out of it, who does not, and who was told to end by somebody else."""

import asyncio

import pytest

from collectors.deadline import Deadlines


async def forever() -> None:
    await asyncio.Event().wait()


async def test_what_takes_too_long_ends_and_leaves_its_task_uncancelled() -> None:
    begun_s = asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError), Deadlines().within(0.05):
        await forever()
    assert 0.045 <= asyncio.get_running_loop().time() - begun_s < 5
    task = asyncio.current_task()
    assert task
    assert not task.cancelling()


async def test_what_ends_in_time_leaves_no_timer_behind() -> None:
    deadlines = Deadlines()
    with deadlines.within(60):
        await asyncio.sleep(0)
    assert not deadlines._slots._timers


async def test_what_fails_in_time_fails_for_its_own_reason() -> None:
    deadlines = Deadlines()
    with pytest.raises(ZeroDivisionError), deadlines.within(60):
        _ = 1 / 0
    assert not deadlines._slots._timers


async def test_one_that_runs_out_of_time_does_not_take_another_of_the_same_slot_along() -> None:
    deadlines = Deadlines()

    async def attempt(seconds: float) -> str:
        with deadlines.within(0.05):
            await asyncio.sleep(seconds)
        return "in time"

    slow, fast = asyncio.create_task(attempt(60)), asyncio.create_task(attempt(0))
    assert await fast == "in time"
    with pytest.raises(TimeoutError):
        await slow


async def test_a_task_that_somebody_else_cancels_is_cancelled_and_not_late() -> None:
    async def attempt() -> None:
        with Deadlines().within(60):
            await forever()

    task = asyncio.create_task(attempt())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_cancelled_at_its_deadline_as_well_stays_cancelled() -> None:
    """Both come before the task has its turn: to take one for the other would swallow the end."""

    deadlines = Deadlines()

    async def late() -> None:
        with (deadline := deadlines.within(60)):
            asyncio.get_running_loop().call_soon(deadline._end)
            asyncio.get_running_loop().call_soon(task.cancel)
            await forever()

    task = asyncio.create_task(late())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
