"""Builds with the engine's classic builder through the Docker SDK, where there is no BuildKit."""

import asyncio
import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import JsonValue

from deploy_core.artifacts.build_order import BuildOrder, build_error
from deploy_core.artifacts.build_output import BuildLog, ClassicOutput, OnProgress
from deploy_core.artifacts.credentials import Credential, RegistryCredentials, only_auths
from deploy_core.artifacts.dockerfile import base_images
from deploy_core.artifacts.engine_stream import CutOffError, EngineStream, run_cuttable
from deploy_core.artifacts.engines import PING_SECONDS, Engine
from deploy_core.artifacts.image_ref import parse_image_ref
from deploy_core.artifacts.registry_errors import engine_gone
from deploy_core.artifacts.secret_sources import Redactor
from deploy_core.model.errors import BuildKitNeeded, EngineGone, ImageNameInvalid

if TYPE_CHECKING:
    from docker import APIClient


async def build_classic(
    executor: Executor,
    engine: Engine,
    order: BuildOrder,
    log: BuildLog,
    on_progress: OnProgress,
    redact: Redactor,
    credentials: RegistryCredentials,
    *,
    seconds: float,
) -> str:
    """Build the order's image and return its id. `seconds` is how long a step may be silent.

    Raises `BuildFailed`, `DiskFull`, `EngineGone`, `BuildKitNeeded` for secrets. If the caller is
    cancelled the connection is closed, at which the engine ends the build. The layers of a build
    that failed are removed, since nothing names them.
    """
    if order.recipe.secrets:
        raise BuildKitNeeded(f"{order.recipe.location} has build secrets, which need BuildKit.")
    if order.recipe.cache_to:
        raise BuildKitNeeded(f"{order.recipe.location} has `cache_to`, which needs BuildKit.")
    loop = asyncio.get_running_loop()
    config = only_auths(await _for_bases(order, credentials))
    await loop.run_in_executor(executor, replace(order, docker_config=config).write_config)

    def tell(step: int, of: int, text: str) -> None:
        loop.call_soon_threadsafe(on_progress, step, of, text)

    output = ClassicOutput(log, tell, len(order.labels))
    done = False
    try:
        await run_cuttable(
            executor, lambda stream: _build(engine, order, output, stream, seconds, redact)
        )
        done = output.error is None and output.image_id is not None
    finally:
        if not done and output.images:
            await loop.run_in_executor(executor, _remove, engine, tuple(output.images))
    if output.error is not None or output.image_id is None:
        raise build_error(order.recipe.location, engine.name, output.failed(), log.path)
    return output.image_id


async def _for_bases(order: BuildOrder, credentials: RegistryCredentials) -> dict[str, Credential]:
    """Find the credentials for the bases: the SDK would ask every helper that is configured."""
    text = await asyncio.to_thread(order.context.dockerfile.read_text, errors="replace")
    found = {}
    for name in base_images(text):
        with contextlib.suppress(ImageNameInvalid):  # the name of an earlier stage
            ref = parse_image_ref(name)
            if ref.host not in found and (credential := await credentials.find(ref)):
                found[ref.host] = credential
    return found


def _build(
    engine: Engine,
    order: BuildOrder,
    output: ClassicOutput,
    stream: EngineStream,
    seconds: float,
    redact: Redactor,
) -> None:
    from docker.errors import APIError, BuildError  # noqa: PLC0415  # the SDK is slow to import

    try:
        with engine.api(seconds, stream) as api:
            api.reload_config(str(order.config_folder / "config.json"))
            for item in _items(api, order):
                stream.check()
                output.item(item)
    except (APIError, BuildError) as error:
        output.error = redact(str(getattr(error, "explanation", None) or error))
    except CutOffError:
        raise engine_gone(engine.name, "cut off") from None


def _items(api: "APIClient", order: BuildOrder) -> "Iterator[dict[str, JsonValue]]":
    recipe = order.recipe
    return api.build(
        path=str(order.context.folder),
        dockerfile=str(order.context.dockerfile),
        tag=order.tag,
        decode=True,
        rm=True,
        forcerm=True,
        nocache=order.fresh,
        buildargs=dict(order.values),
        labels=dict(order.labels),
        cache_from=list(recipe.cache_from) or None,
        target=recipe.target,
        platform=recipe.platform,
    )


def _remove(engine: Engine, images: tuple[str, ...]) -> None:
    from docker.errors import APIError  # noqa: PLC0415

    with contextlib.suppress(EngineGone), engine.api(PING_SECONDS) as api:
        for image in reversed(images):
            with contextlib.suppress(APIError):  # a container or another image may need it
                api.remove_image(image)
