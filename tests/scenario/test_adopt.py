"""`/dagster adopt`, and what status says of fields that differ from git."""

import getpass
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy_core.model.proposals import ProposalState
from sandbox.git_host.faults import Fault
from sandbox.git_host.server import GitHost
from sandbox.slack.client import all_of
from sandbox.slack.seen import SeenMessage
from tests.scenario.test_add_location import in_terminal
from tests.scenario.test_pull_requests import FILE, committed, hosted, live, nth, state_is
from tests.scenario.test_status import answer, somebody_deploys
from tests.scenario.world import World

ADOPT = "/dagster adopt shop to monorepo in prod"
GIT, LIVE = "command.run:git", "command.run:adopt"
CONTEXT = {"k8s": {"namespace": "data-platform", "env_vars": ["ENVIRONMENT=production", "A=1"]}}
SHOP: dict[str, Any] = {
    "location_name": "shop",
    "code_source": {"module_name": "core.definitions"},
    "working_directory": "core",
    "attribute": "defs",
    "container_context": CONTEXT,
}


@pytest.fixture
async def github(tmp_path: Path, projects: dict[str, Path]) -> AsyncIterator[tuple[World, GitHost]]:
    async with hosted(tmp_path, projects) as opened:
        yield opened


async def entry_of_first_pull(host: GitHost) -> str:
    """What the first pull request has added to the file."""
    before = await host.repository.show("main", FILE)
    after = await host.repository.show(host.repository.pulls[0].branch, FILE)
    assert after.startswith(before)
    return after.removeprefix(before)


async def test_what_was_added_by_hand_comes_into_git_and_goes_live_from_there(
    github: tuple[World, GitHost],
) -> None:
    world, host = github
    somebody_deploys(world, SHOP)
    await world.types("ada", f'{ADOPT} --why "found in Dagster+"')
    card = await nth(world, 1, "pull request 1 waits to be merged")
    assert "“found in Dagster+”" in card.shown
    assert host.repository.pulls[0].title == "Add the code location shop"
    assert "what is live on `prod`" in host.repository.pulls[0].body
    assert await entry_of_first_pull(host) == (
        "  - location_name: shop\n    code_source:\n      module_name: core.definitions\n"
        "    working_directory: core\n    attribute: defs\n    container_context:\n      k8s:\n"
        "        env_vars:\n        - ENVIRONMENT=production\n        - A=1\n"
    )
    sha = await host.repository.merge(1)
    await world.card("shop is live on prod", number=1)
    found = live(world)
    assert found is not None
    assert found["git"]["commit_hash"] == sha
    assert found["working_directory"].endswith(f"{sha}/core")
    set_by_deploys = ("git", "working_directory")
    assert {key: value for key, value in found.items() if key not in set_by_deploys} == {
        key: value for key, value in SHOP.items() if key not in set_by_deploys
    }


