"""The medic redeploys what the infrastructure has failed, once, and then asks people."""

from pathlib import Path
from typing import Any

from sandbox.dagster_plus.faults import LoadErrorText
from sandbox.dagster_plus.instant_agent import BrokenCode
from tests.scenario.test_status import document, somebody_deploys
from tests.scenario.test_watch import CHANNEL_ID, CONFIG, loaded, looked
from tests.scenario.world import World, open_world

MEDIC: dict[str, Any] = {
    **CONFIG,
    "deployments": {
        "prod": {
            "may_deploy": ["U0ADA000001"],
            "watch_channel": CHANNEL_ID,
            "load_deadline": 1,
            "protected": True,
            "medic": {"wait_minutes": 0.005},
        }
    },
}
UNREACHABLE = LoadErrorText(
    message="Exception: Could not reach user code server. gRPC Error code: UNAVAILABLE\n"
)
BAD = "registry.example/marts:bad"


async def breaks(world: World, error: LoadErrorText, times: int | None = None) -> int:
    """The agent can't load marts any more; return the number of messages before."""
    before = await loaded(world, "core", "marts")
    world.set_agent(broken=[BrokenCode(image=BAD, error=error)])
    somebody_deploys(world, document("marts", image=BAD))
    await world.card("marts on prod fails to load", number=before)
    return before


async def test_what_was_unreachable_is_redeployed_and_loads(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    slow = {**MEDIC["deployments"]["prod"], "medic": {"wait_minutes": 0.05}}
    async with open_world(tmp_path, projects, **{**MEDIC, "deployments": {"prod": slow}}) as world:
        before = await breaks(world, UNREACHABLE)
        world.set_agent(broken=[])
        deploy = await world.ended(1)
        assert (deploy.by.key, deploy.kind.value) == ("bot:medic", "redeploy")
        assert [target.location for target in deploy.targets] == ["marts"]
        card = await world.card("marts is live on prod", number=before + 1)
        assert "the medic" in card.shown
        assert "Could not reach user code server" in card.shown
        incident = await world.card("marts on prod loads again after", number=before)
        await world.reply(incident, "marts loads again.")
        await looked(world, 3)
        assert len(await world.core.store.deploys.recent()) == 1


async def test_what_stays_broken_is_left_to_people(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, **MEDIC) as world:
        before = await breaks(world, UNREACHABLE)
        card = await world.card("marts on prod fails to load", number=before)
        await world.reply(card, "The medic has redeployed marts once, and it still fails")
        await looked(world, 3)
        assert len(await world.core.store.deploys.recent()) == 1


async def test_errors_in_the_users_code_are_never_redeployed(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, **MEDIC) as world:
        own = LoadErrorText(
            message="ConnectionError: Could not reach user code server\n",
            stack=['  File "/srv/marts/defs.py", line 3, in <module>\n    connect()\n'],
        )
        await breaks(world, own)
        await looked(world, 5)
        assert await world.core.store.deploys.recent() == []


async def test_without_a_policy_nothing_is_redeployed(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with open_world(tmp_path, projects, **CONFIG) as world:
        await breaks(world, UNREACHABLE)
        await looked(world, 5)
        assert await world.core.store.deploys.recent() == []
