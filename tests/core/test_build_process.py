"""Builders end with their bot, and what they leave is known and removed."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from pathlib import Path

import pytest

from deploy_core.artifacts.build_folder import BuildFolder
from deploy_core.artifacts.build_guard import NOT_FOUND
from deploy_core.artifacts.build_process import builder_process

BOT = """
import asyncio, os, sys
from pathlib import Path
from deploy_core.artifacts.build_folder import BuildFolder
from deploy_core.artifacts.build_process import builder_process

async def main():
    work = BuildFolder(Path(sys.argv[1])).new_work()
    (work / "secret").write_text("canary")
    script = "import os, time; print(os.getpid(), flush=True); time.sleep(9000)"
    builder = (sys.executable, "-c", script)
    async with builder_process(*builder, environment=os.environ, folder=work) as process:
        print((await process.stdout.readline()).decode().strip(), flush=True)
        await asyncio.sleep(9000)

asyncio.run(main())
"""


def runs(pid: int) -> bool:
    with suppress(OSError):
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


async def gone(pid: int) -> None:
    async with asyncio.timeout(30):
        while runs(pid):  # noqa: ASYNC110 - nothing tells of another program's processes
            await asyncio.sleep(0.02)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
async def test_a_builder_ends_with_a_bot_that_is_killed_and_the_next_build_clears_up(
    tmp_path: Path,
) -> None:
    folder = BuildFolder(tmp_path)
    mine = folder.new_work()
    bot = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BOT, str(tmp_path)), stdin=DEVNULL, stdout=PIPE
    )
    assert bot.stdout is not None
    pid = int(await asyncio.wait_for(bot.stdout.readline(), 30))
    theirs = next(path for path in (tmp_path / "work").iterdir() if path != mine)
    other = folder.new_work()
    assert (theirs / "secret").is_file(), "somebody works there"

    bot.send_signal(signal.SIGKILL)
    await bot.wait()
    await gone(pid)
    last = await until_cleared(folder, theirs)
    assert set((tmp_path / "work").iterdir()) == {mine, other, last}
    for path in (mine, other, last):
        folder.remove_work(path)
    assert list((tmp_path / "work").iterdir()) == []


async def until_cleared(folder: BuildFolder, path: Path) -> Path:
    """The guard ends a moment after the builder, and holds the folder until then."""
    async with asyncio.timeout(30):
        while True:
            made = folder.new_work()
            if path not in made.parent.iterdir():
                return made
            folder.remove_work(made)
            await asyncio.sleep(0.02)


async def test_the_end_of_the_block_is_the_builder_s_end(tmp_path: Path) -> None:
    script = "import os, time; print(os.getpid(), flush=True); time.sleep(9000)"
    builder = (sys.executable, "-c", script)
    async with builder_process(*builder, environment=os.environ, folder=tmp_path) as process:
        assert process.stdout is not None
        pid = int(await asyncio.wait_for(process.stdout.readline(), 30))
    await gone(pid)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ((sys.executable, "-c", "raise SystemExit(7)"), 7),
        ((sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"), 137),
        (("no-such-builder",), NOT_FOUND),
    ],
)
async def test_the_builder_s_exit_code_is_told(
    tmp_path: Path, command: tuple[str, ...], code: int
) -> None:
    async with builder_process(*command, environment=os.environ, folder=tmp_path) as process:
        await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == code
