"""The app manifest: which commands and events are declared, and which scopes are granted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sandbox.slack.errors import SlackError
from sandbox.slack.limits import UNFURL_DOMAINS

# Slack's method reference: one of these scopes is needed. `{kind}` is channels, groups or im,
# after the conversation that the call is about.
METHOD_SCOPES: Mapping[str, tuple[str, ...]] = {
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "chat.delete": ("chat:write",),
    "chat.unfurl": ("links:write",),
    "chat.postEphemeral": ("chat:write",),
    "conversations.list": ("channels:read", "groups:read", "im:read", "mpim:read"),
    "conversations.info": ("{kind}:read",),
    "conversations.members": ("{kind}:read",),
    "conversations.history": ("{kind}:history",),
    "conversations.replies": ("{kind}:history",),
    "conversations.open": ("im:write", "channels:manage", "groups:write", "mpim:write"),
    "conversations.join": ("channels:join",),
    "users.info": ("users:read",),
    "users.list": ("users:read",),
    "files.getUploadURLExternal": ("files:write",),
    "files.completeUploadExternal": ("files:write",),
    "reactions.add": ("reactions:write",),
}
EVENT_SCOPES: Mapping[str, str] = {
    "app_mention": "app_mentions:read",
    "link_shared": "links:read",
    "message.im": "im:history",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "reaction_added": "reactions:read",
}
DEFAULT_EVENTS = frozenset({"app_mention", "app_home_opened", "message.im"})


class ManifestError(ValueError):
    """The manifest is not one that the sandbox can read; the text says why."""


@dataclass(frozen=True)
class Command:
    """A declared slash command."""

    command: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = False


@dataclass(frozen=True)
class Manifest:
    """What an app may do. `open_to_all` is the sandbox without a manifest: everything granted."""

    open_to_all: bool = True
    name: str = "Dagster"
    bot_name: str = "dagster"
    commands: Mapping[str, Command] = field(default_factory=dict)
    events: frozenset[str] = DEFAULT_EVENTS
    scopes: frozenset[str] = frozenset()
    interactive: bool = True
    home_tab: bool = True
    unfurl_domains: tuple[str, ...] = ()

    def require(self, method: str, kind: str | None) -> None:
        """Raise SlackError missing_scope if the method is not granted for this conversation."""
        wanted = METHOD_SCOPES.get(method)
        if self.open_to_all or wanted is None:
            return
        needed = {each.format(kind=kind or "channels") for each in wanted}
        if not needed & self.scopes:
            raise SlackError(
                "missing_scope",
                needed=",".join(sorted(needed)),
                provided=",".join(sorted(self.scopes)),
            )

    def has_scope(self, scope: str) -> bool:
        """Whether this scope is granted."""
        return self.open_to_all or scope in self.scopes

    def command(self, name: str, *, should_escape: bool) -> Command | None:
        """The declared command; any command where there is no manifest."""
        if self.open_to_all:
            return Command(name, should_escape=should_escape)
        return self.commands.get(name)


def _section(source: Any, *path: str) -> Any:
    for key in path:
        if not isinstance(source, dict):
            return None
        source = source.get(key)
    return source


def parse_manifest(source: Any, *, optional: bool = True) -> Manifest:
    """Read the facts the sandbox needs; raises ManifestError if it is no manifest. `optional`
    says whether whoever installed the app granted its optional scopes too."""
    if not isinstance(source, dict) or "display_information" not in source:
        raise ManifestError("a manifest is a mapping with display_information")
    commands = _section(source, "features", "slash_commands") or []
    known = set(Command.__dataclass_fields__)
    declared = [
        Command(**{key: value for key, value in each.items() if key in known}) for each in commands
    ]
    scopes = frozenset(_section(source, "oauth_config", "scopes", "bot") or [])
    if optional:
        scopes |= frozenset(_section(source, "oauth_config", "scopes", "bot_optional") or [])
    if declared and "commands" not in scopes:
        raise ManifestError("slash_commands need the scope commands")
    events = frozenset(_section(source, "settings", "event_subscriptions", "bot_events") or [])
    for each in sorted(events):
        if EVENT_SCOPES.get(each, "") not in {"", *scopes}:
            raise ManifestError(f"the event {each} needs the scope {EVENT_SCOPES[each]}")
    return Manifest(
        open_to_all=False,
        name=str(_section(source, "display_information", "name") or "App"),
        bot_name=str(_section(source, "features", "bot_user", "display_name") or "dagster"),
        commands={each.command: each for each in declared},
        events=events,
        scopes=scopes,
        interactive=bool(_section(source, "settings", "interactivity", "is_enabled")),
        home_tab=bool(_section(source, "features", "app_home", "home_tab_enabled")),
        unfurl_domains=_domains(source),
    )


def _domains(source: Any) -> tuple[str, ...]:
    domains = tuple(_section(source, "features", "unfurl_domains") or ())
    if len(domains) > UNFURL_DOMAINS:
        raise ManifestError(f"at most {UNFURL_DOMAINS} unfurl_domains")
    return domains


def load_manifest(path: Path, *, optional: bool = True) -> Manifest:
    """Read a manifest file (YAML or JSON). Raises ManifestError, OSError. Blocking: small file."""
    try:
        return parse_manifest(yaml.safe_load(path.read_text()), optional=optional)
    except yaml.YAMLError as error:
        raise ManifestError(f"{path.name}: {error}") from error
