"""The program: Slack, the worker, the outbox and the clock, until SIGTERM."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from datetime import timedelta

import structlog
from aiohttp import web
from pydantic import SecretStr

from bot.alerts import PATH as ALERTS_PATH
from bot.alerts import AlertRequests, usable_secret
from bot.channels import report_closed
from bot.cli.exit_codes import ExitCode
from bot.housekeeping import Housekeeping
from bot.http_mode import PATH, SlackRequests
from bot.metrics import Metrics
from bot.outbox import OutboxSender
from bot.server import Server
from bot.settings import BotSettings
from bot.slack_app import make_app, make_web_client, require
from bot.socket_mode import SlackConnection
from bot.watch import Watch
from bot.wiring import Core, open_core
from deploy_core.endings import end_tasks
from deploy_core.model.errors import AnotherWorker, ConfigInvalid, DeployError, StoreError
from handlers.desk import Ask, Desk
from handlers.home import Home
from handlers.registration import register
from handlers.slack import Slack

UNFINISHED = timedelta(minutes=5)
"""What a crash cut off is carried out when it is no older; later nobody expects it."""

QUIET_SECONDS = 3.0
"""For so long what Slack has sent may still be acknowledged before the connection is closed: after
that Slack has given up on it."""

TAKE_OVER_SECONDS = 5.0
"""How often it is looked whether another process has died with what it had taken from Slack."""

HOME_SECONDS = 5.0
"""How often it is looked whether the Home tabs that are open have changed."""

READY_SECONDS = 2.0
"""How long `/readyz` waits for the database: whoever asks doesn't wait much longer."""

_log = structlog.get_logger()


async def run_bot(settings: BotSettings) -> ExitCode:
    """Run until SIGTERM or SIGINT. Raises `ConfigInvalid`, `AnotherWorker`, `StoreError`."""
    ended = _ended_by_signal()
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        opened = open_core(settings, kind="bot", on_call=metrics.dagster_call)
        core = await stack.enter_async_context(opened)
        if not await _take_place(core, ended):
            return ExitCode.GOOD
        bot = Bot(core, settings, metrics)
        await bot.start()
        await ended.wait()
        _log.info("draining")
        await bot.stop()
    _log.info("ended")
    return ExitCode.GOOD


