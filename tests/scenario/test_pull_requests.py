"""`/dagster add-location … --in PROJECT`: by a pull request into a repository, to live."""

import asyncio
import getpass
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from deploy_core.model.proposals import ProposalState
from deploy_core.sources.dagster_cloud_yaml import parse_dagster_cloud_yaml
from sandbox.git_host.faults import Fault
from sandbox.git_host.server import TOKEN, GitHost, start_git_host
from sandbox.slack.seen import SeenMessage
from tests.scaffold.projects import write
from tests.scaffold.test_package import look
from tests.scenario.test_add_location import in_terminal
from tests.scenario.test_status import somebody_deploys
from tests.scenario.world import World, open_world

FILE = "dagster_cloud.yaml"
ADD = "add-location shop --in monorepo --module core.definitions --working-directory core"
Kind = Literal["github", "gitlab"]


@asynccontextmanager
async def hosted(
    folder: Path,
    projects: dict[str, Path],
    kind: Kind = "github",
    *,
    others: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    **changes: Any,
) -> AsyncIterator[tuple[World, GitHost]]:
    """A world in which the project `monorepo` is on a git host; `changes` are of the project,
    `others` are more projects, `config` is of the rest."""
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
            projects={"monorepo": project, **(others or {})},
            pull_requests_seconds=0.2,
            **(config or {}),
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


async def nth(world: World, number: int, says: str, button: str = "") -> SeenMessage:
    """Wait for what the card of this proposal says."""
    return await world.card(says, button=button, number=number - 1)


async def test_what_fails_is_tried_again_from_where_it_stopped(
    github: tuple[World, GitHost],
) -> None:
    world, host = github
    stories = {
        "no_push": "`git_auth_failed`",
        "bad_token": "`host_token_refused`",
        "no_rights": "`host_not_allowed`",
    }
    for number, (fault, said) in enumerate(stories.items(), 1):
        host.faults.add(Fault(fault, times=None, method="POST"))  # type: ignore[arg-type]
        branches = len(await host.repository.branches())
        await world.types("ada", f"/dagster {ADD} to prod".replace("shop", f"shop{number}"))
        card = await nth(world, number, f"shop{number} isn't in monorepo yet", "proposal.again")
        assert said in card.shown
        left = len(await host.repository.branches()) - branches
        assert left == (0 if fault == "no_push" else 1), "what is pushed is used by the next try"
        assert len(host.repository.pulls) == number - 1
        host.faults.clear()
        await world.clicks("grace", card, "proposal.again")
        await nth(world, number, f"pull request {number} waits to be merged")
        assert len(host.repository.pulls) == number
        assert host.repository.pulls[-1].branch.startswith(f"dagster-chatops/add-shop{number}-")
    assert len(await host.repository.branches()) == branches + 1


async def test_what_passes_goes_on_by_itself_and_is_done_once(
    github: tuple[World, GitHost],
) -> None:
    world, host = github
    faults = (
        Fault("rate_limit", seconds=15),
        Fault("down", times=6, path="/api/"),
        Fault("error", times=2),
        Fault("lost_answer", method="POST"),
    )
    for number, fault in enumerate(faults, 1):
        host.faults.add(fault)
        await world.types("ada", f"/dagster {ADD}".replace("shop", f"shop{number}"))
        if fault.kind == "rate_limit":
            card = await nth(world, number, "Opening a pull request", "proposal.discard")
            assert "wants fewer requests for a while" in card.shown
            assert "`host_rate_limited`" in card.shown
            await world.core.proposer.advance(1)
            proposal = await world.core.store.proposals.get(1)
            assert proposal.state is ProposalState.PUSHED, "what the host asked for is kept to"
        await nth(world, number, f"pull request {number} waits to be merged")
        assert len(host.repository.pulls) == number
        host.faults.clear()


