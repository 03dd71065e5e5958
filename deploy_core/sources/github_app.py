"""Tokens of a GitHub App's installation.

GitHub's documented way: a JWT signed with the App's key (RS256, at most ten minutes) is exchanged
at `POST /app/installations/ID/access_tokens` for a token that is good for an hour.
"""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from deploy_core.clock import Clock
from deploy_core.model.errors import GitAuthFailed, GitFailed, GitUnreachable
from deploy_core.sources.address import GitAddress

RENEW_BEFORE = timedelta(minutes=5)
_STATUS_OF_REFUSAL = {401, 403, 404, 422}


class GitHubApps:
    """Gets installation tokens and keeps each until five minutes before it expires."""

    def __init__(self, clock: Clock, *, timeout: float = 20.0) -> None:
        self._clock = clock
        self._timeout = timeout
        self._tokens: dict[tuple[str, ...], tuple[str, datetime]] = {}
        self._lock = asyncio.Lock()

    async def token(
        self, address: GitAddress, *, app_id: str, installation_id: str, key_file: str
    ) -> str:
        """Return a token that is good for at least five minutes.

        Raises `GitAuthFailed` if GitHub refuses the App, `GitUnreachable` if it doesn't answer.
        """
        key = (address.origin, app_id, installation_id, key_file)
        async with self._lock:
            kept = self._tokens.get(key)
            if kept and self._clock.now() < kept[1] - RENEW_BEFORE:
                return kept[0]
            signed = await asyncio.to_thread(self._signed, app_id, Path(key_file))
            got = await self._exchange(github_api(address), installation_id, signed)
            self._tokens[key] = got
            return got[0]

    def forget(self, token: str) -> None:
        """Drop a token that git's server refused, so that the next call gets another."""
        self._tokens = {key: kept for key, kept in self._tokens.items() if kept[0] != token}

    def _signed(self, app_id: str, key_file: Path) -> str:
        try:
            import jwt  # noqa: PLC0415 - only with a GitHub App
            from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
        except ImportError:
            raise GitAuthFailed(
                "A GitHub App needs the packages `PyJWT` and `cryptography`.",
                next_step="Install `PyJWT[crypto]` beside the bot.",
            ) from None
        try:
            private = key_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise GitAuthFailed("The key file of the GitHub App can't be read.") from None
        now = int(self._clock.now().timestamp())
        claims = {"iat": now - 60, "exp": now + 540, "iss": app_id}  # a minute for slow clocks
        try:
            return jwt.encode(claims, private, algorithm="RS256")
        except (ValueError, TypeError, UnsupportedAlgorithm, jwt.PyJWTError):
            raise GitAuthFailed("The key file of the GitHub App holds no usable key.") from None

    async def _exchange(self, api: str, installation_id: str, signed: str) -> tuple[str, datetime]:
        headers = {
            "Authorization": f"Bearer {signed}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        url = f"{api}/app/installations/{installation_id}/access_tokens"
        try:
            async with httpx.AsyncClient(timeout=self._timeout) as client:
                answer = await client.post(url, headers=headers)
        except httpx.HTTPError:
            raise GitUnreachable(f"GitHub's API at `{api}` can't be reached.") from None
        if answer.status_code in _STATUS_OF_REFUSAL:
            raise GitAuthFailed(
                f"GitHub refuses the App's installation (HTTP {answer.status_code}).",
                next_step="Check the App's id, its installation id and its key file.",
            )
        if answer.status_code == 429 or answer.status_code >= 500:
            raise GitUnreachable(f"GitHub's API answers HTTP {answer.status_code}.")
        try:
            body = answer.json()
            expires = datetime.fromisoformat(body["expires_at"])
            token = body["token"]
        except (ValueError, KeyError, TypeError):
            raise GitFailed("GitHub's API answered something that isn't a token.") from None
        if not isinstance(token, str) or not token or expires.tzinfo is None:
            raise GitFailed("GitHub's API answered something that isn't a token.")
        return token, expires


def github_api(address: GitAddress) -> str:
    """Return where the API is: GitHub itself has a host for it, GitHub Enterprise Server a path."""
    if address.web_host == "github.com":
        return "https://api.github.com"
    return f"{address.web_origin}/api/v3"
