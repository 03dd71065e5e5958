"""Makes the repositories of all example projects."""

import asyncio
from pathlib import Path

from sandbox.projects.history import make_repository
from sandbox.projects.monorepo import monorepo_history
from sandbox.projects.quickstart import quickstart_history


async def make_projects(folder: Path) -> dict[str, Path]:
    """Make a bare repository per project in `folder` and return their paths by project name.

    Raises GitError where the git command fails.
    """
    histories = {"quickstart": quickstart_history(), "monorepo": monorepo_history()}
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    paths = {name: (folder / f"{name}.git").resolve() for name in histories}
    for name, history in histories.items():
        await make_repository(paths[name], history)
    return paths
