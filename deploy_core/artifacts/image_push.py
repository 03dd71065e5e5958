"""Pushes images through the Docker SDK, whose stream says whether it worked."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Executor
from typing import Any

from pydantic import JsonValue

from deploy_core.artifacts.build_output import OnProgress
from deploy_core.artifacts.credentials import Credential
from deploy_core.artifacts.engine_stream import CutOffError, EngineStream, run_cuttable
from deploy_core.artifacts.engines import Engine
from deploy_core.artifacts.image_ref import ImageRef
from deploy_core.artifacts.registry_errors import engine_gone, push_error
from deploy_core.artifacts.secret_sources import Redactor
from deploy_core.model.errors import DigestMissing

_DIGEST = re.compile(r"\bdigest: (sha256:[0-9a-f]{64})\b")
_DONE = {"Pushed", "Layer already exists", "Already exists"}
_IN_WORK = {"Preparing", "Waiting", "Pushing"}


class PushOutput:
    """Reads the stream of a push. `digest` and `error` are what it ended with.

    The SDK gives the stream as it is: an error is an object in it, with HTTP status 200 before
    (https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImagePush).
    """

    def __init__(
        self, on_progress: OnProgress, redact: Redactor, on_retry: Callable[[], object]
    ) -> None:
        self._on_progress = on_progress
        self._on_retry = on_retry
        self._redact = redact
        self._layers: dict[str, bool] = {}
        self.digest: str | None = None
        self.error: str | None = None

    def item(self, item: dict[str, JsonValue]) -> None:
        """Take one object of the stream."""
        detail = item.get("errorDetail")
        message = detail.get("message") if isinstance(detail, dict) else None
        message = message or item.get("error")
        if isinstance(message, str):
            self.error = self._redact(message)[:2000]
        aux = item.get("aux")
        if isinstance(aux, dict) and isinstance(aux.get("Digest"), str):
            self.digest = str(aux["Digest"])
        status, layer = item.get("status"), item.get("id")
        if isinstance(status, str):
            self._status(status, layer if isinstance(layer, str) else None)

    def _status(self, status: str, layer: str | None) -> None:
        if layer is None:
            found = _DIGEST.search(status)
            if found and self.digest is None:
                self.digest = found[1]
        elif status in _DONE or status.startswith("Mounted from"):
            before, self._layers[layer] = self._layers.get(layer), True
            if not before:
                done = sum(self._layers.values())
                self._on_progress(done, len(self._layers), "layers pushed")
        elif status in _IN_WORK:
            self._layers.setdefault(layer, False)
        elif status.startswith("Retrying in"):
            self._on_retry()


async def push_tag(
    executor: Executor,
    engine: Engine,
    ref: ImageRef,
    credential: Credential | None,
    on_progress: OnProgress,
    check_registry: Callable[[], Awaitable[None]],
    *,
    seconds: float,
) -> str:
    """Push one tag and return the digest that the registry gave it.

    An engine tries five times over almost a minute before it says that a registry is gone
    (https://github.com/moby/moby/blob/master/distribution/xfer/upload.go). So at its first new try
    `check_registry` is called, and what that raises ends the push.

    Raises what `push_error` says, `EngineGone`, `DigestMissing`. If the caller is cancelled the
    connection is closed, at which the engine ends the push.
    """
    loop = asyncio.get_running_loop()

    def tell(step: int, of: int, text: str) -> None:
        loop.call_soon_threadsafe(on_progress, step, of, text)

    stuck = asyncio.Event()
    redact = Redactor(credential.secrets if credential else ())
    output = PushOutput(tell, redact, lambda: loop.call_soon_threadsafe(stuck.set))
    push = run_cuttable(
        executor, lambda stream: _push(engine, ref, credential, output, stream, seconds)
    )
    await _watched(asyncio.ensure_future(push), stuck, check_registry)
    if output.error is not None:
        raise push_error(output.error, ref)
    if output.digest is None:
        raise DigestMissing(f"{ref.host} didn't say which digest `{ref}` has.")
    return output.digest


async def _watched(
    push: asyncio.Future[None], stuck: asyncio.Event, check: Callable[[], Awaitable[None]]
) -> None:
    async def watch() -> None:
        while True:
            await stuck.wait()
            stuck.clear()
            await check()

    watching = asyncio.create_task(watch())
    try:
        await asyncio.wait({push, watching}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            await watching
        await push
    finally:
        for task in (push, watching):
            task.cancel()
        await asyncio.gather(push, watching, return_exceptions=True)


def _push(
    engine: Engine,
    ref: ImageRef,
    credential: Credential | None,
    output: PushOutput,
    stream: EngineStream,
    seconds: float,
) -> None:
    from docker.errors import APIError  # noqa: PLC0415  # the SDK is slow to import

    # Without a credential an empty one is sent: else the SDK would look for one on its own.
    auth = credential.docker_auth(ref.host) if credential else {}
    try:
        with engine.api(seconds, stream) as api:
            items: Iterator[dict[str, Any]] = api.push(
                ref.name, tag=ref.tag, stream=True, decode=True, auth_config=auth
            )
            for item in items:
                stream.check()
                output.item(item)
    except APIError as error:
        output.item({"error": str(error.explanation or error)})
    except CutOffError:
        raise engine_gone(engine.name, "cut off") from None
