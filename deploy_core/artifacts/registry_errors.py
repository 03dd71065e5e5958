"""What a registry's answers and messages mean, as our errors.

The codes are those of the distribution specification
(https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes); the sentences
are how Docker Hub, ECR, Artifact Registry, GHCR, GitLab and Harbor word the same things.
"""

import asyncio
import re
from collections.abc import Awaitable

import httpx

from deploy_core.artifacts.image_ref import ImageRef
from deploy_core.model.errors import (
    ArtifactError,
    DiskFull,
    EngineGone,
    PushFailed,
    RegistryProtocol,
    RegistryQuota,
    RegistryUnauthorised,
    RegistryUnreachable,
    RepositoryMissing,
)

SECONDS = 20.0

_MEANINGS: tuple[tuple[type[ArtifactError], str, re.Pattern[str]], ...] = (
    (
        DiskFull,
        "The disk of the Docker engine or of {host} is full.",
        re.compile(
            r"no space left on device|disk quota exceeded|insufficient storage", re.IGNORECASE
        ),
    ),
    (
        RegistryQuota,
        "{host} takes no more from us: its quota is used up or there were too many requests.",
        re.compile(
            r"toomanyrequests|too many requests|rate limit|quota|upper limit|storage limit"
            r"|limit exceeded|request entity too large|\b(413|429)\b",
            re.IGNORECASE,
        ),
    ),
    (
        RepositoryMissing,
        "{host} has no repository `{repository}`.",
        re.compile(
            r"name[ _]unknown|repository (with name )?\S+ (does not exist|not found)"
            r"|repository name not known|repository does not exist|project \S+ not found",
            re.IGNORECASE,
        ),
    ),
    (
        RegistryUnauthorised,
        "{host} refuses to let us push to `{repository}`.",
        re.compile(
            r"unauthori[sz]ed|authentication required|no basic auth|authorization failed|denied"
            r"|forbidden|insufficient_scope|incorrect username|\b(401|403)\b",
            re.IGNORECASE,
        ),
    ),
    (
        RegistryUnreachable,
        "{host} can't be reached by the Docker engine.",
        re.compile(
            r"connection (refused|reset)|no such host|i/o timeout|\beof\b|broken pipe|timeout"
            r"|deadline exceeded|server misbehaving|no route to host|network is unreachable"
            r"|tls handshake|service unavailable|bad gateway|internal server error"
            r"|blob upload (invalid|unknown)|received unexpected http status: 5\d\d"
            r"|server gave http response to https client",
            re.IGNORECASE,
        ),
    ),
)


def push_error(message: str, ref: ImageRef) -> ArtifactError:
    """Return the error for a message that came inside the stream of a push.

    `message` must be free of secrets; it becomes the error's detail.
    """
    for kind, sentence, pattern in _MEANINGS:
        if pattern.search(message):
            summary = sentence.format(host=ref.host, repository=ref.repository)
            return kind(summary, detail=message)
    return PushFailed(f"The image could not be pushed to {ref.host}.", detail=message)


def answered(ref: ImageRef, response: httpx.Response) -> ArtifactError:
    """Return the error for an HTTP answer of the registry that isn't what was asked for."""
    status = response.status_code
    if status in {401, 403}:
        return RegistryUnauthorised(f"{ref.host} refuses to let us read `{ref.repository}`.")
    if status == 429:
        return RegistryQuota(f"{ref.host} says that there were too many requests.")
    if status >= 500:
        return RegistryUnreachable(f"{ref.host} answers with an error of its own ({status}).")
    return RegistryProtocol(f"{ref.host} answered {status} for `{ref.repository}`.")


def engine_gone(builder: str, why: str = "") -> EngineGone:
    """Return the error for an engine that doesn't answer; `why` must be free of secrets."""
    return EngineGone(f"The Docker engine `{builder}` doesn't answer.", detail=why)


async def answer_of(host: str, request: Awaitable[httpx.Response]) -> httpx.Response:
    """Await a request and turn the exceptions of httpx into ours.

    Their texts can quote a header, and they hold the request with its password. So they are left
    out and ours is raised outside the handler: none of them hangs on to it as its context.
    """
    try:
        async with asyncio.timeout(SECONDS):
            return await request
    except (httpx.TransportError, httpx.StreamError, TimeoutError) as error:
        failed: ArtifactError = RegistryUnreachable(
            f"{host} can't be reached ({type(error).__name__})."
        )
    except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict) as error:
        failed = RegistryProtocol(f"{host} can't be asked ({type(error).__name__}).")
    raise failed