async def test_what_a_deploy_sets_is_not_written_and_that_is_said(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with hosted(tmp_path, projects, artifact="auto") as (world, host):
        pex = {"pex_tag": "files=deps-a.pex:source-b.pex", "python_version": "3.11"}
        somebody_deploys(world, {**SHOP, "pex_metadata": pex})
        await world.types("ada", ADOPT)
        card = await nth(world, 1, "pull request 1 waits to be merged")
        said = "Its PEX files aren't written: the code comes from the project."
        assert said in card.shown
        assert f"- {said}" in host.repository.pulls[0].body
        assert "pex" not in await entry_of_first_pull(host)


async def test_what_ci_deploys_is_live_when_ci_has_deployed_it(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with hosted(tmp_path, projects, "gitlab", ci_deploys=True) as (world, host):
        somebody_deploys(world, SHOP)
        await world.types("ada", ADOPT)
        await nth(world, 1, "waits to be merged")
        sha = await host.repository.merge(1)
        await nth(world, 1, "its CI deploys it")
        await world.core.proposer.advance(1)
        await state_is(world, ProposalState.FOLLOWING)
        somebody_deploys(world, {**SHOP, "git": {"commit_hash": sha}})
        await nth(world, 1, "shop is live on prod: monorepo's CI has deployed")


async def test_a_prebuilt_image_stays(tmp_path: Path, projects: dict[str, Path]) -> None:
    async with hosted(tmp_path, projects, artifact="prebuilt") as (world, host):
        somebody_deploys(world, {**SHOP, "image": "ghcr.io/acme/shop@sha256:0a"})
        await world.types("ada", ADOPT)
        await nth(world, 1, "pull request 1 waits to be merged")
        assert "\n    image: ghcr.io/acme/shop@sha256:0a\n" in await entry_of_first_pull(host)


async def test_what_stands_in_the_way_is_said_at_once_and_to_who_asked(
    github: tuple[World, GitHost],
) -> None:
    world, host = github
    before = await host.repository.branches()
    core = {**SHOP, "location_name": "core"}
    bare = {"location_name": "bare", "code_source": {"module_name": "bare"}}
    somebody_deploys(world, SHOP, core, bare, {**core, "location_name": "quickstart"})
    refused = {
        "adopt nowhere to monorepo": ("prod has no code location nowhere", "unknown_location"),
        "adopt shop to elsewhere": ("There is no project elsewhere", "unknown_project"),
        "adopt core to monorepo": (
            "--update",
            "core is in the project monorepo already",
            "already_in_project",
        ),
        "adopt bare to monorepo": ("`container_context.k8s.namespace`", "defaults_differ"),
        "adopt shop to monorepo in nowhere": ("no deployment nowhere", "unknown_deployment"),
    }
    for text, words in refused.items():
        found = await world.asks("ada", f"/dagster {text}")
        assert all(each in found.shown for each in words), found.shown
    found = await world.asks("linus", ADOPT)
    assert "`not_allowed`" in found.shown
    await committed(host, FILE, "locations:\n  core:\n    python_file: core.py\n")
    found = await world.asks("ada", ADOPT)
    assert "`file_not_editable`" in found.shown
    assert await host.repository.branches() == before
    assert (await world.cards(), host.asked) == ([], [])


async def test_a_location_of_another_project_is_not_adopted(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    more = {"quickstart": {"git": str(projects["quickstart"]), "artifact": "source"}}
    async with hosted(tmp_path, projects, others=more) as (world, _):
        somebody_deploys(world, {**SHOP, "location_name": "quickstart"})
        for text in ("adopt quickstart to monorepo", "adopt quickstart to monorepo --update"):
            found = await world.asks("ada", f"/dagster {text}")
            assert "quickstart is in the project quickstart already" in found.shown


async def test_it_is_on_its_way_once(github: tuple[World, GitHost]) -> None:
    world, host = github
    somebody_deploys(world, SHOP)
    await world.types("ada", ADOPT)
    await nth(world, 1, "pull request 1 waits to be merged")
    found = await world.asks("grace", ADOPT)
    assert "shop is on its way into monorepo already" in found.shown
    assert "`already_proposed`" in found.shown
    assert len(host.repository.pulls) == 1


async def test_from_a_terminal_to_live(tmp_path: Path, projects: dict[str, Path]) -> None:
    prod = {"may_deploy": [f"cli:{getpass.getuser()}"], "load_deadline": 1}
    more = {"quickstart": {"git": str(projects["quickstart"]), "artifact": "source"}}
    opened = hosted(tmp_path, projects, others=more, config={"deployments": {"prod": prod}})
    async with opened as (world, host):
        core = {**SHOP, "location_name": "core"}
        somebody_deploys(world, SHOP, core, {**core, "location_name": "quickstart"})
        refused = {"core": "--update", "quickstart": "in the project quickstart already"}
        for location, said in refused.items():
            code, output = await adopted(world, tmp_path, location)
            assert (code, "already_in_project" in output) == (2, True), output
            assert said in " ".join(output.split())
        host.faults.add(Fault("no_rights", times=None, method="POST"))
        code, output = await adopted(world, tmp_path, "shop", "--why", "by hand")
        assert (code, "host_not_allowed" in output) == (1, True), output
        host.faults.clear()
        code, output = await adopted(world, tmp_path, "shop", "--in", "prod")
        assert code == 0, output
        assert "Opened pull request 1 into main" in output
        assert "    attribute: defs\n" in await entry_of_first_pull(host)
        assert "> by hand" in host.repository.pulls[0].body
        code, output = await adopted(world, tmp_path, "core", "--update")
        assert code == 0, output
        assert host.repository.pulls[1].title == "Update the code location core"
        sha = await host.repository.merge(1)
        await state_is(world, ProposalState.DEPLOYED)
        await world.ended(1)
        found = live(world)
        assert found is not None
        assert found["git"]["commit_hash"] == sha


async def adopted(world: World, folder: Path, location: str, *more: str) -> tuple[int, str]:
    """Run `dagster-chatops adopt` beside the bot."""
    said = ("adopt", location, "--to", "monorepo", *more)
    return await in_terminal(world, folder / "world", *said)


# Fields that differ.


async def changed_by_hand(world: World, at: str = "prod") -> SeenMessage:
    """Core is deployed from git, and somebody changes it in Dagster+; return its status."""
    known = world.dagster.plane.deployments[at].locations
    changed = {
        **known["core"].document,
        "attribute": "other",
        "executable_path": "/usr/bin/python3",
    }
    somebody_deploys(world, changed, at=at)
    return await answer(world, f"/dagster status core in {at}", "*Live only*")


async def core_is_live(world: World) -> None:
    await world.types("ada", "/dagster deploy core")
    await nth(world, 1, "core is live on prod")


async def test_what_was_changed_by_hand_is_adopted_from_the_status(
    github: tuple[World, GitHost],
) -> None:
    world, host = github
    await core_is_live(world)
    found = await world.asks("ada", "/dagster status core")
    assert "iffer" not in found.shown, "the commit and the checkout are no drift"
    found = await changed_by_hand(world)
    assert "• `attribute`: `other`" in found.shown
    line = await answer(world, "/dagster status", "2 fields differ from git")
    assert "*core*" in line.shown
    assert (GIT in found.action_ids, LIVE in found.action_ids) == (False, True)
    await all_of(*(world.person("ada").click(found, LIVE) for _ in range(2)))
    await nth(world, 2, "pull request 1 waits to be merged")
    await world.private("ada", "This button was pressed already")
    pull = host.repository.pulls[0]
    assert pull.title == "Update the code location core"
    before = await host.repository.show("main", FILE)
    core = "    working_directory: core\n"
    own = f"{core}    attribute: other\n    executable_path: /usr/bin/python3\n"
    assert await host.repository.show(pull.branch, FILE) == before.replace(core, own)
    await host.repository.merge(1)
    await state_is(world, ProposalState.DEPLOYED)
    await nth(world, 3, "core is live on prod")
    assert len(host.repository.pulls) == 1
    await world.core.catalog.refresh()
    found = await world.asks("ada", "/dagster status core")
    assert "iffer" not in found.shown


async def test_git_is_put_back_over_what_was_changed_by_hand(
    github: tuple[World, GitHost],
) -> None:
    world, host = github
    await core_is_live(world)
    known = world.dagster.plane.deployments["prod"].locations
    other = {"k8s": {**CONTEXT["k8s"], "namespace": "elsewhere"}}
    somebody_deploys(world, {**known["core"].document, "container_context": other})
    found = await answer(world, "/dagster status core", "*Live differs from `main`*")
    assert "• `container_context.k8s.namespace`: from `elsewhere` to `data-platform`" in found.shown
    assert "command.run:deploy" not in found.action_ids, "it is the same button"
    await all_of(*(world.person("ada").click(found, GIT) for _ in range(2)))
    await world.private("ada", "This button was pressed already")
    await nth(world, 2, "core is live on prod")
    document = live(world, "core")
    assert document is not None
    assert document["container_context"]["k8s"]["namespace"] == "data-platform"
    assert len(await world.core.store.deploys.recent()) == 2
    assert host.repository.pulls == []


async def test_on_a_protected_deployment_git_waits_for_its_confirm(
    github: tuple[World, GitHost],
) -> None:
    world, _ = github
    other = {"k8s": {**CONTEXT["k8s"], "namespace": "elsewhere"}}
    document = {**SHOP, "location_name": "core", "container_context": other}
    somebody_deploys(world, document, at="staging")
    found = await answer(world, "/dagster status core in staging", "*Live differs from `main`*")
    await world.person("ada").click(found, GIT)
    card = await world.card("The plan", button="deploy.confirm")
    await world.clicks("ada", card, "deploy.confirm")
    await world.card("core is live on staging")


async def test_who_may_not_is_told_so_and_may_press_again(github: tuple[World, GitHost]) -> None:
    world, host = github
    await core_is_live(world)
    await changed_by_hand(world)
    await world.types("linus", "/dagster status core")
    found = await world.private("linus", "*Live only*")
    for number in (1, 2):
        await world.person("linus").click(found, LIVE)
        await world.private("linus", "`not_allowed`", after=number)
    assert host.repository.pulls == []
