"""The part of GitHub's REST API that has to do with pull requests and with new repositories, in its
own answers."""

from typing import Any

from aiohttp import web

from sandbox.git_host.faults import Fault
from sandbox.git_host.repository import Pull, Repository

_RUNS = {"good": ("completed", "success"), "bad": ("completed", "failure")}


class GitHubApi:
    """Serves `/repos/OWNER/NAME/…` below a prefix, and what makes that repository."""

    prefix = "/api/v3"

    def __init__(self, repository: Repository, page: str, us: str) -> None:
        self._repository = repository
        self._page = page
        self._us = us
        self._owner, _, self._name = repository.name.partition("/")

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        at = f"{self.prefix}/repos/{self._repository.name}"
        owned = f"{self.prefix}/orgs/{self._owner}"
        organisation = [
            web.get(owned, self._organisation),
            web.post(f"{owned}/repos", self._make),
        ]
        return [
            web.get(at, self._there),
            web.get(f"{self.prefix}/user", self._user),
            web.post(f"{self.prefix}/user/repos", self._make),
            *(organisation if self._us != self._owner else []),
            web.get(f"{at}/pulls", self._list),
            web.post(f"{at}/pulls", self._create),
            web.get(f"{at}/pulls/{{number:\\d+}}", self._one),
            web.get(f"{at}/commits/{{sha}}/check-runs", self._runs),
            web.get(f"{at}/commits/{{sha}}/status", self._status),
        ]

    def knows(self, request: web.Request, token: str) -> bool:
        """Say whether the request has the token."""
        return request.headers.get("Authorization") == f"Bearer {token}"

    def refusal(self, fault: Fault) -> web.Response:
        """Return GitHub's answer to what isn't allowed or is too much."""
        match fault.kind:
            case "bad_token":
                return _said(401, "Bad credentials")
            case "rate_limit":
                headers = {"Retry-After": str(fault.seconds), "X-RateLimit-Remaining": "0"}
                return _said(403, "You have exceeded a secondary rate limit", headers)
            case _:
                return _said(403, "Resource not accessible by personal access token")

    async def _there(self, request: web.Request) -> web.Response:
        if not self._repository.is_there:
            return _said(404, "Not Found")
        return web.json_response(self._described())

    async def _organisation(self, request: web.Request) -> web.Response:
        return web.json_response({"login": self._owner, "type": "Organization"})

    async def _user(self, request: web.Request) -> web.Response:
        return web.json_response({"login": self._us, "type": "User"})

    async def _make(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self._repository.is_there or body["name"] != self._name:
            message = "name already exists on this account"
            errors = [{"resource": "Repository", "code": "custom", "message": message}]
            said = {"message": "Repository creation failed.", "errors": errors}
            return web.json_response(said, status=422)
        await self._repository.create(private=body["private"])
        return web.json_response(self._described(), status=201)

    def _described(self) -> dict[str, Any]:
        return {"full_name": self._repository.name, "private": self._repository.is_private}

    async def _list(self, request: web.Request) -> web.Response:
        owner, _, branch = request.query.get("head", "").partition(":")
        found = [
            await self._shown(pull)
            for pull in reversed(self._repository.pulls)
            if owner == self._repository.name.partition("/")[0] and pull.branch == branch
        ]
        for each in found:
            each.pop("merged")  # a list doesn't have it
        return web.json_response(found)

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        branch, base = str(body["head"]), str(body["base"])
        owner = self._repository.name.partition("/")[0]
        wrong = ""
        if await self._repository.branch(branch) is None:
            wrong = f"head {branch} doesn't exist"
        elif await self._repository.branch(branch) == await self._repository.branch(base):
            wrong = f"No commits between {base} and {branch}"
        # Last, and without a pause before it is opened: of two at once one is refused.
        if any(pull.state == "open" and pull.branch == branch for pull in self._repository.pulls):
            wrong = f"A pull request already exists for {owner}:{branch}."
        if wrong:
            errors = [{"resource": "PullRequest", "code": "custom", "message": wrong}]
            return web.json_response({"message": "Validation Failed", "errors": errors}, status=422)
        pull = await self._repository.open(branch, base, str(body["title"]), str(body["body"]))
        return web.json_response(await self._shown(pull), status=201)

    async def _one(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        if not 0 < number <= len(self._repository.pulls):
            return _said(404, "Not Found")
        return web.json_response(await self._shown(self._repository.pulls[number - 1]))

    async def _runs(self, request: web.Request) -> web.Response:
        runs = []
        for name, state in await self._checks(request):
            status, conclusion = _RUNS.get(state, ("in_progress", None))
            url = f"{self._page}/runs/{name}"
            runs.append({"name": name, "status": status, "conclusion": conclusion, "html_url": url})
        return web.json_response({"total_count": len(runs), "check_runs": runs})

    async def _status(self, request: web.Request) -> web.Response:
        return web.json_response({"state": "pending", "statuses": []})

    async def _checks(self, request: web.Request) -> list[tuple[str, str]]:
        sha = request.match_info["sha"]
        return [
            item
            for pull in self._repository.pulls
            if await self._repository.head_of(pull) == sha
            for item in pull.checks.items()
        ]

    async def _shown(self, pull: Pull) -> dict[str, Any]:
        return {
            "number": pull.number,
            "html_url": f"{self._page}/pull/{pull.number}",
            "title": pull.title,
            "body": pull.body,
            "state": "open" if pull.state == "open" else "closed",
            "merged": pull.state == "merged",
            "merged_at": pull.merged_at,
            # While it is open, GitHub has the commit of a merge that it has tried.
            "merge_commit_sha": pull.merged_sha or "0" * 40,
            "head": {"ref": pull.branch, "sha": await self._repository.head_of(pull)},
            "base": {"ref": pull.base},
        }


def _said(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"message": message}, status=status, headers=headers)
