"""chat.*: posting, editing, deleting, private notes, permalinks; and reactions."""

from collections.abc import Callable
from urllib.parse import urlsplit

from sandbox.slack import limits
from sandbox.slack.arguments import (
    attachments,
    channel_by_id,
    flag,
    message_blocks,
    metadata,
    required,
    structured,
    timestamp,
)
from sandbox.slack.blocks import check_message_blocks, normalised
from sandbox.slack.errors import SlackError
from sandbox.slack.model import BOT_USER_ID, Channel, Json, Message
from sandbox.slack.state import State

Handler = Callable[[State, Json], Json]


def _postable(state: State, args: Json) -> Channel:
    """Where chat.postMessage goes: an id, a `#name`, or a person, whose DM is then opened."""
    key = required(args, "channel")
    if key in state.people:
        if state.people[key].deleted:
            raise SlackError("channel_not_found")
        return state.direct_message(key)
    channel = state.channel(key) if key.startswith("#") else channel_by_id(state, args)
    check_writable(state, channel)
    return channel


def check_writable(state: State, channel: Channel) -> None:
    """Raise what Slack answers when the bot may not write here."""
    if BOT_USER_ID not in channel.members:
        if channel.kind != "channels":
            raise SlackError("channel_not_found")
        if state.manifest.open_to_all or not state.manifest.has_scope("chat:write.public"):
            raise SlackError("not_in_channel")
    if channel.is_archived:
        raise SlackError("is_archived")


def parent_of(state: State, channel: Channel, thread_ts: str | None) -> str | None:
    """The parent's timestamp for a reply; SlackError thread_not_found."""
    if thread_ts is None:
        return None
    parent = state.message(channel.id, thread_ts)
    if parent is None or parent.ephemeral_to is not None:
        raise SlackError("thread_not_found")
    return parent.thread_ts or parent.ts


def _content(args: Json) -> Message:
    """Text, blocks, attachments and metadata of the call, checked, in a message without a place."""
    text = args.get("text") or args.get("markdown_text") or ""
    if not isinstance(text, str):
        raise SlackError("invalid_arguments", messages=["text must be a string"])
    blocks = message_blocks(args, total_limit=True)
    attached = attachments(args)
    if not text.strip() and not blocks and not attached:
        raise SlackError("no_text")
    return Message(
        ts="",
        channel="",
        user=BOT_USER_ID,
        text=text[: limits.MESSAGE_TEXT_CUT],
        blocks=normalised(blocks) if blocks else None,
        attachments=attached,
        metadata=metadata(args) or None,
        bot=True,
    )


def place(state: State, message: Message, channel: Channel, thread_ts: str | None) -> Message:
    """Put a message into a channel or a thread."""
    message.ts = state.new_ts()
    message.channel = channel.id
    message.thread_ts = thread_ts
    state.messages.append(message)
    state.touch()
    return message


def post_message(state: State, args: Json) -> Json:
    """chat.postMessage."""
    channel = _postable(state, args)
    thread = parent_of(state, channel, timestamp(args, "thread_ts", "invalid_thread_ts"))
    message = _content(args)
    message.reply_broadcast = thread is not None and flag(args, "reply_broadcast")
    place(state, message, channel, thread)
    return {
        "channel": channel.id,
        "ts": message.ts,
        "message": message.to_slack(state.base_url, with_metadata=True),
    }


def post_ephemeral(state: State, args: Json) -> Json:
    """chat.postEphemeral."""
    channel = _postable(state, args)
    user = required(args, "user")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    thread = parent_of(state, channel, timestamp(args, "thread_ts", "invalid_thread_ts"))
    message = _content(args)
    message.ephemeral_to = user
    message.metadata = None
    place(state, message, channel, thread)
    return {"message_ts": message.ts}


def _own(state: State, args: Json, refusal: str) -> Message:
    channel = channel_by_id(state, args)
    message = state.message(channel.id, required(args, "ts"))
    if message is None or message.ephemeral_to is not None:
        raise SlackError("message_not_found")
    if not message.bot:
        raise SlackError(refusal)
    if channel.is_archived:
        raise SlackError("is_inactive")
    return message


