"""Starting and stopping the Slack sandbox."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from sandbox.slack.control import Control
from sandbox.slack.delivery import Dispatcher
from sandbox.slack.errors import SlackError
from sandbox.slack.faults import Faults
from sandbox.slack.manifest import Manifest, load_manifest
from sandbox.slack.model import Json
from sandbox.slack.responses import respond
from sandbox.slack.sockets import Sockets
from sandbox.slack.state import State, load_secrets
from sandbox.slack.web_api import WebApi

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_HOSTS = {"127.0.0.1", "localhost", "[::1]"}
_PAGE = Path(__file__).parent / "page"
_LARGEST_BODY = 60_000_000


@dataclass
class SlackSandbox:
    """A running workspace on loopback.

    `api_url` is what the app gets as SLACK_API_URL; `page_url` is for a person's browser.
    """

    state: State
    faults: Faults
    dispatcher: Dispatcher
    runner: web.AppRunner
    page_url: str

    @property
    def api_url(self) -> str:
        """The Web API's base address, with `/api/` at its end."""
        return f"{self.page_url}/api/"

    @property
    def bot_token(self) -> str:
        """The bot's token (xoxb-)."""
        return self.state.secrets.bot_token

    @property
    def app_token(self) -> str:
        """The app-level token for Socket Mode (xapp-)."""
        return self.state.secrets.app_token

    @property
    def signing_secret(self) -> str:
        """The secret of HTTP delivery's signatures."""
        return self.state.secrets.signing_secret

    @property
    def people(self) -> list[dict[str, str]]:
        """The humans of the workspace: id, name, real_name."""
        return [
            {"id": each.id, "name": each.name, "real_name": each.real_name}
            for each in self.state.people.values()
            if not each.is_bot
        ]

    async def close(self) -> None:
        """End all connections and the server."""
        self.faults.clear()
        self.state.touch()
        await self.dispatcher.close()
        await self.runner.cleanup()


async def start_slack(port: int, home: Path) -> SlackSandbox:
    """Start the workspace on 127.0.0.1.

    `port` 0 takes any free one. `home` keeps the tokens, so that a bot outlives a restart of the
    sandbox. The environment's SANDBOX_SLACK_MANIFEST names an app manifest to hold the app to;
    without one everything is granted. Raises OSError, ManifestError.
    """
    named = os.environ.get("SANDBOX_SLACK_MANIFEST")
    manifest = await asyncio.to_thread(load_manifest, Path(named)) if named else Manifest()
    state = State(secrets=await asyncio.to_thread(load_secrets, home), manifest=manifest)
    faults = Faults()
    dispatcher = Dispatcher(state, faults, Sockets(state.touch))
    app = _application(state, faults, dispatcher)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    bound = runner.addresses[0][1]
    state.base_url = f"http://127.0.0.1:{bound}"
    return SlackSandbox(state, faults, dispatcher, runner, state.base_url)


def _application(state: State, faults: Faults, dispatcher: Dispatcher) -> web.Application:
    api = WebApi(state, faults, dispatcher.sockets)

    async def answer_url(request: web.Request) -> web.Response:
        try:
            body: Json = json.loads(await request.text())
            respond(state, request.match_info["token"], body)
        except json.JSONDecodeError:
            return web.json_response({"ok": False, "error": "invalid_payload"}, status=400)
        except SlackError as error:
            status = error.status if error.status != 200 else 400
            return web.json_response(error.answer(), status=status)
        return web.Response(text="ok")

    app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[_only_local_names])
    app.add_routes(
        [
            web.route("*", "/api/{method}", api.handle),
            web.post("/upload/{file}", api.upload),
            web.get("/files/{file}/{name}", api.read_file),
            web.post("/response/{token}", answer_url),
            web.get("/link/", dispatcher.sockets.serve),
            web.get("/", _page),
            web.get("/archives/{channel}/{message}", _page),
            *Control(state, faults, dispatcher).routes(),
        ]
    )
    app.router.add_static("/page/", _PAGE)
    return app


async def _page(request: web.Request) -> web.StreamResponse:
    return web.FileResponse(_PAGE / "index.html", headers={"Cache-Control": "no-store"})


@web.middleware
async def _only_local_names(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse other host names: a page elsewhere could point its own name at this address."""
    if request.host.rsplit(":", 1)[0] not in _HOSTS:
        raise web.HTTPForbidden(text="the sandbox answers on loopback names only")
    return await handler(request)
