"""What looks at a control plane that is a process of its own, so that its work isn't counted."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from deploy_core.catalog import Catalog
from deploy_core.clock import Clock
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.drift import Drifts
from deploy_core.settings import CoreSettings
from deploy_core.sources.git import GitMirrors
from deploy_core.status import StatusBoard
from deploy_core.store.store import Store
from deploy_core.watch.readings import Readings
from deploy_core.watch.recipients import Recipients


@dataclass
class Beside:
    """What watches; `requests` counts what Dagster+ was asked, by operation."""

    settings: CoreSettings
    dagster: DagsterPlus
    readings: Readings
    store: Store
    board: StatusBoard
    recipients: Recipients
    clock: Clock
    process: asyncio.subprocess.Process
    requests: Counter[str]

    async def tell(self, count: int) -> None:
        """Tell the control plane's program a number, and wait until it has done what that says."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{count}\n".encode())
        await self.process.stdout.readline()


@asynccontextmanager
async def beside(
    home: Path, program: str, *arguments: int, settings: CoreSettings, clock: Clock
) -> AsyncIterator[Beside]:
    """Start a program that prints its control plane's address and token, and yield what watches."""
    await asyncio.to_thread(home.mkdir, parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-c", program, *map(str, arguments)], stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    report: dict[str, Any] = json.loads(await process.stdout.readline())
    requests: Counter[str] = Counter()
    dagster = DagsterPlus(
        organization="sandbox",
        token=SecretStr(report["token"]),
        url=report["url"],
        clock=clock,
        on_call=lambda operation, _outcome, _seconds: requests.update([operation]),
    )
    store = await Store.open(str(home / "watch.sqlite"), clock)
    readings = Readings(dagster, clock)
    mirrors = GitMirrors(home, clock)
    catalog = Catalog({}, mirrors)
    recipients = Recipients(settings, store.subscriptions, clock, catalog.project_of)
    drifts = Drifts({}, catalog, mirrors)
    board = StatusBoard(settings, dagster, readings, store, catalog, drifts)
    try:
        yield Beside(
            settings, dagster, readings, store, board, recipients, clock, process, requests
        )
    finally:
        await readings.close()
        await store.close()
        await dagster.close()
        process.kill()
        await process.wait()
