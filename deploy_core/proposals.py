"""Brings a code location into a project's repository, step by step: a commit on a branch, a push, a
pull request, and after its merge the deploy.

A finished step is written down and never done again. A step that may have been done before its
process died does the same once more: the commit has the same sha, the push finds its branch, the
pull request is looked for first, and the deploy bears the proposal's name.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from deploy_core.crash import Crash
from deploy_core.engine import Engine
from deploy_core.hosts.hosts import Hosts
from deploy_core.model.deploys import Place
from deploy_core.model.errors import (
    AlreadyEnded,
    AlreadyProposed,
    CiNotDeployed,
    DeployError,
    HostRateLimited,
    ImageMissing,
    ImageNotFound,
    LoadFailed,
    StoreError,
)
from deploy_core.model.people import Actor
from deploy_core.model.plan import DeployKind, DeployRequest, Document
from deploy_core.model.proposals import (
    BEFORE_OPEN,
    Problem,
    Proposal,
    ProposalRequest,
    ProposalState,
    branch_of,
)
from deploy_core.model.pull_requests import PullState
from deploy_core.policy import project_named, require_may_deploy
from deploy_core.proposal_edits import Edit, Editor
from deploy_core.proposal_texts import body_of, message_of, title_of
from deploy_core.services import Services
from deploy_core.settings import ProjectSettings
from deploy_core.sources.branches import Change

MOST_WAIT: Final = 300.0
IMAGE_WAIT: Final = timedelta(hours=1)
"""For so long after a merge the image is waited for that the repository's CI is to push, or the
deploy that it is to make."""

_log = structlog.get_logger()
_S = ProposalState


class Proposer:
    """Takes requests, and brings each on its way as far as it goes now."""

    def __init__(self, services: Services, engine: Engine, hosts: Hosts) -> None:
        self._services = services
        self._store = services.store.proposals
        self._engine = engine
        self._hosts = hosts
        self._editor = Editor(services.mirrors)
        self._crash: Crash = services.crash
        self._locks: dict[int, asyncio.Lock] = {}
        self._steps: dict[ProposalState, Callable[[Proposal], Awaitable[Proposal | None]]] = {
            _S.NEW: self._commit,
            _S.COMMITTED: self._push,
            _S.PUSHED: self._open,
            _S.OPEN: self._look_at,
            _S.MERGED: self._deploy,
            _S.FOLLOWING: self._follow,
        }

    async def propose(self, request: ProposalRequest, *, channel: str, origin: str) -> Proposal:
        """Write a request down after a look at whether it can be done; the same `origin` writes it
        once. The same request as one that waits for a person is a person's second try of it.

        Raises `NotAllowed`, `UnknownProject`, `CodeSourceInvalid`, `LocationNameInvalid`,
        `AlreadyProposed`, `FileExists`, `FileNotEditable`, `FileInvalid`, `DefaultsDiffer`,
        `UsageError` and what git raises.
        """
        made = await self._store.made_from(origin)
        if made is not None:
            return made
        require_may_deploy(self._services.settings, request.deployment, request.actor)
        settings = self._project(request.project)
        going = await self._store.going(request.project, request.location)
        if going is None:
            edit = await self._editor.edit(request, settings)
            return await self._store.create(
                request,
                origin=origin,
                branch=branch_of(request.location, origin),
                base=settings.default_ref,
                updates=edit.updates,
                channel=channel,
            )
        stuck = going.problem is not None and going.problem.stuck
        if stuck and going.request.digest == request.digest:
            return await self._store.unstick(going) or going
        where = f": {going.url}" if going.url else ""
        raise AlreadyProposed(
            f"{request.location} is on its way into {request.project} already{where}."
        )

    async def again(self, proposal_id: int, by: Actor) -> None:
        """Try the step once more that failed. Raises `NotAllowed`, `AlreadyEnded`."""
        found = await self._may(proposal_id, by)
        await self._store.unstick(found)
        await self.advance(proposal_id)

    async def discard(self, proposal_id: int, by: Actor) -> None:
        """Give up what has no pull request yet, and delete its branch.

        Raises `NotAllowed`, `AlreadyEnded` and what git raises.
        """
        async with self._lock(proposal_id):
            found = await self._may(proposal_id, by)
            if found.state not in BEFORE_OPEN:
                raise AlreadyEnded(
                    "There is a pull request.", next_step="Close it there: nothing is deployed."
                )
            if found.commit_sha is not None:
                project = found.request.project
                await self._services.mirrors.delete_branch(
                    project, self._project(project), found.commit_sha, found.branch
                )
            await self._store.moved(found, _S.DISCARDED)

    async def look(self) -> None:
        """Bring everything on that can go on now. Raises `StoreError`."""
        for found in await self._store.due():
            try:
                await self.advance(found.id)
            except StoreError:
                raise
            except Exception:  # noqa: BLE001 - one that fails must not hold up the others
                _log.exception("proposal_failed", proposal=found.id)

    async def advance(self, proposal_id: int) -> None:
        """Do all steps that can be done now; what stands in the way is noted. Raises
        `StoreError`."""
        async with self._lock(proposal_id):
            # Read with the lock: who had it before may have been told to come back later.
            found: Proposal | None = await self._store.get(proposal_id)
            while found is not None and found.can_go_on(self._services.clock.now()):
                before = found
                found = await self._step(before)
                if found is not None and found.state is before.state:
                    return

    async def _step(self, found: Proposal) -> Proposal | None:
        try:
            return await self._steps[found.state](found)
        except StoreError:
            raise
        except DeployError as error:
            _log.warning(
                "proposal_hindered", proposal=found.id, state=found.state, reason=error.reason
            )
            wait = self._wait(found, error)
            problem = Problem(
                reason=error.reason,
                summary=error.summary,
                next_step=error.next_step,
                stuck=wait is None,
            )
            await self._store.hindered(found, problem, wait)
            return None

    def _wait(self, found: Proposal, error: DeployError) -> float | None:
        """Return after how many seconds it is tried again; None where a person must do so."""
        if isinstance(error, HostRateLimited):
            return error.retry_after
        waits_for_ci = isinstance(error, ImageNotFound | ImageMissing) and self._is_early(found)
        if not (error.retryable or waits_for_ci):
            return None
        seconds = self._services.settings.pull_requests_seconds
        return float(min(seconds * 2**found.attempts, max(seconds, MOST_WAIT)))

    def _is_early(self, found: Proposal) -> bool:
        merged = found.merged_at
        return merged is not None and self._services.clock.now() < merged + IMAGE_WAIT

    # The steps.

    async def _commit(self, found: Proposal) -> Proposal | None:
        request, settings = found.request, self._project(found.request.project)
        edit = await self._editor.edit(request, settings)
        self._crash.reach("proposal", "committing")
        sha = await self._made(found, settings, edit)
        return await self._store.moved(
            found,
            _S.COMMITTED,
            base_sha=edit.base_sha,
            commit_sha=sha,
            updates=edit.updates,
            by_hand=list(edit.by_hand),
        )

    async def _push(self, found: Proposal) -> Proposal | None:
        project, settings = found.request.project, self._project(found.request.project)
        sha = found.commit_sha or ""
        if not await self._services.mirrors.has(project, sha):
            # The mirror is another one than that of the process that has made the commit.
            edit = await self._editor.edit(found.request, settings, at=found.base_sha)
            sha = await self._made(found, settings, edit)
        await self._services.mirrors.push(project, settings, sha, found.branch)
        self._crash.reach("proposal", "pushed")
        return await self._store.moved(found, _S.PUSHED, commit_sha=sha)

    async def _open(self, found: Proposal) -> Proposal | None:
        settings = self._project(found.request.project)
        host = await self._hosts.of(settings)
        if host is None:
            return await self._store.moved(found, _S.BRANCH_ONLY)
        pull = await host.find(found.branch)
        if pull is None:
            body = body_of(found, ci_deploys=settings.ci_deploys)
            pull = await host.open(found.branch, found.base, title_of(found), body)
        self._crash.reach("proposal", "opened")
        return await self._store.moved(found, _S.OPEN, number=pull.number, url=pull.url)

    async def _look_at(self, found: Proposal) -> Proposal | None:
        settings = self._project(found.request.project)
        host = await self._hosts.of(settings)
        if host is None or found.number is None:
            return await self._store.moved(found, _S.BRANCH_ONLY)
        pull = await host.read(found.number)
        if pull.state is PullState.CLOSED:
            return await self._store.moved(found, _S.CLOSED)
        seen = await self._store.seen(found, pull.url, pull.checks)
        if seen is None or pull.state is PullState.OPEN:
            return seen
        after = _S.FOLLOWING if settings.ci_deploys else _S.MERGED
        now = self._services.clock.now()
        return await self._store.moved(seen, after, merged_sha=pull.merged_sha, merged_at=now)

    async def _deploy(self, found: Proposal) -> Proposal | None:
        origin = f"proposal:{found.id}"
        made = await self._services.store.deploys.made_from(origin)
        if made is None:
            request = found.request
            wanted = DeployRequest(
                kind=DeployKind.DEPLOY,
                actor=request.actor,
                locations=(f"{request.project}:{request.location}",),
                ref=found.merged_sha,
                deployment=request.deployment,
                why=request.why,
            )
            plan = await self._engine.plan(wanted)
            place = Place(channel=found.channel) if found.channel else None
            made = await self._engine.start_plan(plan, wanted, place=place, origin=origin)
            self._crash.reach("proposal", "deploying")
        return await self._store.moved(found, _S.DEPLOYED, deploy_id=made.id)

    async def _follow(self, found: Proposal) -> Proposal | None:
        request, dagster = found.request, self._services.dagster
        document = (await dagster.documents(request.deployment)).get(request.location)
        if document is not None and await self._is_of(found, document):
            state = (await dagster.location_states(request.deployment)).get(request.location)
            if state is not None and state.loaded:
                return await self._store.moved(found, _S.LIVE)
            if state is not None and state.failed and not state.loading:
                error = await dagster.location_error(request.deployment, request.location)
                if error is not None:
                    raise LoadFailed(
                        f"The repository's CI has deployed {request.location}, but it doesn't"
                        f" load on {request.deployment}.",
                        python_error=error,
                    )
        if not self._is_early(found):
            raise CiNotDeployed(
                f"The repository's CI hasn't deployed {request.location} within an hour."
            )
        return found if found.problem is None else await self._store.unstick(found)

    async def _is_of(self, found: Proposal, document: Document) -> bool:
        """Say whether what is live is of the merge, or of a commit after it."""
        git = document.get("git")
        commit = git.get("commit_hash") if isinstance(git, dict) else None
        merged = found.merged_sha or ""
        if not isinstance(commit, str):
            # What was adopted has been live before: only a commit shows that CI has deployed it.
            adopts = found.request.leaves is not None
            same = document.get("code_source") == found.request.entry.get("code_source")
            return same and not adopts
        if commit == merged:
            return True
        project = found.request.project
        settings = self._project(project)
        try:
            between = await self._services.mirrors.commits_between(
                project, settings, merged, commit, most=0
            )
        except DeployError:
            return False
        return between.known and between.behind == 0

    # What a step works with.

    async def _made(self, found: Proposal, settings: ProjectSettings, edit: Edit) -> str:
        change = Change(
            edited=edit.edited,
            added=edit.added,
            message=message_of(found),
            author=settings.commit_author,
            at=found.created_at,
        )
        project = found.request.project
        return await self._services.mirrors.commit(project, settings, edit.base_sha, change)

    async def _may(self, proposal_id: int, by: Actor) -> Proposal:
        found = await self._store.get(proposal_id)
        require_may_deploy(self._services.settings, found.request.deployment, by)
        if not found.goes_on:
            raise AlreadyEnded(f"{found.request.location} is no longer on its way.")
        return found

    def _project(self, name: str) -> ProjectSettings:
        return project_named(self._services.settings, name)

    def _lock(self, proposal_id: int) -> asyncio.Lock:
        return self._locks.setdefault(proposal_id, asyncio.Lock())
