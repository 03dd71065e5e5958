"""With a manifest the app has only what it declares."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.app import start_slack
from sandbox.slack.client import RefusedActionError, Workspace
from sandbox.slack.manifest import ManifestError, parse_manifest

MANIFEST: dict[str, Any] = {
    "display_information": {"name": "Dagster"},
    "features": {
        "slash_commands": [{"command": "/dagster", "description": "Deploy", "should_escape": True}]
    },
    "oauth_config": {"scopes": {"bot": ["commands", "chat:write", "app_mentions:read"]}},
    "settings": {
        "interactivity": {"is_enabled": True},
        "event_subscriptions": {"bot_events": ["app_mention"]},
    },
}


async def test_scopes_and_commands_are_held_to_the_manifest(
    bot: AsyncWebClient, workspace: Workspace
) -> None:
    await workspace.control("manifest", manifest=MANIFEST)
    await bot.chat_postMessage(channel="C0DEPLOYS01", text="granted")
    with pytest.raises(SlackApiError) as error:
        await bot.conversations_history(channel="C0DEPLOYS01")
    assert error.value.response["error"] == "missing_scope"
    assert error.value.response["needed"] == "channels:history"
    assert error.value.response.headers["X-OAuth-Scopes"] == "app_mentions:read,chat:write,commands"
    with pytest.raises(RefusedActionError, match="unknown_command"):
        await workspace.person("ada").command("#deploys", "/other")


async def test_a_manifest_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "manifest.yml"
    path.write_text(yaml.safe_dump(MANIFEST))
    monkeypatch.setenv("SANDBOX_SLACK_MANIFEST", str(path))
    slack = await start_slack(0, tmp_path)
    assert list(slack.state.manifest.commands) == ["/dagster"]
    await slack.close()


def test_an_event_without_its_scope_is_refused() -> None:
    broken = copy.deepcopy(MANIFEST)
    broken["settings"]["event_subscriptions"]["bot_events"].append("message.im")
    with pytest.raises(ManifestError, match=r"message\.im needs the scope im:history"):
        parse_manifest(broken)


@pytest.mark.parametrize("source", [None, [], {"features": {}}])
def test_what_is_no_manifest_is_refused(source: Any) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(source)


async def test_tokens_outlive_a_restart(tmp_path: Path) -> None:
    first = await start_slack(0, tmp_path)
    await first.close()
    second = await start_slack(0, tmp_path)
    await second.close()
    assert first.bot_token == second.bot_token
    assert (tmp_path / "slack-secrets.json").stat().st_mode & 0o077 == 0
