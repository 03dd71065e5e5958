"""What the guide for code locations asks of a person, done from Slack, and where it is done."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.git_host.server import TOKEN, GitHost, start_git_host
from sandbox.slack.seen import SeenMessage
from tests.e2e.world import CHANNEL, World, is_card
from tests.sources.repository import Repository

FILE = "dagster_cloud.yaml"
_SHARED = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "acme-shared"
version = "0.1.0"

[tool.setuptools]
packages = ["acme_shared"]
"""
SHARED = {"name": "acme-shared", "directory": "shared"}
"""The package in the monorepo that its projects share, as the bot's configuration says it."""


@dataclass
class Repositories:
    """An empty repository `metrics`, and the monorepo, which is on a git host."""

    folder: Path
    host: GitHost

    @property
    def empty(self) -> str:
        """The git address of the empty one."""
        return f"file://{self.folder}/metrics.git"

    def changes(self, monorepo: Mapping[str, Any], **both: Any) -> dict[str, Any]:
        """Return the parts of the bot's configuration about them; `monorepo` is said of that one,
        `both` of each."""
        hosted = {
            "git": self.host.git_url,
            "token": TOKEN,
            "host": {"kind": "github", "base_url": self.host.api},
        }
        return {
            "projects": {
                "metrics": {"git": self.empty, **both},
                "monorepo": {**hosted, **both, **monorepo},
            },
            "scaffold": {"repositories": [{"address": f"file://{self.folder}/"}]},
            "pull_requests_seconds": 0.5,
        }


@asynccontextmanager
async def open_repositories(folder: Path, core: str) -> AsyncIterator[Repositories]:
    """Yield them; `core` is the monorepo's first entry."""
    files = {
        FILE: f"locations:\n{core}",
        "shared/pyproject.toml": _SHARED,
        "shared/acme_shared/__init__.py": "",
    }
    await asyncio.to_thread(_make, folder, files)
    host = await start_git_host(folder / "monorepo.git", "github")
    try:
        yield Repositories(folder, host)
    finally:
        await host.close()


def _make(folder: Path, files: dict[str, str]) -> None:
    work = Repository(folder / "monorepo")
    work.commit("Begin", files)
    for more in ((), (work.folder,)):
        name = "monorepo.git" if more else "metrics.git"
        how = ("clone", "--quiet", "--bare") if more else ("init", "--quiet", "--bare")
        subprocess.run(["git", *how, *more, folder / name], check=True)


async def fill_the_form(
    world: World, values: Mapping[str, Any], *, how: str = "directly"
) -> SeenMessage:
    """Open the form of `/dagster add-location`, choose how, fill it, send it; return its card."""
    ada = world.person()
    assert (await ada.command(CHANNEL, "/dagster add-location")).acked
    view = await ada.wait_for_view(lambda view: "Looking up" not in view.shown)
    await ada.click(view, "how", value=how, filled=values)
    before = {message.ts for message in await world.workspace.messages(CHANNEL)}
    outcome = await ada.submit({**values, "how": how})
    assert outcome.errors == {}
    return await world.workspace.wait_for_message(
        CHANNEL, lambda message: message.ts not in before and is_card(message)
    )


async def make_the_repository(world: World, words: str) -> None:
    """Have `/dagster new-project metrics` push into the empty repository."""
    card = await world.card_of(f"/dagster new-project metrics {words}")
    assert "made the project *metrics*" in card.text, card.text


async def open_and_merge(world: World, host: GitHost, command: str) -> SeenMessage:
    """Ask for a pull request, merge it, and return the card of the deploy that follows."""
    card = await world.card_of(command)
    await world.until(card, "waits to be merged")
    before = {message.ts for message in await world.workspace.messages(CHANNEL)}
    await host.repository.merge(len(host.repository.pulls))
    return await world.workspace.wait_for_message(
        CHANNEL, lambda message: message.ts not in before and is_card(message)
    )


async def loaded(world: World, location: str) -> dict[str, Any]:
    """Return the document of a location, after a look at whether the agent has its assets."""
    found = await world.location(location)
    assert found is not None
    assert (found["load_status"], found["load_error"]) == ("LOADED", None)
    assert found["assets"] == [f"{location}_example"]
    document: dict[str, Any] = found["document"]
    return document
