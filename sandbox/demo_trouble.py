"""The part of the demo in which things break by themselves: a code location and runs of a job."""

import time
from collections.abc import Callable
from typing import Any

import httpx

from sandbox.slack.client import Workspace
from sandbox.slack.seen import SeenMessage

CHANNEL_ID = "C0DEPLOYS01"
CHANNEL = "#deploys"
PERSON = "ada"
LOCATION = "quickstart"
SEEN_SECONDS = 60.0
LOAD_SECONDS = 120.0

WATCHED: dict[str, Any] = {"seconds": 1.0}
"""What the bot's configuration says of its watch in the demo."""

ERROR = {
    "message": "KeyError: 'EUR'\n",
    "class_name": "KeyError",
    "stack": ['  File "/srv/quickstart/revenue.py", line 12, in convert\n    rates[currency]\n'],
}


class Trouble:
    """Breaks things on the control plane, and follows what the bot tells of them.

    Whatever doesn't come in time raises the workspace's AssertionError, which says what.
    """

    def __init__(
        self, workspace: Workspace, report: dict[str, Any], say: Callable[[str], None]
    ) -> None:
        self._workspace = workspace
        self._plane = str(report["dagster_url"])
        self._say = say

    async def location(self) -> None:
        """Somebody deploys a version that doesn't load, past the bot, and then the good one."""
        good = await self._document()
        bad = {**good, "code_source": {"module_name": "quickstart_gone"}}
        bad.pop("python_file", None)
        self._say(f"\nsomebody deploys a version of {LOCATION} past the bot that doesn't load")
        began = time.monotonic()
        await self._post("change_location", {"deployment": "prod", "document": bad})
        message = await self._message(f"{LOCATION} on prod fails to load", began)
        await self._post("change_location", {"deployment": "prod", "document": good})
        await self._edited(message, "loads again after", began, LOAD_SECONDS)
        await self._reply(message, "loads again", began)

    async def run(self) -> None:
        """Runs of a job fail alike, are executed again by a button, and then succeed."""
        self._say("\nthree runs of the job daily fail, all of the same")
        began = time.monotonic()
        run = {"deployment": "prod", "location": LOCATION, "job": "daily", "step": "convert"}
        failed = [await self._post("run", {**run, "error": ERROR}) for _ in range(3)]
        message = await self._message("3 runs of daily in quickstart on prod failed alike", began)
        self._say(f"{PERSON} presses “Re-execute from failure”, and chooses all")
        person = self._workspace.person(PERSON)
        now = await self._workspace.message(message)
        outcome = await person.click(now or message, "incident.reexecute")
        if not outcome.acked:
            raise AssertionError(f"Slack got no acknowledgement: {outcome.reason}")
        await person.wait_for_view(lambda view: "Which runs" in view.shown, SEEN_SECONDS)
        await person.submit({"which": "all"})
        await self._reply(message, "re-executed 3 runs from failure", began)
        good = {**run, "status": "SUCCESS", "parent": failed[0]["run_id"]}
        await self._post("run", good)
        await self._edited(message, "fixed after", began, SEEN_SECONDS)
        await self._reply(message, "Fixed after", began)

    async def _message(self, says: str, began: float) -> SeenMessage:
        found = await self._workspace.wait_for_message(
            CHANNEL, lambda message: says in message.text, LOAD_SECONDS
        )
        self._say(f"  {_at(began)} {found.text}")
        return found

    async def _edited(self, message: SeenMessage, says: str, began: float, within: float) -> None:
        async def look() -> SeenMessage | None:
            now = await self._workspace.message(message)
            return now if now is not None and says in now.text else None

        found = await self._workspace.wait_for(look, within, f"a message with “{says}”")
        self._say(f"  {_at(began)} {found.text}")

    async def _reply(self, message: SeenMessage, says: str, began: float) -> None:
        found = await self._workspace.wait_for_message(
            CHANNEL,
            lambda reply: reply.ts != message.ts and says in reply.shown,
            SEEN_SECONDS,
            thread_ts=message.ts,
        )
        first = found.shown.split("\n")[0]
        self._say(f"  {_at(began)} in the thread: {first}")

    async def _document(self) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False) as http:
            state = (await http.get(f"{self._plane}/sandbox/state")).json()
        found: dict[str, Any] = state["deployments"]["prod"][LOCATION]["document"]
        return found

    async def _post(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(f"{self._plane}/sandbox/{what}", json=body)
        if answer.is_error:
            raise AssertionError(f"/sandbox/{what}: {answer.text}")
        return dict(answer.json())


def _at(began: float) -> str:
    return f"{time.monotonic() - began:5.1f} s "
