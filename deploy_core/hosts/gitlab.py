"""Merge requests and new projects on GitLab, gitlab.com or self-managed.

https://docs.gitlab.com/api/merge_requests/, …/commits/#list-the-statuses-of-a-commit, …/projects/
and …/namespaces/
"""

from typing import Any, Final
from urllib.parse import quote

from deploy_core.hosts.http import HostHttp
from deploy_core.model.errors import (
    HostNotAllowed,
    HostProtocol,
    HostRefused,
    HostRepositoryMissing,
)
from deploy_core.model.pull_requests import Check, CheckState, PullRequest, PullState

_STATES: Final = {"merged": PullState.MERGED, "closed": PullState.CLOSED}
_JOBS: Final = {
    "success": CheckState.GOOD,
    "failed": CheckState.BAD,
    "canceled": CheckState.BAD,
    "skipped": CheckState.LEFT_OUT,
    "manual": CheckState.LEFT_OUT,
}
MOST_CHECKS: Final = 100


class GitLab:
    """One project, and its merge requests. Every method raises `HostError`."""

    word: Final = "merge request"

    def __init__(self, http: HostHttp, repository: str) -> None:
        self._http = http
        self._at = f"/projects/{quote(repository, safe='')}"
        self._group, _, self._name = repository.rpartition("/")

    async def create(self, *, private: bool) -> bool:
        """Make the project, empty, unless it is there; say whether it was made."""
        if await self._http.there(self._at):
            return False
        group = await self._http.get(f"/namespaces/{quote(self._group, safe='')}")
        if not isinstance(group, dict) or not isinstance(group.get("id"), int):
            raise HostProtocol(f"{self._http.name} answered something that isn't a namespace.")
        wanted = {
            "name": self._name,
            "path": self._name,
            "namespace_id": group["id"],
            "visibility": "private" if private else "public",
            "initialize_with_readme": False,
        }
        return await self._http.make("/projects", wanted, at=self._at)

    async def find(self, branch: str) -> PullRequest | None:
        """Return the newest merge request of a branch, whatever its state."""
        found = await self._http.get(
            f"{self._at}/merge_requests",
            source_branch=branch,
            state="all",
            order_by="created_at",
            sort="desc",
            per_page=10,
        )
        if not isinstance(found, list):
            raise self._strange()
        return self._read(found[0]) if found else None

    async def open(self, branch: str, base: str, title: str, body: str) -> PullRequest:
        """Open a merge request, or return the one that the branch has."""
        wanted = {
            "source_branch": branch,
            "target_branch": base,
            "title": title,
            "description": body,
            "remove_source_branch": True,
        }
        try:
            return self._read(await self._http.post(f"{self._at}/merge_requests", wanted))
        except HostRefused:
            found = await self.find(branch)  # 409: there is an open one
            if found is None:
                raise
            return found

    async def read(self, number: int) -> PullRequest:
        """Return a merge request as it stands, with the jobs of its newest commit."""
        read = self._read(await self._http.get(f"{self._at}/merge_requests/{number}"))
        return read.model_copy(update={"checks": await self._checks(read.head)})

    async def _checks(self, sha: str) -> tuple[Check, ...] | None:
        path = f"{self._at}/repository/commits/{sha}/statuses"
        try:
            found = await self._http.get(path, per_page=MOST_CHECKS)
        except (HostNotAllowed, HostRepositoryMissing):
            return None
        try:
            return tuple(
                Check(
                    name=str(each["name"]),
                    state=_JOBS.get(each["status"], CheckState.WAITING),
                    url=each.get("target_url"),
                )
                for each in found
            )
        except (TypeError, KeyError):
            raise self._strange() from None

    def _read(self, found: Any) -> PullRequest:
        try:
            state = _STATES.get(found["state"], PullState.OPEN)
            head = str(found["sha"])
            # A fast-forward makes no commit of its own: then the base branch has the newest one.
            made = found.get("merge_commit_sha") or found.get("squash_commit_sha") or head
            return PullRequest(
                number=int(found["iid"]),
                url=str(found["web_url"]),
                state=state,
                head=head,
                merged_sha=str(made) if state is PullState.MERGED else None,
            )
        except (AttributeError, TypeError, KeyError, ValueError):
            raise self._strange() from None

    def _strange(self) -> HostProtocol:
        return HostProtocol(f"{self._http.name} answered something that isn't a merge request.")
