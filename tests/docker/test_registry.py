"""The registry client on a wire double: log-ins, digests, pages, and what goes wrong."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy_core.artifacts.credentials import RegistryCredentials
from deploy_core.artifacts.image_ref import parse_image_ref
from deploy_core.artifacts.registry import RegistryClient
from deploy_core.artifacts.registry_auth import Challenge, parse_challenge
from deploy_core.model.errors import (
    ArtifactError,
    RegistryProtocol,
    RegistryQuota,
    RegistryUnauthorised,
    RegistryUnreachable,
)
from deploy_core.settings import DockerSettings
from tests.dagster_plus.support import JumpingClock

REF = parse_image_ref("ghcr.io/acme/core:v1")
DIGEST = f"sha256:{'b2' * 32}"
CANARY = "canary-password-7"
BEARER = 'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:acme/core:pull"'
Answer = Callable[[httpx.Request], httpx.Response]


class Registry:
    """Answers with `answer` and notes what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self._answer(request)


def client(registry: Registry, folder: Path, **own: Any) -> RegistryClient:
    settings = DockerSettings.model_validate({"registries": own, "config_folder": str(folder)})
    http = httpx.AsyncClient(transport=httpx.MockTransport(registry))
    return RegistryClient(RegistryCredentials(settings, {}), http, JumpingClock())


def with_digest(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, headers={"Docker-Content-Digest": DIGEST})


def wants(header: str, then: Answer, authorization: str) -> Answer:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"token": "t0k3n", "expires_in": 300})
        if request.headers.get("Authorization") == authorization:
            return then(request)
        return httpx.Response(401, headers={"WWW-Authenticate": header})

    return answer


@contextmanager
def raises(kind: type[ArtifactError]) -> Iterator[None]:
    with pytest.raises(kind) as raised:
        yield
    error: BaseException | None = raised.value
    while error is not None:
        assert CANARY not in f"{error!r} {vars(error)}"
        error = error.__cause__ or error.__context__


async def test_a_tag_becomes_its_digest_and_every_kind_of_manifest_is_taken(
    tmp_path: Path,
) -> None:
    registry = Registry(with_digest)
    assert await client(registry, tmp_path).digest(REF) == DIGEST
    request = registry.asked[0]
    assert (request.method, str(request.url)) == (
        "HEAD",
        "https://ghcr.io/v2/acme/core/manifests/v1",
    )
    accepted = request.headers["Accept"]
    for kind in ("oci.image.index", "oci.image.manifest", "manifest.list.v2", "manifest.v2"):
        assert kind in accepted


async def test_without_the_header_the_digest_is_made_from_the_manifest(tmp_path: Path) -> None:
    body = b'{"schemaVersion": 2}'
    registry = Registry(lambda request: httpx.Response(200, content=body))
    expected = f"sha256:{hashlib.sha256(body).hexdigest()}"
    assert await client(registry, tmp_path).digest(REF) == expected


async def test_what_is_not_there_has_no_digest(tmp_path: Path) -> None:
    asked = client(Registry(lambda _: httpx.Response(404)), tmp_path)
    assert await asked.digest(REF) is None
    assert not await asked.exists(REF)
    assert await asked.tags(REF) == ()


async def test_a_token_is_fetched_with_the_password_and_kept(tmp_path: Path) -> None:
    registry = Registry(wants(BEARER, with_digest, "Bearer t0k3n"))
    own = {"ghcr.io": {"username": "u", "password": CANARY}}
    asked = client(registry, tmp_path, **own)
    assert await asked.digest(REF) == DIGEST
    assert await asked.digest(REF) == DIGEST
    paths = [request.url.path for request in registry.asked]
    assert paths.count("/token") == 1
    token = next(request for request in registry.asked if request.url.path == "/token")
    assert dict(token.url.params) == {"service": "ghcr.io", "scope": "repository:acme/core:pull"}
    basic = base64.b64encode(f"u:{CANARY}".encode()).decode()
    assert token.headers["Authorization"] == f"Basic {basic}"
    others = [request for request in registry.asked if request.url.path != "/token"]
    assert all(basic not in request.headers.get("Authorization", "") for request in others)


async def test_a_public_image_needs_a_token_but_no_password(tmp_path: Path) -> None:
    registry = Registry(wants(BEARER, with_digest, "Bearer t0k3n"))
    assert await client(registry, tmp_path).digest(REF) == DIGEST


async def test_a_token_that_ran_out_is_fetched_again(tmp_path: Path) -> None:
    taken = ["one", "two"]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"access_token": taken[0]})
        if request.headers.get("Authorization") == f"Bearer {taken[0]}":
            return with_digest(request)
        return httpx.Response(401, headers={"WWW-Authenticate": BEARER})

    asked = client(Registry(answer), tmp_path)
    assert await asked.digest(REF) == DIGEST
    taken.pop(0)
    assert await asked.digest(REF) == DIGEST


