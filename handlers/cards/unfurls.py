"""What stands under an address of Dagster+ that somebody has posted."""

from datetime import datetime

from deploy_core.dagster_plus.values import Run, RunError
from deploy_core.status import DeploymentStatus, LocationStatus
from deploy_core.watch.reading import Health
from handlers import limits
from handlers.blocks import Block, context, section
from handlers.cards.failures import error_lines, explained_error
from handlers.cards.status import status_line
from handlers.mrkdwn import pre
from handlers.text import status as status_text
from handlers.text import unfurls as text
from handlers.text.names import name

MOST_BROKEN = 5


def deployment_unfurl(status: DeploymentStatus, *, now: datetime) -> list[Block]:
    """Return how a deployment stands, with what is broken."""
    lines = [f"*{name(status.deployment)}*: {status_text.counts(status.locations)}"]
    broken = [each for each in status.locations if each.health is not Health.LOADED]
    for each in broken[:MOST_BROKEN]:
        line = status_line(each)
        if limits.size("\n".join([*lines, line])) > limits.SECTION_TEXT - 100:
            break
        lines.append(line)
    left = len(broken) - (len(lines) - 1)
    lines += [f"and {left} more"] if left else []
    return [section("\n".join(lines)), context(_age(status, now))]


def location_unfurl(
    status: DeploymentStatus, location: LocationStatus, *, now: datetime
) -> list[Block]:
    """Return how a code location stands."""
    line = f"{status_line(location)}\non {name(status.deployment)}"
    return [section(line), context(_age(status, now))]


def run_unfurl(run: Run, error: RunError | None, deployment: str, *, now: datetime) -> list[Block]:
    """Return how a run stands, with the error of one that failed."""
    blocks = [section(text.run_line(run, deployment, now))]
    if error is not None:
        found = explained_error(error.error, "run_failed")
        blocks.append(section(pre(error_lines(found), 900)))
    return [*blocks, context(text.run_age(run))]


def _age(status: DeploymentStatus, now: datetime) -> str:
    return status_text.as_of(status.at, now, status.trouble)
