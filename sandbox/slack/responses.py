"""Answers at a response_url and in a command's ack."""

from sandbox.slack import limits
from sandbox.slack.api_chat import edited, place
from sandbox.slack.arguments import attachments, flag, message_blocks
from sandbox.slack.blocks import normalised
from sandbox.slack.errors import SlackError
from sandbox.slack.model import BOT_USER_ID, Json, Message, ResponseUrl
from sandbox.slack.state import State


def respond(state: State, token: str, body: Json) -> None:
    """Use a response_url once. SlackError: used_url, expired_url, or what is wrong in the body."""
    right = state.response_urls.get(token)
    if right is None or state.clock.now() > right.expires:
        raise SlackError("expired_url", status=404)
    if right.uses >= limits.RESPONSE_URL_USES:
        raise SlackError("used_url", status=404)
    right.uses += 1
    apply_answer(state, right, body)


def apply_answer(state: State, right: ResponseUrl, body: Json) -> None:
    """Post, replace or delete, as the body says."""
    original = state.message(right.channel, right.message_ts) if right.message_ts else None
    if flag(body, "delete_original"):
        if original is None:
            raise SlackError("message_not_found", status=404)
        state.messages.remove(original)
        state.touch()
        return
    message = _message(state, right, body)
    if flag(body, "replace_original") and original is not None:
        original.text, original.blocks = message.text, message.blocks
        original.attachments = message.attachments
        edited(state, original)
        return
    channel = state.channels[right.channel]
    if channel.is_archived:
        raise SlackError("is_archived", status=404)
    thread = body.get("thread_ts")
    place(state, message, channel, str(thread) if thread else None)
    if right.message_ts is None:
        right.message_ts = message.ts


def _message(state: State, right: ResponseUrl, body: Json) -> Message:
    # A response_url does not apply the limit on all blocks together (observed).
    blocks = message_blocks(body, total_limit=False)
    attached = attachments(body)
    text = body.get("text") or ""
    if not text and not blocks and not attached:
        raise SlackError("no_text", status=400)
    public = body.get("response_type") == "in_channel"
    return Message(
        ts="",
        channel=right.channel,
        user=BOT_USER_ID,
        text=str(text)[: limits.MESSAGE_TEXT_CUT],
        blocks=normalised(blocks) if blocks else None,
        attachments=attached,
        ephemeral_to=None if public else right.user,
        bot=True,
    )
