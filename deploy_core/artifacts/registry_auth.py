"""Log-in at a registry: what its challenge asks for, and the tokens it gives.

https://distribution.github.io/distribution/spec/auth/token/ and .../oauth/.
"""

import base64
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from deploy_core.artifacts.credentials import Credential
from deploy_core.artifacts.image_ref import ImageRef
from deploy_core.artifacts.registry_errors import answer_of, answered
from deploy_core.clock import Clock
from deploy_core.model.errors import RegistryProtocol, RegistryUnauthorised

_PARAMETER = re.compile(r'([a-zA-Z_]+)="([^"]*)"')
_SHORTEST_LIFE = 60.0  # seconds; what a server that says nothing means
_EARLY = 10.0  # seconds before its end in which a token isn't used any more


@dataclass(frozen=True)
class Challenge:
    """What a 401 asks for: `basic` or `bearer`, with the parameters of the latter."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


@dataclass(frozen=True)
class _Kept:
    header: str = field(repr=False)
    until: float


class _TokenAnswer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    token: str | None = None
    access_token: str | None = None
    expires_in: float | None = None


class RegistryLogin:
    """Makes `Authorization` headers and keeps tokens as long as they are valid."""

    def __init__(self, http: httpx.AsyncClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._kept: dict[tuple[str, str, int], _Kept] = {}

    def kept(self, ref: ImageRef, credential: Credential | None) -> str | None:
        """Return a header that worked for this repository and is still valid."""
        found = self._kept.get(_key(ref, credential))
        return found.header if found and found.until > self._clock.monotonic() else None

    def forget(self, ref: ImageRef, credential: Credential | None) -> None:
        """Drop what was kept: the registry didn't take it."""
        self._kept.pop(_key(ref, credential), None)

    async def answer(
        self, ref: ImageRef, response: httpx.Response, credential: Credential | None
    ) -> str:
        """Return the header for a request that got this 401.

        Raises `RegistryUnauthorised` where there is no credential or it isn't taken.
        """
        challenge = parse_challenge(response.headers.get_list("WWW-Authenticate"))
        if challenge.scheme == "basic":
            if credential is None:
                raise RegistryUnauthorised(f"{ref.host} wants a log-in and there is none.")
            header = _basic(credential)
            self._keep(ref, credential, header, 3600.0)
            return header
        answer = await self._token(ref, challenge, credential)
        token = answer.token or answer.access_token
        if not token or not re.fullmatch(r"[!-~]+", token):
            raise RegistryProtocol(f"The log-in server of {ref.host} gave no token.")
        header = f"Bearer {token}"
        self._keep(ref, credential, header, answer.expires_in or _SHORTEST_LIFE)
        return header

    async def _token(
        self, ref: ImageRef, challenge: Challenge, credential: Credential | None
    ) -> _TokenAnswer:
        _check_realm(ref, challenge.realm)
        asked = {"service": challenge.service, "scope": challenge.scope or _scope(ref)}
        if credential is not None and credential.identity_token:
            form = asked | {
                "grant_type": "refresh_token",
                "client_id": "dagster-chatops",
                "refresh_token": credential.identity_token,
            }
            request = self._http.post(challenge.realm, data=form)
        else:
            headers = {"Authorization": _basic(credential)} if credential else {}
            request = self._http.get(challenge.realm, params=asked, headers=headers)
        response = await answer_of(ref.host, request)
        if response.status_code in {400, 401, 403}:
            raise RegistryUnauthorised(f"The log-in server of {ref.host} refuses our credential.")
        if response.status_code != 200:
            raise answered(ref, response)
        try:
            return _TokenAnswer.model_validate_json(response.content)
        except ValidationError:
            raise RegistryProtocol(
                f"The log-in server of {ref.host} answered something else than a token."
            ) from None

    def _keep(
        self, ref: ImageRef, credential: Credential | None, header: str, seconds: float
    ) -> None:
        until = self._clock.monotonic() + max(seconds, _SHORTEST_LIFE) - _EARLY
        self._kept[_key(ref, credential)] = _Kept(header, until)


def parse_challenge(headers: list[str]) -> Challenge:
    """Return what the headers `WWW-Authenticate` ask for; a token rather than a password.

    Raises `RegistryProtocol` if it is neither.
    """
    basic: Challenge | None = None
    for header in headers:
        scheme, _, rest = header.strip().partition(" ")
        values = {name.lower(): value for name, value in _PARAMETER.findall(rest)}
        if scheme.lower() == "bearer" and values.get("realm"):
            return Challenge(
                "bearer", values["realm"], values.get("service", ""), values.get("scope", "")
            )
        if scheme.lower() == "basic":
            basic = Challenge("basic")
    if basic is None:
        raise RegistryProtocol("The registry wants a log-in of a kind that we don't know.")
    return basic


def _check_realm(ref: ImageRef, realm: str) -> None:
    """A password goes to a log-in server by https only, or to this machine."""
    parts = urlsplit(realm)
    on_loopback = ref.is_loopback and parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if parts.scheme != "https" and not (parts.scheme == "http" and on_loopback):
        raise RegistryProtocol(f"The log-in server of {ref.host} has no https address.")


def _scope(ref: ImageRef) -> str:
    return f"repository:{ref.repository}:pull"


def _basic(credential: Credential) -> str:
    pair = f"{credential.username}:{credential.password}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _key(ref: ImageRef, credential: Credential | None) -> tuple[str, str, int]:
    return ref.host, ref.repository, hash(credential)
