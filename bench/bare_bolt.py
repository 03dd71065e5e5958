"""The peer of two benchmarks: a Bolt app that acknowledges and keeps nothing, and opens a view at
once where a form is asked for.

`python -m bench.bare_bolt default|before_response` with SLACK_BOT_TOKEN, SLACK_APP_TOKEN,
SLACK_SIGNING_SECRET and SLACK_API_URL. With PORT it listens for HTTP, else it uses Socket Mode.
"""

import asyncio
import os
import sys
from typing import Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

VIEW = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "A form"},
    "blocks": [{"type": "section", "text": {"type": "plain_text", "text": "Nothing"}}],
}


async def main(mode: str) -> None:
    """Run until killed."""
    api = os.environ["SLACK_API_URL"]
    client = AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=api)
    app = AsyncApp(
        client=client,
        signing_secret=os.environ["SLACK_SIGNING_SECRET"],
        process_before_response=mode == "before_response",
    )

    @app.command("/dagster")
    async def listen(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        if body["text"].startswith("add-location"):
            await client.views_open(trigger_id=body["trigger_id"], view=VIEW)

    if "PORT" in os.environ:
        await serve(app, int(os.environ["PORT"]))
    else:
        token = os.environ["SLACK_APP_TOKEN"]
        web_client = AsyncWebClient(token=token, base_url=api)
        handler = AsyncSocketModeHandler(app, token, web_client=web_client)
        await handler.connect_async()  # type: ignore[no-untyped-call]
    await asyncio.Event().wait()


async def serve(app: AsyncApp, port: int) -> None:
    """Listen for Slack's signed requests."""

    async def handle(request: web.Request) -> web.Response:
        answer = await app.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(answer)

    server = web.Application()
    server.router.add_post("/slack/events", handle)
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
