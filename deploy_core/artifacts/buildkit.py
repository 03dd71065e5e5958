"""Builds with BuildKit, which the Docker SDK has not: through the `docker` command."""

import asyncio
import codecs
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from deploy_core.artifacts.build_order import BuildOrder, build_error
from deploy_core.artifacts.build_output import BuildKitOutput, BuildLog, OnProgress
from deploy_core.artifacts.build_process import builder_process
from deploy_core.artifacts.engines import Engine
from deploy_core.endings import end_group
from deploy_core.model.errors import BuildKitNeeded
from deploy_core.settings import DockerSettings, SecretSource

_COMMON = ("/usr/bin/docker", "/usr/local/bin/docker", "/opt/homebrew/bin/docker")
_VERSION = re.compile(r"Docker version (\d+)\.(\d+)")
_BUILT_IN = ((18, 9), (23, 0))  # from, before: later clients have it in the plug-in buildx
_ASK_SECONDS = 20.0
_GRACE = 2.0
_INHERITED = (
    "PATH",
    "HOME",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)


async def find_client(settings: DockerSettings, environment: Mapping[str, str]) -> Path | None:
    """Return the first `docker` command with BuildKit; None if there is none.

    Raises `BuildKitNeeded` if the settings name one that hasn't.
    """
    if not settings.buildkit:
        return None
    if settings.client is not None:
        path = Path(shutil.which(settings.client, path=environment.get("PATH")) or settings.client)
        if not await _has_buildkit(path, environment):
            raise BuildKitNeeded(f"`docker.client` ({path}) has no BuildKit.")
        return path
    search = environment.get("PATH", os.defpath)
    on_path = await asyncio.to_thread(shutil.which, "docker", path=search)
    for candidate in dict.fromkeys([*([on_path] if on_path else []), *_COMMON]):
        path = Path(candidate)
        if await asyncio.to_thread(path.is_file) and await _has_buildkit(path, environment):
            return path
    return None


async def build_with_client(
    client: Path, engine: Engine, order: BuildOrder, log: BuildLog, on_progress: OnProgress
) -> str:
    """Build the order's image and return its id.

    Raises `BuildFailed`, `DiskFull`, `EngineGone`. If the caller is cancelled the build is ended
    first, in the engine too: the client closes its connection.
    """
    await asyncio.to_thread(_write_secrets, order)
    id_file = order.work / "image-id"
    output = BuildKitOutput(on_progress)
    async with builder_process(
        *_command(client, order, id_file),
        environment=_environment(engine, order),
        folder=order.work,
        stderr=asyncio.subprocess.STDOUT,
    ) as process:
        await _read(process, log, output)
        code = await process.wait()
    if code != 0:
        raise build_error(order.recipe.location, engine.name, output.failed(), log.path)
    return (await asyncio.to_thread(id_file.read_text, encoding="utf-8")).strip()


def _command(client: Path, order: BuildOrder, id_file: Path) -> list[str]:
    recipe = order.recipe
    command = [str(client), "build", "--progress=plain", "--iidfile", str(id_file)]
    command += ["--file", str(order.context.dockerfile)]
    command += ["--tag", order.tag]
    for name, value in order.labels.items():
        command += ["--label", f"{name}={value}"]
    for name, value in order.values.items():
        # A name alone is read from the environment: a secret is in nobody's process list.
        secret = isinstance(recipe.args.get(name), SecretSource)
        command += ["--build-arg", name if secret else f"{name}={value}"]
    for name in order.secrets:
        command += ["--secret", f"id={name},src={_secret_file(order, name)}"]
    for source in recipe.cache_from:
        command += ["--cache-from", source]
    if recipe.cache_to == "inline":
        command += ["--build-arg", "BUILDKIT_INLINE_CACHE=1"]
    elif recipe.cache_to:
        command += ["--cache-to", recipe.cache_to]
    for option, given in (("--target", recipe.target), ("--platform", recipe.platform)):
        command += [option, given] if given else []
    command += ["--no-cache"] if order.fresh else []
    return [*command, "--", str(order.context.folder)]


def _environment(engine: Engine, order: BuildOrder) -> dict[str, str]:
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    # Credential helpers of the person's configuration need their cloud's variables.
    environment |= {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("AWS_", "GOOGLE_", "CLOUDSDK_", "AZURE_"))
    }
    secret = {
        name: value
        for name, value in order.values.items()
        if isinstance(order.recipe.args.get(name), SecretSource)
    }
    return (
        environment
        | secret
        | {"DOCKER_BUILDKIT": "1", "DOCKER_CONFIG": str(order.config_folder)}
        | engine.client_environment()
    )


def _write_secrets(order: BuildOrder) -> None:
    for name, value in order.secrets.items():
        path = _secret_file(order, name)
        path.touch(mode=0o600)
        path.write_text(value, encoding="utf-8")


def _secret_file(order: BuildOrder, name: str) -> Path:
    return order.work / f"secret-{name}"


async def _read(process: asyncio.subprocess.Process, log: BuildLog, output: BuildKitOutput) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    if process.stdout is None:
        return
    while chunk := await process.stdout.read(65_536):
        for line in log.feed(decoder.decode(chunk)):
            output.line(line)
    for line in log.rest():
        output.line(line)


async def _has_buildkit(client: Path, environment: Mapping[str, str]) -> bool:
    said = await _ask(client, "--version", environment=environment)
    found = _VERSION.search(said or "")
    if found is None:
        return False
    version = (int(found[1]), int(found[2]))
    if _BUILT_IN[0] <= version < _BUILT_IN[1]:
        return True
    return await _ask(client, "buildx", "version", environment=environment) is not None


async def _ask(client: Path, *words: str, environment: Mapping[str, str]) -> str | None:
    """Return what the client prints, None if it fails or there is no such program."""
    try:
        process = await asyncio.create_subprocess_exec(
            str(client),
            *words,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            await end_group(process, _GRACE)
    return said.decode("utf-8", "replace") if process.returncode == 0 else None