async def test_basic_log_in(tmp_path: Path) -> None:
    basic = f"Basic {base64.b64encode(f'AWS:{CANARY}'.encode()).decode()}"
    registry = Registry(wants('Basic realm="ecr"', with_digest, basic))
    own = {"ghcr.io/acme": {"username": "AWS", "password": CANARY}}
    assert await client(registry, tmp_path, **own).digest(REF) == DIGEST
    with raises(RegistryUnauthorised):
        await client(registry, tmp_path).digest(REF)
    other = {"ghcr.io/other": {"username": "AWS", "password": CANARY}}
    with raises(RegistryUnauthorised):
        await client(registry, tmp_path, **other).digest(REF)


async def test_a_refused_password_is_unauthorised_and_nowhere_to_be_seen(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        said = request.headers.get("Authorization", "")
        return httpx.Response(401, headers={"WWW-Authenticate": BEARER}, text=said)

    own = {"ghcr.io": {"username": "u", "password": CANARY}}
    with raises(RegistryUnauthorised):
        await client(Registry(answer), tmp_path, **own).digest(REF)


async def test_no_password_goes_to_a_log_in_server_without_https(tmp_path: Path) -> None:
    header = BEARER.replace("https:", "http:")
    registry = Registry(wants(header, with_digest, "Bearer t0k3n"))
    own = {"ghcr.io": {"username": "u", "password": CANARY}}
    with raises(RegistryProtocol):
        await client(registry, tmp_path, **own).digest(REF)
    assert [request.url.path for request in registry.asked] == ["/v2/acme/core/manifests/v1"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, RegistryUnauthorised),
        (429, RegistryQuota),
        (503, RegistryUnreachable),
        (302, RegistryProtocol),
        (418, RegistryProtocol),
    ],
)
async def test_other_answers(status: int, kind: type[ArtifactError], tmp_path: Path) -> None:
    registry = Registry(lambda _: httpx.Response(status, headers={"Location": "https://x.test/"}))
    with raises(kind):
        await client(registry, tmp_path).digest(REF)
    assert len(registry.asked) == (3 if status == 503 else 1)


async def test_no_connection_is_tried_three_times(tmp_path: Path) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"no route {CANARY}")

    registry = Registry(answer)
    with raises(RegistryUnreachable):
        await client(registry, tmp_path).digest(REF)
    assert len(registry.asked) == 3


async def test_tags_come_in_pages_and_stay_at_the_registry(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("last") == "b":
            return httpx.Response(200, json={"tags": ["c"]})
        link = '<https://evil.test/v2/acme/core/tags/list?last=b&n=1000>; rel="next"'
        return httpx.Response(200, json={"tags": ["a", "b"]}, headers={"Link": link})

    registry = Registry(answer)
    assert await client(registry, tmp_path).tags(REF) == ("a", "b", "c")
    assert {request.url.host for request in registry.asked} == {"ghcr.io"}
    assert await client(registry, tmp_path).tags(REF, most=1) == ("a",)


async def test_pages_without_end_end(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("last", "0")) + 1
        link = f'</v2/acme/core/tags/list?last={number}>; rel="next"'
        return httpx.Response(200, json={"tags": [f"t{number}"]}, headers={"Link": link})

    assert len(await client(Registry(answer), tmp_path).tags(REF, most=30)) == 30


async def test_a_list_that_cannot_be_read(tmp_path: Path) -> None:
    registry = Registry(lambda _: httpx.Response(200, text="<html>"))
    with raises(RegistryProtocol):
        await client(registry, tmp_path).tags(REF)


@pytest.mark.parametrize(
    ("image", "address"),
    [
        ("127.0.0.1:5000/x:1", "http://127.0.0.1:5000"),
        ("python:3", "https://registry-1.docker.io"),
        ("private.test/x:1", "http://private.test"),
        ("registry.test/x:1", "https://registry.test"),
    ],
)
async def test_plain_http_is_for_loopback_and_where_the_settings_say_so(
    image: str, address: str, tmp_path: Path
) -> None:
    registry = Registry(with_digest)
    own = {"private.test": {"plain_http": True}}
    await client(registry, tmp_path, **own).digest(parse_image_ref(image))
    assert str(registry.asked[0].url).startswith(f"{address}/v2/")


def test_of_two_challenges_the_token_is_taken() -> None:
    assert parse_challenge(['Basic realm="x"', 'Bearer realm="https://a/t",service="s"']) == (
        Challenge("bearer", "https://a/t", "s", "")
    )
    with pytest.raises(RegistryProtocol):
        parse_challenge(["Negotiate"])
