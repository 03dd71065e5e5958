"""The whole simulation: processes on one store, Dagster+, Slack, and an imagined time."""

import asyncio
import json
import random
import shutil
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import structlog

from deploy_core.model.deploys import Deploy, Place
from deploy_core.model.errors import DeployError
from deploy_core.model.plan import Document
from deploy_core.settings import CoreSettings, DeploymentSettings
from handlers.cards.deploy import deploy_card
from handlers.cards.links import CardLinks
from tests.simulation.dagster_side import DEPLOYMENTS, TOKEN, Change, DagsterSide
from tests.simulation.invariants import Watch
from tests.simulation.process import HELD, Process, owned_tasks
from tests.simulation.slack_side import CHANNEL, SLACK_TOKEN, SlackSide
from tests.simulation.virtual_time import VirtualClock, VirtualLoop
from tests.support.plans import ADA, GRACE
from tests.support.stores import empty_store

T = TypeVar("T")
LOCATIONS = ("core", "marts")
LOAD_MINUTES = 2.0
SETTLED = 0.1
"""How long a rule lets things go on, in imagined seconds."""

LONG_ENOUGH = 15 * 60
"""In which everything has ended: two loads with their deadlines, and every retry."""


def document(location: str, image: str) -> Document:
    """A location's document."""
    return {"location_name": location, "code_source": {"package_name": location}, "image": image}


def settings_of(folder: Path) -> CoreSettings:
    """A free deployment and a protected one."""
    may = (ADA.key, GRACE.key)
    free = DeploymentSettings(may_deploy=may, load_deadline=LOAD_MINUTES)
    return CoreSettings(
        deployments={"prod": free, "staging": free.model_copy(update={"protected": True})},
        work_folder=str(folder),
        poll_seconds=2.0,
        poll_seconds_most=5.0,
        no_agent_grace=15.0,
        docker={"registries": {"registry.test": {"username": "bot", "password": "canary"}}},
    )


