"""A call that is cancelled, at whatever moment and more than once, holds nothing up."""

import asyncio
import random

from deploy_core.store.store import Store


def _left_closing() -> list[str]:
    """Connections that SQLAlchemy has to close on its own, because their statement was cut off."""
    coroutines = [task.get_coro() for task in asyncio.all_tasks()]
    names = [getattr(each, "__qualname__", "") for each in coroutines]
    return [name for name in names if "terminate" in name]


async def test_cancelled_calls_leave_the_store_usable_and_no_connection_behind(
    store: Store,
) -> None:
    chance = random.Random(7)  # when the cancellations come
    for number in range(60):
        calls = [
            *(asyncio.create_task(store.inbox.take(f"{number} {each}")) for each in range(4)),
            *(asyncio.create_task(store.outbox.due()) for _ in range(2)),
        ]
        await asyncio.sleep(chance.random() * 0.006)
        for _ in range(3):
            for call in calls:
                call.cancel()
            await asyncio.sleep(chance.random() * 0.002)
        await asyncio.gather(*calls, return_exceptions=True)
        assert _left_closing() == []
        async with asyncio.timeout(30):
            assert await store.inbox.take(f"next {number}")


async def test_a_cancelled_call_is_done_whole_and_then_cancelled(store: Store) -> None:
    call = asyncio.create_task(store.inbox.take("key", payload={"a": 1}))
    await asyncio.sleep(0)
    call.cancel()
    (result,) = await asyncio.gather(call, return_exceptions=True)
    assert isinstance(result, asyncio.CancelledError)
    assert not await store.inbox.take("key"), "it was taken"
