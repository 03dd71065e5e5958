"""A pull request (on GitLab a merge request), as a git host tells of it."""

from enum import StrEnum

from deploy_core.model.plan import Frozen


class PullState(StrEnum):
    """Where a pull request stands."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"  # without having been merged


class CheckState(StrEnum):
    """What a check of the host says, or a job of its CI."""

    WAITING = "waiting"
    GOOD = "good"
    BAD = "bad"
    LEFT_OUT = "left_out"  # skipped, neutral or started by hand


class Check(Frozen):
    """One check of the newest commit."""

    name: str
    state: CheckState
    url: str | None = None


class PullRequest(Frozen):
    """One pull request. `merged_sha` is the commit that the base branch got. `checks` is None where
    the host doesn't say: not every token may read them."""

    number: int
    url: str
    state: PullState
    head: str
    merged_sha: str | None = None
    checks: tuple[Check, ...] | None = None
