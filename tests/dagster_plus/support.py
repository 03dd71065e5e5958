"""A client on a wire double, a clock that jumps, and answers as Dagster+ gives them."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from deploy_core.dagster_plus.client import DagsterPlus

TOKEN = "user:acme:canary-4f1d9c"
DOCUMENT: dict[str, Any] = {"location_name": "core", "code_source": {"package_name": "core"}}
PUT_DONE = {
    "data": {
        "addOrUpdateLocationFromDocument": {"__typename": "WorkspaceEntry", "locationName": "core"}
    }
}
NO_AGENTS: dict[str, Any] = {"data": {"agents": []}}


class JumpingClock:
    """Sleeping moves the time at once and is noted down."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._start = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=sum(self.slept))

    def monotonic(self) -> float:
        return 1000.0 + sum(self.slept)

    def steady(self) -> datetime:
        return self.now()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Wire:
    """Answers each request with the next step; the last one stays. A step may be an exception."""

    def __init__(self, *steps: httpx.Response | Exception) -> None:
        self._steps = list(steps)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, Exception):
            raise step
        return httpx.Response(step.status_code, headers=step.headers, content=step.content)

    @property
    def sent(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.requests[-1].content)
        return body


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, headers=headers, content=content)


def client_on(
    wire: Callable[[httpx.Request], httpx.Response]
    | Callable[[httpx.Request], Awaitable[httpx.Response]],
    clock: JumpingClock | None = None,
    **options: Any,
) -> DagsterPlus:
    transport = httpx.MockTransport(wire)  # type: ignore[arg-type]  # a union of its two forms
    return DagsterPlus(
        organization="acme",
        token=SecretStr(TOKEN),
        clock=clock or JumpingClock(),
        http=httpx.AsyncClient(transport=transport),
        **options,
    )


def python_error(message: str = "KeyError: 'X'\n", **more: Any) -> dict[str, Any]:
    return {"__typename": "PythonError", "message": message, "stack": ["  File a\n"], **more}