async def test_a_branch_or_a_pull_request_that_is_there(github: tuple[World, GitHost]) -> None:
    world, host = github
    host.faults.add(Fault("no_push", times=None))
    await world.types("ada", f"/dagster {ADD}")
    card = await nth(world, 1, "isn't in monorepo yet", "proposal.again")
    host.faults.clear()
    branch = (await world.core.store.proposals.get(1)).branch
    await host.repository.git("branch", branch, "main")
    await world.clicks("ada", card, "proposal.again")
    card = await nth(world, 1, "has a branch")
    assert "`branch_exists`" in card.shown
    await world.clicks("ada", card, "proposal.discard")
    await nth(world, 1, "it was given up")
    assert branch in await host.repository.branches(), "it isn't ours"

    host.faults.add(Fault("no_rights", times=None, method="POST"))
    await world.types("ada", f"/dagster {ADD} --why again")
    card = await nth(world, 2, "isn't in monorepo yet", "proposal.again")
    host.faults.clear()
    branch = (await world.core.store.proposals.get(2)).branch
    await host.repository.open(branch, "main", "By hand", "")
    await world.clicks("ada", card, "proposal.again")
    await nth(world, 2, "pull request 1 waits to be merged")
    assert [pull.title for pull in host.repository.pulls] == ["By hand"]


async def test_said_again_it_goes_on_and_another_one_is_refused(
    github: tuple[World, GitHost],
) -> None:
    world, host = github
    host.faults.add(Fault("no_rights", times=None, method="POST"))
    await world.types("ada", f"/dagster {ADD}")
    card = await nth(world, 1, "isn't in monorepo yet")
    host.faults.clear()
    answer = await world.asks("grace", f"/dagster {ADD} --attribute defs")
    assert "shop is on its way into monorepo already" in answer.shown
    assert "`already_proposed`" in answer.shown
    await world.types("grace", f"/dagster {ADD}")
    await nth(world, 1, "pull request 1 waits to be merged")
    assert len(await world.cards()) == 1
    answer = await world.asks("ada", f"/dagster {ADD} to prod")
    assert "http://github.sandbox/acme/data-platform/pull/1" in answer.shown
    host.repository.close(1)
    card = await nth(world, 1, "pull request 1 was closed without a merge")
    assert "proposal.again" not in card.action_ids
    await world.types("ada", f"/dagster {ADD} --attribute main")
    await nth(world, 2, "pull request 2 waits to be merged")


async def test_discard_leaves_nothing_behind(github: tuple[World, GitHost]) -> None:
    world, host = github
    before = await host.repository.branches()
    host.faults.add(Fault("no_rights", times=None, method="POST"))
    await world.types("ada", f"/dagster {ADD}")
    card = await nth(world, 1, "isn't in monorepo yet", "proposal.discard")
    assert len(await host.repository.branches()) == len(before) + 1
    await world.clicks("linus", card, "proposal.discard")
    await world.private("linus", "`not_allowed`")
    await world.clicks("ada", card, "proposal.discard")
    card = await nth(world, 1, "shop isn't added to monorepo: it was given up.")
    assert await host.repository.branches() == before
    assert [each for each in card.action_ids if each.startswith("proposal.")] == []


async def test_what_can_not_be_done_is_refused_before_anything_is_made(
    github: tuple[World, GitHost],
) -> None:
    world, host = github
    before = await host.repository.branches()
    refused = {
        "add-location shop --in elsewhere --module a": "There is no project elsewhere",
        "add-location core --in monorepo --module core.definitions": "says just that of core",
        "add-location ../x --in monorepo --module a": "`location_name_invalid`",
        "add-location shop --module a --registry r.example/a": "say which one with --in",
        "add-location shop --in monorepo --module a --package b": "`code_source_invalid`",
    }
    for text, said in refused.items():
        answer = await world.asks("ada", f"/dagster {text}")
        assert said in answer.shown, text
    answer = await world.asks("linus", f"/dagster {ADD}")
    assert "`not_allowed`" in answer.shown
    older = "locations:\n  core:\n    python_file: core.py\n"
    await committed(host, FILE, older)
    answer = await world.asks("grace", f"/dagster {ADD}")
    assert "is in the older form" in answer.shown
    assert "`file_not_editable`" in answer.shown
    assert await host.repository.branches() == before
    assert (await world.cards(), host.asked) == ([], [])


