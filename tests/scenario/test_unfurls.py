"""Addresses of Dagster+ that people post show how things stand."""

from typing import Any

import yaml

from sandbox.slack.seen import SeenMessage, texts_in
from tests.scenario.test_failed_runs import fails
from tests.scenario.test_status import answer, document, somebody_deploys
from tests.scenario.world import CHANNEL, MANIFEST, RATES, World

HERE = "127.0.0.1"
"""The sandbox's Dagster+ is no subdomain of dagster.cloud."""


async def with_domain(world: World) -> str:
    """Have Slack tell of the sandbox's Dagster+; return its address."""
    manifest: dict[str, Any] = yaml.safe_load(MANIFEST.read_text())
    manifest["features"]["unfurl_domains"] = [HERE]
    await world.workspace.control("manifest", manifest=manifest)
    return world.core.services.dagster.deployment_url("prod")


async def posts(world: World, text: str, channel: str = CHANNEL) -> str:
    return await world.person("linus").say(channel, text)


async def shown(world: World, ts: str, says: str) -> SeenMessage:
    """Wait until what stands under a message says this."""

    async def look() -> SeenMessage | None:
        found = next(each for each in await world.workspace.messages(CHANNEL) if each.ts == ts)
        return found if says in read(found) else None

    return await world.workspace.wait_for(look, what=f"“{says}” under the message")


def read(message: SeenMessage) -> str:
    return "\n".join(texts_in(message.raw.get("attachments") or []))


async def test_a_deployment_a_location_and_a_run_show_how_they_stand(world: World) -> None:
    prod = await with_domain(world)
    world.break_code(location="marts")
    somebody_deploys(world, document("core", image="registry.example/core:7"), document("marts"))
    failed = fails(world)
    await answer(world, "/dagster status", "1 failed to load, 1 loaded")
    ts = await posts(world, f"{prod} {prod}/locations/core and {prod}/runs/{failed.run_id}")
    message = await shown(world, ts, "*daily* in core on prod failed")
    text = read(message)
    assert "*prod*: 1 failed to load, 1 loaded" in text
    assert ":x: *marts*: failed to load" in text
    assert "No module named 'rates'" in text
    assert RATES.message.strip() in text
    assert ":white_check_mark: *core*: loaded" in text
    assert "`core:7`" in text
    assert "KeyError: 'EUR'" in text


async def test_what_is_not_there_shows_nothing(world: World) -> None:
    prod = await with_domain(world)
    somebody_deploys(world, document("core"))
    nothing = await posts(
        world, f"{prod}/locations/nowhere {prod}/runs/0123 {prod}/assets {prod}x https://a.dev/prod"
    )
    ts = await posts(world, f"{prod}/locations/__repository__@core/jobs/daily")
    await shown(world, ts, "*core*:")
    messages = await world.workspace.messages(CHANNEL)
    (before,) = [each for each in messages if each.ts == nothing]
    assert read(before) == ""
    refused = [each for each in await world.workspace.calls() if not each["answer"].get("ok")]
    assert refused == []
