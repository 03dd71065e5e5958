"""Fault 1 for a pull request: `kill -9` of the real bot after each step that others can see, before
it is written down. The next bot goes on, and nothing is there twice."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from deploy_core.crash import crash_places
from deploy_core.model.errors import UsageError
from deploy_core.model.proposals import Proposal, ProposalState
from sandbox.git_host.server import TOKEN, GitHost, start_git_host
from tests.crash.killing import PROPOSAL
from tests.crash.world import World, eventually, killed, open_world

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

PLACES = [each for each in crash_places() if each.startswith(f"{PROPOSAL}:")]


async def test_killed_anywhere_there_is_one_pull_request_and_one_deploy(tmp_path: Path) -> None:
    async with open_world(tmp_path, pull_requests_seconds=0.2) as world:
        bare = tmp_path / "host.git"
        await asyncio.to_thread(shutil.copytree, world.report["projects"]["monorepo"], bare)
        host = await start_git_host(bare, "github")
        try:
            world.changes["projects"] = {
                "monorepo": {
                    "git": host.git_url,
                    "token": TOKEN,
                    "artifact": "source",
                    "host": {"kind": "github", "base_url": host.api},
                }
            }
            for number, place in enumerate(PLACES, 1):
                await one_killed(world, host, number, place)
        finally:
            await host.close()


async def one_killed(world: World, host: GitHost, number: int, place: str) -> None:
    """Add a location while the bot dies at a place, and let another one bring it live."""
    crashing = await world.start(crash_at=place)
    await world.connected(crashing)
    command = f"add-location shop{number} --in monorepo --module core.definitions"
    await world.types(f"{command} --working-directory core")
    bot = None
    if place != f"{PROPOSAL}:deploying":
        await killed(crashing)
        bot = await world.start()
    await reaches(world, number, ProposalState.OPEN)
    branches = await host.repository.branches()
    mine = [each for each in branches if each.startswith(f"dagster-chatops/add-shop{number}-")]
    assert len(mine) == 1
    assert [pull.branch for pull in host.repository.pulls[number - 1 :]] == mine
    await host.repository.merge(number)
    if bot is None:
        await killed(crashing)
        bot = await world.start()
    found = await reaches(world, number, ProposalState.DEPLOYED)
    assert found.deploy_id == number
    await eventually(lambda: world.told(number), 60, f"the end of deploy {number}")
    assert len(await world.deploys()) == number
    await bot.stop()


async def reaches(world: World, number: int, state: ProposalState) -> Proposal:
    """Wait until a proposal is there."""

    async def look() -> Proposal | None:
        with suppress(UsageError):  # not written down yet
            found = await world.store.proposals.get(number)
            return found if found.state is state else None
        return None

    found = await eventually(look, 60, f"{state} of proposal {number}")
    assert found is not None
    return found
