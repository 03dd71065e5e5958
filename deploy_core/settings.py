"""The part of the configuration that the engine needs: deployments and projects."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from deploy_core.watch.subscriptions import Subscription, zone_named

Name = Annotated[str, Field(min_length=1, max_length=200)]
Minutes = Annotated[float, Field(gt=0, le=24 * 60)]

FOLDER = "folder"
"""The key of the validation context under which relative paths find where they start."""


def _from_folder(value: str, info: ValidationInfo) -> str:
    folder = (info.context or {}).get(FOLDER)
    path = Path(value).expanduser()
    return value if folder is None else str(Path(folder) / path)


def _program(value: str, info: ValidationInfo) -> str:
    return _from_folder(value, info) if "/" in value else value


HostPath = Annotated[str, Field(min_length=1), AfterValidator(_from_folder)]
"""A path on the bot's machine. A relative one starts at the folder in the validation context, which
is the configuration file's, so that it means the same wherever the bot is started."""

Program = Annotated[str, Field(min_length=1), AfterValidator(_program)]
"""A program: a path as above, or a bare name that is looked for on PATH."""


class Settings(BaseModel):
    """Unknown keys are refused: a misspelt option must not be silently without effect."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DigestSettings(Settings):
    """A digest of a deployment at the times of `cron` in `timezone`, such as `0 9 * * 1-5`.

    `channel` is a channel's id; without it the digest goes where the watcher's messages go.
    `when_quiet` says what to do when there is nothing to say: one `line`, or `silence`.
    """

    cron: str
    timezone: str = "UTC"
    channel: str | None = None
    when_quiet: Literal["line", "silence"] = "line"

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, cron: str) -> str:
        from deploy_core.watch.slots import check_cron  # noqa: PLC0415 - APScheduler, when needed

        return check_cron(cron)

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, timezone: str) -> str:
        return zone_named(timezone)


class MedicSettings(Settings):
    """What is redeployed without being asked: a code location that the infrastructure has failed.

    Each failure gets so many `redeploys` of the same version, the first after `wait_minutes` and
    each after twice the time of the one before, and a deployment `most_per_day`; then people are
    asked.
    """

    redeploys: int = Field(default=1, ge=1, le=5)
    wait_minutes: Minutes = 2.0
    most_per_day: int = Field(default=5, ge=1, le=100)


class DeploymentSettings(Settings):
    """One full deployment of the organisation.

    `may_deploy`: Slack user ids (`U012ABC`) or `cli:USER`; empty means that nobody may.
    `protected`: the plan is shown first and waits for its author's Confirm, for at most
    `confirm_deadline`.
    `home_channel`: the id of the channel that gets a card which has no channel of its own.
    `watch_channel`: the id of the channel that is told when something breaks, recovers or is
    changed outside the bot; without it the home channel is. Without `medic` nothing is redeployed
    that nobody has asked for.
    """

    may_deploy: tuple[str, ...] = ()
    protected: bool = False
    confirm_deadline: Minutes = 60.0
    put_back: bool = True
    home_channel: str | None = None
    watch_channel: str | None = None
    digest: DigestSettings | None = None
    medic: MedicSettings | None = None
    load_deadline: Minutes = 15.0

    @property
    def admins(self) -> tuple[str, ...]:
        """The people in Slack who are told what is wrong with the bot's own channels: those who
        may deploy, in their order."""
        return tuple(key for key in self.may_deploy if key[:1] in {"U", "W"})

    @property
    def channels(self) -> tuple[str, ...]:
        """All channels that are named here, each once."""
        digest = None if self.digest is None else self.digest.channel
        named = (self.home_channel, self.watch_channel, digest)
        return tuple(dict.fromkeys(each for each in named if each is not None))

    @property
    def told_in(self) -> str | None:
        """The channel that is told of what is seen."""
        return self.watch_channel or self.home_channel


class SecretSource(Settings):
    """Where a secret is read when it is needed: an environment variable or a file."""

    env: str | None = None
    file: HostPath | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> "SecretSource":
        if (self.env is None) == (self.file is None):
            raise ValueError("give either `env` or `file`")
        return self


Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
PythonVersion = Annotated[str, Field(pattern=r"^3\.[0-9]{1,2}$")]
SecretId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=200)]


class BuildOptions(Settings):
    """How an image is built: what `dagster_cloud.yaml` has no place for.

    `dockerfile` and `context` are relative to the location's `build.directory`; with a `/` in
    front they are relative to the top of the repository. Without them the context is
    `build.directory` and the file is its `Dockerfile`. An argument with `env` or `file` is a
    secret: it is hidden in logs (but stays in the image's history: `secrets` don't, they are
    mounted by `RUN --mount=type=secret`). `cache_to` is `inline`, or an exporter of BuildKit.
    `generate_dockerfile` writes one where there is none, on `base_image`, which is by default
    `python:<python>-slim`; for a Serverless deployment it is on by default.
    """

    dockerfile: Name | None = None
    context: Name | None = None
    target: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] | None = None
    args: dict[Variable, str | SecretSource] = Field(default_factory=dict)
    secrets: dict[SecretId, SecretSource] = Field(default_factory=dict)
    platform: Annotated[str, Field(pattern=r"^[a-z0-9]+(/[a-z0-9.]+){0,2}$")] | None = None
    cache_from: tuple[Name, ...] = ()
    cache_to: Name | None = None
    timeout: Minutes | None = None
    generate_dockerfile: bool | None = None
    python: PythonVersion | None = None
    base_image: Annotated[str, Field(pattern=r"^[^\s$]+$", max_length=500)] | None = None

    @model_validator(mode="after")
    def _no_variable_of_the_client(self) -> "BuildOptions":
        """A secret argument is handed over in the environment of the `docker` client."""
        for name, value in self.args.items():
            taken = name in {"PATH", "HOME"} or name.startswith(("DOCKER_", "BUILDKIT_", "BUILDX_"))
            if taken and isinstance(value, SecretSource):
                raise ValueError(f"a secret argument can't be called {name}")
        return self


class PexOptions(Settings):
    """How a PEX is built and run: what `dagster_cloud.yaml` has no place for.

    `base_image` is a whole image name; `base_image_tag` is the tag of one that was uploaded to
    Dagster's own registry. Without either Dagster's image for this Python runs the files.
    """

    python: PythonVersion | None = None
    base_image: Name | None = None
    base_image_tag: Name | None = None

    @model_validator(mode="after")
    def _one_base(self) -> "PexOptions":
        if self.base_image is not None and self.base_image_tag is not None:
            raise ValueError("give `base_image` or `base_image_tag`, not both")
        return self


class ServerlessSettings(Settings):
    """PEX files for Dagster+ Serverless.

    `python` is the Python that has the extra `serverless`; without it that of the bot. A build
    runs code of the repository, so it sees pip's and uv's variables of the environment, those in
    `variables`, and no others.
    """

    python: str | None = None
    variables: tuple[Variable, ...] = ()
    parallel_builds: int = Field(default=2, ge=1, le=64)
    build_timeout: Minutes = 30.0
    upload_tries: int = Field(default=4, ge=1, le=10)
    keep_files_hours: float = Field(default=336.0, gt=0)


class BuilderSettings(Settings):
    """One Docker engine that may build.

    `host` is what DOCKER_HOST would be: `unix:///…`, `tcp://host:port` or `ssh://user@host`;
    without it the engine of this machine. `tls_folder` has `ca.pem`, `cert.pem` and `key.pem`.
    """

    host: Annotated[str, Field(pattern=r"^(unix|tcp|ssh)://[^\s]+$")] | None = None
    tls_folder: HostPath | None = None
    parallel: int = Field(default=2, ge=1, le=64)


class RegistrySettings(Settings):
    """The credential for one registry; the key is `host`, `host:port` or `host/path`.

    Without `username` the Docker configuration and its credential helpers are asked.
    `plain_http` is for a registry in a private network; loopback needs no such word.
    """

    username: str | None = None
    password: SecretSource | SecretStr | None = None
    plain_http: bool = False

    @model_validator(mode="after")
    def _both_or_none(self) -> "RegistrySettings":
        if (self.username is None) != (self.password is None):
            raise ValueError("`username` and `password` belong together")
        return self


class DockerSettings(Settings):
    """Docker engines and registries.

    `client` is the path of the `docker` command; without it the first one with BuildKit is taken,
    and the engine's classic build where there is none. `config_folder` is what DOCKER_CONFIG would
    be. Without `builders` the engine that DOCKER_HOST names builds.
    """

    builders: dict[Name, BuilderSettings] = Field(default_factory=dict)
    registries: dict[Name, RegistrySettings] = Field(default_factory=dict)
    client: Program | None = None
    buildkit: bool = True
    config_folder: HostPath | None = None
    parallel_builds: int = Field(default=4, ge=1, le=64)
    build_timeout: Minutes = 30.0
    push_timeout: Minutes = 15.0
    push_tries: int = Field(default=3, ge=1, le=10)
    most_context_mb: float = Field(default=1024.0, gt=0)
    keep_images_hours: float = Field(default=48.0, gt=0)


class HostApiSettings(Settings):
    """The API of a git host.

    `base_url` is such as `https://github.example.com/api/v3` or
    `https://gitlab.example.com/api/v4`; it is derived from git's address. Without `token` the
    credential for git is used.
    """

    kind: Literal["github", "gitlab"]
    base_url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")] | None = None
    token: SecretSource | SecretStr | None = None


class HostSettings(HostApiSettings):
    """The git host that a project's pull requests are opened on. `repository` is the path of the
    repository there, derived from the project's `git`."""

    repository: Annotated[str, Field(pattern=r"^[\w.-]+(/[\w.-]+)+$")] | None = None


