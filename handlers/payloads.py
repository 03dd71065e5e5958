"""What Slack sends, read into an `Ask`. A payload that isn't as Slack documents it is refused."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from deploy_core.model.errors import PayloadInvalid
from deploy_core.model.people import Actor
from handlers import actions
from handlers.desk import Ask
from handlers.grammar import without_mention


@dataclass(frozen=True)
class Links:
    """Addresses in a message; `where` is how Slack wants to be told what they show."""

    by: Actor
    where: dict[str, str]
    urls: tuple[str, ...]


def command(body: Mapping[str, Any]) -> Ask:
    """Read a slash command. Raises `PayloadInvalid`."""
    with reading("slash command"):
        return Ask(
            key=f"command:{_text(body['trigger_id'])}",
            by=_actor(body["user_id"], body.get("team_id")),
            channel=_text(body["channel_id"]),
            text=_text(body.get("text") or ""),
            response_url=body.get("response_url"),
            trigger_id=body["trigger_id"],
        )


def mention(body: Mapping[str, Any]) -> Ask | None:
    """Read a mention; None for one that no person wrote. Raises `PayloadInvalid`."""
    with reading("mention"):
        event = body["event"]
        if "user" not in event or event.get("bot_id"):
            return None
        team = event.get("user_team") or event.get("team") or body.get("team_id")
        return Ask(
            key=f"event:{_text(body['event_id'])}",
            by=_actor(event["user"], team),
            channel=_text(event["channel"]),
            text=without_mention(_text(event.get("text") or "")),
            thread_ts=event.get("thread_ts"),
        )


def click(body: Mapping[str, Any]) -> Ask:
    """Read the press of a button. Raises `PayloadInvalid`."""
    with reading("click"):
        action, container = body["actions"][0], body.get("container") or {}
        pressed = _text(action["action_id"])
        place = container.get("message_ts") or container.get("view_id") or ""
        at = f"{place}:{pressed}:{_text(action['action_ts'])}"
        return Ask(
            key=f"click:{at}",
            by=_actor(body["user"]["id"], body["user"].get("team_id")),
            channel=_text((body.get("channel") or {}).get("id") or ""),
            action=pressed,
            value=_text(action.get("value") or ""),
            response_url=body.get("response_url"),
            trigger_id=body.get("trigger_id"),
            replace=pressed.startswith(actions.SHOW) and bool(container.get("is_ephemeral")),
        )


def home_opened(body: Mapping[str, Any]) -> Actor | None:
    """Read who has opened the Home tab; None for another tab. Raises `PayloadInvalid`."""
    with reading("Home tab"):
        event = body["event"]
        if event.get("tab", "home") != "home":
            return None
        return _actor(event["user"], body.get("team_id"))


def links(body: Mapping[str, Any]) -> Links | None:
    """Read the addresses that somebody has posted; None where they are shared with another
    workspace, which isn't to see what is live. Raises `PayloadInvalid`."""
    with reading("link"):
        event = body["event"]
        if body.get("is_ext_shared_channel") or event.get("bot_id"):
            return None
        where = {"channel": _text(event["channel"]), "ts": _text(event["message_ts"])}
        if event.get("unfurl_id") and event.get("source"):
            where = {"unfurl_id": _text(event["unfurl_id"]), "source": _text(event["source"])}
        found = tuple(_text(each["url"]) for each in event["links"])
        return Links(_actor(event["user"], body.get("team_id")), where, found)


def submission(body: Mapping[str, Any], *, text: str, channel: object) -> Ask:
    """Read who sent a form, whose fields make this text of a command. Raises `PayloadInvalid`."""
    with reading("form"):
        view = body["view"]
        return Ask(
            key=f"form:{_text(view['id'])}:{view.get('hash', '')}",
            by=_actor(body["user"]["id"], body["user"].get("team_id")),
            channel=channel if isinstance(channel, str) else "",
            text=text,
        )


def _actor(user: Any, team: Any) -> Actor:
    if not user:
        raise ValueError("it doesn't say whose it is")
    return Actor(kind="slack", id=_text(user), team=_text(team or ""))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text was expected, there is {type(value).__name__}")
    return value


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever goes wrong in reading a payload into `PayloadInvalid`."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise PayloadInvalid(
            f"Slack sent a {what} that can't be read.", detail=f"{type(error).__name__}: {error}"
        ) from error
