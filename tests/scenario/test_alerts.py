"""Alerts that Dagster+ sends join what the watcher tells; what it hasn't found is told once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bot.alerts import LARGEST_ALERT, usable_secret
from deploy_core.model.errors import ConfigInvalid
from sandbox.dagster_plus.faults import Faults, RequestFault
from tests.scenario.test_failed_runs import begun, fails
from tests.scenario.test_subscriptions import DATA, breaks
from tests.scenario.test_watch import CONFIG, loaded, looked
from tests.scenario.world import CHANNEL, World, open_world
from tests.watch.test_alerts import body

SECRET = "0123456789abcdef0123456789"
SLOW: dict[str, Any] = {**CONFIG, "watch": {**CONFIG["watch"], "seconds": 600}}
SOON: dict[str, Any] = {**CONFIG, "watch": {**CONFIG["watch"], "alert_seconds": 0}}


@pytest.fixture
async def watched(tmp_path: Path, projects: dict[str, Path]) -> AsyncIterator[World]:
    async with open_world(tmp_path, projects, alerts_secret=SECRET, **CONFIG) as opened:
        yield opened


async def sends(
    world: World, sent: Any = None, secret: str = SECRET, **more: Any
) -> httpx.Response:
    """Dagster+ sends an alert."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        address = f"http://127.0.0.1:{world.bot.port}/alerts/{secret}"
        if isinstance(sent, bytes):
            return await http.post(address, content=sent)
        return await http.post(address, json=body(**more) if sent is None else sent)


async def alert(world: World, **more: Any) -> str:
    answer = await sends(world, **more)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["taken"])


async def test_an_alert_joins_the_message_that_is_there(watched: World) -> None:
    before = await loaded(watched, "marts")
    breaks(watched, "marts")
    card = await watched.card("marts on prod fails to load", number=before)
    assert await alert(watched, location="marts") == "new"
    await watched.reply(card, "Dagster+ has alerted of this too, by its policy Critical.")
    assert await alert(watched, location="marts") == "again"
    await looked_again(watched)
    assert len(await watched.cards()) == before + 1


async def seen(world: World) -> None:
    """Wait until the locations were looked at; the next time is ten minutes later."""

    async def look() -> bool | None:
        return await world.core.store.watching.last("prod", "locations") is not None or None

    await world.workspace.wait_for(look, what="the first look at the locations")


async def looked_again(world: World) -> None:
    """Wait until no alert waits any more, and all was told."""

    async def look() -> bool | None:
        if await world.core.store.alerts.waiting("prod"):
            return None
        return True if (await world.core.store.outbox.waiting()).count == 0 else None

    await world.workspace.wait_for(look, what="no alert that waits")


async def test_an_alert_has_the_deployment_looked_at_at_once(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, alerts_secret=SECRET, **SLOW) as world:
        await begun(world)
        await seen(world)
        fails(world)
        breaks(world, "marts")
        assert await alert(world, location="core") == "new"
        for says in ("1 run of daily in core", "marts on prod fails to load"):
            await world.workspace.wait_for_message(
                CHANNEL,
                lambda message, says=says: says in message.text,  # type: ignore[misc]
            )


async def test_an_alert_of_a_failed_run_joins_its_group(watched: World) -> None:
    await begun(watched)
    first = fails(watched)
    card = await watched.card("1 run of daily in core on prod failed alike")
    assert await alert(watched, run=first.run_id, status="FAILURE") == "new"
    await watched.reply(card, "Dagster+ has alerted of this too")
    second = fails(watched)
    assert await alert(watched, run=second.run_id, status="FAILURE") == "new"
    await watched.card("2 runs of daily in core on prod failed alike")
    await looked_again(watched)
    assert len(await watched.cards()) == 1


async def test_what_the_watcher_has_not_found_is_told_once_and_by_subscription(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, alerts_secret=SECRET, **SOON) as world:
        before = await loaded(world, "core")
        await world.types("linus", "/dagster subscribe agents", DATA)
        await world.card("subscribed", channel=DATA)
        assert await alert(world, location="core", summary="core <!channel> is odd") == "new"
        card = await world.card(
            "Dagster+ alerts on prod: core &lt;!channel&gt; is odd", number=before
        )
        assert "Sent by Dagster+, by its policy Critical. The bot itself has seen" in card.shown
        await world.stop_bot()
        await world.start_bot()
        assert await alert(world, location="core", summary="core <!channel> is odd") == "again"
        assert await alert(world, agents="https://acme.dagster.cloud/prod/agents") == "new"
        await world.card("Dagster+ alerts on prod: Something happened", number=before + 1)
        await world.card("Dagster+ alerts on prod: Something happened", channel=DATA, number=1)
        assert len(await world.cards(DATA)) == 2
        assert len(await world.cards()) == before + 2