class CreatingSettings(HostApiSettings):
    """The git host that new repositories are created on, `private` or for everybody to see."""

    private: bool = True


class GitCredentials(Settings):
    """How git gets into a repository: a token, a deploy key, or a GitHub App; see
    docs/configuration."""

    token: SecretStr | None = None
    token_file: HostPath | None = None
    deploy_key_file: HostPath | None = None
    known_hosts_file: HostPath | None = None
    github_app_id: str | None = None
    github_app_installation_id: str | None = None
    github_app_key_file: HostPath | None = None


class SharedSettings(Settings):
    """The package that new directories of a repository need: the name of its distribution, and its
    folder from the repository's root."""

    name: Name
    directory: Name


class ProjectSettings(GitCredentials):
    """One git repository with a `dagster_cloud.yaml`.

    `artifact`: `auto` builds a PEX where the deployment is Serverless and the file names no image,
    and is `prebuilt` otherwise; `prebuilt` takes CI's image, found by `image_tag`, a template of
    `{sha}`, `{short_sha}` and `{location}`; `docker` builds an image with `build`, `pex` a PEX with
    `pex`, of which `build_for` and `pex_for` change parts for single locations; `source` gives the
    agent a checkout it can read.
    `web_url` is for links to commits; it is derived from `git` for the well-known hosts.
    `host` is where pull requests are opened; without it a change is pushed as a branch only. With
    `ci_deploys` the repository's own CI deploys what is merged, and the bot only watches.
    `commit_author` is who the bot's commits are from.
    With `edit_ci` workflows that list the locations in a matrix get new ones too.
    `shared` is what a new directory of `add-location --new` depends on.
    """

    git: Name
    default_ref: Name = "main"
    file: Name = "dagster_cloud.yaml"
    artifact: Literal["auto", "source", "prebuilt", "docker", "pex"] = "auto"
    image_tag: str | None = None
    build: BuildOptions = BuildOptions()
    build_for: dict[str, BuildOptions] = Field(default_factory=dict)
    pex: PexOptions = PexOptions()
    pex_for: dict[str, PexOptions] = Field(default_factory=dict)
    web_url: str | None = None
    load_deadline: dict[str, Minutes] = Field(default_factory=dict)
    host: HostSettings | None = None
    ci_deploys: bool = False
    edit_ci: bool = True
    commit_author: Annotated[str, Field(pattern=r"^[^<>\x00-\x1f]+ <[^<>\s]+>$")] = (
        "dagster-chatops <dagster-chatops@localhost>"
    )
    shared: SharedSettings | None = None


