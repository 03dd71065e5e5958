"""`manifest.yml` says exactly what the code uses, in both directions."""

import ast
import re
from pathlib import Path
from typing import Any

import yaml

from handlers import slack as slack_calls
from handlers.registration import EVENTS
from sandbox.slack.manifest import EVENT_SCOPES, METHOD_SCOPES
from tests.scenario.world import MANIFEST, World

KINDS = ("channels", "groups", "im", "mpim")
UPLOAD = {"files.getUploadURLExternal", "files.completeUploadExternal"}
NEEDS_NO_SCOPE = {"auth.test", "chat.getPermalink", "views.open", "views.publish", "views.update"}
DOES_WITHOUT = {"conversations.history", "conversations.replies"}
ONLY_BY_THE_APP_TOKEN = {"apps.connections.open"}


def manifest() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(MANIFEST.read_text())
    return found


def methods_in_code() -> set[str]:
    """Every Web API method that the one module which calls Slack names."""
    tree = ast.parse(Path(slack_calls.__file__).read_text())
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == "_client"
    }
    methods: set[str] = set()
    for name in called:
        methods |= UPLOAD if name == "files_upload_v2" else {name.replace("_", ".", 1)}
    return methods


def scopes_of(methods: set[str]) -> set[str]:
    """The scopes that these methods need, of every kind of conversation."""
    scopes: set[str] = set()
    for method in methods - NEEDS_NO_SCOPE:
        wanted = METHOD_SCOPES[method]
        if method == "conversations.open":
            wanted = ("im:write",)  # direct messages only
        scopes |= {scope.format(kind=kind) for scope in wanted for kind in KINDS}
    return scopes


def test_the_scopes_are_those_of_the_methods_and_events() -> None:
    scopes = manifest()["oauth_config"]["scopes"]
    events = {EVENT_SCOPES[event] for event in EVENTS if event in EVENT_SCOPES}
    needed = methods_in_code() - DOES_WITHOUT
    assert set(scopes["bot"]) == {"commands", *events, *scopes_of(needed)}
    assert set(scopes["bot_optional"]) == scopes_of(methods_in_code() & DOES_WITHOUT)


def test_the_events_and_commands_are_those_that_are_listened_to() -> None:
    settings = manifest()["settings"]
    assert settings["event_subscriptions"]["bot_events"] == list(EVENTS)
    assert settings["interactivity"]["is_enabled"]
    assert settings["socket_mode_enabled"]
    commands = manifest()["features"]["slash_commands"]
    assert [each["command"] for each in commands] == ["/dagster"]
    assert commands[0]["should_escape"]


def test_no_other_module_calls_slack() -> None:
    root = MANIFEST.parent
    calls = re.compile(r"\b(?:chat|views|conversations|files|users)_[a-z]\w*\(|api_call\(")
    found = {
        path.relative_to(root).as_posix()
        for folder in ("bot", "handlers", "deploy_core")
        for path in (root / folder).rglob("*.py")
        if calls.search(path.read_text())
    }
    assert found <= {"handlers/slack.py", "bot/cli/check.py", "bot/cli/check_slack.py"}


async def test_what_is_really_called_is_what_the_code_names(world: World) -> None:
    """A conversation through most of what the bot does, in a workspace that grants no more."""
    world.break_code(location="marts")
    await world.asks("ada", "/dagster help")
    await world.types("ada", "/dagster deploy")
    await world.person("ada").wait_for_view()
    await world.person("ada").close()
    await world.workspace.control("channel", name="elsewhere", with_bot=False)
    await world.types("ada", "/dagster deploy quickstart", "#elsewhere")
    await world.card("verified", channel="@ada")
    await world.types("ada", "/dagster deploy marts")
    await world.card(button="deploy.full_error")
    await world.person("ada").mention("#deploys", "status")
    await world.private("ada", "prod")
    await world.ended(2)
    calls = await world.workspace.calls()
    refused = [each for each in calls if each["answer"].get("error") == "missing_scope"]
    assert refused == []
    used = {each["method"] for each in calls} - ONLY_BY_THE_APP_TOKEN
    assert used <= methods_in_code()
