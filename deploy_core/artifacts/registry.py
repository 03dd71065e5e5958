"""Asks registries over their HTTP API (v2): does an image exist, what is its digest, which tags.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from deploy_core.artifacts.credentials import Credential, RegistryCredentials
from deploy_core.artifacts.image_ref import ImageRef
from deploy_core.artifacts.registry_auth import RegistryLogin
from deploy_core.artifacts.registry_errors import answer_of, answered
from deploy_core.clock import Clock
from deploy_core.model.errors import (
    RegistryProtocol,
    RegistryUnauthorised,
    RegistryUnreachable,
    RepositoryMissing,
)

MANIFEST_KINDS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
TRIES = 3
MOST_MANIFEST_BYTES = 4_000_000  # https://github.com/opencontainers/distribution-spec: 4 MiB
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NEXT = re.compile(r'<([^>]+)>\s*;[^,]*rel="?next"?')


class _Tags(BaseModel):
    model_config = ConfigDict(extra="ignore")

    tags: list[str] | None = None


class RegistryClient:
    """Reads registries. Works without a Docker engine.

    Every method raises `RegistryUnreachable` after its tries, `RegistryUnauthorised`,
    `RegistryQuota`, `RegistryProtocol` and, where a helper is asked, `CredentialHelperFailed`.
    """

    def __init__(
        self, credentials: RegistryCredentials, http: httpx.AsyncClient, clock: Clock
    ) -> None:
        self._credentials = credentials
        self._http = http
        self._clock = clock
        self._login = RegistryLogin(http, clock)

    async def digest(self, ref: ImageRef) -> str | None:
        """Return the digest of the image that the name stands for now, None if there is none.

        For an image of several platforms it is the digest of its index. A digest in the name wins
        over a tag, and is only looked up.
        """
        path = f"/v2/{ref.repository}/manifests/{ref.reference}"
        head = await self._ask(ref, "HEAD", path)
        if head.status_code == 404:
            return None
        if head.status_code != 200:
            raise answered(ref, head)
        said = head.headers.get("Docker-Content-Digest", "")
        if _DIGEST.fullmatch(said):
            return str(said)
        body = await self._ask(ref, "GET", path)
        if body.status_code != 200:
            raise answered(ref, body)
        if len(body.content) > MOST_MANIFEST_BYTES:
            raise RegistryProtocol(f"{ref.host} sent a manifest of {len(body.content):,} bytes.")
        return f"sha256:{hashlib.sha256(body.content).hexdigest()}"

    async def exists(self, ref: ImageRef) -> bool:
        """Return whether the registry has the image."""
        return await self.digest(ref) is not None

    async def tags(self, ref: ImageRef, most: int = 1000) -> tuple[str, ...]:
        """Return the tags of the image's repository, at most so many; none if it isn't there.

        Registries give them in the order of the alphabet, page by page.
        """
        path: str | None = f"/v2/{ref.repository}/tags/list?n={min(most, 1000)}"
        found: list[str] = []
        while path is not None and len(found) < most:
            response = await self._ask(ref, "GET", path)
            if response.status_code == 404:
                break
            if response.status_code != 200:
                raise answered(ref, response)
            page = _read_tags(ref, response)
            found += page
            path = _next_page(response, path) if page else None
        return tuple(dict.fromkeys(found))[:most]

    async def ping(self, ref: ImageRef) -> None:
        """Raise what keeps us from reading the image's repository."""
        response = await self._ask(ref, "GET", f"/v2/{ref.repository}/tags/list?n=1")
        if response.status_code not in {200, 404}:
            raise answered(ref, response)

    async def may_push(self, ref: ImageRef) -> None:
        """Raise what keeps us from pushing to the image's repository.

        An upload is begun and given up again, as the specification has it; nothing stays.
        """
        response = await self._ask(ref, "POST", f"/v2/{ref.repository}/blobs/uploads/")
        if response.status_code in {401, 403}:
            raise RegistryUnauthorised(f"{ref.host} refuses to let us push to `{ref.repository}`.")
        if response.status_code == 404:
            raise RepositoryMissing(f"{ref.host} has no repository `{ref.repository}`.")
        if response.status_code not in {201, 202}:
            raise answered(ref, response)
        # Its host is ignored, so that a log-in stays where it is.
        upload = urlsplit(response.headers.get("Location", ""))
        if upload.path.startswith("/"):
            await self._ask(ref, "DELETE", f"{upload.path}?{upload.query}")

    async def _ask(self, ref: ImageRef, method: str, path: str) -> httpx.Response:
        credential = await self._credentials.find(ref)
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(RegistryUnreachable),
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential(multiplier=0.5, max=4),
            sleep=self._clock.sleep,
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                response = await self._authorised(ref, method, path, credential)
                if response.status_code >= 500:
                    raise answered(ref, response)
                return response
        raise AssertionError("tenacity raises or returns")

    async def _authorised(
        self, ref: ImageRef, method: str, path: str, credential: Credential | None
    ) -> httpx.Response:
        """A registry that wants a log-in says so with 401 and a challenge; it gets one answer."""
        header = self._login.kept(ref, credential)
        response = await self._send(ref, method, path, header)
        if response.status_code == 401:
            self._login.forget(ref, credential)
            header = await self._login.answer(ref, response, credential)
            response = await self._send(ref, method, path, header)
            if response.status_code == 401:
                self._login.forget(ref, credential)
                raise RegistryUnauthorised(f"{ref.host} refuses our credential.")
        return response

    async def _send(
        self, ref: ImageRef, method: str, path: str, authorization: str | None
    ) -> httpx.Response:
        headers: Mapping[str, str] = {
            "Accept": ", ".join(MANIFEST_KINDS) if "/manifests/" in path else "application/json",
            **({"Authorization": authorization} if authorization else {}),
        }
        url = f"{self._base(ref)}{path}"
        return await answer_of(ref.host, self._http.request(method, url, headers=headers))

    def _base(self, ref: ImageRef) -> str:
        own = self._credentials.registry_settings(ref)
        plain = ref.is_loopback or (own is not None and own.plain_http)
        return f"{'http' if plain else 'https'}://{ref.api_host}"


def _read_tags(ref: ImageRef, response: httpx.Response) -> list[str]:
    try:
        return _Tags.model_validate_json(response.content).tags or []
    except ValidationError:
        raise RegistryProtocol(f"The list of tags of {ref.host} can't be read.") from None


def _next_page(response: httpx.Response, path: str) -> str | None:
    """Return the path of the next page; its host is ignored, so that a log-in stays where it is."""
    link = _NEXT.search(response.headers.get("Link", ""))
    if link is None:
        return None
    parts = urlsplit(link[1])
    following = f"{parts.path}?{parts.query}"
    return following if parts.path == urlsplit(path).path and following != path else None
