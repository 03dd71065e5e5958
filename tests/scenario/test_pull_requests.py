"""`/dagster add-location … --in PROJECT`: by a pull request into a repository, to live."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from deploy_core.model.proposals import ProposalState
from deploy_core.sources.dagster_cloud_yaml import parse_dagster_cloud_yaml
from sandbox.git_host.server import TOKEN, GitHost, start_git_host
from tests.scenario.world import World, open_world

FILE = "dagster_cloud.yaml"
ADD = "add-location shop --in monorepo --module core.definitions --working-directory core"
Kind = Literal["github", "gitlab"]


@asynccontextmanager
async def hosted(
    folder: Path, projects: dict[str, Path], kind: Kind = "github", **changes: Any
) -> AsyncIterator[tuple[World, GitHost]]:
    """A world in which the project `monorepo` is on a git host."""
    bare = folder / "host.git"
    await asyncio.to_thread(shutil.copytree, projects["monorepo"], bare)
    async with AsyncExitStack() as stack:
        host = await start_git_host(bare, kind)
        stack.push_async_callback(host.close)
        project = {
            "git": host.git_url,
            "token": TOKEN,
            "artifact": "source",
            "host": {"kind": kind, "base_url": host.api},
            "commit_author": "dagster-chatops <bot@acme.example>",
            **changes,
        }
        opened = open_world(
            folder / "world",
            projects,
            projects={"monorepo": project},
            pull_requests_seconds=0.2,
        )
        yield await stack.enter_async_context(opened), host


@pytest.fixture
async def github(tmp_path: Path, projects: dict[str, Path]) -> AsyncIterator[tuple[World, GitHost]]:
    async with hosted(tmp_path, projects) as opened:
        yield opened


def live(world: World, location: str = "shop") -> dict[str, Any] | None:
    known = world.dagster.plane.deployments["prod"].locations
    return known[location].document if location in known else None


async def state_is(world: World, wanted: ProposalState, number: int = 1) -> None:
    async def look() -> bool:
        return (await world.core.store.proposals.get(number)).state is wanted

    await world.workspace.wait_for(look, what=f"the state {wanted}")


WAYS = [("github", "merge"), ("github", "squash"), ("gitlab", "merge"), ("gitlab", "fast-forward")]


@pytest.mark.parametrize(("kind", "how"), WAYS)
async def test_from_a_line_of_text_to_live(
    tmp_path: Path, projects: dict[str, Path], kind: Kind, how: Any
) -> None:
    async with hosted(tmp_path, projects, kind) as (world, host):
        before = await host.repository.show("main", FILE)
        await world.types("ada", f'/dagster {ADD} --why "a first try"')
        card = await world.card("pull request 1 waits to be merged")
        assert "“a first try”" in card.shown
        pull = host.repository.pulls[0]
        pull.checks = {"build": "waiting", "lint": "good"}
        assert (pull.base, pull.title) == ("main", "Add the code location shop")
        after = await host.repository.show(pull.branch, FILE)
        assert after.startswith(before[: before.index("  # Training")])
        names = [one.name for one in parse_dagster_cloud_yaml(after, path=FILE)]
        assert names == ["core", "marts", "ml", "shop"]
        assert live(world) is None, "nothing is deployed before the merge"
        await shown(world, "1 passed", "1 running")
        pull.checks = {"build": "bad", "lint": "good"}
        card = await shown(world, "1 failed")
        assert "build" in card.shown
        sha = await host.repository.merge(1, how)
        await world.card("shop is merged into monorepo with pull request 1.")
        await world.card("shop is live on prod", number=1)
        found = live(world)
        assert found is not None
        assert found["git"]["commit_hash"] == sha


async def shown(world: World, *words: str) -> Any:
    """Wait until the first card has all of these words."""

    async def look() -> Any:
        cards = await world.cards()
        return cards[0] if cards and all(word in cards[0].shown for word in words) else None

    return await world.workspace.wait_for(look, what=f"a card with {words}")
