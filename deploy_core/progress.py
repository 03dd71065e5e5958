"""A build's progress, written to the target's note for its card, at most once a second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy_core.crash import Crash
from deploy_core.endings import end_tasks
from deploy_core.model.plan import StepName
from deploy_core.services import Services
from deploy_core.store.work import Claim

NOTE_SECONDS = 1.0


class Progress:
    """Called with each step; keeps the last one. May be called from another thread."""

    def __init__(self, crash: Crash, step: StepName) -> None:
        self.words = ""
        self._crash = crash
        self._step = step

    def __call__(self, step: int, of: int, text: str) -> None:
        self._crash.reach(self._step, "progress")
        self.words = f"step {step} of {of}: {text}" if of else text


@asynccontextmanager
async def progress_noted(
    services: Services, claim: Claim, step: StepName
) -> AsyncIterator[Progress]:
    """Yield a progress that is noted while the work goes on, and forgotten at its end."""
    progress = Progress(services.crash, step)
    noting = asyncio.create_task(_note(services, claim, progress))
    try:
        yield progress
    finally:
        await end_tasks([noting])
    await services.store.work.note(claim, "")


async def _note(services: Services, claim: Claim, progress: Progress) -> None:
    said = ""
    while True:
        await services.clock.sleep(NOTE_SECONDS)
        if progress.words != said:
            said = progress.words
            await services.store.work.note(claim, said)
