"""Starts builders: processes that end when we do, even when we are killed."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from deploy_core.artifacts import build_guard
from deploy_core.endings import end_group

_LONGEST_LINE = 1 << 24  # an event of the PEX builder has a platform in full


@asynccontextmanager
async def builder_process(
    *command: str,
    environment: Mapping[str, str],
    folder: Path,
    stdin: int = asyncio.subprocess.DEVNULL,
    stderr: int = asyncio.subprocess.PIPE,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command in a build's folder and yield its process, whose output is a pipe.

    A command that can't be found ends with `build_guard.NOT_FOUND`. At the end of the block the
    process and all that it started are ended.
    """
    guard = (sys.executable, "-I", "-S", str(Path(build_guard.__file__)))
    theirs, ours = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *(*guard, str(theirs), *command),
            env=dict(environment),
            cwd=folder,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            limit=_LONGEST_LINE,
            start_new_session=True,
            pass_fds=(theirs,),
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                await end_group(process, build_guard.GRACE)
    finally:
        os.close(theirs)
        os.close(ours)
