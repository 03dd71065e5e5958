"""Slash commands through a real Bolt app over a real Socket Mode connection."""

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.client import RefusedActionError, Workspace
from tests.sandbox_slack.conftest import Connect


async def test_a_command_reaches_the_app_and_its_answer_comes_back(
    app: AsyncApp, connect: Connect, workspace: Workspace
) -> None:
    seen: list[dict[str, str]] = []

    @app.command("/dagster")
    async def dagster(ack: AsyncAck, body: dict[str, str]) -> None:
        seen.append(body)
        await ack("On it.")

    await connect(app)
    outcome = await workspace.person("ada").command("#deploys", "/dagster deploy core@main")
    assert outcome.acked
    assert (seen[0]["text"], seen[0]["channel_name"], seen[0]["user_name"]) == (
        "deploy core@main",
        "deploys",
        "ada",
    )
    notes = await workspace.person("ada").ephemerals("#deploys")
    assert [each.text for each in notes] == ["On it."]
    assert await workspace.person("grace").ephemerals("#deploys") == []


async def test_a_command_without_ack_ends_in_slacks_own_failure_line(
    app: AsyncApp, connect: Connect, workspace: Workspace
) -> None:
    @app.command("/dagster")
    async def dagster() -> None:
        """Never acks."""

    await workspace.settings(ack_seconds=0.05)
    await connect(app)
    ada = workspace.person("ada")
    outcome = await ada.command("#deploys", "/dagster help")
    assert (outcome.acked, outcome.reason) == (False, "operation_timeout")
    assert [each["reason"] for each in await ada.notices()] == ["operation_timeout"]


async def test_a_command_without_a_connected_app_fails_at_once(workspace: Workspace) -> None:
    outcome = await workspace.person("ada").command("#deploys", "/dagster help")
    assert (outcome.acked, outcome.reason) == (False, "dispatch_failed")


async def test_commands_are_refused_in_threads(workspace: Workspace, bot: AsyncWebClient) -> None:
    posted = await bot.chat_postMessage(channel="C0DEPLOYS01", text="card")
    with pytest.raises(RefusedActionError, match="slash_in_thread"):
        await workspace.person("ada").command("#deploys", "/dagster help", posted["ts"])


async def test_typed_mentions_and_links_are_escaped(
    app: AsyncApp, connect: Connect, workspace: Workspace
) -> None:
    texts: list[str] = []

    @app.command("/dagster")
    async def dagster(ack: AsyncAck, command: dict[str, str]) -> None:
        texts.append(command["text"])
        await ack()

    await connect(app)
    await workspace.person("ada").command("#deploys", "/dagster tell @grace in #deploys core@x.dev")
    assert texts == ["tell <@U0GRACE0001> in <#C0DEPLOYS01|deploys> <mailto:core@x.dev|core@x.dev>"]


async def test_response_url_takes_five_uses_and_can_replace(
    app: AsyncApp, connect: Connect, workspace: Workspace
) -> None:
    statuses: list[int] = []

    @app.command("/dagster")
    async def dagster(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        statuses.append((await respond("one")).status_code)
        for number in range(5):
            answer = await respond(f"again {number}", replace_original=True)
            statuses.append(answer.status_code)

    await connect(app)
    ada = workspace.person("ada")
    await ada.command("#deploys", "/dagster")
    note = await ada.wait_for_ephemeral("#deploys", lambda m: m.text == "again 3")
    assert note.edits == 4
    await workspace.person("ada").wait_for_ephemeral("#deploys")
    assert statuses == [200, 200, 200, 200, 200, 404]


async def test_a_response_url_expires(
    workspace: Workspace, app: AsyncApp, connect: Connect
) -> None:
    kept: list[AsyncRespond] = []

    @app.command("/dagster")
    async def dagster(ack: AsyncAck, respond: AsyncRespond) -> None:
        kept.append(respond)
        await ack()

    await connect(app)
    await workspace.person("ada").command("#deploys", "/dagster")
    await workspace.advance(31 * 60)
    answer = await kept[0]("late")
    assert (answer.status_code, "expired_url" in answer.body) == (404, True)
