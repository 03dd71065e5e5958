"""Which deploy a person means: by number, by location, or by the thread they write in."""

from deploy_core.model.deploys import Deploy
from deploy_core.model.errors import UnknownDeploy, UsageError
from handlers.commands import Cancel, Logs, Rollback
from handlers.desk import Ask, Desk


async def find_deploy(
    desk: Desk, ask: Ask, command: Cancel | Logs | Rollback, *, running: bool
) -> Deploy:
    """Return the deploy meant; with `running`, only one that hasn't ended. The locations of a
    rollback aren't looked at: they have a rule of their own.

    Raises `UnknownDeploy` with what there is, `UsageError` when several are meant.
    """
    location = None if isinstance(command, Rollback) else command.location
    deployment = command.deployment
    if command.deploy is not None:
        return await desk.store.deploys.get(command.deploy)
    if location is None and ask.thread_ts is not None:
        found = await desk.store.deploys.at_place(ask.channel, ask.thread_ts)
        if found is not None:
            return found
    if running:
        return _one(await desk.store.deploys.running(), location, deployment)
    recent = await desk.store.deploys.recent(deployment=deployment, location=location, most=1)
    if not recent:
        raise UnknownDeploy("There is no such deploy yet.")
    return recent[0]


def _one(running: list[Deploy], location: str | None, deployment: str | None) -> Deploy:
    fitting = [
        deploy
        for deploy in running
        if deployment in {None, deploy.deployment}
        and (location is None or any(t.location == location for t in deploy.targets))
    ]
    numbers = tuple(str(deploy.id) for deploy in fitting)
    if not fitting:
        raise UnknownDeploy(
            "No such deploy is running." if running else "No deploy is running.",
            choices=tuple(str(deploy.id) for deploy in running),
        )
    if len(fitting) > 1:
        raise UsageError(
            "Several deploys are running.",
            next_step="Say which one by its number.",
            choices=numbers,
        )
    return fitting[0]