def _git_or_folder(value: str, info: ValidationInfo) -> str:
    is_git = "://" in value or re.match(r"[^/@\s:]+@[^/\s:]+:", value)
    return value if is_git else _from_folder(value, info)


class RepositoriesSettings(GitCredentials):
    """Repositories whose addresses begin with `address`, and the credential for them. With `host`
    new ones may be created there."""

    address: Annotated[str, Field(min_length=8, max_length=500)]
    host: CreatingSettings | None = None

    @field_validator("address")
    @classmethod
    def _is_whole(cls, address: str) -> str:
        if not address.endswith(("/", ":")):
            raise ValueError("must end with `/`, as https://github.com/acme/")
        return address


class ScaffoldSettings(Settings):
    """New projects, as `/dagster new-project` makes them.

    `templates` is a folder or a git address, at `templates_ref`, of a team's own templates. `ci`
    and `image` are what is meant when nothing is said; in `image` stands `{location}` for the
    location's name. New projects are pushed to `repositories` only.
    """

    templates: Annotated[str, Field(min_length=1), AfterValidator(_git_or_folder)] | None = None
    templates_ref: Name = "main"
    ci: Literal["github", "gitlab"] = "github"
    image: Name | None = None
    repositories: tuple[RepositoriesSettings, ...] = ()


