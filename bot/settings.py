"""The configuration file and the environment, read once at start."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError

from deploy_core.crash import CRASH_VARIABLE
from deploy_core.model.errors import ConfigInvalid
from deploy_core.settings import FOLDER, CoreSettings, Settings
from deploy_core.sources.yaml_nodes import Located, Problems, Unreadable, read_yaml

CONFIG_VARIABLE = "DAGSTER_CHATOPS_CONFIG"
DEFAULT_CONFIG = "dagster-chatops.yaml"
STATE_VARIABLE = "DAGSTER_CHATOPS_STATE"
"""Where a relative `store` and `work_folder` start instead of beside the configuration file: in a
container the file is on a volume that can't be written."""

SECRETS = {
    "DAGSTER_CLOUD_API_TOKEN": "a Dagster+ user token",
    "SLACK_BOT_TOKEN": "the bot token, xoxb-…",
    "SLACK_APP_TOKEN": "the app-level token, xapp-…, for Socket Mode",
    "SLACK_SIGNING_SECRET": "the signing secret, for HTTP mode",
    "DAGSTER_ALERTS_SECRET": "the secret in the address that alerts of Dagster+ are sent to",
}
"""Each may also be given as a file's path in a variable of the same name plus `_FILE`."""


class SlackSettings(Settings):
    """How the bot behaves in Slack; its tokens come from the environment.

    `team` is the workspace's id; people of other workspaces are refused. Without it the team that
    the bot token belongs to is taken. `mode`: `socket` needs no public address; in `http` mode
    Slack posts to `/slack/events` of our server.
    """

    team: str | None = None
    mode: Literal["socket", "http"] = "socket"
    command: Annotated[str, Field(pattern=r"^/[a-z0-9_-]{1,31}$")] = "/dagster"


class DagsterPlusSettings(Settings):
    """Where Dagster+ is. `organization` and `url` may come from DAGSTER_CLOUD_ORGANIZATION and
    DAGSTER_CLOUD_URL, which win."""

    organization: str | None = None
    url: str | None = None


