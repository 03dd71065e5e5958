"""The `git` command: started with nothing inherited, ended with its whole process group.

Nothing of the user's or the system's git configuration is read, no hook, filter, pager, helper
program or prompt can run, and no credential is in an argument.
"""

import asyncio
import base64
import os
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from deploy_core.endings import end_group, to_its_end
from deploy_core.model.errors import GitFailed, GitUnreachable
from deploy_core.sources.address import hide_userinfo

_INHERITED = (
    "PATH",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
)
_CONFIG = (
    ("protocol.allow", "never"),
    ("protocol.https.allow", "always"),
    ("protocol.http.allow", "always"),
    ("protocol.ssh.allow", "always"),
    ("protocol.git.allow", "always"),
    ("protocol.file.allow", "always"),
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.autocrlf", "false"),
    ("credential.helper", ""),
    ("gc.autoDetach", "false"),
    ("gc.pruneExpire", "90.days"),  # a commit that was forced away can still be rolled back to
    ("advice.detachedHead", "false"),
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "60"),
)
_GRACE = 2.0  # seconds in which git may remove its lock files before it is killed


@dataclass(frozen=True)
class Access:
    """How one repository is reached: the address, and credentials kept out of it."""

    url: str
    config: tuple[tuple[str, str], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Finished:
    """What a git command left. `errors` is free of secrets."""

    code: int
    output: bytes
    errors: str


def signed_by(name: str, address: str, at: datetime | None = None) -> dict[str, str]:
    """Return the environment in which git makes a commit that is from this person; without a time
    it is from now."""
    signature = {"NAME": name, "EMAIL": address}
    if at is not None:
        signature["DATE"] = f"{int(at.timestamp())} +0000"
    return {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in signature.items()
    }


async def run_git(
    arguments: Sequence[str],
    *,
    folder: Path,
    seconds: float,
    access: Access | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> Finished:
    """Run `git` with `arguments` in `folder` and return what it left.

    Raises `GitUnreachable` after that many `seconds`, `GitFailed` if there is no git. If the caller
    is cancelled, the command and all that it started are ended first.
    """
    full = {**_environment(folder, access), **(environment or {})}
    try:
        process = await _started(
            asyncio.create_subprocess_exec(
                "git",
                *arguments,
                cwd=folder,
                env=full,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        )
    except FileNotFoundError:
        raise GitFailed(
            "The `git` command isn't installed.", next_step="Install git where the bot runs."
        ) from None
    done = False
    try:
        async with asyncio.timeout(seconds):
            output, errors = await process.communicate(stdin)
        done = True
    except TimeoutError:
        raise GitUnreachable(f"git did not finish within {seconds:g} seconds.") from None
    finally:
        if not done:
            await end_group(process, _GRACE)
    text = redact(errors.decode("utf-8", "replace"), access.secrets if access else ())
    return Finished(process.returncode or 0, output, text)


async def _started(
    starting: Coroutine[object, object, asyncio.subprocess.Process],
) -> asyncio.subprocess.Process:
    """Wait for a process to have started. A start that is cancelled half-way would leave a process
    that nobody knows of: it is let finish, and the process is ended."""
    task = asyncio.ensure_future(starting)
    try:
        return await to_its_end(task)
    except asyncio.CancelledError:
        if not task.cancelled() and task.exception() is None:
            await end_group(task.result(), 0.0)
        raise


def redact(text: str, secrets: Sequence[str]) -> str:
    """Return the text without the secrets in any form that git or a server may echo."""
    for secret in secrets:
        for form in (secret, quote(secret, safe=""), *_base64_forms(secret)):
            if form:
                text = text.replace(form, "***")
    return hide_userinfo(text)


def _base64_forms(secret: str) -> tuple[str, ...]:
    """Return the middle of the secret's base64 for each of the three ways it can be aligned."""
    forms = []
    for shift in range(3):
        coded = base64.b64encode(b" " * shift + secret.encode()).decode().rstrip("=")
        middle = coded[(shift * 8 + 5) // 6 : -1]
        forms.append(middle if len(middle) >= 8 else "")
    return tuple(forms)


def _environment(folder: Path, access: Access | None) -> dict[str, str]:
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment.setdefault("PATH", os.defpath)
    environment |= {
        "HOME": str(folder),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_SSH_COMMAND": "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes",
        "GIT_SSH_VARIANT": "ssh",
    }
    config = [*_CONFIG, *(access.config if access else ())]
    environment["GIT_CONFIG_COUNT"] = str(len(config))
    for number, (key, value) in enumerate(config):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    if access:
        environment |= access.environment
    return environment
