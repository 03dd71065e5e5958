"""`/sandbox/...`: drive the people, read the workspace, and make things go wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.slack import views_of_state
from sandbox.slack.delivery import Dispatcher
from sandbox.slack.errors import SlackError
from sandbox.slack.faults import ApiFault, DeliveryFault, FaultError, Faults
from sandbox.slack.interactions import Interactions
from sandbox.slack.manifest import ManifestError, load_manifest, parse_manifest
from sandbox.slack.model import BOT_USER_ID, Channel, Json, Person
from sandbox.slack.people import People, RefusedError
from sandbox.slack.state import State

_LONGEST_WAIT = 60.0
Act = Callable[[Json], Awaitable[Json]]


class Control:
    """The control endpoints; every POST takes and gives one JSON object."""

    def __init__(self, state: State, faults: Faults, dispatcher: Dispatcher) -> None:
        self._state = state
        self._faults = faults
        self._dispatcher = dispatcher
        self._people = People(state, dispatcher)
        self._hands = Interactions(state, dispatcher)

    def routes(self) -> list[web.RouteDef]:
        """All routes."""
        acts: dict[str, Act] = {
            "command": self._command,
            "say": self._say,
            "act": self._hands.act,
            "suggest": self._hands.suggest,
            "submit": self._hands.submit,
            "close": self._hands.close,
            "home": self._home,
            "fault": self._fault,
            "faults/clear": self._clear_faults,
            "release": self._release,
            "sockets": self._sockets,
            "settings": self._settings,
            "clock": self._clock,
            "channel": self._channel,
            "person": self._person,
            "manifest": self._manifest,
        }
        return [
            *(web.post(f"/sandbox/{name}", _as_json(act)) for name, act in acts.items()),
            web.get("/sandbox/wait", self._wait),
            web.get("/sandbox/messages", self._messages),
            web.get("/sandbox/state", self._read_state),
            web.get("/sandbox/calls", self._calls),
            web.get("/sandbox/snapshot", self._snapshot),
        ]

    async def _command(self, asked: Json) -> Json:
        return await self._people.command(
            str(asked.get("user")),
            str(asked.get("channel")),
            str(asked.get("text")),
            asked.get("thread_ts"),
        )

    async def _say(self, asked: Json) -> Json:
        return await self._people.say(
            str(asked.get("user")),
            str(asked.get("channel")),
            str(asked.get("text")),
            asked.get("thread_ts"),
        )

    async def _home(self, asked: Json) -> Json:
        return await self._people.open_home(str(asked.get("user")), str(asked.get("tab", "home")))

    async def _fault(self, asked: Json) -> Json:
        if "kind" in asked:
            self._faults.deliveries.append(DeliveryFault.parse(asked))
        else:
            self._faults.api.append(ApiFault.parse(asked))
        return {}

    async def _clear_faults(self, asked: Json) -> Json:
        self._faults.clear()
        return {}

    async def _release(self, asked: Json) -> Json:
        self._faults.release()
        return {}

    async def _sockets(self, asked: Json) -> Json:
        sockets = self._dispatcher.sockets
        what = asked.get("do")
        if what == "deafen":
            pongs, hears = bool(asked.get("pongs", False)), bool(asked.get("hears", False))
            return {"count": sockets.deafen(pongs=pongs, hears=hears)}
        if what in ("close", "reset"):
            return {"count": await sockets.drop(what)}
        if what in ("warning", "refresh_requested", "link_disabled"):
            return {"count": await sockets.ask_to_reconnect(what)}
        raise FaultError("do is deafen, close, reset, warning, refresh_requested or link_disabled")

    async def _settings(self, asked: Json) -> Json:
        settings = self._state.settings
        for key, value in asked.items():
            if not hasattr(settings, key):
                raise FaultError(f"no setting {key}; there are {sorted(asdict(settings))}")
            setattr(settings, key, tuple(value) if isinstance(value, list) else value)
        return asdict(settings)

    async def _clock(self, asked: Json) -> Json:
        self._state.clock.advance(float(asked.get("advance", 0.0)))
        return {"now": self._state.clock.now()}

    async def _channel(self, asked: Json) -> Json:
        """Make a channel, or change one: archived, with_bot, members, is_private."""
        state = self._state
        name = str(asked.get("name")).removeprefix("#")
        try:
            channel = state.channel(name)
        except SlackError:
            staff = {each.id for each in state.people.values() if not each.is_restricted}
            channel = Channel(state.new_id("C"), name, staff)
            state.channels[channel.id] = channel
        if "members" in asked:
            channel.members = {state.person(each).id for each in asked["members"]}
        if "with_bot" in asked:
            (channel.members.add if asked["with_bot"] else channel.members.discard)(BOT_USER_ID)
        channel.is_archived = bool(asked.get("archived", channel.is_archived))
        channel.is_private = bool(asked.get("is_private", channel.is_private))
        state.touch()
        return {"id": channel.id}

    async def _person(self, asked: Json) -> Json:
        """Make a person, or change one: deleted, is_restricted, team_id, real_name."""
        state = self._state
        name = str(asked.get("name"))
        try:
            person = state.person(name)
        except SlackError:
            person = Person(state.new_id("U"), name, name.title())
            state.people[person.id] = person
        for key in ("deleted", "is_restricted", "team_id", "real_name"):
            if key in asked:
                setattr(person, key, asked[key])
        state.touch()
        return {"id": person.id}

    async def _manifest(self, asked: Json) -> Json:
        optional = bool(asked.get("optional_scopes", True))
        if "path" in asked:
            path = Path(str(asked["path"]))
            manifest = await asyncio.to_thread(load_manifest, path, optional=optional)
        else:
            manifest = parse_manifest(asked.get("manifest"), optional=optional)
        self._state.use_manifest(manifest)
        return {"commands": sorted(self._state.manifest.commands)}

    async def _wait(self, request: web.Request) -> web.Response:
        since = int(request.query.get("since", "0"))
        timeout = min(float(request.query.get("timeout", "25")), _LONGEST_WAIT)
        return web.json_response({"version": await self._state.changed_since(since, timeout)})

    async def _messages(self, request: web.Request) -> web.Response:
        state, query = self._state, request.query
        version = state.version
        try:
            channel = self._conversation(query.get("channel", ""))
            user = state.person(query["user"]).id if "user" in query else None
        except SlackError as error:
            return web.json_response({"ok": False, "error": error.name}, status=404)
        found = views_of_state.messages(state, channel, thread_ts=query.get("thread_ts"), user=user)
        return web.json_response({"version": version, "messages": found})

    def _conversation(self, key: str) -> str:
        if key.startswith("@"):
            return self._state.direct_message(self._state.person(key).id).id
        return self._state.channel(key).id

    async def _calls(self, request: web.Request) -> web.Response:
        method = request.query.get("method")
        found = [
            views_of_state.call(each) for each in self._state.calls if method in (None, each.method)
        ]
        return web.json_response({"version": self._state.version, "calls": found})

    async def _read_state(self, request: web.Request) -> web.Response:
        state, sockets = self._state, self._dispatcher.sockets
        return web.json_response(
            {
                "version": state.version,
                "directory": views_of_state.directory(state),
                "views": {u: [v.to_slack() for v in stack] for u, stack in state.views.items()},
                "homes": {user: view.to_slack() for user, view in state.homes.items()},
                "notices": [asdict(each) for each in state.notices],
                "settings": asdict(state.settings),
                "sockets": {
                    "open": len(sockets.connections),
                    "opened": sockets.opened,
                    "sent": [each.sent for each in sockets.connections],
                    "acks": len(sockets.acks),
                },
            }
        )

    async def _snapshot(self, request: web.Request) -> web.Response:
        query = request.query
        try:
            person = self._state.person(query.get("user", "ada"))
            key = query.get("channel", "deploys")
            channel = (
                self._state.direct_message(person.id) if key == "dm" else self._state.channel(key)
            )
        except SlackError as error:
            return web.json_response({"ok": False, "error": error.name}, status=404)
        shown = views_of_state.for_person(
            self._state, person.id, channel.id, query.get("thread_ts")
        )
        return web.json_response({**shown, "channel": channel.id, "user": person.id})


def _as_json(act: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        # Another content type could be sent by any web page without asking first.
        if request.content_type != "application/json":
            return _refused(415, "not_json", "Send application/json.")
        try:
            asked: Any = await request.json()
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            return _refused(400, "not_json", "The body is not a JSON object.")
        try:
            return web.json_response({"ok": True, **await act(asked)})
        except RefusedError as error:
            return _refused(409, error.name, str(error))
        except SlackError as error:
            return _refused(404, error.name, str(error))
        except (FaultError, ManifestError, OSError) as error:
            return _refused(400, "bad_request", str(error))

    return handle


def _refused(status: int, error: str, sentence: str) -> web.Response:
    return web.json_response({"ok": False, "error": error, "message": sentence}, status=status)
