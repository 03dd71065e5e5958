"""Pull requests and new repositories on GitHub and GitHub Enterprise Server.

https://docs.github.com/en/rest/pulls/pulls, …/checks/runs, …/commits/statuses, …/repos/repos
"""

from typing import Any, Final

from deploy_core.hosts.http import HostHttp
from deploy_core.model.errors import (
    HostNotAllowed,
    HostProtocol,
    HostRefused,
    HostRepositoryMissing,
)
from deploy_core.model.pull_requests import Check, CheckState, PullRequest, PullState

HEADERS: Final = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
}
_RUNS: Final = {
    "success": CheckState.GOOD,
    "neutral": CheckState.LEFT_OUT,
    "skipped": CheckState.LEFT_OUT,
}
_STATUSES: Final = {
    "success": CheckState.GOOD,
    "pending": CheckState.WAITING,
    "failure": CheckState.BAD,
    "error": CheckState.BAD,
}
MOST_CHECKS: Final = 100


class GitHub:
    """One repository, and its pull requests. Every method raises `HostError`."""

    word: Final = "pull request"

    def __init__(self, http: HostHttp, repository: str) -> None:
        self._http = http
        self._owner, _, self._name = repository.partition("/")
        self._at = f"/repos/{repository}"

    async def create(self, *, private: bool) -> bool:
        """Make the repository, empty, unless it is there; say whether it was made."""
        if await self._http.there(self._at):
            return False
        wanted = {"name": self._name, "private": private, "auto_init": False}
        return await self._http.make(await self._owners_repositories(), wanted, at=self._at)

    async def _owners_repositories(self) -> str:
        """Return where a repository of the owner is made: an organisation's, or our own."""
        if await self._http.there(f"/orgs/{self._owner}"):
            return f"/orgs/{self._owner}/repos"
        us = await self._http.get("/user")
        login = us.get("login") if isinstance(us, dict) else None
        if not isinstance(login, str) or login.lower() != self._owner.lower():
            raise HostRepositoryMissing(
                f"{self._http.name} has no organisation {self._owner} that our token may see."
            )
        return "/user/repos"

    async def find(self, branch: str) -> PullRequest | None:
        """Return the newest pull request of a branch of this repository, whatever its state."""
        found = await self._http.get(
            f"{self._at}/pulls",
            head=f"{self._owner}:{branch}",
            state="all",
            sort="created",
            direction="desc",
            per_page=10,
        )
        if not isinstance(found, list):
            raise self._strange()
        return self._read(found[0]) if found else None

    async def open(self, branch: str, base: str, title: str, body: str) -> PullRequest:
        """Open a pull request, or return the one that the branch has."""
        wanted = {"title": title, "head": branch, "base": base, "body": body}
        try:
            return self._read(await self._http.post(f"{self._at}/pulls", wanted))
        except HostRefused:
            # GitHub has no code for it: a validation fails for one that is there, and for others.
            found = await self.find(branch)
            if found is None:
                raise
            return found

    async def read(self, number: int) -> PullRequest:
        """Return a pull request as it stands, with its checks."""
        read = self._read(await self._http.get(f"{self._at}/pulls/{number}"))
        return read.model_copy(update={"checks": await self._checks(read.head)})

    async def _checks(self, sha: str) -> tuple[Check, ...] | None:
        try:
            runs = await self._http.get(
                f"{self._at}/commits/{sha}/check-runs", per_page=MOST_CHECKS
            )
            status = await self._http.get(f"{self._at}/commits/{sha}/status", per_page=MOST_CHECKS)
        except (HostNotAllowed, HostRepositoryMissing):
            return None  # a token without the right to read checks
        try:
            return (
                *(_run(each) for each in runs["check_runs"]),
                *(_status(each) for each in status["statuses"]),
            )
        except (TypeError, KeyError):
            raise self._strange() from None

    def _read(self, found: Any) -> PullRequest:
        try:
            merged = bool(found.get("merged_at") or found.get("merged"))
            state = PullState.OPEN if found["state"] == "open" else PullState.CLOSED
            return PullRequest(
                number=int(found["number"]),
                url=str(found["html_url"]),
                state=PullState.MERGED if merged else state,
                head=str(found["head"]["sha"]),
                # Before the merge it is that of a merge that GitHub has tried.
                merged_sha=str(found["merge_commit_sha"]) if merged else None,
            )
        except (AttributeError, TypeError, KeyError, ValueError):
            raise self._strange() from None

    def _strange(self) -> HostProtocol:
        return HostProtocol(f"{self._http.name} answered something that isn't a pull request.")


def _run(found: Any) -> Check:
    state = CheckState.WAITING
    if found["status"] == "completed":
        state = _RUNS.get(found["conclusion"], CheckState.BAD)
    return Check(name=str(found["name"]), state=state, url=found.get("html_url"))


def _status(found: Any) -> Check:
    state = _STATUSES.get(found["state"], CheckState.WAITING)
    return Check(name=str(found["context"]), state=state, url=found.get("target_url"))
