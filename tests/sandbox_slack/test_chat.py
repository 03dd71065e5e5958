"""chat.*, conversations.*, users.* and files through the real slack_sdk client."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.client import Workspace

DEPLOYS, RANDOM = "C0DEPLOYS01", "C0RANDOM001"
DIVIDER = [{"type": "divider"}]


async def refused(call: Any) -> str:
    with pytest.raises(SlackApiError) as error:
        await call
    return str(error.value.response["error"])


async def test_post_update_and_history(bot: AsyncWebClient) -> None:
    posted = await bot.chat_postMessage(
        channel=DEPLOYS,
        text="one",
        blocks=DIVIDER,
        metadata={"event_type": "deploy", "event_payload": {"id": "7"}},
    )
    await bot.chat_update(channel=DEPLOYS, ts=posted["ts"], text="two")
    reply = await bot.chat_postMessage(channel=DEPLOYS, text="detail", thread_ts=posted["ts"])
    shown = (await bot.conversations_history(channel=DEPLOYS, include_all_metadata=True))[
        "messages"
    ]
    assert len(shown) == 1
    assert shown[0]["text"] == "two"
    assert "blocks" not in shown[0], "text without blocks removes the blocks"
    assert shown[0]["metadata"]["event_payload"] == {"id": "7"}
    assert (shown[0]["reply_count"], shown[0]["latest_reply"]) == (1, reply["ts"])
    thread = await bot.conversations_replies(channel=DEPLOYS, ts=posted["ts"])
    assert [each["text"] for each in thread["messages"]] == ["two", "detail"]


async def test_refusals_of_posting(bot: AsyncWebClient, workspace: Workspace) -> None:
    assert await refused(bot.chat_postMessage(channel="C0NOWHERE", text="x")) == "channel_not_found"
    assert await refused(bot.chat_postMessage(channel=RANDOM, text="x")) == "not_in_channel"
    assert await refused(bot.api_call("chat.postMessage", json={"channel": DEPLOYS})) == "no_text"
    assert await refused(bot.chat_postMessage(channel=DEPLOYS, text="x", thread_ts="1")) == (
        "invalid_thread_ts"
    )
    bad = [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]
    assert await refused(bot.chat_postMessage(channel=DEPLOYS, text="x", blocks=bad)) == (
        "invalid_blocks"
    )
    await workspace.control("channel", name="deploys", archived=True)
    assert await refused(bot.chat_postMessage(channel=DEPLOYS, text="x")) == "is_archived"


async def test_refusals_of_editing(bot: AsyncWebClient, workspace: Workspace) -> None:
    said = await workspace.person("ada").say("#deploys", "mine")
    posted = await bot.chat_postMessage(channel=DEPLOYS, text="x")
    assert await refused(bot.chat_update(channel=DEPLOYS, ts=said, text="x")) == (
        "cant_update_message"
    )
    assert await refused(bot.chat_update(channel=DEPLOYS, ts="1.000000", text="x")) == (
        "message_not_found"
    )
    long = "x" * 4001
    assert await refused(bot.chat_update(channel=DEPLOYS, ts=posted["ts"], text=long)) == (
        "msg_too_long"
    )
    note = await bot.chat_postEphemeral(channel=DEPLOYS, user="U0ADA000001", text="psst")
    assert (
        await refused(bot.chat_update(channel=DEPLOYS, ts=note["message_ts"], text="x"))
        == "message_not_found"
    )
    await workspace.control("channel", name="deploys", archived=True)
    assert await refused(bot.chat_update(channel=DEPLOYS, ts=posted["ts"], text="y")) == (
        "is_inactive"
    )


async def test_an_invalid_block_says_where(bot: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError) as error:
        await bot.chat_postMessage(channel=DEPLOYS, text="x", blocks=[{"type": "sparkle"}])
    assert error.value.response["response_metadata"]["messages"] == [
        "[ERROR] unsupported type of block: sparkle [json-pointer:/blocks/0/type]"
    ]


async def test_tokens(bot: AsyncWebClient) -> None:
    def client(token: str | None) -> AsyncWebClient:
        return AsyncWebClient(token, base_url=bot.base_url, retry_handlers=[])

    assert (await bot.auth_test())["user_id"] == "U0DAGSTER01"
    assert await refused(client("xoxb-wrong").auth_test()) == "invalid_auth"
    assert await refused(client(None).auth_test()) == "not_authed"
    assert await refused(bot.apps_connections_open(app_token=bot.token or "")) == (
        "not_allowed_token_type"
    )


async def test_a_guest_outside_the_channel_gets_no_ephemeral(bot: AsyncWebClient) -> None:
    call = bot.chat_postEphemeral(channel="C0DATAPLAT1", user="U0KIT000001", text="x")
    assert await refused(call) == "user_not_in_channel"


async def test_direct_messages(bot: AsyncWebClient, workspace: Workspace) -> None:
    opened = await bot.conversations_open(users="U0ADA000001")
    posted = await bot.chat_postMessage(channel="U0ADA000001", text="just you")
    assert posted["channel"] == opened["channel"]["id"]
    assert [each.text for each in await workspace.messages("@ada")] == ["just you"]


async def test_lists(bot: AsyncWebClient) -> None:
    first = await bot.conversations_list(limit=3)
    rest = await bot.conversations_list(cursor=first["response_metadata"]["next_cursor"])
    names = [each["name"] for each in first["channels"] + rest["channels"]]
    assert names == ["deploys", "data-platform", "general", "random"]
    assert (await bot.users_info(user="U0KIT000001"))["user"]["is_restricted"]
    assert await refused(bot.users_info(user="U0NOBODY")) == "user_not_found"


async def test_files_go_into_the_thread(bot: AsyncWebClient, workspace: Workspace) -> None:
    posted = await bot.chat_postMessage(channel=DEPLOYS, text="card")
    await bot.files_upload_v2(
        channel=DEPLOYS, thread_ts=posted["ts"], content="line\n", filename="log.txt", title="Log"
    )
    thread = await workspace.messages("#deploys", posted["ts"])
    assert [each["title"] for each in thread[1].files] == ["Log"]
    assert await workspace.file_text(thread[1].files[0]) == "line\n"


async def test_reactions_and_permalinks(bot: AsyncWebClient) -> None:
    posted = await bot.chat_postMessage(channel=DEPLOYS, text="card")
    ts = posted["ts"]
    await bot.reactions_add(channel=DEPLOYS, timestamp=ts, name="eyes")
    assert await refused(bot.reactions_add(channel=DEPLOYS, timestamp=ts, name="eyes")) == (
        "already_reacted"
    )
    link = (await bot.chat_getPermalink(channel=DEPLOYS, message_ts=ts))["permalink"]
    assert link.endswith(f"/archives/{DEPLOYS}/p{ts.replace('.', '')}")


async def test_unfurl(bot: AsyncWebClient, workspace: Workspace) -> None:
    manifest = {
        "display_information": {"name": "A"},
        "features": {"unfurl_domains": ["dagster.cloud"]},
        "oauth_config": {"scopes": {"bot": ["links:write", "chat:write"]}},
    }
    await workspace.control("manifest", manifest=manifest)
    url, other = "https://acme.dagster.cloud/prod", "https://acme.example/prod"
    ts = await workspace.person("ada").say("#deploys", f"{url} {other}")
    shown: dict[str, Any] = {url: {"blocks": DIVIDER}}
    await bot.chat_unfurl(channel=DEPLOYS, ts=ts, unfurls=shown)
    (message,) = await workspace.messages("#deploys")
    assert message.raw["attachments"][0]["from_url"] == url
    bad = {other: {"blocks": DIVIDER}}
    assert (
        await refused(bot.chat_unfurl(channel=DEPLOYS, ts=ts, unfurls=bad)) == "cannot_unfurl_url"
    )
    absent = {f"{url}/x": {"blocks": DIVIDER}}
    assert (
        await refused(bot.chat_unfurl(channel=DEPLOYS, ts=ts, unfurls=absent))
        == "cannot_unfurl_url"
    )
    gone = bot.chat_unfurl(channel=DEPLOYS, ts="1.000001", unfurls=shown)
    assert await refused(gone) == "cannot_unfurl_message"
    assert await refused(bot.chat_unfurl(channel=DEPLOYS, ts=ts, unfurls={})) == "missing_unfurls"
