"""Steps of a round: heard where somebody listens, free where nobody does."""

import asyncio

from collectors import story


async def test_steps_are_heard_in_order_also_from_the_tasks_of_a_round() -> None:
    heard: list[str] = []

    async def part() -> None:
        story.answered("a reply of %d bytes", 7)

    its_story = story.begin(heard.append)
    story.tell("100 % as it stands")
    async with asyncio.TaskGroup() as group:
        group.create_task(part())
    assert heard == ["100 % as it stands", "a reply of 7 bytes"]
    assert its_story.answered


async def test_rounds_side_by_side_have_stories_of_their_own() -> None:
    async def round_of(name: str) -> list[str]:
        heard: list[str] = []
        story.begin(heard.append)
        await asyncio.sleep(0)
        story.tell(name)
        return heard

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(round_of(name)) for name in ("a", "b")]
    assert [it.result() for it in tasks] == [["a"], ["b"]]


async def test_where_nobody_listens_nothing_is_put_into_words() -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError

    async def unobserved() -> None:
        story.tell("%s", Costly())

    story.begin()
    assert not story.is_heard()
    await asyncio.create_task(unobserved())
