"""The programs as a person runs them: the command line, the demo, and how the bot ends."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from sandbox.bot_process import config_of, start_bot
from tests.e2e.world import BOT_CHANGES, CHANNEL, DRAIN_SECONDS, World

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

GOOD, FAILED, USAGE, NEEDS_HUMAN, CANCELLED = range(5)


async def cli(world: World, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run `dagster-chatops` with the bot's configuration; its exit code and all it printed."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "dagster-chatops"),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={
            **world.bot.environment,
            "DAGSTER_CHATOPS_CONFIG": str(world.bot.config),
            "COLUMNS": "200",
            **environment,
        },
    )
    output, _ = await asyncio.wait_for(process.communicate(), 90)
    return process.returncode or 0, output.decode()


async def own_store(world: World, folder: Path) -> str:
    """Write a configuration with a store of its own, in which the bot runs nothing."""
    path = folder / "own.yaml"
    await asyncio.to_thread(path.write_text, yaml.safe_dump(config_of(world.report, folder)))
    return str(path)


async def test_the_command_line_deploys_and_says_what_broke(world: World, tmp_path: Path) -> None:
    own = await own_store(world, tmp_path)
    v1 = await world.commit("quickstart", "v1")
    code, said = await cli(world, "deploy", "quickstart@v1", "--to", "prod", "--config", own)
    assert code == GOOD, said
    assert "quickstart: waiting for the agent" in said
    assert "live and verified" in said
    await world.is_live("quickstart", v1)

    arguments = ("deploy", "quickstart@needs-env", "--to", "staging", "--yes", "--config", own)
    code, said = await cli(world, *arguments)
    assert code == FAILED, said
    assert "KeyError: 'QUICKSTART_WAREHOUSE_URL'" in said
    assert "quickstart/warehouse.py:3" in said
    assert "nothing" in said.lower()


async def test_the_command_line_beside_a_running_bot_leaves_the_work_to_it(world: World) -> None:
    code, said = await cli(world, "deploy", "marts", "--why", "from the terminal")
    assert code == GOOD, said
    assert "The running bot carries this deploy out" in said
    await world.is_live("marts", await world.commit("monorepo", "main"))


async def test_a_plan_is_shown_and_a_protected_deployment_wants_a_yes(
    world: World, tmp_path: Path
) -> None:
    own = await own_store(world, tmp_path)
    before = await world.location("core", "staging")
    code, said = await cli(world, "deploy", "core", "--to", "staging", "--plan", "--config", own)
    assert code == GOOD, said
    assert "core → staging" in said
    code, said = await cli(world, "deploy", "core", "--to", "staging", "--config", own)
    assert code == CANCELLED, said
    assert "`--yes` confirms" in said
    assert await world.location("core", "staging") == before


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["deploy", "nonsense"], "unknown_location"),
        (["deploy", "quickstart", "--to", "nowhere"], "unknown_deployment"),
        (["deploy", "core@v1", "marts@v2"], "mixed_projects"),
        (["check", "--config", "/nonexistent/file.yaml"], "config_invalid"),
    ],
)
async def test_what_cannot_be_used_exits_with_2(
    world: World, arguments: list[str], reason: str
) -> None:
    code, said = await cli(world, *arguments)
    assert code == USAGE, said
    assert reason in said
    assert "Traceback" not in said


async def test_check_and_status_say_what_is_wrong(world: World) -> None:
    code, said = await cli(world, "check")
    assert code == GOOD, said
    assert "All is well." in said
    assert "What breaks on prod: nobody is told" in said
    code, said = await cli(world, "check", DAGSTER_CLOUD_API_TOKEN="user:sandbox:wrong")
    assert code == FAILED, said
    assert "Put a valid user token into DAGSTER_CLOUD_API_TOKEN." in said

    await world.make_live("quickstart")
    code, said = await cli(world, "status", "quickstart")
    assert code == GOOD, said
    assert "loaded" in said
    code, said = await cli(world, "status", "nonsense")
    assert code == USAGE, said


async def test_sigterm_ends_the_bot_within_seconds_and_the_next_one_goes_on(world: World) -> None:
    """It ends in the middle of a wait, which is given back after the drain."""
    await world.make_live("quickstart")
    v2 = await world.commit("quickstart", "v2")
    await world.faults(loads=[{"location": "quickstart", "kind": "never_loaded"}])
    try:
        card = await world.deploy('quickstart@v2 --why "across a restart"')
        await world.until(card, "waiting for the agent to load it")
        began = time.monotonic()
        assert await world.bot.stop() == GOOD
        assert time.monotonic() - began < DRAIN_SECONDS + 30
        log = await asyncio.to_thread(world.bot.log.read_text)
    finally:
        world.bot = await start_bot(world.report, world.bot.config.parent, BOT_CHANGES)
        await world.no_faults()
    assert "Traceback" not in log, log
    for secret in ("xoxb-", "xapp-", world.report["user_token"]):
        assert secret not in log
    ended = await world.end(card)
    assert f"quickstart is live on prod at {v2[:7]}, verified" in ended.text
    await world.is_live("quickstart", v2)
    await world.workspace.wait_for_sockets(1)


async def test_the_health_paths_say_whether_it_is_ready(world: World) -> None:
    lines = (await asyncio.to_thread(world.bot.log.read_text)).splitlines()
    events = [json.loads(line) for line in lines if line.startswith("{")]
    port = [event["port"] for event in events if event["event"] == "server_listens"][-1]
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60
    ) as http:
        assert (await http.get("/livez")).json() == {"live": True}
        answer = await http.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {"slack": "ok", "store": "ok"}


async def test_bare_commands_help_and_typos_are_answered_privately(world: World) -> None:
    ada = world.person()
    assert (await ada.command(CHANNEL, "/dagster")).acked
    await ada.wait_for_ephemeral(CHANNEL, lambda message: "redeploy LOCATION" in message.shown)
    assert (await ada.command(CHANNEL, "/dagster deplyo quickstart")).acked
    await ada.wait_for_ephemeral(CHANNEL, lambda message: "Did you mean" in message.shown)
    assert (await ada.command(CHANNEL, "/dagster deploy quikstart")).acked
    unknown = await ada.wait_for_ephemeral(
        CHANNEL, lambda message: "unknown_location" in message.shown
    )
    assert "`quickstart`" in unknown.shown
    linus = world.person("linus")
    assert (await linus.command(CHANNEL, "/dagster deploy quickstart")).acked
    await linus.wait_for_ephemeral(CHANNEL, lambda message: "not_allowed" in message.shown)


@pytest.mark.proof
async def test_the_demo_ends_well_without_a_terminal(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.demo", "--home", str(tmp_path)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    output, _ = await asyncio.wait_for(process.communicate(), 240)
    said = output.decode()
    assert process.returncode == 0, said
    assert "live and verified" in said
    assert "rolled back" in said
    assert "quickstart on prod fails to load" in said
    assert "re-executed 3 runs from failure" in said
    assert "Traceback" not in said
