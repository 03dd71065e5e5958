"""What a workspace is made of: people, channels, messages, files, views, rights, records."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

TEAM_ID = "T0SANDBOX01"
TEAM_NAME = "Sandbox"
TEAM_DOMAIN = "sandbox"
APP_ID = "A0DAGSTER01"
BOT_ID = "B0DAGSTER01"
BOT_USER_ID = "U0DAGSTER01"


@dataclass
class Person:
    """A member of the workspace; the bot is one too."""

    id: str
    name: str
    real_name: str
    is_bot: bool = False
    is_restricted: bool = False
    deleted: bool = False
    tz: str = "UTC"
    team_id: str = TEAM_ID

    def to_slack(self) -> Json:
        """The user object of users.info."""
        profile = {
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "display_name": self.name,
            "display_name_normalized": self.name,
            "team": self.team_id,
        }
        if self.is_bot:
            profile["bot_id"] = BOT_ID
        return {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "real_name": self.real_name,
            "tz": self.tz,
            "profile": profile,
            "is_admin": False,
            "is_owner": False,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": False,
        }


@dataclass
class Channel:
    """A channel, or with `im_with` the direct message of one person and the bot."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    is_private: bool = False
    is_archived: bool = False
    im_with: str | None = None
    topic: str = ""

    @property
    def kind(self) -> str:
        """The prefix that Slack's scopes use for this sort of conversation."""
        if self.im_with is not None:
            return "im"
        return "groups" if self.is_private else "channels"

    def to_slack(self, bot_user: str) -> Json:
        """The conversation object of conversations.info."""
        if self.im_with is not None:
            return {
                "id": self.id,
                "is_im": True,
                "is_channel": False,
                "is_archived": False,
                "user": self.im_with,
            }
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": False,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_archived": self.is_archived,
            "is_general": self.name == "general",
            "is_ext_shared": False,
            "is_member": bot_user in self.members,
            "context_team_id": TEAM_ID,
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "num_members": len(self.members),
        }


@dataclass
class Upload:
    """A file that was announced, and then uploaded and shared."""

    id: str
    name: str
    length: int
    title: str = ""
    content: bytes | None = None
    shared: bool = False

    def to_slack(self, base_url: str) -> Json:
        """The file object inside a message."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "size": self.length,
            "mode": "hosted",
            "user": BOT_USER_ID,
            "url_private": f"{base_url}/files/{self.id}/{self.name}",
            "permalink": f"{base_url}/files/{self.id}/{self.name}",
        }


@dataclass
class Message:
    """A message; with `ephemeral_to` only this person sees it."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    thread_ts: str | None = None
    metadata: Json | None = None
    files: list[Upload] = field(default_factory=list)
    edited_ts: str | None = None
    edits: int = 0
    ephemeral_to: str | None = None
    reply_broadcast: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    bot: bool = False

    def to_slack(self, base_url: str, *, with_metadata: bool = False) -> Json:
        """The message object, as history and interaction payloads carry it."""
        found: Json = {"type": "message", "ts": self.ts, "user": self.user, "text": self.text}
        if self.bot:
            found |= {"bot_id": BOT_ID, "app_id": APP_ID, "team": TEAM_ID}
        if self.thread_ts is not None:
            found["thread_ts"] = self.thread_ts
        if self.edited_ts is not None:
            found["edited"] = {"user": BOT_ID, "ts": self.edited_ts}
        if self.reply_broadcast:
            found["subtype"] = "thread_broadcast"
        if self.reactions:
            found["reactions"] = [
                {"name": name, "users": users, "count": len(users)}
                for name, users in self.reactions.items()
            ]
        optional = {
            "blocks": self.blocks,
            "attachments": self.attachments,
            "files": [each.to_slack(base_url) for each in self.files],
            "metadata": self.metadata if with_metadata else None,
        }
        return found | {key: value for key, value in optional.items() if value}


@dataclass
class View:
    """An open modal or a published App Home, of one person."""

    id: str
    user: str
    definition: Json
    hash: str
    root_id: str
    previous_id: str | None = None
    values: Json = field(default_factory=dict)

    def to_slack(self) -> Json:
        """The view object of answers and payloads."""
        shape: Json = {
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "close": None,
            "submit": None,
        }
        return {
            **shape,
            **self.definition,
            "id": self.id,
            "team_id": TEAM_ID,
            "app_id": APP_ID,
            "app_installed_team_id": TEAM_ID,
            "bot_id": BOT_ID,
            "hash": self.hash,
            "root_view_id": self.root_id,
            "previous_view_id": self.previous_id,
            "state": {"values": self.values},
        }


@dataclass
class Trigger:
    """A right to open a modal: short-lived and good for one use."""

    id: str
    user: str
    expires: float
    view_id: str | None = None
    used: bool = False


@dataclass
class ResponseUrl:
    """A right to answer where something was done."""

    token: str
    channel: str
    user: str
    expires: float
    uses: int = 0
    message_ts: str | None = None
    thread_ts: str | None = None


@dataclass
class Call:
    """One request to the Web API, as the sandbox answered it."""

    number: int
    method: str
    args: Json
    at: float
    answer: Json = field(default_factory=dict)
    status: int = 0
    seconds: float = 0.0


@dataclass
class Notice:
    """What Slack itself tells one person: a failure of the app, never a message of the app."""

    ts: str
    user: str
    text: str
    reason: str
    channel: str | None = None
    view_id: str | None = None
