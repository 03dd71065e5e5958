"""Starts bots quickly: everything is imported once, and each bot is a fork that runs the program.

A process of its own, `python -m tests.crash.forks`: a JSON line in starts a bot and is answered
with its pid; when one ends, a line with its exit code comes out.
"""

import asyncio
import json
import os
import select
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

READ = 65536


@dataclass
class Bot:
    """A running bot; `log_from` is where its part of the log begins."""

    pid: int
    log: Path
    log_from: int
    code: asyncio.Future[int] = field(default_factory=asyncio.Future)

    @property
    def dead(self) -> bool:
        return self.code.done()

    async def said(self) -> str:
        """Return what this process has written to the log."""
        content = await asyncio.to_thread(self.log.read_bytes)
        return content[self.log_from :].decode()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if not self.dead:
            os.kill(self.pid, number)

    async def ended(self, within: float = 60) -> int:
        """Wait for its end; return its exit code, negative for a signal."""
        return await asyncio.wait_for(asyncio.shield(self.code), within)

    async def stop(self) -> int:
        """Ask it to end, and wait."""
        self.signal(signal.SIGTERM)
        return await self.ended(60)


class Forks:
    """The process that starts bots."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._bots: dict[int, Bot] = {}
        self._started: asyncio.Queue[int] = asyncio.Queue()
        self._turn = asyncio.Lock()
        self._reading = asyncio.create_task(self._read())

    async def start(self, config: Path, log: Path, environment: dict[str, str]) -> Bot:
        """Start `dagster-chatops run` with a configuration file."""
        async with self._turn:
            await asyncio.to_thread(log.touch)
            before = (await asyncio.to_thread(log.stat)).st_size
            asked = {"config": str(config), "log": str(log), "environment": environment}
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            await self._process.stdin.drain()
            bot = Bot(await asyncio.wait_for(self._started.get(), 60), log, before)
            self._bots[bot.pid] = bot
            return bot

    async def close(self) -> None:
        """End every bot and the process."""
        for bot in self._bots.values():
            bot.signal(signal.SIGCONT)
        await asyncio.gather(*(bot.stop() for bot in self._bots.values() if not bot.dead))
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said: dict[str, int] = json.loads(line)
            if "code" not in said:
                await self._started.put(said["pid"])
                await asyncio.sleep(0)  # so that whoever started it knows it before its end
            elif said["pid"] in self._bots:
                self._bots[said["pid"]].code.set_result(said["code"])


@asynccontextmanager
async def forks() -> AsyncIterator[Forks]:
    """Yield a process that starts bots, and end all of them afterwards."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.crash.forks"), stdin=PIPE, stdout=PIPE, limit=2**20
    )
    running = Forks(process)
    try:
        yield running
    finally:
        await running.close()


def serve() -> None:
    """Fork a bot for each line of standard input, until that ends."""
    import bot.main  # noqa: F401, PLC0415 - imported once, for all of them

    ends, note = os.pipe()
    os.set_blocking(note, False)
    signal.set_wakeup_fd(note)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting = b""
    while True:
        ready, _, _ = select.select([0, ends], [], [])
        if ends in ready:
            os.read(ends, READ)
            _say_who_ended()
        if 0 in ready:
            more = os.read(0, READ)
            if not more:
                return
            *lines, waiting = (waiting + more).split(b"\n")
            for line in lines:
                _fork(json.loads(line), (ends, note))


def _say_who_ended() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _say({"pid": pid, "code": os.waitstatus_to_exitcode(status)})


def _fork(asked: dict[str, Any], pipes: tuple[int, int]) -> None:
    pid = os.fork()
    if pid:
        _say({"pid": pid})
        return
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in (0, 1, *pipes):
        os.close(number)
    os.open(os.devnull, os.O_RDONLY)
    log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in (1, 2):
        os.dup2(log, number)
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["dagster-chatops", "run", "--config", asked["config"]]
    from bot.cli import main  # noqa: PLC0415 - in the child only

    try:
        main()
    except SystemExit as end:
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
    os._exit(0)


def _say(what: dict[str, int]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    serve()