async def committed(host: GitHost, path: str, text: str) -> None:
    """Somebody commits a file to the main branch."""

    def commit() -> None:
        work = host.repository.folder.with_name(f"work-{path.replace('/', '-')}")
        who = ["-c", "user.name=Priya", "-c", "user.email=priya@example.com"]
        subprocess.run(["git", "clone", "-q", host.repository.folder, work], check=True)
        write({path: text}, work)
        subprocess.run(["git", "-C", work, "add", "--all"], check=True)
        subprocess.run(["git", *who, "-C", work, "commit", "-qm", "Change it"], check=True)
        subprocess.run(["git", "-C", work, "push", "-q"], check=True)

    await asyncio.to_thread(commit)


async def test_a_location_that_the_file_has_is_updated(github: tuple[World, GitHost]) -> None:
    world, host = github
    before = await host.repository.show("main", FILE)
    add = "add-location ml --in monorepo --module ml.definitions --attribute defs to staging"
    await world.types("ada", f"/dagster {add}")
    await nth(world, 1, "ml is on its way into monorepo")
    pull = host.repository.pulls[0]
    assert pull.title == "Update the code location ml"
    after = await host.repository.show(pull.branch, FILE)
    assert after == f"{before}    attribute: defs\n"
    await host.repository.merge(1)
    card = await nth(world, 2, "The plan", "deploy.confirm")
    assert "staging" in card.text, "a protected deployment waits for its author all the same"
    await world.clicks("ada", card, "deploy.confirm")
    await nth(world, 2, "ml is live on staging")


async def test_the_form_has_the_projects(github: tuple[World, GitHost]) -> None:
    world, host = github
    await world.types("ada", "/dagster add-location --module shop.definitions")
    ada = world.person("ada")
    view = await ada.wait_for_view(lambda view: "Pull request to monorepo" in view.shown)
    assert "Directly" in view.shown
    assert "Registry" not in view.shown
    await ada.click(view, "how", value="project:monorepo", filled={"name": "shop"})
    await ada.wait_for_view(lambda view: "Registry" in view.shown)
    filled = {"build_directory": "shop", "build_registry": "https://ghcr.io/a"}
    outcome = await ada.submit({"how": "directly", **filled})
    assert set(outcome.errors) == {"build_directory", "build_registry"}
    assert "choose a pull request above" in outcome.errors["build_directory"]
    outcome = await ada.submit({"how": "project:monorepo", "build_directory": "../shop"})
    assert set(outcome.errors) == {"build_directory", "build_registry"}
    outcome = await ada.submit({"build_directory": "shop", "build_registry": "ghcr.io/acme/shop"})
    assert outcome.errors == {}
    await nth(world, 1, "pull request 1 waits to be merged")
    after = await host.repository.show(host.repository.pulls[0].branch, FILE)
    assert after.endswith(
        "\n  - location_name: shop\n    code_source:\n      module_name: shop.definitions\n"
        "    build:\n      directory: shop\n      registry: ghcr.io/acme/shop\n"
    )


