"""The real engine, worker, store, git and Dagster+ client in one process, against the sandbox's
control plane on a real socket; with a clock that runs faster than the machine's."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
from pydantic import SecretStr

from deploy_core.artifacts.docker_artifacts import DockerArtifacts
from deploy_core.artifacts.pex_artifacts import PexArtifacts
from deploy_core.catalog import Catalog
from deploy_core.clock import SystemClock
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.dagster_plus.serverless import ServerlessFacts
from deploy_core.engine import Engine
from deploy_core.model.deploys import Deploy, StepState, Target
from deploy_core.model.people import Actor
from deploy_core.model.plan import DeployKind, DeployRequest, StepName
from deploy_core.planner import Planner
from deploy_core.services import Services
from deploy_core.settings import (
    CoreSettings,
    DeploymentSettings,
    ProjectSettings,
    ServerlessSettings,
)
from deploy_core.sources.git import GitMirrors
from deploy_core.store.store import Store
from deploy_core.worker import Worker
from sandbox.dagster_plus import server
from sandbox.dagster_plus.faults import Faults, LoadErrorText, LoadFault, RequestFault
from sandbox.dagster_plus.instant_agent import BrokenCode, InstantAgentSettings
from sandbox.dagster_plus.serverless import Serverless
from tests.support.pex import build_environment
from tests.support.plans import ADA, GRACE
from tests.support.stores import put_empty_store

T = TypeVar("T")
SPEED = 20.0
SLICE = 0.25
MINUTE_OF_LOADING = 4.0


class FastClock(SystemClock):
    """Waits and time-outs pass `speed` times as fast; leases keep to the wall clock, which a test
    moves with `ahead`."""

    def __init__(self, speed: float = SPEED) -> None:
        super().__init__()
        self.ahead = timedelta()
        self.speed = speed
        self._passed, self._since = 0.0, time.monotonic()

    def run_at(self, speed: float) -> None:
        """Go on at another speed."""
        self._passed, self._since = self.monotonic(), time.monotonic()
        self.speed = speed

    def now(self) -> datetime:
        return super().now() + self.ahead

    def steady(self) -> datetime:
        return super().steady() + self.ahead

    def monotonic(self) -> float:
        return self._passed + (time.monotonic() - self._since) * self.speed

    async def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left / self.speed, SLICE))


def load_error(message: str = "ModuleNotFoundError: No module named 'rates'") -> LoadErrorText:
    """An error as an agent reports it."""
    return LoadErrorText(
        message=f"{message}\n",
        stack=['  File "/srv/quickstart/revenue.py", line 3, in <module>\n    import rates\n'],
        class_name=message.partition(":")[0],
    )


@dataclass
class World:
    """Everything in one place; `agent` is how the instant agent behaves now."""

    sandbox: server.DagsterPlus
    settings: CoreSettings
    services: Services
    engine: Engine
    worker: Worker
    clock: FastClock
    projects: dict[str, Path]
    http: httpx.AsyncClient
    agent: InstantAgentSettings = field(default_factory=InstantAgentSettings)
    working: list[asyncio.Task[None]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    patience: float = 30.0

    @property
    def store(self) -> Store:
        return self.services.store

    # -- what people do --

    async def start(self, *locations: str, by: Actor = ADA, **asked: Any) -> Deploy:
        """Start a deploy, as `/dagster deploy` does."""
        kind = asked.pop("kind", DeployKind.DEPLOY)
        request = DeployRequest(kind=kind, actor=by, locations=locations, **asked)
        return await self.engine.start(request)

    async def deploy(self, *locations: str, by: Actor = ADA, **asked: Any) -> Deploy:
        """Start a deploy and return it when it has ended."""
        return await self.ended((await self.start(*locations, by=by, **asked)).id)

    async def somebody_else_deploys(self, location: str, commit: str) -> None:
        """A CI job sends another version."""
        await self.change(location, git={"commit_hash": commit})

    async def change(self, location: str, at: str = "prod", **fields: Any) -> None:
        """Somebody else changes these fields of a location, or adds it."""
        known = self.sandbox.plane.deployments[at].locations
        before = known[location].document if location in known else {"location_name": location}
        answer = await self.http.post(
            "/sandbox/change_location",
            json={"deployment": at, "document": {**before, **fields}},
        )
        assert answer.status_code == 200, answer.text

    # -- what is waited for --

    async def eventually(self, look: Callable[[], Awaitable[T | None]]) -> T:
        """Look again at every change of the store, and now and then for what isn't in it."""
        async with asyncio.timeout(self.patience):
            while True:
                self.changed.clear()
                found = await look()
                if found:
                    return found
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self.changed.wait()

    async def until(self, deploy_id: int, holds: Callable[[Deploy], bool]) -> Deploy:
        """Wait until something holds for a deploy, and return it."""

        async def look() -> Deploy | None:
            deploy = await self.store.deploys.get(deploy_id)
            return deploy if holds(deploy) else None

        return await self.eventually(look)

    async def ended(self, deploy_id: int) -> Deploy:
        """Wait for a deploy's end."""
        return await self.until(deploy_id, lambda deploy: deploy.ended)

    async def at_step(self, deploy_id: int, name: StepName, position: int = 0) -> Target:
        """Wait until a target is in the middle of this step."""

        def running(deploy: Deploy) -> bool:
            step = deploy.targets[position].step(name)
            return step is not None and step.state is StepState.STARTED

        return (await self.until(deploy_id, running)).targets[position]

    # -- what the control plane says --

    def live(self, location: str, at: str = "prod") -> dict[str, Any]:
        """The document that was sent last."""
        return self.sandbox.plane.deployments[at].locations[location].document

    def commit_of(self, location: str, at: str = "prod") -> str:
        """The commit in the document that was sent last."""
        return str(self.live(location, at)["git"]["commit_hash"])

    async def requests(self, operation: str) -> list[dict[str, Any]]:
        """The recorded requests of one operation or kind, those that met a fault too."""
        found = (await self.http.get("/sandbox/state")).json()["requests"]
        return [each for each in found if operation in {each["operation"], each["kind"]}]

    async def asked(self, operation: str, times: int = 1) -> None:
        """Wait until an operation was asked for so often."""

        async def look() -> bool:
            return len(await self.requests(operation)) >= times

        await self.eventually(look)

    # -- what goes wrong --

    def fault(self, operation: str, kind: Any, **more: Any) -> None:
        """Break the next requests of an operation."""
        fault = RequestFault(operation=operation, kind=kind, **more)
        self.sandbox.plane.faults.add(Faults(requests=[fault]))

    def load_fault(self, location: str, kind: Any, **more: Any) -> None:
        """Break the next reports about a location."""
        fault = LoadFault(location=location, kind=kind, **more)
        self.sandbox.plane.faults.add(Faults(loads=[fault]))

    def no_faults(self) -> None:
        """Let Dagster+ behave again."""
        self.sandbox.plane.faults.clear()
        self.sandbox.plane.release_held_reports()

    def set_agent(self, **changes: Any) -> None:
        """Change how the instant agent behaves."""
        self.agent = InstantAgentSettings(**{**self.agent.model_dump(), **changes})
        assert self.sandbox.instant_agent is not None
        self.sandbox.instant_agent.configure(self.agent)

    def break_commit(self, commit: str, error: LoadErrorText | None = None) -> None:
        """Let the code of a commit not load."""
        broken = BrokenCode(commit_hash=commit, error=error or load_error())
        self.set_agent(broken=[*self.agent.broken, broken])

    # -- the worker --

    def run_worker(self) -> None:
        """Let the worker work."""
        self.working.append(asyncio.create_task(self.worker.run()))

    async def kill_worker(self) -> None:
        """End it without any goodbye, in the middle of what it does, and have another one ready.

        That one would have to wait for the end of the dead one's leases: the clock is moved there.
        """
        running = [*self.working, *self.worker._running]
        self.cut_off()
        # A call of the store runs to its end, and may be one that prolongs a lease.
        await asyncio.gather(*running, return_exceptions=True)
        self.working.clear()
        self.clock.ahead += timedelta(seconds=31)
        self.worker = Worker(self.services, kind="test")

    def cut_off(self) -> None:
        """Cancel every task of the worker where it stands."""
        for task in [*self.working, *self.worker._running]:
            task.cancel()

    async def sha(self, project: str, ref: str) -> str:
        """The commit of a ref."""
        command = ["git", f"--git-dir={self.projects[project]}", "rev-parse", f"{ref}^{{commit}}"]
        git = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        output, _ = await git.communicate()
        assert git.returncode == 0
        return output.decode().strip()


