"""One build on its way: what it needs, and what it left."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy_core.artifacts.build_context import Context, prepare_context
from deploy_core.artifacts.build_output import FailedStep
from deploy_core.artifacts.build_recipe import Recipe
from deploy_core.artifacts.credentials import Credential, docker_config
from deploy_core.artifacts.registry_errors import engine_gone
from deploy_core.artifacts.secret_sources import Redactor, read_secret
from deploy_core.model.errors import ArtifactError, BuildFailed, DiskFull
from deploy_core.settings import SecretSource

LABEL = "dagster-chatops.key"
"""On every image that we build: its content key. By it images are found again and collected."""


@dataclass(frozen=True)
class BuildOrder:
    """Everything that a builder needs. `values` are the read arguments, `secrets` the read
    secrets; `work` is a private folder that is removed afterwards."""

    recipe: Recipe
    context: Context
    tag: str
    labels: Mapping[str, str]
    work: Path
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    docker_config: str = field(default="{}", repr=False)
    hidden: tuple[str, ...] = field(default=(), repr=False)  # more that no output may have
    fresh: bool = False  # take nothing from the builder's cache

    @property
    def config_folder(self) -> Path:
        """The folder that is DOCKER_CONFIG for this build."""
        return self.work / "docker"

    def write_config(self) -> None:
        """Write the Docker configuration for this build, readable by us alone. Blocking."""
        self.config_folder.mkdir(mode=0o700, exist_ok=True)
        path = self.config_folder / "config.json"
        path.touch(mode=0o600)
        path.write_text(self.docker_config, encoding="utf-8")

    def redactor(self) -> Redactor:
        """Return what takes every secret of this build out of its output."""
        args = self.recipe.args
        secret = [v for name, v in self.values.items() if isinstance(args.get(name), SecretSource)]
        return Redactor([*secret, *self.secrets.values(), *self.hidden])


@dataclass(frozen=True)
class BuildBench:
    """Where a build is made: its private folder, the checkout, and what the machine knows."""

    work: Path
    checkout: Path
    most_bytes: float
    environment: Mapping[str, str] = field(repr=False)
    credentials: Mapping[str, Credential] = field(repr=False)
    config_folder: Path


def make_order(
    bench: BuildBench, recipe: Recipe, tag: str, labels: Mapping[str, str], fresh: bool
) -> BuildOrder:
    """Read all that the build needs, and write the Docker configuration for it. Blocking.

    Raises `UnsafePath`, `DockerfileMissing`, `ContextTooLarge`, `BuildSecretMissing`.
    """
    order = BuildOrder(
        recipe=recipe,
        context=prepare_context(recipe, bench.checkout, bench.work, bench.most_bytes),
        tag=tag,
        labels=labels,
        work=bench.work,
        values={name: _value(name, v, bench.environment) for name, v in recipe.args.items()},
        secrets={
            name: read_secret(source, f"secrets.{name}", bench.environment)
            for name, source in recipe.secrets.items()
        },
        docker_config=docker_config(bench.credentials, bench.config_folder),
        hidden=tuple(secret for own in bench.credentials.values() for secret in own.secrets),
        fresh=fresh,
    )
    order.write_config()
    return order


def _value(name: str, value: str | SecretSource, environment: Mapping[str, str]) -> str:
    if isinstance(value, str):
        return value
    return read_secret(value, f"args.{name}", environment).removesuffix("\n")


def build_error(location: str, builder: str, failed: FailedStep, log_file: Path) -> ArtifactError:
    """Return the error for a build that ended badly; the last lines of its step come first."""
    last = "\n".join(failed.lines)
    whole = f"{last}\n{failed.message}".lower()
    if "no space left on device" in whole:
        return DiskFull(f"The disk of the Docker engine `{builder}` is full.", detail=last)
    if "cannot connect to the docker daemon" in whole or "error during connect" in whole:
        return engine_gone(builder, failed.message)
    code = f" with exit code {failed.exit_code}" if failed.exit_code is not None else ""
    short = failed.instruction if len(failed.instruction) <= 120 else failed.instruction[:119] + "…"
    summary = (
        f"The build of {location} failed{code} at `{short}`."
        if failed.instruction
        else f"The build of {location} failed before its first step."
    )
    parts = [last, failed.message if failed.message not in last else "", f"Step: {short}"]
    return BuildFailed(
        summary,
        detail="\n".join(part for part in parts if part and part != "Step: "),
        step=failed.instruction or None,
        log_file=str(log_file),
    )
