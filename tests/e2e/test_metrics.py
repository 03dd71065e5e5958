"""`/metrics` of a real process, after deploys to an agent that loads nothing and is quick."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.world import CHANNEL, World, open_world

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


LOADS_AFTER = 0.3
BROKEN = {"error": {"message": "ModuleNotFoundError: No module named 'rates'"}}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    home = tmp_path_factory.mktemp("metrics")
    async with open_world(home, "--instant-agent", str(LOADS_AFTER)) as opened:
        yield opened


async def metrics(world: World) -> dict[str, float]:
    """Return every sample of the page as `name{label="value"}`."""
    lines = (await asyncio.to_thread(world.bot.log.read_text)).splitlines()
    events = [json.loads(line) for line in lines if line.startswith("{")]
    port = [event["port"] for event in events if event["event"] == "server_listens"][-1]
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        answer = await http.get(f"http://127.0.0.1:{port}/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f'{key}="{sample.labels[key]}"' for key in sorted(sample.labels))
            name = sample.name.removeprefix("dagster_chatops_")
            found[f"{name}{{{labels}}}" if labels else name] = sample.value
    return found


def grown(before: dict[str, float], after: dict[str, float]) -> Callable[[str], float]:
    return lambda name: after.get(name, 0.0) - before.get(name, 0.0)


async def test_a_deploy_its_steps_calls_and_ack_are_counted(world: World) -> None:
    await world.make_live("quickstart")
    before = await metrics(world)
    await world.end(await world.deploy(f'quickstart@v2 --why "{world.unique()}"'))
    after = await metrics(world)
    more = grown(before, after)
    assert more('targets_ended_total{deployment="prod",reason="",result="verified"}') == 1
    assert more('step_seconds_count{result="finished",step="apply"}') == 1
    assert more('step_seconds_sum{result="finished",step="wait"}') >= LOADS_AFTER
    assert more('ack_seconds_count{kind="command",result="new"}') == 1
    put = 'dagster_plus_call_seconds_count{operation="ChatopsPutLocation",result="ok"}'
    assert more(put) == 1
    assert more('slack_call_seconds_count{method="chat.postMessage",result="ok"}') >= 2
    assert more('slack_call_seconds_count{method="chat.update",result="ok"}') >= 1
    assert (after["targets_running"], after["targets_queued"]) == (0, 0)
    assert after["slack_ready"] == after["store_ready"] == 1
    assert any(name.startswith("build_info{") for name in after)
    assert after["process_resident_memory_bytes"] > 1_000_000


async def test_what_was_put_back_is_counted_with_its_reason(world: World) -> None:
    await world.make_live("quickstart")
    before, broken = await metrics(world), await world.commit("quickstart", "broken")
    agent = {"delay_seconds": LOADS_AFTER, "broken": [{**BROKEN, "commit_hash": broken}]}
    (await world.dagster.post("/sandbox/instant_agent", json=agent)).raise_for_status()
    await world.end(await world.deploy(f'quickstart@broken --why "{world.unique()}"'))
    more = grown(before, await metrics(world))
    assert (
        more('targets_ended_total{deployment="prod",reason="load_failed",result="put_back"}') == 1
    )
    assert more('step_seconds_count{result="failed",step="wait"}') == 1
    assert more('step_seconds_count{result="finished",step="put_back_verify"}') == 1


async def test_what_waits_is_seen_while_it_waits(world: World) -> None:
    await world.make_live("quickstart")
    await world.faults(loads=[{"location": "quickstart", "kind": "never_loaded"}])
    try:
        first = await world.deploy(f'quickstart@v2 --why "{world.unique()}"')
        await world.until(first, "waiting for the agent to load it")
        second = await world.deploy(f'quickstart@v1 --why "{world.unique()}"')
        await world.until(second, "number 2 in line")
        seen = await metrics(world)
        assert (seen["targets_running"], seen["targets_queued"]) == (1, 1)
        await world.press(second, "deploy.cancel")
        await world.end(second)
    finally:
        await world.no_faults()
    await world.end(first)
    now = await metrics(world)
    assert now['targets_ended_total{deployment="prod",reason="",result="cancelled"}'] >= 1
    assert (now["targets_running"], now["targets_queued"]) == (0, 0)


async def test_a_command_delivered_twice_and_one_said_twice_are_told_apart(world: World) -> None:
    before = await metrics(world)
    ada = world.person()
    text = f'/dagster deploy nonsense --why "{world.unique()}"'
    for _ in range(2):
        assert (await ada.command(CHANNEL, text)).acked
    after = await metrics(world)
    said = 'ack_seconds_count{kind="command",result="said_twice"}'
    assert after.get(said, 0) - before.get(said, 0) == 1
