"""`deploys`: the running ones and the recent ones."""

from handlers.cards.answers import deploys_message
from handlers.commands import Deploys
from handlers.desk import Ask, Desk


async def deploys(desk: Desk, ask: Ask, command: Deploys) -> None:
    """Answer with the running and the last ten deploys."""
    running = await desk.store.deploys.running()
    recent = await desk.store.deploys.recent(
        deployment=command.deployment, location=command.location
    )
    known = {deploy.id for deploy in recent}
    fitting = [
        deploy
        for deploy in running
        if deploy.id not in known
        and command.deployment in {None, deploy.deployment}
        and (command.location is None or command.location in {t.location for t in deploy.targets})
    ]
    await desk.private(ask, deploys_message([*fitting, *recent], now=desk.clock.now()))
