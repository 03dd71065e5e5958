"""`help`: the commands and their forms."""

from handlers.cards.answers import help_message
from handlers.commands import Help
from handlers.desk import Ask, Desk


async def show_help(desk: Desk, ask: Ask, command: Help) -> None:
    """Answer with all commands, or with one of them."""
    await desk.private(ask, help_message(command.topic))