def settings_of(folder: Path, repositories: dict[str, Path], **changes: Any) -> CoreSettings:
    """Settings with a free `prod` and a protected `staging`."""
    may = (ADA.key, GRACE.key)
    prod = DeploymentSettings(may_deploy=may, load_deadline=MINUTE_OF_LOADING)
    known: dict[str, Any] = {
        "deployments": {"prod": prod, "staging": prod.model_copy(update={"protected": True})},
        "projects": {
            name: ProjectSettings(git=str(path), artifact="source")
            for name, path in repositories.items()
        },
        "work_folder": str(folder),
        "no_agent_grace": 2.0,
    }
    return CoreSettings(**{**known, **changes})


@asynccontextmanager
async def open_world(
    folder: Path,
    repositories: dict[str, Path],
    *,
    work: bool = True,
    clock: FastClock | None = None,
    serverless: Serverless | None = None,
    settings_of_serverless: ServerlessSettings | None = None,
    **changes: Any,
) -> AsyncIterator[World]:
    """Start all of it; `changes` replace settings, without `work` the worker doesn't run yet."""
    clock = clock or FastClock()
    if settings_of_serverless is not None:
        changes["serverless"] = settings_of_serverless
    settings = settings_of(folder, repositories, **changes)
    async with AsyncExitStack() as stack:
        sandbox = await server.start_dagster_plus(
            instant_agent=InstantAgentSettings(), serverless=serverless
        )
        stack.push_async_callback(sandbox.close)
        http = httpx.AsyncClient(base_url=sandbox.url, trust_env=False, timeout=60)
        await stack.enter_async_context(http)
        await put_empty_store(folder / "store.sqlite")
        store = await Store.open(str(folder / "store.sqlite"), clock)
        stack.push_async_callback(store.close)
        dagster = DagsterPlus(
            organization="sandbox",
            token=SecretStr(sandbox.tokens.user),
            url=sandbox.url,
            clock=clock,
        )
        stack.push_async_callback(dagster.close)
        mirrors = GitMirrors(folder / "work", clock)
        web = await stack.enter_async_context(httpx.AsyncClient(timeout=60))
        images = DockerArtifacts(settings.docker, work_folder=folder, clock=clock, http=web)
        stack.push_async_callback(images.close)
        pex = PexArtifacts(
            settings.serverless,
            dagster=dagster,
            work_folder=Path(settings.work_folder),
            clock=clock,
            http=await stack.enter_async_context(httpx.AsyncClient(timeout=30, trust_env=False)),
            environment={**os.environ, **build_environment()},
        )
        facts = ServerlessFacts(dagster, clock)
        services = Services(settings, dagster, mirrors, store, clock, images, pex, facts)
        catalog = Catalog(dict(settings.projects), mirrors)
        planner = Planner(settings, dagster, catalog, mirrors, store, images, pex, facts)
        worker = Worker(services, kind="test")

        def wake() -> None:
            world.worker.wake()  # the one that is there at that time

        engine = Engine(services, planner, wake)
        world = World(sandbox, settings, services, engine, worker, clock, repositories, http)
        store.database.on_commit.append(world.changed.set)
        stack.push_async_callback(_end, world)
        if work:
            world.run_worker()
        yield world


async def _end(world: World) -> None:
    for task in world.working:
        task.cancel()
    await asyncio.gather(*world.working, return_exceptions=True)
    await world.worker.drain(0)
    await world.worker.leave()