async def test_without_a_host_the_branch_is_pushed_and_the_next_step_is_said(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with hosted(tmp_path, projects, host=None) as (world, host):
        await world.types("ada", f"/dagster {ADD}")
        card = await nth(world, 1, "shop is on a branch of monorepo, which is pushed")
        assert "open a pull request of the branch" in card.shown
        assert "/dagster deploy monorepo:shop to prod" in card.shown
        branch = (await world.core.store.proposals.get(1)).branch
        assert "location_name: shop" in await host.repository.show(branch, FILE)
        assert host.asked == []


async def test_without_a_host_what_ci_needs_by_hand_is_said_too(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    prod = {"may_deploy": ["U0ADA000001", f"cli:{getpass.getuser()}"], "load_deadline": 1}
    config = {"deployments": {"prod": prod}}
    async with hosted(tmp_path, projects, config=config, host=None) as (world, host):
        path = ".github/workflows/deploy.yml"
        await committed(host, path, WORKFLOW)
        await world.types("ada", f"/dagster {ADD}")
        card = await nth(world, 1, "shop is on a branch of monorepo, which is pushed")
        said = f"`{path}` has commands for each code location: add a build of `shop`"
        assert f"Still to be added by hand, on this branch:\n• {said}" in card.shown
        assert "in a matrix" not in card.shown, "that was extended"
        branch = (await world.core.store.proposals.get(1)).branch
        assert "ml, shop]" in await host.repository.show(branch, path)
        add = ADD.replace("shop", "depot").split()
        code, output = await in_terminal(world, tmp_path / "world", *add)
        assert code == 0, output
        assert f"  {said.replace('shop', 'depot')}" in output


async def test_where_ci_deploys_it_is_followed_until_it_is_loaded(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with hosted(tmp_path, projects, "gitlab", ci_deploys=True) as (world, host):
        await world.types("ada", f"/dagster {ADD}")
        await nth(world, 1, "waits to be merged")
        assert "this repository's CI deploys it to `prod`" in host.repository.pulls[0].body
        sha = await host.repository.merge(1)
        await nth(world, 1, "its CI deploys it")
        world.break_code(location="shop")
        document = {
            "location_name": "shop",
            "code_source": {"module_name": "core.definitions"},
            "git": {"commit_hash": sha},
        }
        somebody_deploys(world, document)
        card = await nth(world, 1, "but it doesn't load on prod", "proposal.again")
        world.set_agent(broken=[])
        somebody_deploys(world, document)
        await world.clicks("ada", card, "proposal.again")
        await nth(world, 1, "shop is live on prod: monorepo's CI has deployed pull request 1")
        assert len(await world.cards()) == 1, "there is no deploy of ours"


async def test_a_bot_that_is_stopped_on_the_way_goes_on(github: tuple[World, GitHost]) -> None:
    world, host = github
    host.faults.add(Fault("down", times=None))
    await world.types("ada", f"/dagster {ADD}")
    await world.private("ada", "can't be reached")
    host.faults.clear()
    host.faults.add(Fault("rate_limit", times=None, seconds=1))
    await world.types("ada", f"/dagster {ADD} to prod")
    await nth(world, 1, "Opening a pull request")
    await world.stop_bot()
    host.faults.clear()
    await world.start_bot()
    await nth(world, 1, "pull request 1 waits to be merged")
    await host.repository.merge(1)
    await world.card("shop is live on prod", number=1)


async def test_from_a_terminal_to_live(tmp_path: Path, projects: dict[str, Path]) -> None:
    me = [f"cli:{getpass.getuser()}"]
    prod = {"may_deploy": me, "load_deadline": 1, "home_channel": "C0DEPLOYS01"}
    async with hosted(tmp_path, projects, config={"deployments": {"prod": prod}}) as (world, host):
        folder = tmp_path / "world"
        add = ADD.split()
        code, said = await in_terminal(world, folder, *add, "--plan")
        assert (code, host.asked) == (2, []), said
        assert "--plan has no place with --in" in said
        host.faults.add(Fault("no_rights", times=None, method="POST"))
        code, said = await in_terminal(world, folder, *add)
        assert code == 1, said
        assert "host_not_allowed" in said
        assert "Pushed dagster-chatops/add-shop-" in said
        host.faults.clear()
        for _ in ("goes on", "is there already"):
            code, said = await in_terminal(world, folder, *add)
            assert code == 0, said
            where = "http://github.sandbox/acme/data-platform/pull/1"
            assert f"Opened pull request 1 into main: {where}" in said
            assert "When it is merged, the running bot sees shop live on prod." in said
            assert len(host.repository.pulls) == 1
        code, said = await in_terminal(world, folder, *add, "--attribute", "defs")
        assert (code, "already_proposed" in said) == (1, True), said
        assert "at a terminal" in host.repository.pulls[0].body
        await world.card("pull request 1 waits to be merged")
        await host.repository.merge(1)
        await world.card("shop is live on prod", number=1)


async def test_from_a_terminal_without_a_channel_it_goes_live_all_the_same(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    prod = {"may_deploy": [f"cli:{getpass.getuser()}"], "load_deadline": 1}
    async with hosted(tmp_path, projects, config={"deployments": {"prod": prod}}) as (world, host):
        host.faults.add(Fault("error", times=2))
        built = ("--build-directory", "core", "--registry", "ghcr.io/acme/core")
        code, said = await in_terminal(world, tmp_path / "world", *ADD.split(), *built)
        assert code == 0, said
        assert "Opened pull request 1 into main" in said
        after = await host.repository.show(host.repository.pulls[0].branch, FILE)
        assert "      registry: ghcr.io/acme/core\n" in after
        await host.repository.merge(1)

        async def is_live() -> bool:
            return live(world) is not None

        await world.workspace.wait_for(is_live, what="shop")
        await world.ended(1)
        assert await world.cards() == []
        code, said = await in_terminal(world, tmp_path / "world", "add-location", "a", *built)
        assert (code, "say which one with --in" in said) == (2, True), said


async def test_a_new_directory_is_written_and_its_code_is_real(
    github: tuple[World, GitHost], tmp_path: Path
) -> None:
    world, host = github
    await world.types("ada", "/dagster add-location my-shop --in monorepo --new")
    await nth(world, 1, "my-shop is on its way into monorepo")
    branch = host.repository.pulls[0].branch
    listed = await host.repository.git("diff", "--name-status", "main", branch)
    changed = {line.partition("\t")[2]: line[0] for line in listed.splitlines()}
    assert changed.pop(FILE) == "M"
    assert {name.partition("/")[0] for name in changed} == {"my-shop"}
    assert set(changed.values()) == {"A"}
    assert "my-shop/pyproject.toml" in changed
    assert "my-shop/Dockerfile" not in changed, "an agent runs it from a checkout"
    folder = write({name: await host.repository.show(branch, name) for name in changed}, tmp_path)
    code, keys, output = await look(folder / "my-shop", "my_shop")
    assert (code, keys) == (0, ["my_shop_example"]), output
    assert (await host.repository.show(branch, FILE)).endswith(
        "\n  - location_name: my-shop\n    code_source:\n      module_name: my_shop.definitions\n"
        "    working_directory: my-shop\n"
    )
    await host.repository.merge(1)
    await world.card("my-shop is live on prod", number=1)


async def test_a_new_directory_overwrites_nothing(github: tuple[World, GitHost]) -> None:
    world, host = github
    before = await host.repository.branches()
    refused = {
        "core --in monorepo --new": "`usage`",
        "marts.new --in monorepo --new --module a": "`project_option_invalid`",
        "class --in monorepo --new": "`package_name_invalid`",
        "lib --in monorepo --new --image a:1": "`project_option_invalid`",
        "shop --in elsewhere --new": "`unknown_project`",
    }
    for text, said in refused.items():
        answer = await world.asks("ada", f"/dagster add-location {text}")
        assert said in answer.shown, answer.shown
    answer = await world.asks("linus", "/dagster add-location shop --in monorepo --new")
    assert "`not_allowed`" in answer.shown
    await committed(host, "shop", "somebody's\n")
    answer = await world.asks("ada", "/dagster add-location shop --in monorepo --new to prod")
    assert "monorepo has `shop` already" in answer.shown
    assert "`file_exists`" in answer.shown
    assert (await host.repository.branches(), await world.cards()) == (before, [])


async def test_the_form_writes_a_new_directory(tmp_path: Path, projects: dict[str, Path]) -> None:
    async with hosted(tmp_path, projects, artifact="docker") as (world, host):
        await world.types("ada", "/dagster add-location --in monorepo --new")
        ada = world.person("ada")
        view = await ada.wait_for_view(lambda view: "Pull request to monorepo" in view.shown)
        assert "Write a new directory for it" in view.shown
        outcome = await ada.submit({"name": "shop", "source": "a", "image": "a:1"})
        assert set(outcome.errors) == {"source", "image"}
        outcome = await ada.submit({"source": "", "image": "", "how": "directly"})
        assert set(outcome.errors) == {"new"}
        how = {"how": "project:monorepo", "build_registry": "ghcr.io/acme/shop"}
        outcome = await ada.submit({**how, "source_kind": "package_name", "source": "store"})
        assert outcome.errors == {}
        await nth(world, 1, "pull request 1 waits to be merged")
        branch = host.repository.pulls[0].branch
        assert "pip install" in await host.repository.show(branch, "shop/Dockerfile")
        assert await host.repository.show(branch, "shop/store/definitions.py")
        assert "module_name: store.definitions" in await host.repository.show(branch, FILE)


async def test_a_new_directory_from_a_terminal(tmp_path: Path, projects: dict[str, Path]) -> None:
    prod = {"may_deploy": [f"cli:{getpass.getuser()}"], "load_deadline": 1}
    config = {"deployments": {"prod": prod}}
    shared = {"name": "acme-shared", "directory": "libs/shared"}
    async with hosted(tmp_path, projects, config=config, shared=shared) as (world, host):
        add = ("add-location", "shop", "--new")
        code, said = await in_terminal(world, tmp_path / "world", *add)
        assert (code, "say which one with --in" in said) == (2, True), said
        code, said = await in_terminal(world, tmp_path / "world", *add, "--in", "monorepo")
        assert code == 0, said
        branch = host.repository.pulls[0].branch
        assert '"acme-shared",' in await host.repository.show(branch, "shop/pyproject.toml")


WORKFLOW = """\
on: push
jobs:
  build:
    strategy:
      matrix:
        location: [core, marts, ml]  # one by one
    steps: []
  more:
    steps:
      - run: dagster-cloud ci set-build-output --location-name=core --image-tag=x
"""


async def test_ci_that_lists_the_locations_gets_the_new_one(
    github: tuple[World, GitHost],
) -> None:
    world, host = github
    path, other = ".github/workflows/deploy.yml", ".github/workflows/test.yml"
    await committed(host, path, WORKFLOW)
    await committed(host, other, "on: push\njobs: {}\n")
    await world.types("ada", f"/dagster {ADD}")
    await nth(world, 1, "pull request 1 waits to be merged")
    pull = host.repository.pulls[0]
    after = await host.repository.show(pull.branch, path)
    assert after == WORKFLOW.replace("ml]", "ml, shop]")
    names = await host.repository.git("diff", "--name-only", "main", pull.branch)
    assert names.split() == [path, FILE]
    assert "Still to be added by hand" in pull.body
    assert f"`{path}` has commands for each code location" in pull.body
    assert "--location-name=shop" in pull.body
    assert other not in pull.body
    update = "add-location ml --in monorepo --module ml.definitions --attribute defs"
    await world.types("ada", f"/dagster {update}")
    await nth(world, 2, "pull request 2 waits to be merged")
    assert "by hand" not in host.repository.pulls[1].body


async def test_ci_is_left_alone_where_the_project_says_so(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    async with hosted(tmp_path, projects, "gitlab", edit_ci=False) as (world, host):
        text = "build:\n  parallel:\n    matrix:\n      - LOCATION: [core, marts]\n"
        await committed(host, ".gitlab-ci.yml", text)
        await world.types("ada", f"/dagster {ADD}")
        await nth(world, 1, "pull request 1 waits to be merged")
        pull = host.repository.pulls[0]
        assert await host.repository.show(pull.branch, ".gitlab-ci.yml") == text
        assert "`.gitlab-ci.yml` lists the code locations in a matrix: add `shop`" in pull.body
