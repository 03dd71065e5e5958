"""Credentials for registries: from our settings, or from where Docker itself has them.

Docker's places, in its order: a helper for that registry (`credHelpers`), the helper for all
(`credsStore`), and `auths` in `config.json`
(https://docs.docker.com/reference/cli/docker/login/#credential-stores).

Registries differ only in what they take as user name and password:

* Docker Hub: the user's name and an access token.
* GitHub (ghcr.io): any user name and a classic token with `write:packages`; in Actions, the job's.
* GitLab: a deploy token, or a project access token with `read_registry` and `write_registry`.
* Google Artifact Registry: `oauth2accesstoken` with an access token, `_json_key` with a service
  account's key file, or the helper `gcloud`.
* Amazon ECR: the user `AWS` and a password that lasts twelve hours, so the helper `ecr-login`.
* Dagster+ Serverless: what Dagster+ says, good for some hours as well.
"""

import asyncio
import base64
import binascii
import contextlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from deploy_core.artifacts.image_ref import DOCKER_HUB, ImageRef
from deploy_core.artifacts.secret_sources import read_secret
from deploy_core.endings import end_group
from deploy_core.model.errors import CredentialHelperFailed
from deploy_core.settings import DockerSettings, RegistrySettings

HUB_KEY = "https://index.docker.io/v1/"
_HELPER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
HELPER_SECONDS = 30.0
_MOST_CONFIG_BYTES = 1_000_000


@dataclass(frozen=True)
class Credential:
    """A user name and a password, or an identity token that is exchanged for others."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be in any output."""
        basic = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return tuple(text for text in (self.password, self.identity_token, basic) if text)

    def docker_auth(self, server: str) -> dict[str, str]:
        """Return it as the Docker SDK's `auth_config`."""
        if self.identity_token:
            return {"identitytoken": self.identity_token, "serveraddress": server}
        return {"username": self.username, "password": self.password, "serveraddress": server}


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Auth(_Lenient):
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""


class _DockerConfig(_Lenient):
    auths: dict[str, _Auth] = Field(default_factory=dict)
    creds_store: str | None = Field(default=None, alias="credsStore")
    cred_helpers: dict[str, str] = Field(default_factory=dict, alias="credHelpers")


class _HelperAnswer(_Lenient):
    username: str = Field(default="", alias="Username")
    secret: str = Field(default="", alias="Secret")


