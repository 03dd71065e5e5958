"""What people read under an address of a run."""

from datetime import datetime
from typing import Final

from deploy_core.dagster_plus.values import Run
from handlers.mrkdwn import code, date, duration
from handlers.text.names import name

STATES: Final = {
    "QUEUED": (":hourglass:", "is queued"),
    "NOT_STARTED": (":hourglass:", "is not started yet"),
    "MANAGED": (":hourglass:", "is managed"),
    "STARTING": (":hourglass:", "is starting"),
    "STARTED": (":hourglass:", "is running"),
    "SUSPENDED": (":hourglass:", "is suspended"),
    "SUCCESS": (":white_check_mark:", "succeeded"),
    "FAILURE": (":x:", "failed"),
    "CANCELING": (":no_entry:", "is being cancelled"),
    "CANCELED": (":no_entry:", "was cancelled"),
}


def run_line(run: Run, deployment: str, now: datetime) -> str:
    """Return how a run stands, and how long it took or takes."""
    emoji, state = STATES[run.status]
    place = f" in {name(run.location)}" if run.location else ""
    line = f"{emoji} *{name(run.job)}*{place} on {name(deployment)} {state}"
    if run.started_at is None:
        return line
    seconds = max(0.0, ((run.ended_at or now) - run.started_at).total_seconds())
    return f"{line} {'after' if run.ended_at else 'for'} {duration(seconds)}"


def run_age(run: Run) -> str:
    """Return which run it is, and when it was created."""
    return f"Run {code(run.id[:8], 20)}, created {date(run.created_at)}"
