"""What `check` has found out about one thing."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from deploy_core.model.errors import DeployError

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `bad` is what is wrong and what to do, or None."""

    what: str
    good: str = ""
    bad: str | None = None


def wrong(what: str, error: DeployError) -> Finding:
    """Return an error as a finding."""
    lines = [error.summary, error.detail, error.next_step]
    return Finding(what, bad=" ".join(line for line in lines if line))


async def tried(what: str, work: Awaitable[T]) -> T | Finding:
    """Return what `work` returns, or its error as a finding."""
    try:
        return await work
    except DeployError as error:
        return wrong(what, error)
