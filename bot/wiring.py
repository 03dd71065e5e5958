"""Builds the adapters and puts them together; nothing else constructs one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from bot.settings import BotSettings
from deploy_core.artifacts.docker_artifacts import DockerArtifacts
from deploy_core.artifacts.offered_tags import OfferedTags
from deploy_core.artifacts.pex_artifacts import PexArtifacts
from deploy_core.catalog import Catalog
from deploy_core.clock import Clock, SystemClock
from deploy_core.crash import Crash
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.dagster_plus.serverless import ServerlessFacts
from deploy_core.dagster_plus.transport import OnCall
from deploy_core.drift import Drifts
from deploy_core.engine import Engine
from deploy_core.hosts.hosts import Hosts
from deploy_core.planner import Planner
from deploy_core.proposals import Proposer
from deploy_core.scaffold.maker import ProjectMaker
from deploy_core.services import Services
from deploy_core.sources.git import GitMirrors
from deploy_core.status import StatusBoard
from deploy_core.store.store import Store
from deploy_core.watch.alert_desk import AlertDesk
from deploy_core.watch.deploy_news import DeployNews
from deploy_core.watch.digests import Digests
from deploy_core.watch.medic import Medic
from deploy_core.watch.observer import Observer
from deploy_core.watch.readings import Readings
from deploy_core.watch.recipients import Recipients
from deploy_core.watch.run_observer import RunObserver
from deploy_core.watch.schedule_observer import ScheduleObserver
from deploy_core.worker import Worker

MUTATION_PART = 2 / 3
"""A change is answered or given up well before the lease ends under which it was sent."""


@dataclass
class Core:
    """The deploy engine with its adapters."""

    settings: BotSettings
    services: Services
    catalog: Catalog
    engine: Engine
    worker: Worker
    tags: OfferedTags
    readings: Readings
    board: StatusBoard
    observer: Observer
    run_observer: RunObserver
    schedule_observer: ScheduleObserver
    medic: Medic
    digests: Digests
    recipients: Recipients
    deploy_news: DeployNews
    alert_desk: AlertDesk
    proposer: Proposer
    maker: ProjectMaker
    hosts: Hosts

    @property
    def store(self) -> Store:
        return self.services.store


@asynccontextmanager
async def open_core(
    settings: BotSettings,
    *,
    kind: str,
    clock: Clock | None = None,
    on_call: OnCall | None = None,
) -> AsyncIterator[Core]:
    """Yield the engine for a process of this kind (`bot`, `cli`); `on_call` is told of each call
    of Dagster+. Raises `StoreError`."""
    clock = clock or SystemClock()
    folder = Path(settings.core.work_folder)
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        lease = settings.file.lease_seconds
        store = await Store.open(
            settings.store, clock, lease=timedelta(seconds=lease), database_time=True
        )
        stack.push_async_callback(store.close)
        dagster = DagsterPlus(
            organization=settings.organization,
            token=settings.dagster_token,
            url=settings.dagster_url,
            clock=clock,
            mutation_timeout=lease * MUTATION_PART,
            on_call=on_call,
        )
        stack.push_async_callback(dagster.close)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
        images = DockerArtifacts(settings.core.docker, work_folder=folder, clock=clock, http=http)
        stack.push_async_callback(images.close)
        pex = PexArtifacts(
            settings.core.serverless, dagster=dagster, work_folder=folder, clock=clock, http=http
        )
        facts = ServerlessFacts(dagster, clock)
        mirrors = GitMirrors(folder, clock)
        catalog = Catalog(dict(settings.core.projects), mirrors)
        services = Services(
            settings.core,
            dagster,
            mirrors,
            store,
            clock,
            images,
            pex,
            facts,
            Crash(settings.crash_at),
        )
        worker = Worker(services, kind=kind, name=store.process)
        planner = Planner(settings.core, dagster, catalog, mirrors, store, images, pex, facts)
        engine = Engine(services, planner, worker.wake)
        tags = OfferedTags(images, catalog, mirrors)
        readings = Readings(dagster, clock)
        stack.push_async_callback(readings.close)
        drifts = Drifts(dict(settings.core.projects), catalog, mirrors)
        stack.push_async_callback(drifts.close)
        board = StatusBoard(settings.core, dagster, readings, store, catalog, drifts)
        recipients = Recipients(settings.core, store.subscriptions, clock, catalog.project_of)
        digests = Digests(settings.core, board, store, clock, recipients)
        observer = Observer(settings.core, dagster, readings, store, recipients)
        hosts = Hosts(http, clock, mirrors.credentials)
        yield Core(
            settings=settings,
            services=services,
            catalog=catalog,
            engine=engine,
            worker=worker,
            tags=tags,
            readings=readings,
            board=board,
            observer=observer,
            run_observer=RunObserver(settings.core, dagster, readings, store, clock, recipients),
            schedule_observer=ScheduleObserver(
                settings.core, dagster, readings, store, clock, recipients
            ),
            medic=Medic(settings.core, engine, store, clock),
            digests=digests,
            recipients=recipients,
            deploy_news=DeployNews(store, recipients, clock),
            alert_desk=AlertDesk(settings.core, store, clock, recipients),
            proposer=Proposer(services, engine, hosts),
            maker=ProjectMaker(settings.core.scaffold, mirrors, folder / "scaffold", clock),
            hosts=hosts,
        )
