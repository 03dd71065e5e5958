"""auth.*, conversations.* and users.*: who and what is there."""

from sandbox.slack.api_chat import Handler
from sandbox.slack.arguments import channel_by_id, flag, page, required
from sandbox.slack.errors import SlackError
from sandbox.slack.model import (
    APP_ID,
    BOT_ID,
    BOT_USER_ID,
    TEAM_ID,
    TEAM_NAME,
    Channel,
    Json,
    Message,
)
from sandbox.slack.state import State

_KINDS = {"channels": "public_channel", "groups": "private_channel", "im": "im"}


def auth_test(state: State, args: Json) -> Json:
    """auth.test with the bot's token."""
    return {
        "url": f"{state.base_url}/",
        "team": TEAM_NAME,
        "user": state.people[BOT_USER_ID].name,
        "team_id": TEAM_ID,
        "user_id": BOT_USER_ID,
        "bot_id": BOT_ID,
        "app_id": APP_ID,
        "is_enterprise_install": False,
    }


def api_test(state: State, args: Json) -> Json:
    """api.test: says back what it was told."""
    if args.get("error"):
        raise SlackError(str(args["error"]))
    return {"args": {key: value for key, value in args.items() if key != "token"}}


def list_conversations(state: State, args: Json) -> Json:
    """conversations.list."""
    wanted = str(args.get("types") or "public_channel").replace(" ", "").split(",")
    if unknown := set(wanted) - {"public_channel", "private_channel", "im", "mpim"}:
        raise SlackError("invalid_types", messages=sorted(unknown))
    found = [
        each.to_slack(BOT_USER_ID)
        for each in state.channels.values()
        if _KINDS[each.kind] in wanted
        and (each.kind == "channels" or BOT_USER_ID in each.members)
        and not (flag(args, "exclude_archived") and each.is_archived)
    ]
    some, cursor = page(args, found, 999)
    return {"channels": some, "response_metadata": {"next_cursor": cursor}}


def conversation_info(state: State, args: Json) -> Json:
    """conversations.info."""
    return {"channel": channel_by_id(state, args).to_slack(BOT_USER_ID)}


def members(state: State, args: Json) -> Json:
    """conversations.members."""
    people: list[Json] = [{"id": each} for each in sorted(channel_by_id(state, args).members)]
    some, cursor = page(args, people, 1000)
    return {
        "members": [each["id"] for each in some],
        "response_metadata": {"next_cursor": cursor},
    }


def open_conversation(state: State, args: Json) -> Json:
    """conversations.open with one person."""
    users = args.get("users") or ""
    names = users if isinstance(users, list) else [each for each in str(users).split(",") if each]
    if len(names) != 1:
        raise SlackError("invalid_arguments", messages=["the sandbox opens DMs with one person"])
    if names[0] not in state.people or state.people[names[0]].deleted:
        raise SlackError("user_not_found")
    return {"channel": {"id": state.direct_message(names[0]).id}}


def join(state: State, args: Json) -> Json:
    """conversations.join."""
    channel = channel_by_id(state, args)
    if channel.kind != "channels":
        raise SlackError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise SlackError("is_archived")
    channel.members.add(BOT_USER_ID)
    state.touch()
    return {"channel": channel.to_slack(BOT_USER_ID)}


def _readable(state: State, args: Json) -> Channel:
    channel = channel_by_id(state, args)
    if BOT_USER_ID not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def with_thread_facts(state: State, message: Message, *, with_metadata: bool) -> Json:
    """The message object with reply_count and latest_reply where it has a thread."""
    shown = message.to_slack(state.base_url, with_metadata=with_metadata)
    replies = [
        each
        for each in state.thread(message.channel, message.ts)
        if each.thread_ts == message.ts and each.ephemeral_to is None
    ]
    if replies:
        shown |= {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users": sorted({each.user for each in replies}),
            "latest_reply": replies[-1].ts,
        }
    return shown


def _between(args: Json, messages: list[Message]) -> list[Message]:
    oldest, latest = str(args.get("oldest") or "0"), str(args.get("latest") or "9999999999")
    if flag(args, "inclusive"):
        return [each for each in messages if oldest <= each.ts <= latest]
    return [each for each in messages if oldest < each.ts < latest]


def _answer(state: State, args: Json, messages: list[Message]) -> Json:
    wants = flag(args, "include_all_metadata")
    shown = [with_thread_facts(state, each, with_metadata=wants) for each in messages]
    some, cursor = page(args, shown, 999)
    return {
        "messages": some,
        "has_more": bool(cursor),
        "response_metadata": {"next_cursor": cursor},
    }


def history(state: State, args: Json) -> Json:
    """conversations.history: newest first, no replies, no ephemerals."""
    channel = _readable(state, args)
    found = [
        each
        for each in reversed(state.messages)
        if each.channel == channel.id
        and each.ephemeral_to is None
        and (each.thread_ts is None or each.reply_broadcast)
    ]
    return _answer(state, args, _between(args, found))


def replies(state: State, args: Json) -> Json:
    """conversations.replies: the parent and its replies, oldest first."""
    channel = _readable(state, args)
    ts = required(args, "ts")
    parent = state.message(channel.id, ts)
    if parent is None or parent.ephemeral_to is not None:
        raise SlackError("thread_not_found")
    found = [
        each
        for each in state.thread(channel.id, parent.thread_ts or ts)
        if each.ephemeral_to is None
    ]
    return _answer(state, args, _between(args, found))


def user_info(state: State, args: Json) -> Json:
    """users.info."""
    user = state.people.get(required(args, "user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": user.to_slack()}


def list_users(state: State, args: Json) -> Json:
    """users.list."""
    some, cursor = page(args, [each.to_slack() for each in state.people.values()], 1000)
    return {"members": some, "response_metadata": {"next_cursor": cursor}}


METHODS: dict[str, Handler] = {
    "api.test": api_test,
    "auth.test": auth_test,
    "conversations.list": list_conversations,
    "conversations.info": conversation_info,
    "conversations.members": members,
    "conversations.open": open_conversation,
    "conversations.join": join,
    "conversations.history": history,
    "conversations.replies": replies,
    "users.info": user_info,
    "users.list": list_users,
}
