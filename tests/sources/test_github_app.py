"""Installation tokens of a GitHub App, from an API on loopback that checks the signature."""

from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from pathlib import Path

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from deploy_core.model.errors import GitAuthFailed, GitFailed, GitUnreachable, SourceError
from deploy_core.settings import ProjectSettings
from deploy_core.sources.credentials import Credentials
from tests.sources.repository import MovedClock


class Api:
    """GitHub's one endpoint; gives a new token each time, good for an hour."""

    def __init__(self, clock: MovedClock, folder: Path) -> None:
        self.clock = clock
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_file = folder / "app.pem"
        self.key_file.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        self.given: list[str] = []
        self.answer: web.Response | None = None
        self.port = 0

    async def exchange(self, request: web.Request) -> web.Response:
        if self.answer is not None:
            return self.answer
        signed = request.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(
            signed,
            self.key.public_key(),
            algorithms=["RS256"],
            issuer="123",
            options={"verify_exp": False, "verify_iat": False},
        )
        now = self.clock.now().timestamp()
        if not (claims["iat"] <= now < claims["exp"] <= now + 600):
            return web.Response(status=401)
        self.given.append(f"ghs_{len(self.given)}")
        expires = self.clock.now().astimezone(UTC) + timedelta(hours=1)
        body = {"token": self.given[-1], "expires_at": f"{expires:%Y-%m-%dT%H:%M:%SZ}"}
        return web.json_response(body, status=201)

    @property
    def settings(self) -> ProjectSettings:
        return ProjectSettings(
            git=f"http://127.0.0.1:{self.port}/team/repo.git",
            github_app_id="123",
            github_app_installation_id="77",
            github_app_key_file=str(self.key_file),
        )


@pytest.fixture
async def api(clock: MovedClock, tmp_path: Path) -> AsyncIterator[Api]:
    made = Api(clock, tmp_path)
    app = web.Application()
    app.router.add_post("/api/v3/app/installations/77/access_tokens", made.exchange)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


async def test_a_token_is_kept_until_five_minutes_before_its_end(
    api: Api, clock: MovedClock
) -> None:
    credentials = Credentials(clock)
    first = await credentials.access(api.settings)
    assert first.environment["CHATOPS_GIT_PASSWORD"] == "ghs_0"
    assert "ghs_0" not in repr(first)
    clock.ahead = timedelta(minutes=54)
    assert (await credentials.access(api.settings)).secrets[0] == "ghs_0"
    clock.ahead = timedelta(minutes=56)
    assert (await credentials.access(api.settings)).secrets[0] == "ghs_1"
    credentials.refused(await credentials.access(api.settings))
    assert (await credentials.access(api.settings)).secrets[0] == "ghs_2"
    assert api.given == ["ghs_0", "ghs_1", "ghs_2"]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, "{}", GitAuthFailed),
        (404, "{}", GitAuthFailed),
        (429, "{}", GitUnreachable),
        (500, "oops", GitUnreachable),
        (201, "oops", GitFailed),
        (201, "[]", GitFailed),
        (201, '{"token": "", "expires_at": "2026-01-01T00:00:00Z"}', GitFailed),
        (201, '{"token": "x", "expires_at": "soon"}', GitFailed),
        (201, '{"token": "x", "expires_at": "2026-01-01T00:00:00"}', GitFailed),
    ],
)
async def test_other_answers_have_their_errors(
    status: int, body: str, error: type[SourceError], api: Api, clock: MovedClock
) -> None:
    api.answer = web.Response(status=status, text=body)
    with pytest.raises(error) as raised:
        await Credentials(clock).access(api.settings)
    assert type(raised.value) is error


async def test_keys_that_are_none_and_fields_that_are_missing(
    api: Api, clock: MovedClock, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("-----BEGIN RSA PRIVATE KEY-----\nnonsense\n-----END RSA PRIVATE KEY-----\n")
    for update in (
        {"github_app_key_file": str(bad)},
        {"github_app_key_file": str(tmp_path / "none")},
        {"github_app_key_file": None},
        {"github_app_installation_id": None},
    ):
        with pytest.raises(GitAuthFailed) as raised:
            await Credentials(clock).access(api.settings.model_copy(update=update))
        assert "nonsense" not in str(raised.value)


async def test_no_api_is_unreachable(clock: MovedClock, api: Api) -> None:
    settings = api.settings.model_copy(update={"git": "http://127.0.0.1:1/team/repo.git"})
    with pytest.raises(GitUnreachable):
        await Credentials(clock).access(settings)


async def test_the_deploy_key_is_the_only_identity(clock: MovedClock) -> None:
    settings = ProjectSettings(
        git="git@github.com:team/repo.git",
        deploy_key_file="/keys/my key",
        known_hosts_file="/keys/known hosts",
    )
    access = await Credentials(clock).access(settings)
    assert access.environment["GIT_SSH_COMMAND"] == (
        "ssh -F none -i '/keys/my key' -o BatchMode=yes -o StrictHostKeyChecking=yes"
        " -o ConnectTimeout=20 -o 'UserKnownHostsFile=\"/keys/known hosts\"'"
        " -o IdentitiesOnly=yes -o IdentityAgent=none"
    )
