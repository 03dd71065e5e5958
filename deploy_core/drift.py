"""How far what is live is from the project's default branch."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from deploy_core.catalog import Catalog
from deploy_core.model.errors import DeployError
from deploy_core.settings import ProjectSettings
from deploy_core.sources.git import GitMirrors
from deploy_core.sources.links import compare_url

MOST_PAIRS = 2_000
PARALLEL = 4


@dataclass(frozen=True)
class Drift:
    """`behind` counts the commits of the default ref that aren't live, `beside` those that are
    live and not on it. `known` is false where the live commit isn't in the repository."""

    ref: str
    behind: int
    beside: int = 0
    known: bool = True
    compare_url: str | None = None


@dataclass(frozen=True)
class _Pair:
    """One question to git; its answer never changes."""

    project: str
    live: str
    head: str


class Drifts:
    """Asks the mirrors, which are fetched elsewhere; no server is reached from here."""

    def __init__(
        self, projects: dict[str, ProjectSettings], catalog: Catalog, mirrors: GitMirrors
    ) -> None:
        self._projects = projects
        self._catalog = catalog
        self._mirrors = mirrors
        self._known: dict[_Pair, Drift] = {}
        self._filling: dict[_Pair, asyncio.Task[None]] = {}
        self._turn = asyncio.Semaphore(PARALLEL)

    async def close(self) -> None:
        """End what is being asked; git is given the time to end by itself."""
        filling = list(self._filling.values())
        for task in filling:
            task.cancel()
        await asyncio.gather(*filling, return_exceptions=True)

    async def of(
        self, asked: Iterable[tuple[str, str]], *, within: float
    ) -> dict[tuple[str, str], Drift]:
        """Return the drift of each (project, live commit), as many as are known in this time; the
        others are found out meanwhile, for the next one who asks."""
        pairs, heads = {}, self._catalog.heads
        for project, live in asked:
            head = heads.get(project)
            if head is not None:
                pairs[(project, live)] = _Pair(project, live, head.sha)
        wanted = [pair for pair in dict.fromkeys(pairs.values()) if pair not in self._known]
        filling = {self._fill(pair) for pair in wanted}
        if filling:
            await asyncio.wait(filling, timeout=within)
        return {key: self._known[pair] for key, pair in pairs.items() if pair in self._known}

    def _fill(self, pair: _Pair) -> asyncio.Task[None]:
        if pair not in self._filling:
            task = asyncio.create_task(self._find(pair))
            self._filling[pair] = task
            task.add_done_callback(lambda _: self._filling.pop(pair, None))
        return self._filling[pair]

    async def _find(self, pair: _Pair) -> None:
        settings = self._projects[pair.project]
        # A repository that can't be read is told by `deploy` and `check`, not by every look.
        async with self._turn:
            with suppress(DeployError):
                found = await self._mirrors.commits_between(
                    pair.project, settings, pair.live, pair.head, most=0
                )
                while len(self._known) >= MOST_PAIRS:
                    del self._known[next(iter(self._known))]
                self._known[pair] = Drift(
                    ref=settings.default_ref,
                    behind=found.total,
                    beside=found.behind,
                    known=found.known,
                    compare_url=compare_url(settings, pair.live, pair.head),
                )