async def test_what_is_found_later_is_joined_to_the_alert_that_was_told_alone(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, alerts_secret=SECRET, **SOON) as world:
        before = await loaded(world, "core")
        await alert(world, location="core")
        alone = await world.card("Dagster+ alerts on prod", number=before)
        assert "has seen nothing of it" in alone.shown
        breaks(world, "core")
        card = await world.card("core on prod fails to load", number=before + 1)
        await world.reply(card, "Dagster+ has alerted of this too, by its policy Critical.")

        async def look() -> bool:
            return "has found it since" in (await world.cards())[before].shown

        await world.workspace.wait_for(look, what="the alert's message says so")
        assert len(await world.cards()) == before + 2


async def test_a_deploy_that_fails_tells_of_it_itself(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, alerts_secret=SECRET, **SOON) as world:
        await looked(world)
        world.break_code()
        await world.types("ada", "/dagster deploy quickstart")
        await world.ended(1)
        number = len(await world.cards())
        assert await alert(world, location="quickstart") == "new"
        await looked_again(world)
        assert "Dagster+ alerts" not in "".join(each.text for each in await world.cards())
        assert len(await world.cards()) >= number


async def test_what_a_crash_cuts_off_is_dealt_with_by_the_next_process(watched: World) -> None:
    before = await loaded(watched, "marts")
    away = RequestFault(operation="query", kind="status", times=None)
    watched.dagster.plane.faults.add(Faults(requests=[away]))
    breaks(watched, "marts")
    assert await alert(watched, location="marts") == "new"
    await watched.stop_bot()
    watched.dagster.plane.faults.clear()
    await watched.start_bot()
    card = await watched.card("marts on prod fails to load", number=before)
    await watched.reply(card, "Dagster+ has alerted of this too")


@pytest.mark.parametrize(
    ("sent", "status", "says"),
    [
        (b"no json", 400, "The body is no JSON."),
        (b"[" * 30_000, 400, "no JSON"),
        ([], 400, "The body must be a JSON object, as the template makes it."),
        ({"deployment": "dev", "summary": "x"}, 400, "The configuration has no deployment dev."),
        ({"summary": "x"}, 400, "Deployment is missing"),
        (b" " * (LARGEST_ALERT + 1), 413, "too long"),
    ],
)
async def test_what_can_not_be_an_alert_is_refused(
    watched: World, sent: Any, status: int, says: str
) -> None:
    answer = await sends(watched, sent)
    assert answer.status_code == status
    assert says in answer.json()["error"]


async def test_only_who_knows_the_secret_is_heard(
    watched: World, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in (SECRET[:-1], f"{SECRET}0", "%F0%9F%98%80", "x"):
        answer = await sends(watched, secret=wrong, location="core")
        assert answer.status_code == 404
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        found = await http.get(f"http://127.0.0.1:{watched.bot.port}/alerts/{SECRET}")
        metrics = await http.get(f"http://127.0.0.1:{watched.bot.port}/metrics")
    assert found.status_code == 405
    assert await watched.core.store.alerts.waiting("prod") == []
    assert 'dagster_chatops_alerts_total{result="refused"} 4.0' in metrics.text
    assert SECRET not in capsys.readouterr().out


async def test_samples_and_good_news_tell_nothing(watched: World) -> None:
    assert await alert(watched, sample="true") == "sample"
    assert await alert(watched, run="abc", status="SUCCESS") == "good"
    assert await watched.core.store.alerts.waiting("prod") == []


async def test_without_a_secret_there_is_no_such_address(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, **CONFIG) as world:
        assert (await sends(world, location="core")).status_code == 404


@pytest.mark.parametrize("secret", ["short", "x" * 19 + "/", "x" * 30 + "ä", ""])
def test_a_secret_that_can_be_guessed_is_refused(secret: str) -> None:
    with pytest.raises(ConfigInvalid, match="at least 20 characters"):
        usable_secret(SecretStr(secret))


def test_a_secret_that_cannot_be_guessed_is_taken() -> None:
    assert usable_secret(SecretStr(SECRET)) == SECRET.encode()