class Bot:
    """All the parts of one process."""

    def __init__(self, core: Core, settings: BotSettings, metrics: Metrics | None = None) -> None:
        clock = core.services.clock
        client = make_web_client(settings)
        self._core = core
        self._settings = settings
        self._app = make_app(client, settings)
        self._metrics = metrics or Metrics()
        core.store.database.on_fact.append(self._metrics.fact)
        self._slack = Slack(client, clock, self._metrics.slack_call)
        self._desk = Desk(
            engine=core.engine,
            store=core.store,
            catalog=core.catalog,
            tags=core.tags,
            dagster=core.services.dagster,
            settings=settings.core,
            slack=self._slack,
            clock=clock,
            board=core.board,
            recipients=core.recipients,
            proposer=core.proposer,
            maker=core.maker,
            hosts=core.hosts,
            serverless=core.services.serverless,
            organization=settings.organization,
            team=settings.file.slack.team,
            on_ack=self._metrics.ack,
            crash=core.services.crash,
        )
        self._home = Home(self._desk)
        self._deal = register(self._app, self._desk, self._home, settings.file.slack.command)
        self._connection: SlackConnection | None = None
        self._outbox = OutboxSender(
            core.store,
            self._slack,
            core.services.dagster,
            settings.core,
            clock,
            core.services.crash,
            core.catalog.project_of,
        )
        self._housekeeping = Housekeeping(core)
        self._watch = Watch(core)
        self._server = Server(
            settings.file.server.host,
            settings.file.server.port,
            {"slack": self._slack_ready, "store": self._store_ready},
        )
        self._server.add("GET", "/metrics", self._page)
        if settings.alerts_secret is not None:
            self._take_alerts(settings.alerts_secret)
        if settings.file.slack.mode == "http":
            secret = require(settings.slack_signing_secret, "SLACK_SIGNING_SECRET")
            requests = SlackRequests(self._app, secret, core.store.inbox, clock)
            self._server.add("POST", PATH, requests.handle)
        else:
            self._connection = SlackConnection(
                self._app,
                app_token=require(settings.slack_app_token, "SLACK_APP_TOKEN"),
                api_url=settings.slack_api_url,
                clock=clock,
            )
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def _take_alerts(self, secret: SecretStr) -> None:
        """Serve the address for alerts of Dagster+. Raises `ConfigInvalid`."""
        if not self._settings.core.watch.enabled:
            raise ConfigInvalid("Alerts of Dagster+ are joined by the watcher, which is off.")
        alerts = AlertRequests(
            usable_secret(secret),
            self._core.store.alerts,
            self._core.alert_desk,
            self._watch.wake,
            self._metrics.alert,
        )
        self._server.add("POST", ALERTS_PATH, alerts.handle)

    async def start(self) -> None:
        """Start everything; Slack last, so that what it sends finds us ready."""
        self._run("worker", self._core.worker.run())
        self._run("outbox", self._outbox.run())
        self._housekeeping.start()
        self._watch.start()
        self._run("take_over", self._take_over())
        self._run("home", self._renew_home())
        self._run("channels", report_closed(self._core, self._slack))
        self.port = await self._server.start()
        _log.info("server_listens", port=self.port)
        if self._connection is not None:
            self._run("slack", self._connection.run())

    async def stop(self) -> None:
        """Take nothing new, let what runs end, give the rest back, say it in Slack."""
        seconds = self._settings.file.drain_seconds
        if self._connection is not None:
            await self._connection.quiet(QUIET_SECONDS)
            await self._end("slack")
        await self._end("take_over")
        await self._end("channels")
        await self._end("home")
        await self._watch.stop()
        await self._housekeeping.stop()
        await self._desk.tasks.drain(seconds)
        await self._core.worker.drain(seconds)
        await self._outbox.drain(seconds)
        await self._end("outbox")
        await self._end("worker")
        await self._core.worker.leave()
        await self._server.close()
        await self._slack.close()

    async def _take_over(self) -> None:
        """Go on with what processes that died had taken from Slack: ours before, or a replica."""
        while True:
            with suppress(StoreError):
                await self._go_on()
            await self._core.services.clock.sleep(TAKE_OVER_SECONDS)

    async def _renew_home(self) -> None:
        """Renew the Home tabs that are open, not too often: a deploy changes much in a second."""
        while True:
            await self._core.services.clock.sleep(HOME_SECONDS)
            try:
                await self._home.renew()
            except Exception:  # noqa: BLE001 - one that fails must not end the others
                _log.exception("home_failed")

    async def _go_on(self) -> None:
        """Carry out what people asked and a crash of the last process cut off."""
        for left in await self._core.store.inbox.unfinished(UNFINISHED):
            try:
                ask = Ask.from_payload(left.key, left.payload)
            except ValueError:
                _log.exception("ask_unreadable", key=left.key)
                continue
            _log.info("ask_resumed", key=left.key)
            self._metrics.resumed()
            self._desk.tasks.start(self._desk.dealing(ask, self._deal))

    def _run(self, name: str, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_report)
        self._tasks[name] = task

    async def _end(self, name: str) -> None:
        await end_tasks([self._tasks.pop(name)])

    async def _page(self, request: web.Request) -> web.Response:
        """The metrics, with a fresh look at what is waiting."""
        metrics, store = self._metrics, self._core.store
        metrics.targets_running.set(self._core.worker.running)
        metrics.slack_ready.set(await self._slack_ready() is None)
        try:
            async with asyncio.timeout(READY_SECONDS):
                waiting = await store.outbox.waiting()
                metrics.targets_queued.set(await store.deploys.queued())
            lag = self._core.services.clock.now() - waiting.since if waiting.since else timedelta()
            metrics.outbox_waiting.set(waiting.count)
            metrics.outbox_lag.set(max(lag.total_seconds(), 0.0))
            metrics.store_ready.set(1)
        except (StoreError, TimeoutError):
            metrics.store_ready.set(0)  # the others stay as they were seen last
        body, content_type = metrics.page(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _slack_ready(self) -> str | None:
        if self._connection is None or await self._connection.connected():
            return None
        return "not connected to Slack"

    async def _store_ready(self) -> str | None:
        check = asyncio.ensure_future(self._core.store.check())
        await asyncio.wait({check}, timeout=READY_SECONDS)
        if not check.done():
            check.add_done_callback(asyncio.Future.exception)  # told already
            return f"can't be written for {READY_SECONDS:.0f} seconds"
        error = check.exception()
        if isinstance(error, DeployError):
            return error.summary
        return None if error is None else type(error).__name__


async def _take_place(core: Core, ended: asyncio.Event) -> bool:
    """Become the worker; an old process that is just ending gets its time.

    Raises `AnotherWorker` when the other one stays. Returns False when told to end meanwhile.
    """
    clock = core.services.clock
    until = clock.monotonic() + core.store.work.lease.total_seconds() + 5
    while not ended.is_set():
        try:
            await core.worker.enlist()
            return True
        except AnotherWorker as error:
            if clock.monotonic() >= until:
                raise
            _log.warning("waiting_for_the_other_process", said=error.summary)
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await ended.wait()
    return False


def _ended_by_signal() -> asyncio.Event:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    return ended


def _report(task: asyncio.Task[None]) -> None:
    """A part that ends by itself is a defect; the watchdog outside sees it in `/readyz`."""
    if not task.cancelled() and task.exception() is not None:
        _log.error("part_failed", part=task.get_name(), exc_info=task.exception())