def update(state: State, args: Json) -> Json:
    """chat.update: text without blocks removes the blocks; neither leaves nothing to do."""
    message = _own(state, args, "cant_update_message")
    text = args.get("text") or args.get("markdown_text")
    blocks = message_blocks(args, total_limit=True)
    attached = attachments(args)
    new_metadata = metadata(args)
    if text is None and blocks is None and attached is None:
        raise SlackError("no_text")
    if isinstance(text, str) and len(text) > limits.UPDATE_TEXT:
        raise SlackError("msg_too_long")
    if not text and blocks == [] and not attached:
        raise SlackError("no_text")
    if text is not None or blocks is not None:
        message.blocks = normalised(blocks) if blocks else None
    message.text = str(text) if text is not None else message.text
    message.attachments = attached if attached is not None else message.attachments
    if new_metadata is not None:
        message.metadata = new_metadata or None
    edited(state, message)
    return {
        "channel": message.channel,
        "ts": message.ts,
        "text": message.text,
        "message": message.to_slack(state.base_url, with_metadata=True),
    }


def edited(state: State, message: Message) -> None:
    """Note an edit."""
    message.edits += 1
    message.edited_ts = state.new_ts()
    state.touch()


def delete(state: State, args: Json) -> Json:
    """chat.delete."""
    message = _own(state, args, "cant_delete_message")
    state.messages.remove(message)
    state.touch()
    return {"channel": message.channel, "ts": message.ts}


def permalink(state: State, args: Json) -> Json:
    """chat.getPermalink: an address on the sandbox's own page."""
    channel = channel_by_id(state, args)
    message = state.message(channel.id, required(args, "message_ts"))
    if message is None or message.ephemeral_to is not None:
        raise SlackError("message_not_found")
    link = f"{state.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts is not None:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def unfurl(state: State, args: Json) -> Json:
    """chat.unfurl: attachments under the addresses of a person's message."""
    unfurls = structured(args, "unfurls", "missing_unfurls")
    if not isinstance(unfurls, dict) or not unfurls:
        raise SlackError("missing_unfurls")
    if args.get("unfurl_id") and args.get("source"):
        channel_id, _, ts = str(args["unfurl_id"]).partition(".")
    else:
        channel_id, ts = required(args, "channel"), required(args, "ts")
    message = state.message(channel_id, ts)
    if message is None or message.bot:
        raise SlackError("cannot_unfurl_message")
    for url, shown in unfurls.items():
        ours = any(under(url, domain) for domain in state.manifest.unfurl_domains)
        if not ours or f"<{url}" not in message.text:
            raise SlackError("cannot_unfurl_url")
        check_message_blocks(shown.get("blocks") or [], total_limit=True)
    attached = [{"from_url": url, "id": n, **each} for n, (url, each) in enumerate(unfurls.items())]
    message.attachments = [*(message.attachments or []), *attached]
    state.touch()
    return {}


def under(url: str, domain: str) -> bool:
    """Whether an address belongs to a domain."""
    host = urlsplit(url).hostname or ""
    return host == domain or host.endswith(f".{domain}")


def add_reaction(state: State, args: Json) -> Json:
    """reactions.add."""
    channel = channel_by_id(state, args)
    name = required(args, "name").strip(":")
    message = state.message(channel.id, required(args, "timestamp"))
    if message is None or message.ephemeral_to is not None:
        raise SlackError("message_not_found")
    who = message.reactions.setdefault(name, [])
    if BOT_USER_ID in who:
        raise SlackError("already_reacted")
    who.append(BOT_USER_ID)
    state.touch()
    return {}


METHODS: dict[str, Handler] = {
    "chat.postMessage": post_message,
    "chat.postEphemeral": post_ephemeral,
    "chat.update": update,
    "chat.delete": delete,
    "chat.getPermalink": permalink,
    "chat.unfurl": unfurl,
    "reactions.add": add_reaction,
}
