"""One request to a git host, and what its answer means."""

from collections.abc import Mapping
from typing import Any, Final

import httpx

from deploy_core.clock import Clock
from deploy_core.model.errors import (
    HostError,
    HostNotAllowed,
    HostProtocol,
    HostRateLimited,
    HostRefused,
    HostRepositoryMissing,
    HostTokenRefused,
    HostUnreachable,
)
from deploy_core.retry_after import retry_after

MOST_WAIT: Final = 3600.0
_WAIT: Final = 60.0
"""For so long nothing is asked where a host says that it is too much, but not until when: GitHub
asks for at least a minute."""

_RESETS: Final = ("x-ratelimit-reset", "ratelimit-reset")
_LEFT: Final = ("x-ratelimit-remaining", "ratelimit-remaining")


class HostHttp:
    """Requests to the API below `api`. `name` is what the host is called in sentences."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        clock: Clock,
        *,
        name: str,
        api: str,
        headers: Mapping[str, str],
    ) -> None:
        self.name = name
        self._http = http
        self._clock = clock
        self._api = api.rstrip("/")
        self._headers = dict(headers)

    async def get(self, path: str, **params: str | int) -> Any:
        """Return the JSON of an answer. Raises `HostError`."""
        return self._json(await self._send("GET", path, params=params))

    async def there(self, path: str) -> bool:
        """Say whether the host has something here that our token may see. Raises `HostError`."""
        try:
            await self._send("GET", path)
        except HostRepositoryMissing:
            return False
        return True

    async def make(self, path: str, body: Mapping[str, object], *, at: str) -> bool:
        """Post what makes something that stands `at` a path then. Returns False where somebody was
        quicker. Raises `HostError`."""
        try:
            await self.post(path, body)
        except HostRefused:
            if not await self.there(at):
                raise
            return False
        return True

    async def post(self, path: str, body: Mapping[str, object]) -> Any:
        """Return the JSON of the answer to a change. Raises `HostError`."""
        return self._json(await self._send("POST", path, json=dict(body)))

    async def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            answer = await self._http.request(
                method, f"{self._api}{path}", headers=self._headers, **arguments
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The text of the exception is left out: it can quote a header.
            raise HostUnreachable(
                f"{self.name} can't be reached ({type(error).__name__})."
            ) from None
        if answer.status_code >= 300:
            raise self._error(answer)
        return answer

    def _json(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise HostProtocol(f"{self.name} answered something that isn't JSON.") from None

    def _error(self, answer: httpx.Response) -> HostError:  # noqa: PLR0911 - a case, a return
        status, said = answer.status_code, _said(answer)
        shown = f"{said} (HTTP {status})" if said else f"HTTP {status}"
        if status == 429 or (status == 403 and _limited(answer)):
            return HostRateLimited(
                f"{self.name} wants fewer requests for a while.", retry_after=self._wait(answer)
            )
        if status == 401:
            return HostTokenRefused(f"{self.name} refuses our token: {shown}.")
        if status == 403:
            return HostNotAllowed(f"{self.name} doesn't let our token do this: {shown}.")
        if status == 404:
            return HostRepositoryMissing(
                f"{self.name} has no such repository, or our token may not see it: {shown}."
            )
        if status in {400, 409, 422}:
            return HostRefused(f"{self.name} refuses it: {shown}.")
        if status >= 500:
            return HostUnreachable(f"{self.name} answers with an error of its own: {shown}.")
        return HostProtocol(f"{self.name} answered in a way that isn't foreseen: {shown}.")

    def _wait(self, answer: httpx.Response) -> float:
        now = self._clock.now()
        reset = next((answer.headers[name] for name in _RESETS if name in answer.headers), "")
        wait = retry_after(answer.headers.get("retry-after"), now)
        if wait is None and "retry-after" not in answer.headers and reset.isdigit():
            wait = float(reset) - now.timestamp()
        return min(max(_WAIT if wait is None else wait, 1.0), MOST_WAIT)


def _limited(answer: httpx.Response) -> bool:
    """GitHub says 403 both for what isn't allowed and for what is too much."""
    none_left = any(answer.headers.get(name) == "0" for name in _LEFT)
    return none_left or "retry-after" in answer.headers


def _said(answer: httpx.Response) -> str:
    """Return the host's own words: GitHub has `message` and `errors`, GitLab `message` or `error`,
    each a text, a list or a mapping."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    details = body.get("errors") or []
    words = [_text(body.get("message") or body.get("error"))]
    words += [_text(each) for each in details] if isinstance(details, list) else []
    return ": ".join(word for word in words if word)[:300]


def _text(value: object) -> str:
    if isinstance(value, dict):
        if isinstance(value.get("message"), str):
            return str(value["message"])
        return "; ".join(f"{key}: {_text(inside)}" for key, inside in value.items())
    if isinstance(value, list):
        return "; ".join(_text(each) for each in value)
    return value if isinstance(value, str) else ""
