"""Runs `pex_runner` in a process of its own: Dagster's builder is never part of the bot."""

import asyncio
import codecs
import importlib.util
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy_core.artifacts.build_guard import NOT_FOUND
from deploy_core.artifacts.build_output import BuildLog
from deploy_core.artifacts.build_process import builder_process
from deploy_core.endings import all_of
from deploy_core.model.errors import InternalError
from deploy_core.sources.address import hide_userinfo

_INHERITED = (
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "NETRC",
    "PEX_ROOT",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
)
_PREFIXES = ("PIP_", "UV_", "LC_", "XDG_", "PYENV_")
_LAST_LINES = 400  # pip's own last words are far above the end of what the builder prints

Event = dict[str, Any]


class JobFailed(Exception):
    """A job ended badly; `kind` is the runner's word for it, `lines` are the last that it printed,
    with paths as they are in the repository."""

    def __init__(self, kind: str, message: str, lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.lines = tuple(lines)


def build_environment(
    python: str, environment: Mapping[str, str], variables: tuple[str, ...], pex_root: Path
) -> dict[str, str]:
    """Return what a build may see of our environment.

    It runs code of the repository, so it gets pip's configuration and nothing that is ours:
    neither Slack's nor Dagster+'s tokens. `variables` are more names that a person allowed.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if name in _INHERITED or name in variables or name.startswith(_PREFIXES)
    }
    # The builder looks for `python3.11`: that of its own environment, with setuptools, is best.
    path = os.pathsep.join([str(Path(python).parent), environment.get("PATH", os.defpath)])
    return {"PEX_ROOT": str(pex_root), **kept, "PATH": path, "PYTHONUNBUFFERED": "1"}


async def run_job(
    python: str,
    name: str,
    job: Event,
    *,
    environment: Mapping[str, str],
    folder: Path,
    log: BuildLog | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
) -> Event:
    """Run one job of the runner and return its last event. Raises `JobFailed`.

    If the caller is cancelled, the process and all that it started are ended first.
    """
    async with builder_process(
        *(python, str(_runner()), name),
        environment=environment,
        folder=folder,
        stdin=asyncio.subprocess.PIPE,
    ) as process:
        lines, last = await all_of(
            _log(process, json.dumps(job), log), _last_event(process, on_event)
        )
        code = await process.wait()
    if code == NOT_FOUND and not last:
        raise JobFailed("builder_missing", f"{python} can't be run.")
    if last.get("event") == "done" and code == 0:
        return last
    message = str(last.get("message") or f"exit code {code}")
    hidden = f"{job.get('root', folder)}/"
    raise JobFailed(
        str(last.get("kind") or "broken"),
        hide_userinfo(message.replace(hidden, "")),
        [line.replace(hidden, "") for line in lines],
    )


def default_python() -> str:
    """Return the Python that runs the bot."""
    return sys.executable


def _runner() -> Path:
    # Found, not imported: with it Dagster would come into this process.
    spec = importlib.util.find_spec("pex_runner")
    if spec is None or spec.origin is None:
        raise InternalError("The package `pex_runner` isn't where it belongs.")
    return Path(spec.origin).with_name("__main__.py")


async def _last_event(
    process: asyncio.subprocess.Process, on_event: Callable[[Event], None]
) -> Event:
    last: Event = {}
    if process.stdout is None:
        return last
    async for line in process.stdout:
        try:
            last = json.loads(line)
        except ValueError:
            continue
        on_event(last)
    return last


async def _log(process: asyncio.subprocess.Process, job: str, log: BuildLog | None) -> deque[str]:
    """Hand over the job, keep the output in the log, and return its last lines."""
    last: deque[str] = deque(maxlen=_LAST_LINES)
    if process.stdin is not None:
        process.stdin.write(job.encode())
        process.stdin.close()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    if process.stderr is None:
        return last
    while chunk := await process.stderr.read(65_536):
        if log is not None:
            last.extend(log.feed(decoder.decode(chunk)))
    if log is not None:
        last.extend(log.rest())
    return last
