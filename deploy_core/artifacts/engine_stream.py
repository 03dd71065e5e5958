"""Blocking calls of the Docker SDK that can be cut off: the SDK itself has no way to do it."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, TypeVar

from deploy_core.model.errors import DeployError

if TYPE_CHECKING:
    import requests
    from docker import APIClient

T = TypeVar("T")

CUT_SECONDS = 4.0
"""How long a call that was cut off may take to notice it."""


class CutOffError(Exception):
    """The call was cut off from outside; never leaves this package."""


class EngineStream:
    """The answer that an engine sends piece by piece, watched so that it can be cut off.

    When the connection is closed the engine ends what it does: a build or a push.
    """

    def __init__(self) -> None:
        self._cut = threading.Event()
        self._response: requests.Response | None = None

    def watch(self, api: "APIClient") -> None:
        """Keep the answers to the calls of `api` from now on."""
        api.hooks["response"].append(self._keep)

    def check(self) -> None:
        """Raise `CutOffError` once the call is cut off."""
        if self._cut.is_set():
            raise CutOffError

    def cut(self) -> None:
        """Wake the thread that reads the answer; it then closes the connection. Thread-safe."""
        self._cut.set()
        response = self._response
        if response is not None:
            # Not `close`: that doesn't wake a thread which waits for the socket.
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                response.raw.shutdown()

    def close(self) -> None:
        """Close the connection; called by the thread that reads it."""
        if self._response is not None:
            self._response.close()

    def _keep(self, response: "requests.Response", *_: Any, **__: Any) -> None:
        self._response = response
        self.check()


async def run_cuttable(executor: Executor, work: Callable[[EngineStream], T]) -> T:
    """Run `work` in a thread. If the caller is cancelled, cut the call off and wait for its end."""
    stream = EngineStream()
    running = asyncio.get_running_loop().run_in_executor(executor, work, stream)
    try:
        return await asyncio.shield(running)
    except DeployError as error:
        # What the SDK raised holds the request, and that has a credential in a header.
        error.__context__ = None
        raise
    except asyncio.CancelledError:
        stream.cut()
        await asyncio.wait([running], timeout=CUT_SECONDS)
        if running.done() and not running.cancelled():
            running.exception()  # taken: a call that was cut off fails in some way
        raise
