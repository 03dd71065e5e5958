"""A code location that is added to a project's repository: what was asked for, and how far it is.

Its steps are: written down, committed, pushed, opened as a pull request, merged, and then deployed
by us or by the repository's own CI.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from deploy_core.model.people import Actor
from deploy_core.model.plan import Document, Frozen, short_hash
from deploy_core.model.pull_requests import Check

BRANCH_FOLDER: Final = "dagster-chatops"
_NOT_IN_A_BRANCH: Final = re.compile(r"[^A-Za-z0-9_-]+")


class ProposalState(StrEnum):
    """The last step that is finished. The first six go on; the others are ends."""

    NEW = "new"  # written down here, and nowhere else
    COMMITTED = "committed"  # in the mirror only
    PUSHED = "pushed"
    OPEN = "open"  # its pull request waits for people
    MERGED = "merged"
    FOLLOWING = "following"  # the repository's own CI is to deploy it
    DEPLOYED = "deployed"  # merged, and a deploy of ours was started
    LIVE = "live"  # merged, deployed by the repository's CI, and seen to be loaded
    BRANCH_ONLY = "branch_only"  # pushed; the project has no host that we know
    CLOSED = "closed"  # a person closed the pull request without merging it
    DISCARDED = "discarded"  # a person gave it up before there was a pull request


GOES_ON: Final = frozenset(
    {
        ProposalState.NEW,
        ProposalState.COMMITTED,
        ProposalState.PUSHED,
        ProposalState.OPEN,
        ProposalState.MERGED,
        ProposalState.FOLLOWING,
    }
)
BEFORE_OPEN: Final = frozenset({ProposalState.NEW, ProposalState.COMMITTED, ProposalState.PUSHED})


class Problem(Frozen):
    """What stands in the way of the next step. `stuck`: a person must try again."""

    reason: str
    summary: str
    next_step: str
    stuck: bool


class ProposalRequest(Frozen):
    """What a person asked for: `entry` is the item of `locations`, with `build` where it has one;
    `files` are new files of the repository, by path.

    With `leaves` the entry, once the file's `defaults` are in it, is all there is to say: what it
    doesn't say goes from the file, but for these fields. Without them that stays as it is. `notes`
    are sentences for who reads the change.
    """

    project: str
    location: str
    deployment: str
    entry: Document
    actor: Actor
    why: str | None = None
    files: Mapping[str, str] = {}
    leaves: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The same for requests that ask for the same."""
        said = [self.project, self.deployment, self.entry, dict(self.files)]
        return short_hash(said if self.leaves is None else [*said, list(self.leaves)])


class Proposal(Frozen):
    """One request on its way. `base` is the branch that it is merged into; `by_hand` is what a
    person must still add to the branch, a sentence each."""

    id: int
    request: ProposalRequest
    state: ProposalState
    created_at: datetime
    branch: str
    base: str
    updates: bool = False  # the file has a location of this name already
    base_sha: str | None = None
    commit_sha: str | None = None
    by_hand: tuple[str, ...] = ()
    number: int | None = None
    url: str | None = None
    checks: tuple[Check, ...] | None = None
    merged_sha: str | None = None
    merged_at: datetime | None = None
    deploy_id: int | None = None
    channel: str = ""
    problem: Problem | None = None
    attempts: int = 0
    not_before: datetime | None = None
    ended_at: datetime | None = None

    @property
    def goes_on(self) -> bool:
        """Whether a step is left."""
        return self.state in GOES_ON

    def can_go_on(self, now: datetime) -> bool:
        """Say whether a step is left that nobody, and no time, has to be waited for."""
        stuck = self.problem is not None and self.problem.stuck
        return self.goes_on and not stuck and (self.not_before is None or self.not_before <= now)


def branch_of(location: str, origin: str) -> str:
    """Return the name of a proposal's branch: the same for the same `origin`, and another's for
    none else."""
    name = _NOT_IN_A_BRANCH.sub("-", location).strip("-")[:60] or "location"
    return f"{BRANCH_FOLDER}/add-{name}-{short_hash(origin)[:8]}"
