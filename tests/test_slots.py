"""Timers that share a slot: nothing early, nothing left behind, nobody held up by another."""

import asyncio
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.slots import Slots

EARLY_S = 0.002
"""A loop's timers may be so early: uvloop's are of whole milliseconds."""


def now_s() -> float:
    return asyncio.get_running_loop().time()


@settings(max_examples=30)
@given(st.lists(st.floats(0, 0.03), min_size=1, max_size=20))
def test_everything_that_is_asked_for_comes_and_nothing_early(afters_s: list[float]) -> None:
    async def call_all() -> list[float]:
        slots, late_s, begun_s = Slots(0.01), [], now_s()
        waits = [slots.sleep_until(begun_s + after_s) for after_s in afters_s]
        for after_s, wait in sorted(zip(afters_s, waits, strict=True), key=lambda it: it[0]):
            await wait
            late_s.append(now_s() - begun_s - after_s)
        assert not slots._timers
        assert not slots._wakes
        return late_s

    assert all(late_s > -EARLY_S for late_s in asyncio.run(call_all()))


async def test_all_that_is_due_in_one_slot_is_called_together_in_the_order_of_asking() -> None:
    slots, called = Slots(0.02), list[int]()
    slot_ends_s = math.ceil(now_s() / 0.02 + 1) * 0.02
    for n in range(5):
        slots.call_at(slot_ends_s - 0.001 - 0.003 * n, lambda n=n: called.append(n))  # type: ignore[misc]
    assert len(slots._timers) == 1
    await slots.sleep_until(slot_ends_s)
    assert called == [0, 1, 2, 3, 4]


async def test_who_is_cancelled_while_asleep_does_not_keep_the_others_from_waking() -> None:
    slots = Slots(0.02)
    due_s = now_s() + 0.02
    first, second = slots.sleep_until(due_s), slots.sleep_until(due_s)
    first.cancel()
    async with asyncio.timeout(5):
        await second


async def test_a_slot_that_nobody_waits_for_any_more_has_no_timer() -> None:
    slots, called = Slots(0.02), list[str]()

    def one() -> None:
        called.append("one")

    def other() -> None:
        called.append("other")

    due_s = now_s() + 0.02
    slot = slots.call_at(due_s, one)
    assert slots.call_at(due_s, other) == slot
    slots.forget(slot, one)
    assert slot in slots._timers
    slots.forget(slot, other)
    assert not slots._timers
    await Slots(0.02).sleep_until(due_s + 0.02)
    assert called == []