class ServerSettings(Settings):
    """Where `/livez`, `/readyz`, in HTTP mode `/slack/events`, and with a secret `/alerts/…` are
    served; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080


class FileSettings(CoreSettings):
    """The whole configuration file: what the engine needs, and what only the program does."""

    dagster_plus: DagsterPlusSettings = DagsterPlusSettings()
    slack: SlackSettings = SlackSettings()
    server: ServerSettings = ServerSettings()
    store: str = "var/dagster-chatops.sqlite"
    drain_seconds: float = Field(default=8.0, ge=0)
    lease_seconds: float = Field(default=30.0, ge=3)


class BotSettings(Settings):
    """The file, with paths made absolute, and what the environment adds."""

    file: FileSettings
    path: Path
    organization: str
    dagster_token: SecretStr
    dagster_url: str | None
    slack_api_url: str
    slack_bot_token: SecretStr | None
    slack_app_token: SecretStr | None
    slack_signing_secret: SecretStr | None
    alerts_secret: SecretStr | None = None
    store: str
    core: CoreSettings
    crash_at: str | None = None


def load_settings(path: Path | None, environment: Mapping[str, str] = os.environ) -> BotSettings:
    """Read the configuration. Raises `ConfigInvalid` whose `detail` has a line for each error,
    as `file:line: where: what`."""
    path = (path or Path(environment.get(CONFIG_VARIABLE, DEFAULT_CONFIG))).absolute()
    file = _read_file(path)
    organization = environment.get("DAGSTER_CLOUD_ORGANIZATION") or file.dagster_plus.organization
    token = _secret("DAGSTER_CLOUD_API_TOKEN", environment)
    missing = [] if organization else ["DAGSTER_CLOUD_ORGANIZATION (or dagster_plus.organization)"]
    missing += [] if token else ["DAGSTER_CLOUD_API_TOKEN"]
    if missing or not organization or not token:
        raise ConfigInvalid(
            f"Missing: {', '.join(missing)}.",
            next_step="Set what is missing in the environment; tokens also as a file by NAME_FILE.",
        )
    folder = Path(environment.get(STATE_VARIABLE) or path.parent).absolute()
    return BotSettings(
        file=file,
        path=path,
        organization=organization,
        dagster_token=token,
        dagster_url=environment.get("DAGSTER_CLOUD_URL") or file.dagster_plus.url,
        slack_api_url=environment.get("SLACK_API_URL", "https://slack.com/api/"),
        slack_bot_token=_secret("SLACK_BOT_TOKEN", environment),
        slack_app_token=_secret("SLACK_APP_TOKEN", environment),
        slack_signing_secret=_secret("SLACK_SIGNING_SECRET", environment),
        alerts_secret=_secret("DAGSTER_ALERTS_SECRET", environment),
        store=file.store if "://" in file.store else str(folder / file.store),
        core=file.model_copy(update={"work_folder": str(folder / file.work_folder)}),
        crash_at=environment.get(CRASH_VARIABLE),
    )


def parse_config(text: str, name: str, folder: Path | None = None) -> FileSettings:
    """Return the settings that a configuration file's text holds; relative paths of files in it
    start at `folder`. Raises `ConfigInvalid`."""
    problems = Problems()
    try:
        root = read_yaml(text, problems)
    except Unreadable as error:
        problems.add(error.line, error.sentence)
        root = None
    if problems:
        raise _invalid(name, list(problems))
    if root is None or not isinstance(root.value, dict):
        raise _invalid(name, [(1, "the file must be a mapping with at least `deployments`.")])
    try:
        settings = FileSettings.model_validate(root.plain(), context={FOLDER: folder})
    except ValidationError as error:
        raise _invalid(name, [_located(root, found) for found in error.errors()]) from None
    chosen = settings.default_deployment
    if chosen is not None and chosen not in settings.deployments:
        known = ", ".join(settings.deployments)
        raise _invalid(name, [(1, f"default_deployment: {chosen} isn't one of {known}.")])
    for each in settings.subscriptions:
        if each.deployment is not None and each.deployment not in settings.deployments:
            known = ", ".join(settings.deployments)
            said = f"subscriptions: the deployment {each.deployment} isn't one of {known}."
            raise _invalid(name, [(root.value["subscriptions"].line, said)])
    return settings


def read_config_file(path: Path | None) -> FileSettings | None:
    """Return what a configuration file says, without any secret of the environment; None where
    none is named and the usual place has none. Raises `ConfigInvalid`."""
    named = path or os.environ.get(CONFIG_VARIABLE)
    place = Path(named or DEFAULT_CONFIG).absolute()
    return _read_file(place) if named or place.is_file() else None


def _read_file(path: Path) -> FileSettings:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigInvalid(
            f"There is no configuration file {path}.",
            next_step=f"Name it with --config or {CONFIG_VARIABLE}; the repository has a "
            "commented example.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{path} can't be read: {error}.") from None
    return parse_config(text, path.name, path.parent)


def _secret(name: str, environment: Mapping[str, str]) -> SecretStr | None:
    value = environment.get(name)
    if value:
        return SecretStr(value.strip())
    path = environment.get(f"{name}_FILE")
    if not path:
        return None
    try:
        return SecretStr(Path(path).read_text(encoding="utf-8").strip())
    except OSError as error:
        raise ConfigInvalid(f"{name}_FILE can't be read: {error.strerror}.") from None


def _invalid(name: str, problems: list[tuple[int, str]]) -> ConfigInvalid:
    count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
    lines = "\n".join(f"{name}:{line}: {sentence}" for line, sentence in sorted(problems))
    return ConfigInvalid(f"{name} has {count}.", detail=lines)


def _located(root: Located, found: Any) -> tuple[int, str]:
    """Find the line of the deepest part of the error's path that is in the file."""
    place: Located | None = root
    line = root.line
    for part in found["loc"]:
        place = _inside(place, part) if place else None
        if place is None:
            break
        line = place.line
    where = ".".join(str(part) for part in found["loc"])
    said = {
        "extra_forbidden": "there is no such key",
        "missing": "is missing",
    }.get(found["type"], found["msg"][:1].lower() + found["msg"][1:])
    return line, f"{where}: {said}."


def _inside(place: Located, part: object) -> Located | None:
    value = place.value
    if isinstance(value, dict):
        return value.get(str(part))
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None
