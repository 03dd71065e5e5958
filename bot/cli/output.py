"""What the command line prints: errors and plain helpers, through rich."""

import getpass

from rich.console import Console
from rich.markup import escape

from deploy_core.model.errors import DeployError
from deploy_core.model.people import Actor
from deploy_core.model.proposals import Problem

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def person() -> Actor:
    """Return who is at this terminal."""
    return Actor(kind="cli", id=getpass.getuser())


def print_error(error: DeployError | Problem) -> None:
    """Print what happened, what to do, and the reason code."""
    errors.print(f"[bold red]{escape(error.summary)}[/] [dim]({error.reason})[/]")
    if isinstance(error, DeployError) and error.detail:
        errors.print(escape(error.detail.rstrip()))
    if isinstance(error, DeployError) and error.choices:
        errors.print(f"There are: {escape(', '.join(error.choices))}")
    if error.next_step:
        errors.print(escape(error.next_step))
