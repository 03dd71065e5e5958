"""The part of GitLab's REST API that has to do with merge requests and with new projects, in its
own answers."""

from typing import Any
from urllib.parse import quote

from aiohttp import web

from sandbox.git_host.faults import Fault
from sandbox.git_host.repository import Pull, Repository

_STATES = {"open": "opened", "merged": "merged", "closed": "closed"}
NAMESPACE = 7
_JOBS = {"good": "success", "bad": "failed"}


class GitLabApi:
    """Serves `/projects/OWNER%2FNAME/…` below a prefix, and what makes that project."""

    prefix = "/api/v4"

    def __init__(self, repository: Repository, page: str) -> None:
        self._repository = repository
        self._page = page
        self._group, _, self._name = repository.name.rpartition("/")

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        at = f"{self.prefix}/projects/{quote(self._repository.name, safe='')}"
        group = quote(self._group, safe="")
        return [
            web.get(at, self._there),
            web.get(f"{self.prefix}/namespaces/{group}", self._namespace),
            web.post(f"{self.prefix}/projects", self._make),
            web.get(f"{at}/merge_requests", self._list),
            web.post(f"{at}/merge_requests", self._create),
            web.get(f"{at}/merge_requests/{{number:\\d+}}", self._one),
            web.get(f"{at}/repository/commits/{{sha}}/statuses", self._statuses),
        ]

    def knows(self, request: web.Request, token: str) -> bool:
        """Say whether the request has the token."""
        return request.headers.get("PRIVATE-TOKEN") == token

    def refusal(self, fault: Fault) -> web.Response:
        """Return GitLab's answer to what isn't allowed or is too much."""
        match fault.kind:
            case "bad_token":
                return web.json_response({"message": "401 Unauthorized"}, status=401)
            case "rate_limit":
                headers = {"Retry-After": str(fault.seconds)}
                return web.Response(status=429, text="Retry later\n", headers=headers)
            case _:
                said = {"error": "insufficient_scope", "scope": "api"}
                return web.json_response(said, status=403)

    async def _there(self, request: web.Request) -> web.Response:
        if not self._repository.is_there:
            return web.json_response({"message": "404 Project Not Found"}, status=404)
        return web.json_response(self._described())

    async def _namespace(self, request: web.Request) -> web.Response:
        return web.json_response({"id": NAMESPACE, "full_path": self._group, "kind": "group"})

    async def _make(self, request: web.Request) -> web.Response:
        body = await request.json()
        ours = (body["path"], body["namespace_id"]) == (self._name, NAMESPACE)
        if self._repository.is_there or not ours:
            taken = {"path": ["has already been taken"]}
            return web.json_response({"message": taken}, status=400)
        await self._repository.create(private=body["visibility"] == "private")
        return web.json_response(self._described(), status=201)

    def _described(self) -> dict[str, Any]:
        visibility = "private" if self._repository.is_private else "public"
        return {"path_with_namespace": self._repository.name, "visibility": visibility}

    async def _list(self, request: web.Request) -> web.Response:
        branch = request.query.get("source_branch")
        return web.json_response(
            [
                await self._shown(pull)
                for pull in reversed(self._repository.pulls)
                if pull.branch == branch
            ]
        )

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        branch, base = str(body["source_branch"]), str(body["target_branch"])
        if await self._repository.branch(branch) is None:
            return web.json_response({"message": {"source_branch": ["does not exist"]}}, status=400)
        # Last, and without a pause before it is opened: of two at once one is refused.
        there = [p for p in self._repository.pulls if p.state == "open" and p.branch == branch]
        if there:
            said = "Another open merge request already exists for this source branch: "
            wrong = {"message": [f"{said}!{there[0].number}"]}
            return web.json_response(wrong, status=409)
        title, text = str(body["title"]), str(body["description"])
        pull = await self._repository.open(branch, base, title, text)
        return web.json_response(await self._shown(pull), status=201)

    async def _one(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        if not 0 < number <= len(self._repository.pulls):
            return web.json_response({"message": "404 Not found"}, status=404)
        return web.json_response(await self._shown(self._repository.pulls[number - 1]))

    async def _statuses(self, request: web.Request) -> web.Response:
        sha = request.match_info["sha"]
        found = [
            {
                "name": name,
                "status": _JOBS.get(state, "running"),
                "target_url": f"{self._page}/-/jobs/{name}",
            }
            for pull in self._repository.pulls
            if await self._repository.head_of(pull) == sha
            for name, state in pull.checks.items()
        ]
        return web.json_response(found)

    async def _shown(self, pull: Pull) -> dict[str, Any]:
        made: dict[str, str | None] = {f"{each}_commit_sha": None for each in ("merge", "squash")}
        if pull.state == "merged" and pull.how != "fast-forward":
            made[f"{pull.how}_commit_sha"] = pull.merged_sha
        return {
            "iid": pull.number,
            "web_url": f"{self._page}/-/merge_requests/{pull.number}",
            "title": pull.title,
            "description": pull.body,
            "state": _STATES[pull.state],
            "source_branch": pull.branch,
            "target_branch": pull.base,
            "sha": await self._repository.head_of(pull),
            **made,
        }
