"""`logs`: the journal and the errors of a deploy."""

import asyncio

from handlers.cards.thread import journal
from handlers.commands import Logs
from handlers.desk import Ask, Desk
from handlers.text.answers import in_direct_message
from handlers.verbs.find import find_deploy


async def logs(desk: Desk, ask: Ask, command: Logs) -> None:
    """Answer with what happened, line by line. Raises `UnknownDeploy`."""
    deploy = await find_deploy(desk, ask, command, running=False)
    build_logs = await desk.store.build_logs.of_deploy(deploy.id)
    # A long log takes half a second to clean: never on the loop.
    post = await asyncio.to_thread(journal, deploy, desk.clock.now(), build_logs)
    if post.file_text is None:
        await desk.say(ask, post.text)
        return
    # A file can't be private in a channel: the person gets it as a direct message.
    direct = await desk.slack.direct(ask.by.id)
    await desk.slack.upload(
        direct,
        None,
        name=post.file_name or "log.txt",
        text=post.file_text,
        comment=post.text,
    )
    await desk.say(ask, in_direct_message(deploy.id))
