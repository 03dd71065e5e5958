"""`make demo`: the sandbox and the bot; a deploy, a code location that breaks and runs that fail
are played as they happen.

At a terminal it stays up for a person. Without one it also plays a deploy that doesn't load and is
put back. It exits with 0 only if what was played really ended so, by the card's own words and by
what the control plane says is live.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx

from sandbox.__main__ import read_options, start
from sandbox.bot_process import config_of, start_bot
from sandbox.demo_trouble import CHANNEL_ID, WATCHED, Trouble
from sandbox.slack.client import Workspace

MANIFEST = Path(__file__).parent.parent / "manifest.yml"
CHANNEL = "#deploys"
PERSON = "ada"
READY_SECONDS = 30.0
DEPLOY_SECONDS = 120.0


class NotAsExpected(Exception):
    """The demo did not end as it should; the text says what was seen instead."""


class Demo:
    """Acts as a person in the workspace and says in the terminal what happens."""

    def __init__(self, workspace: Workspace, report: dict[str, Any]) -> None:
        self._workspace = workspace
        self._report = report

    async def play(self, command: str, must_say: str) -> None:
        """Type a command and follow its card to the end. Raises `NotAsExpected`."""
        before = {message.ts for message in await self._workspace.messages(CHANNEL)}
        say(f"\n{PERSON} types in {CHANNEL}:  {command}")
        began = time.monotonic()
        outcome = await self._workspace.person(PERSON).command(CHANNEL, command)
        if not outcome.acked:
            raise NotAsExpected(f"Slack got no acknowledgement: {outcome.reason}")
        say(f"  {_at(began)} acknowledged")
        text = await self._follow(before, began)
        if must_say not in text.lower():
            raise NotAsExpected(f"The card should say “{must_say}”, but it says: {text}")
        await self._check_live(must_say)

    async def _follow(self, before: set[str], began: float) -> str:
        """Print the card's text whenever it changes; return its last one.

        The mention of the starter in the thread comes last.
        """
        card = await self._workspace.wait_for_message(
            CHANNEL, lambda message: message.ts not in before, DEPLOY_SECONDS
        )
        said = ""

        async def look() -> tuple[str, bool] | None:
            found = await self._workspace.messages(CHANNEL, card.ts)
            text = next(message.text for message in found if message.ts == card.ts)
            ended = len(found) > 1
            return (text, ended) if ended or text != said else None

        while True:
            text, ended = await self._workspace.wait_for(look, DEPLOY_SECONDS, "the card's end")
            if text != said:
                say(f"  {_at(began)} {text}")
                said = text
            if ended:
                return said

    async def _check_live(self, must_say: str) -> None:
        """Ask the control plane, not the bot, whether quickstart is really loaded."""
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(
                f"{self._report['dagster_url']}/prod/graphql",
                headers={"Dagster-Cloud-Api-Token": self._report["user_token"]},
                json={"query": _LIVE},
            )
        entries = answer.json()["data"]["workspaceOrError"]["locationEntries"]
        loaded = [
            entry["name"]
            for entry in entries
            if entry["loadStatus"] == "LOADED"
            and entry["locationOrLoadError"]["__typename"] == "RepositoryLocation"
        ]
        if "quickstart" not in loaded:
            raise NotAsExpected(f"The card says “{must_say}”, but Dagster+ has loaded {loaded}.")
        say("  the control plane agrees: quickstart is loaded without an error")


_LIVE = """query { workspaceOrError { ... on Workspace { locationEntries {
  name loadStatus locationOrLoadError { __typename } } } } }"""


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def _at(began: float) -> str:
    return f"{time.monotonic() - began:5.1f} s "


async def demo(home: Path, slack_port: int, *, stay: bool, play: bool) -> int:
    """Start everything and play; the exit code."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    playing = asyncio.create_task(_demo(home, slack_port, ended, stay=stay, play=play))
    stopping = asyncio.create_task(ended.wait())
    await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not playing.done() and not stay:
        playing.cancel()
    try:
        return await playing
    except asyncio.CancelledError:
        return 1
    finally:
        stopping.cancel()


async def _demo(
    home: Path, slack_port: int, ended: asyncio.Event, *, stay: bool, play: bool
) -> int:
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        say("Starting a Slack workspace, a Dagster+ control plane and a real agent…")
        options = read_options(["--home", str(home), "--slack-port", str(slack_port)])
        report = await start(options, stack)
        bot = await start_bot(report, home / "bot", _watched(config_of(report, home / "bot")))
        stack.push_async_callback(bot.stop)
        workspace = await stack.enter_async_context(Workspace(report["slack_page"]))
        if await asyncio.to_thread(MANIFEST.exists):
            await workspace.control("manifest", path=str(MANIFEST))
        await workspace.wait_for_sockets(1, READY_SECONDS)
        say(f"Up after {time.monotonic() - began:.1f} s. The bot's log: {bot.log}")
        say(f"\n  Slack, in your browser:  {report['slack_page']}\n")
        if play:
            try:
                await _play(Demo(workspace, report), again=not stay)
                await _break(Trouble(workspace, report, say))
            except (NotAsExpected, AssertionError) as error:
                say(f"\nThe demo failed: {error}\nThe bot's log: {bot.log}")
                return 1
        if stay:
            say(f"\nYour turn: open {report['slack_page']} and type /dagster deploy quickstart")
            say("(also: quickstart@broken, core marts ml, status, help). Ctrl-C ends everything.")
            await ended.wait()
    return 0


async def _play(demo: Demo, *, again: bool) -> None:
    await demo.play("/dagster deploy quickstart", "verified")
    say("\n✔ quickstart is live and verified on a real agent.")
    if again:
        await demo.play("/dagster deploy quickstart@broken", "rolled back")
        say("\n✔ the version that doesn't load was rolled back; the old one is live and verified.")


async def _break(trouble: Trouble) -> None:
    await trouble.location()
    say("\n✔ a code location that broke past the bot was told once, and its recovery too.")
    await trouble.run()
    say("\n✔ runs that failed alike were one message, re-executed by a button, and are fixed.")


def _watched(config: dict[str, Any]) -> dict[str, Any]:
    """Return what the demo changes in the configuration: the channel is told of what breaks."""
    prod = {**config["deployments"]["prod"], "home_channel": CHANNEL_ID}
    return {"deployments": {**config["deployments"], "prod": prod}, "watch": WATCHED}


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo", description=__doc__)
    parser.add_argument("--home", type=Path, help="where to keep files; a temporary folder if not")
    parser.add_argument("--slack-port", type=int, default=0, help="the page's port; 0: a free one")
    parser.add_argument("--no-play", action="store_true", help="only start, and stay up")
    parser.add_argument("--stay", action="store_true", help="stay up without a terminal too")
    read = parser.parse_args()
    stay = read.stay or read.no_play or (sys.stdin.isatty() and sys.stdout.isatty())
    with contextlib.ExitStack() as stack:
        home = read.home or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="dagster-chatops-"))
        )
        code = asyncio.run(demo(home, read.slack_port, stay=stay, play=not read.no_play))
    sys.exit(code)


if __name__ == "__main__":
    main()
