"""The part of the configuration that the engine needs: deployments and projects."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Name = Annotated[str, Field(min_length=1, max_length=200)]
Minutes = Annotated[float, Field(gt=0, le=24 * 60)]


class Settings(BaseModel):
    """Unknown keys are refused: a misspelt option must not be silently without effect."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DeploymentSettings(Settings):
    """One full deployment of the organisation.

    `may_deploy`: Slack user ids (`U012ABC`) or `cli:USER`; empty means that nobody may.
    `protected`: the plan is shown first and waits for its author's Confirm.
    `home_channel`: the id of the channel that gets a card which has no channel of its own.
    """

    may_deploy: tuple[str, ...] = ()
    protected: bool = False
    put_back: bool = True
    home_channel: str | None = None
    load_deadline: Minutes = 15.0


class ProjectSettings(Settings):
    """One git repository with a `dagster_cloud.yaml`.

    `artifact`: `source` gives the agent a checkout it can read; `prebuilt` takes CI's image, found
    by `image_tag`, a template of `{sha}`, `{short_sha}` and `{location}`.
    `token`, `deploy_key` and the GitHub App fields are credentials for git; see docs/configuration.
    `web_url` is for links to commits; it is derived from `git` for the well-known hosts.
    """

    git: Name
    default_ref: Name = "main"
    file: Name = "dagster_cloud.yaml"
    artifact: Literal["source", "prebuilt"] = "prebuilt"
    image_tag: str | None = None
    web_url: str | None = None
    token: SecretStr | None = None
    token_file: str | None = None
    deploy_key_file: str | None = None
    known_hosts_file: str | None = None
    github_app_id: str | None = None
    github_app_installation_id: str | None = None
    github_app_key_file: str | None = None
    load_deadline: dict[str, Minutes] = Field(default_factory=dict)


class CoreSettings(Settings):
    """What the engine needs to know; `default_deployment` is the first one if not given."""

    deployments: dict[Name, DeploymentSettings]
    projects: dict[Name, ProjectSettings] = Field(default_factory=dict)
    default_deployment: str | None = None
    work_folder: str
    poll_seconds: float = Field(default=0.5, gt=0)
    poll_seconds_most: float = Field(default=3.0, gt=0)
    no_agent_grace: float = Field(default=15.0, ge=0)
    parallel_targets: int = Field(default=8, ge=1, le=64)
