"""`status`: what is live, and what is broken."""

from deploy_core.live import read_live
from deploy_core.policy import deployment_named
from handlers.cards.status import LiveState, StatusLine, status_message
from handlers.commands import Status
from handlers.desk import Ask, Desk

_STATES = {
    "loaded": LiveState.LOADED,
    "loading": LiveState.LOADING,
    "not loaded yet": LiveState.LOADING,
    "failed to load": LiveState.BROKEN,
}


async def status(desk: Desk, ask: Ask, command: Status) -> None:
    """Answer with a line a location. Raises `UnknownLocation`, `UnknownDeployment`."""
    deployment, _ = deployment_named(desk.settings, command.deployment)
    found = await read_live(desk.dagster, deployment, command.location)
    lines = [StatusLine(live.location, _STATES[live.state], live.version.label) for live in found]
    await desk.private(ask, status_message(deployment, lines))