class WatchSettings(Settings):
    """How the deployments are watched: every so many `seconds`, unless it is switched off.

    An agent of which Dagster+ says that it isn't running is an alarm once work of its locations
    has not moved for `agent_work` seconds, or when it has been silent for `agent_silence`.
    With `failed_runs` runs that fail are told of; what failed alike within `known_days` is known.
    With `schedules` schedules and sensors that fall silent are told of, looked at every
    `schedules_seconds`, and a run queue in which nothing has begun for `queue_minutes`; and code
    servers that no tick could reach for `code_server_seconds`.
    An alert of Dagster+ for which nothing was found in `alert_seconds` is told by itself.
    """

    enabled: bool = True
    seconds: float = Field(default=30.0, gt=0)
    agent_work: float = Field(default=60.0, ge=0)
    agent_silence: float = Field(default=600.0, ge=0)
    failed_runs: bool = True
    known_days: float = Field(default=7.0, gt=0, le=30)
    schedules: bool = True
    schedules_seconds: float = Field(default=120.0, gt=0)
    queue_minutes: Minutes = 30.0
    code_server_seconds: float = Field(default=180.0, ge=0)
    alert_seconds: float = Field(default=120.0, ge=0)


SlackId = Annotated[str, Field(pattern=r"^[UWS][A-Z0-9]{7,30}$")]
"""The id of a Slack user or of a user group."""


class CoreSettings(Settings):
    """What the engine needs to know; `default_deployment` is the first one if not given.

    `owners` says which Slack user or group an owner of Dagster's definitions is (an e-mail address
    or `team:NAME`); `location_owners` has owners or Slack ids by patterns of code locations. Nobody
    else is mentioned when something breaks.
    """

    deployments: Annotated[dict[Name, DeploymentSettings], Field(min_length=1)]
    projects: dict[Name, ProjectSettings] = Field(default_factory=dict)
    default_deployment: str | None = None
    work_folder: str = "var"
    poll_seconds: float = Field(default=0.2, gt=0)
    poll_seconds_most: float = Field(default=3.0, gt=0)
    pull_requests_seconds: float = Field(default=30.0, gt=0)
    no_agent_grace: float = Field(default=15.0, ge=0)
    parallel_targets: int = Field(default=50, ge=1, le=500)
    docker: DockerSettings = DockerSettings()
    scaffold: ScaffoldSettings = ScaffoldSettings()
    watch: WatchSettings = WatchSettings()
    subscriptions: tuple[Subscription, ...] = ()
    owners: dict[Name, SlackId] = Field(default_factory=dict)
    location_owners: dict[Name, tuple[Name, ...]] = Field(default_factory=dict)
    serverless: ServerlessSettings = ServerlessSettings()