class Simulation:
    """Use it, then `end` it. `trace` is what happened, in words, with the time."""

    def __init__(self, seed: int) -> None:
        self.loop = VirtualLoop()
        self.loop.set_task_factory(owned_tasks)  # type: ignore[arg-type]
        self._runner = asyncio.Runner(loop_factory=lambda: self.loop)
        self.clock = VirtualClock(self.loop)
        self.folder = Path(tempfile.mkdtemp(prefix="simulation-"))
        self.file = self.folder / "store.sqlite"
        self.file.write_bytes(empty_store())
        self.settings = settings_of(self.folder)
        self.trace: list[str] = []
        self.logs: list[str] = []
        self.images = 0
        self.processes: list[Process] = []
        self._pauses = random.Random(seed)
        self._started = 0
        structlog.configure(processors=[self._log], cache_logger_on_first_use=False)
        self.slack = SlackSide()
        self._registry = httpx.MockTransport(_registry)

        async def dagster() -> DagsterSide:
            return DagsterSide()

        self.dagster = self._runner.run(dagster())
        self.watch = Watch(self.file, self.dagster, self.clock.steady)
        self.dagster.on_arrival = self._arrived
        self.dagster.on_applied = self._applied

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something, then let the rest go on for a moment."""

        async def and_settle() -> T:
            result = await work
            await asyncio.sleep(SETTLED)
            return result

        return self._runner.run(and_settle())

    def say(self, what: str) -> None:
        """Write a line of the trace."""
        self.trace.append(f"{self.loop.time() - 1000:9.2f}  {what}")

    # -- processes --

    @property
    def alive(self) -> list[Process]:
        return [process for process in self.processes if not process.dead]

    @property
    def acting(self) -> list[Process]:
        return [process for process in self.processes if process.can_act]

    async def start_process(self) -> None:
        """One more replica."""
        self._started += 1
        process = Process(
            f"p{self._started}",
            file=self.file,
            settings=self.settings,
            clock=self.clock,
            dagster=self.dagster,
            slack=self.slack,
            registry=self._registry,
            pauses=self._pauses,
            on_commit=self._committed,
        )
        self.say(f"{process.name} starts")
        self.processes.append(process)
        await process.start()

    async def bury(self) -> None:
        """Clear away the processes that have died."""
        for process in [each for each in self.processes if each.dead]:
            await process.buried()
            self.say(f"{process.name} is dead")
            self.processes.remove(process)

    # -- people --

    def new_image(self, *, broken: bool) -> str:
        """An image that nobody has deployed yet."""
        self.images += 1
        image = f"registry.test/code@sha256:{self.images:04}{0:060x}"
        if broken:
            self.dagster.broken.add(image)
        return image

    async def ask(self, process: Process, what: str, work: Coroutine[Any, Any, T]) -> T | None:
        """Let a person ask something of a process; a refusal is an answer too."""
        try:
            answer = await process.do(work)
        except DeployError as error:
            self.say(f"{process.name}: {what}: refused, {error.reason}")
            self._spoken(error)
            return None
        said = f"deploy {answer.id}" if isinstance(answer, Deploy) else answer
        self.say(f"{process.name}: {what}: {said}")
        return answer

    def _spoken(self, error: DeployError) -> None:
        self.logs.append(f"{error.summary} {error.detail} {error.next_step} {error!r}")

    # -- what is watched --

    def _committed(self) -> None:
        known = len(self.watch.moved)
        self.watch.committed()
        for moved in self.watch.moved[known:]:
            self.say(f"target {moved}")

    def _arrived(self, caller: Any, change: Change) -> None:
        self.say(f"{change.by} sends {change.place[1]} {_short(change.document)}")
        self.watch.arrived(change.by, caller.worker.id, caller.woken_at, HELD.get(), change)

    def _applied(self, _: Any, change: Change) -> None:
        self.say(f"Dagster+ has taken {change.place[1]} of {change.by}")
        self.watch.applied(HELD.get(), change)

    def _log(self, _logger: object, _method: str, event: Any) -> str:
        text = json.dumps(event, default=repr)
        self.logs.append(text)
        self.say(f"log: {text[:300]}")
        raise structlog.DropEvent

    # -- the end --

    async def heal(self, *, dagster: bool) -> None:
        """The machines are well again; Dagster+ only if `dagster`."""
        self.say("everything is healed" if dagster else "everything but Dagster+ is healed")
        self.slack.faults.clear()
        self.slack.archived = False
        if dagster:
            self.dagster.plane.faults.clear()
            self.dagster.silent.clear()
            self.dagster.set_agent(running=True)
        self.dagster.release()
        for process in self.alive:
            process.wake()
            process.writes_left = None
            process.store_is_away = False
        await self.bury()
        if not self.alive:
            await self.start_process()

    async def finish(self) -> None:
        """Let everything come to its end, and hold what is left against the promises."""
        for _ in range(LONG_ENOUGH // 5):
            if not self._all_said():
                await asyncio.sleep(5)
        self.watch.i2_everything_has_ended()
        await self._told()
        slack = json.dumps([message.body for message in self.slack.messages.values()])
        self.watch.i8_no_secret_is_anywhere((TOKEN, SLACK_TOKEN), "\n".join(self.logs), slack)

    def _all_said(self) -> bool:
        (left,) = self.watch.rows(
            """SELECT (SELECT count(*) FROM deploys WHERE ended_at IS NULL)
                    + (SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending')) AS n"""
        )
        return not left["n"]

    async def _told(self) -> None:
        store = self.alive[0].store
        for row in self.watch.rows("SELECT id FROM deploys ORDER BY id"):
            deploy = await store.deploys.get(row["id"])
            self.i6_the_last_card_is_the_row(deploy)
        waiting = self.watch.rows("SELECT * FROM outbox WHERE state IN ('pending', 'sending')")
        if waiting:
            self.watch.violated("I6", f"Slack was not told: {waiting}")

    def i6_the_last_card_is_the_row(self, deploy: Deploy) -> None:
        """The card says what the row says, and its end was told in the thread."""
        place = deploy.place
        card = self.slack.messages.get(place.ts) if place and place.ts else None
        if card is None:
            self.watch.violated("I6", f"deploy {deploy.id} has no card")
            return
        links = CardLinks(dagster=self.alive[0].dagster.deployment_url(deploy.deployment))
        wanted = deploy_card(deploy, links=links, now=self.clock.now())
        # In words only, where Slack refused the blocks.
        said = card.body["text"], card.body.get("blocks") or wanted.blocks
        if said != (wanted.text, wanted.blocks):
            self.watch.violated("I6", f"the card of deploy {deploy.id} says {said}, not {wanted}")

    def end(self) -> None:
        """Throw everything away."""

        async def bury_all() -> None:
            for process in self.alive:
                process.kill()
            await self.bury()

        self._runner.run(bury_all())
        self.watch.close()
        self._runner.close()
        structlog.reset_defaults()
        shutil.rmtree(self.folder, ignore_errors=True)


def _short(document: Document) -> str:
    return str(document.get("image")).partition("sha256:")[2][:4]


def place() -> Place:
    """Where the cards go."""
    return Place(channel=CHANNEL)


def jump(simulation: Simulation, hours: float) -> None:
    """Somebody sets the wall clock."""
    simulation.clock.skew += timedelta(hours=hours)


def _registry(request: httpx.Request) -> httpx.Response:
    """A registry that has every image."""
    digest = request.url.path.rsplit("/", 1)[-1]
    return httpx.Response(200, headers={"Docker-Content-Digest": digest})


__all__ = ["DEPLOYMENTS", "LOCATIONS", "Simulation", "document", "jump", "place"]
