"""`/dagster new-project`: a repository comes as a zip file, or is pushed into an empty one."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest
import yaml

from deploy_core.scaffold.needed import HELP_PAGES
from deploy_core.scaffold.options import Ci
from handlers.project_form import NAME
from sandbox.dagster_plus.faults import Faults, RequestFault
from sandbox.git_host.faults import Fault
from sandbox.git_host.server import TOKEN, start_git_host
from sandbox.slack.seen import SeenMessage, SeenView
from tests.scenario.world import World, open_world

IMAGE = "ghcr.io/acme/shop"


async def unpacked(message: SeenMessage) -> dict[str, str]:
    """The files of the zip file that a message has."""
    (file,) = message.files
    assert file["name"].endswith(".zip")
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        content = (await http.get(file["url_private"])).content
    with ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


async def git(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "git", *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


def loading(view: SeenView) -> bool:
    return "Asking Dagster+" in view.shown


async def form(world: World, text: str = "") -> SeenView:
    await world.types("ada", f"/dagster new-project {text}")
    return await world.person("ada").wait_for_view(lambda view: not loading(view))


async def test_a_project_comes_as_a_zip_file_with_the_secrets_to_set(world: World) -> None:
    await world.types("ada", f"/dagster new-project my-shop --image {IMAGE} to prod")
    message = await world.card("<@U0ADA000001> made the project *my-shop*")
    assert "Hybrid, GitHub Actions, Python 3.12" in message.text
    assert "• `DAGSTER_CLOUD_API_TOKEN`: a token of Dagster+ that may deploy" in message.shown
    assert HELP_PAGES[Ci.GITHUB] in str(message.raw)
    files = await unpacked(await world.reply(message, "Unpack it, commit it"))
    assert {name.partition("/")[0] for name in files} == {"my-shop"}
    assert "my_shop/definitions.py" in str(sorted(files))
    (location,) = yaml.safe_load(files["my-shop/dagster_cloud.yaml"])["locations"]
    assert location["location_name"] == "my-shop"
    assert location["build"]["registry"] == IMAGE
    workflow = files["my-shop/.github/workflows/dagster-plus-deploy.yml"]
    assert "DAGSTER_CLOUD_ORGANIZATION: sandbox\n" in workflow
    assert world.dagster.plane.deployments["prod"].locations == {}, "nothing was changed"


async def test_options_say_what_it_is_like(world: World) -> None:
    await world.types(
        "linus",
        "/dagster new-project shop --agent serverless --ci gitlab --python 3.11 --package store",
    )
    message = await world.card("made the project *shop*")
    assert "Serverless, GitLab CI, Python 3.11" in message.text
    files = await unpacked(await world.reply(message, "Unpack it"))
    assert "shop/store/definitions.py" in files
    assert "shop/Dockerfile" not in files
    assert "--python-version=3.11" in files["shop/.gitlab-ci.yml"]


@pytest.mark.parametrize(
    ("text", "reason", "says"),
    [
        ("shop", "project_option_invalid", "it isn't said where that is pushed to"),
        (f'"my shop" --image {IMAGE}', "location_name_invalid", "can't be named “my shop”"),
        (f"a/b --image {IMAGE}", "location_name_invalid", "can't be named “a/b”"),
        (f"class --image {IMAGE}", "package_name_invalid", "a word of Python itself"),
        ("shop --image https://ghcr.io/a/b", "image_name_invalid", "begins with a scheme"),
        ("shop --ci jenkins", "project_option_invalid", "--ci can't be “jenkins”"),
        ("shop --push https://github.com/acme/shop", "push_not_configured", "may be pushed to"),
    ],
)
async def test_what_can_not_be_made_is_refused_and_says_why(
    world: World, text: str, reason: str, says: str
) -> None:
    answer = await world.asks("ada", f"/dagster new-project {text}")
    assert f"`{reason}`" in answer.shown
    assert says in answer.shown
    assert await world.cards() == []


async def test_the_form_shows_errors_under_their_fields_and_makes_it(world: World) -> None:
    view = await form(world)
    assert "*prod* is a Hybrid deployment" in view.shown
    ada = world.person("ada")
    outcome = await ada.submit({NAME: "my shop", "package": "class", "image": "a b"})
    assert set(outcome.errors) == {NAME, "package", "image"}
    assert "can't be named “my shop”" in outcome.errors[NAME]
    assert "a word of Python itself" in outcome.errors["package"]
    outcome = await ada.submit(
        {
            NAME: "shop",
            "package": "store",
            "ci": "gitlab",
            "python": "3.13",
            "image": "registry.acme.example/data/shop",
            "registry": "gitlab",
            "queue": "gpu 1",
        }
    )
    assert outcome.errors == {}
    message = await world.card("made the project *shop*")
    files = await unpacked(await world.reply(message, "Unpack it"))
    (location,) = yaml.safe_load(files["shop/dagster_cloud.yaml"])["locations"]
    assert location["agent_queue"] == "gpu 1"
    assert location["code_source"] == {"module_name": "store.definitions"}
    assert "--password-stdin registry.acme.example\n" in files["shop/.gitlab-ci.yml"]


async def test_a_form_for_a_deployment_whose_type_nobody_knows(world: World) -> None:
    down = RequestFault(operation="ChatopsAgentType", kind="status", status=403, times=None)
    world.dagster.plane.faults.add(Faults(requests=[down]))
    view = await form(world)
    assert "token" in view.shown.lower()
    assert not any(block["type"] == "input" for block in view.raw["blocks"])


async def test_a_mention_offers_a_button_that_opens_the_form(world: World) -> None:
    ada = world.person("ada")
    await ada.mention("#deploys", "new-project")
    answer = await world.private("ada", "A form asks for what the new project is to be like")
    await world.clicks("ada", answer, "form.open")
    await ada.wait_for_view(lambda view: not loading(view))


@pytest.fixture
async def pushing(
    tmp_path: Path, projects: dict[str, Path]
) -> AsyncIterator[tuple[World, Path, str]]:
    """A world whose projects may be pushed below one address, with an empty repository there."""
    repository = tmp_path / "hosts" / "shop.git"
    await git("init", "--quiet", "--bare", str(repository))
    hosts = f"file://{tmp_path}/hosts/"
    config = {"image": "ghcr.io/acme/{location}", "repositories": [{"address": hosts}]}
    async with open_world(tmp_path / "world", projects, scaffold=config) as world:
        yield world, repository, hosts


async def test_a_project_is_pushed_into_an_empty_repository_once(
    pushing: tuple[World, Path, str],
) -> None:
    world, repository, hosts = pushing
    command = f"/dagster new-project Shop --push {hosts}shop.git"
    await world.types("ada", command)
    message = await world.card("made the project *Shop*")
    assert f"of `{hosts}shop.git`" in message.shown
    file = await git(f"--git-dir={repository}", "show", "main:dagster_cloud.yaml")
    assert "registry: ghcr.io/acme/shop\n" in file
    replies = await world.workspace.messages(message.channel, message.ts)
    assert not any(each.files for each in replies), "it is in the repository"

    await world.types("grace", f"{command} --package store")
    answer = await world.private("grace", "isn't empty: it has `main`")
    assert "`repository_not_empty`" in answer.shown
    answer = await world.asks("linus", command)
    assert "`not_allowed`" in answer.shown


async def test_a_repository_is_created_and_pushed_to(
    tmp_path: Path, projects: dict[str, Path]
) -> None:
    host = await start_git_host(tmp_path / "bare.git", "github", "acme/shop")
    try:
        api = {"kind": "github", "base_url": host.api}
        config = {
            "image": "ghcr.io/acme/{location}",
            "repositories": [
                {"address": f"{host.url}/acme/", "token": TOKEN, "host": api},
                {"address": f"{host.url}/old/", "token": TOKEN},
            ],
        }
        async with open_world(tmp_path / "world", projects, scaffold=config) as world:
            command = f"/dagster new-project shop --create {host.git_url}"
            answer = await world.asks("linus", command)
            assert "`not_allowed`" in answer.shown
            answer = await world.asks("ada", f"/dagster new-project shop --create {host.url}/old/a")
            assert "`create_not_configured`" in answer.shown
            assert host.asked == [], "nobody was asked before"
            host.faults.add(Fault("lost_answer", method="POST"))
            answer = await world.asks("grace", command)
            assert "`host_unreachable`" in answer.shown
            view = await form(world)
            assert "Or create this git repository and push" in view.shown
            ada = world.person("ada")
            outcome = await ada.submit({NAME: "shop", "push": host.git_url, "create": host.git_url})
            assert set(outcome.errors) == {"create"}
            outcome = await ada.submit({"push": ""})
            assert outcome.errors == {}
            message = await world.card("made the project *shop*")
            assert f"of `{host.git_url}`" in message.shown
            assert host.repository.is_private
            branch = await host.repository.branch("main")
            assert branch is not None
            assert branch[:7] in message.shown
            answer = await world.asks("grace", f"{command} --package store")
            assert "`repository_not_empty`" in answer.shown
    finally:
        await host.close()