class RegistryCredentials:
    """Finds the credential for a registry whenever it is needed, so that a new log-in counts."""

    def __init__(
        self,
        settings: DockerSettings,
        environment: Mapping[str, str],
        *,
        helper_seconds: float = HELPER_SECONDS,
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._helper_seconds = helper_seconds
        self._lent: dict[str, Credential] = {}

    def lend(self, registry: str, credential: Credential) -> None:
        """Use this credential for a registry (`host` or `host/path`) from now on, unless our own
        settings have one."""
        self._lent[registry] = credential

    async def find(self, ref: ImageRef) -> Credential | None:
        """Return the credential for the image's registry, None where there is none.

        Raises `CredentialHelperFailed`, `BuildSecretMissing` for a password that isn't there.
        """
        own = self.registry_settings(ref)
        if own is not None and own.username is not None and own.password is not None:
            password = await asyncio.to_thread(self._password, own, ref.host)
            return Credential(own.username, password)
        lent = _longest(self._lent, ref)
        if lent is not None:
            return self._lent[lent]
        config = await asyncio.to_thread(_read_config, self.config_folder / "config.json")
        for key in _keys(ref.host):
            if key in config.cred_helpers:
                return await self._from_helper(config.cred_helpers[key], key)
        if config.creds_store:
            found = await self._from_helper(config.creds_store, _keys(ref.host)[0])
            if found is not None:
                return found
        return next(
            (_credential(config.auths[k]) for k in _keys(ref.host) if k in config.auths), None
        )

    async def of_settings(self) -> dict[str, Credential]:
        """Return the credentials of our own settings and those that were lent, by registry key,
        for `config.json`."""
        found = {key.partition("/")[0]: credential for key, credential in self._lent.items()}
        for key, own in self._settings.registries.items():
            if own.username is not None:
                password = await asyncio.to_thread(self._password, own, key)
                host = key.partition("/")[0]
                found[HUB_KEY if host == DOCKER_HUB else host] = Credential(own.username, password)
        return found

    def registry_settings(self, ref: ImageRef) -> RegistrySettings | None:
        """Return our settings for the image: those with the longest matching path."""
        key = _longest(self._settings.registries, ref)
        return None if key is None else self._settings.registries[key]

    @property
    def config_folder(self) -> Path:
        """Where the Docker configuration is: our setting, DOCKER_CONFIG, or `~/.docker`."""
        named = self._settings.config_folder or self._environment.get("DOCKER_CONFIG")
        return Path(named).expanduser() if named else Path("~/.docker").expanduser()

    def _password(self, own: RegistrySettings, host: str) -> str:
        if isinstance(own.password, SecretStr):
            return own.password.get_secret_value()
        if own.password is None:
            return ""
        return read_secret(own.password, f"registries.{host}", self._environment).strip()

    async def _from_helper(self, helper: str, server: str) -> Credential | None:
        if not _HELPER_NAME.fullmatch(helper):
            raise CredentialHelperFailed("The Docker configuration names an impossible helper.")
        program = f"docker-credential-{helper}"
        code, output = await _run_helper(program, server, self._environment, self._helper_seconds)
        if code != 0:
            # https://github.com/docker/docker-credential-helpers: the text for "there is none".
            if b"credentials not found" in output:
                return None
            raise CredentialHelperFailed(
                f"`docker-credential-{helper} get` failed with exit code {code} for {server}."
            )
        try:
            answer = _HelperAnswer.model_validate_json(output)
        except ValidationError:
            raise CredentialHelperFailed(
                f"`docker-credential-{helper} get` answered something else than a credential."
            ) from None
        if answer.username == "<token>":
            return Credential(identity_token=answer.secret)
        return Credential(answer.username, answer.secret) if answer.secret else None


def _longest(registries: Iterable[str], ref: ImageRef) -> str | None:
    """Return the one with the longest path that the image is in."""
    full = f"{ref.host}/{ref.repository}/"
    keys = [key for key in registries if full.startswith(f"{key.rstrip('/')}/")]
    return max(keys, key=len, default=None)


async def _run_helper(
    program: str, server: str, environment: Mapping[str, str], seconds: float
) -> tuple[int, bytes]:
    """Run a helper, which takes the server on its standard input and answers on its output."""
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            "get",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError:
        raise CredentialHelperFailed(f"`{program}` isn't installed where the bot runs.") from None
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate(server.encode())
    except TimeoutError:
        raise CredentialHelperFailed(f"`{program}` did not answer in time.") from None
    finally:
        if process.returncode is None:
            await end_group(process, 0)
    return process.returncode or 0, output


def _keys(host: str) -> tuple[str, ...]:
    """Return under which keys Docker's configuration may have the registry, the best first."""
    if host == DOCKER_HUB:
        return (HUB_KEY, "index.docker.io", DOCKER_HUB, "registry-1.docker.io")
    forms = (host, f"https://{host}", f"http://{host}")
    return (*forms, *(f"{form}{end}" for form in forms for end in ("/", "/v1/", "/v2/")))


def _read_config(path: Path) -> _DockerConfig:
    try:
        content = path.read_bytes()
    except OSError:
        return _DockerConfig()
    if len(content) > _MOST_CONFIG_BYTES:
        raise CredentialHelperFailed(f"{path} is too large for a Docker configuration.")
    try:
        return _DockerConfig.model_validate_json(content or b"{}")
    except ValidationError:
        raise CredentialHelperFailed(
            f"{path} isn't a Docker configuration.", next_step="Mend the file or log in again."
        ) from None


def _credential(entry: _Auth) -> Credential | None:
    if entry.identitytoken:
        return Credential(identity_token=entry.identitytoken)
    username, password = entry.username, entry.password
    if entry.auth:
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            decoded = base64.b64decode(entry.auth).decode()
            username, _, password = decoded.partition(":")
    return Credential(username, password.strip("\0")) if password else None


def only_auths(found: Mapping[str, Credential]) -> str:
    """Return a `config.json` with these credentials by host and nothing else."""
    return json.dumps({"auths": {_keys(host)[0]: _auth(one) for host, one in found.items()}})


def _auth(credential: Credential) -> dict[str, str]:
    basic = f"{credential.username}:{credential.password}".encode()
    return {"auth": base64.b64encode(basic).decode()}


def docker_config(own: Mapping[str, Credential], folder: Path) -> str:
    """Return a `config.json` for engines: the person's own with our credentials put over it.

    `folder` is the person's; the client finds its plug-ins (buildx) there.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        config = {}
    config = config if isinstance(config, dict) else {}
    config.pop("currentContext", None)  # the engine is named by DOCKER_HOST alone
    auths, helpers = dict(config.get("auths") or {}), dict(config.get("credHelpers") or {})
    for key, credential in own.items():
        auths[key] = _auth(credential)
        helpers.pop(key, None)
        if config.get("credsStore"):
            helpers[key] = ""  # no helper: this registry's credential is in the file
    plugins = [*(config.get("cliPluginsExtraDirs") or []), str(folder / "cli-plugins")]
    more = {"auths": auths, "credHelpers": helpers, "cliPluginsExtraDirs": plugins}
    return json.dumps(config | more)
