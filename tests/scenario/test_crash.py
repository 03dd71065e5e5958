"""What people asked and a crash cut off: carried out by the next process, and once."""

from datetime import timedelta

from bot.main import UNFINISHED
from deploy_core.model.people import Actor
from deploy_core.store.store import Store
from deploy_core.store.tables import inbox
from handlers import actions, modals
from handlers.desk import Ask
from sandbox.dagster_plus.faults import Faults, RequestFault
from tests.scenario.world import World

ADA = Actor(kind="slack", id="U0ADA000001")
FORGOTTEN = UNFINISHED + timedelta(minutes=1)


async def left_behind(world: World, *asks: Ask, ago: timedelta = timedelta(0)) -> None:
    """Write down what a process had taken and acknowledged when it died."""
    for ask in asks:
        await world.core.store.inbox.take(ask.key, payload=ask.payload())
        async with world.core.store.database.write() as connection:
            found = inbox.c.key == ask.key
            at = world.core.services.clock.now() - ago
            await connection.execute(inbox.update().where(found).values(at=at))


async def all_dealt_with(world: World) -> None:
    async def look() -> bool | None:
        return None if await world.core.store.inbox.unfinished(UNFINISHED) else True

    await world.workspace.wait_for(look, what="an end to what was left")


async def died_before_the_notes(store: Store) -> int:
    """Everything was carried out, but the process died before it could note so."""
    async with store.database.write() as connection:
        kept = inbox.c.payload.is_not(None)
        return (await connection.execute(inbox.update().where(kept).values(done_at=None))).rowcount


def click(action: str, deploy: int, at: str = "1.0") -> Ask:
    return Ask(
        key=f"click:{at}:{action}:{at}",
        by=ADA,
        channel="C0DEPLOYS01",
        action=action,
        value=actions.button_value(deploy),
    )


async def test_clicks_and_forms_that_were_only_written_down_are_carried_out(world: World) -> None:
    world.break_code(location="quickstart")
    await world.types("ada", "/dagster deploy quickstart")
    await world.card(button="deploy.retry")
    world.set_agent(broken=[])
    await world.types("ada", "/dagster deploy core to staging")
    await world.card("waits for Confirm", number=1)
    form = Ask(key="form:V1:", by=ADA, channel="C0DEPLOYS01", text="deploy marts --why a&amp;b")
    asked = [click(actions.CONFIRM, 2), click(actions.RETRY, 1), form]
    await left_behind(world, *asked)
    too_old = Ask(key="form:V0:", by=ADA, channel="C0DEPLOYS01", text="deploy ml")
    await left_behind(world, too_old, ago=FORGOTTEN)
    await world.stop_bot()
    await world.start_bot()
    await world.card("core is live on staging", number=1)
    await all_dealt_with(world)
    for number in (3, 4):
        await world.ended(number)
    found = {deploy.id: deploy for deploy in await world.core.store.deploys.recent()}
    assert sorted(found) == [1, 2, 3, 4], "the one that was too old is not made"
    assert {found[n].targets[0].location for n in (3, 4)} == {"quickstart", "marts"}
    assert "a&b" in {found[n].why for n in (3, 4)}
    assert [press.action for press in found[2].presses] == [actions.CONFIRM]


async def test_a_click_whose_press_was_noted_is_still_carried_out(world: World) -> None:
    """The crash came between the note on the card and the work."""
    await world.types("ada", "/dagster deploy quickstart to staging")
    await world.card("waits for Confirm")
    asked = click(actions.CONFIRM, 1)
    await left_behind(world, asked)
    await world.core.store.deploys.press(1, actions.CONFIRM, ADA, origin=asked.key)
    await world.stop_bot()
    await world.start_bot()
    await world.card("quickstart is live on staging")


async def test_what_took_effect_before_a_crash_is_not_done_again(world: World) -> None:
    await world.types("ada", "/dagster deploy quickstart@v1")
    await world.card("verified")
    await world.types("ada", "/dagster deploy")
    ada = world.person("ada")
    await ada.wait_for_view()
    await world.core.catalog.refresh()
    await ada.submit({modals.LOCATIONS: ["quickstart"]})
    card = await world.card(button="deploy.roll_back", number=1)
    await world.clicks("ada", card, "deploy.roll_back")
    await world.card("verified", number=2)
    await world.types("ada", "/dagster deploy core marts to staging")
    card = await world.card(button="deploy.confirm", number=3)
    await world.clicks("ada", card, "deploy.confirm")
    await world.card("2 locations are live on staging", number=3)
    await world.types("ada", "/dagster deploy core@v1 to staging")
    card = await world.card(button="deploy.cancel", number=4)
    await world.clicks("ada", card, "deploy.cancel")
    await world.card("cancelled", number=4)
    await world.ended(5)
    before = await world.core.store.deploys.recent()
    answers = len(await ada.ephemerals("#deploys"))

    assert await died_before_the_notes(world.core.store) == 8
    await world.stop_bot()
    refused = RequestFault(kind="status", status=401, times=None)  # to plan again would fail
    world.dagster.plane.faults.add(Faults(requests=[refused]))
    await world.start_bot()
    await all_dealt_with(world)
    assert await world.core.store.deploys.recent() == before
    assert len(await world.cards()) == 5
    told = [each.shown for each in (await ada.ephemerals("#deploys"))[answers:]]
    assert all("Open the form" in each for each in told), "a form's trigger is gone by then"
