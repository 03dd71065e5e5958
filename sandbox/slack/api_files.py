"""File upload, the two-step way: announce, upload, complete."""

from sandbox.slack.api_chat import Handler, check_writable, parent_of, place
from sandbox.slack.arguments import (
    channel_by_id,
    message_blocks,
    required,
    structured,
    timestamp,
)
from sandbox.slack.blocks import normalised
from sandbox.slack.errors import SlackError
from sandbox.slack.model import BOT_USER_ID, Json, Message, Upload
from sandbox.slack.state import State

_LARGEST = 50_000_000


def get_upload_url(state: State, args: Json) -> Json:
    """files.getUploadURLExternal."""
    name = required(args, "filename")
    try:
        length = int(args.get("length") or 0)
    except (TypeError, ValueError) as problem:
        raise SlackError("invalid_arguments", messages=["length must be an integer"]) from problem
    if not 0 < length <= _LARGEST:
        raise SlackError("invalid_arguments", messages=["length must be more than 0"])
    upload = Upload(id=state.new_id("F"), name=name, length=length)
    state.uploads[upload.id] = upload
    return {"upload_url": f"{state.base_url}/upload/{upload.id}", "file_id": upload.id}


def receive(state: State, file_id: str, content: bytes) -> Upload:
    """Take the bytes of an announced file; SlackError file_not_found, invalid_arguments."""
    upload = state.uploads.get(file_id)
    if upload is None or upload.shared:
        raise SlackError("file_not_found")
    if len(content) != upload.length:
        raise SlackError(
            "invalid_arguments",
            messages=[f"{len(content)} bytes came, {upload.length} were announced"],
        )
    upload.content = content
    return upload


def complete_upload(state: State, args: Json) -> Json:
    """files.completeUploadExternal: shares the files as one message."""
    files = structured(args, "files", "invalid_arguments")
    if not isinstance(files, list) or not files:
        raise SlackError("invalid_arguments", messages=["missing required field: files"])
    uploads = [_uploaded(state, each) for each in files]
    target = args.get("channel_id") or args.get("channels")
    if target:
        _share(state, {**args, "channel": target}, uploads)
    return {"files": [each.to_slack(state.base_url) for each in uploads]}


def _uploaded(state: State, entry: Json) -> Upload:
    upload = state.uploads.get(str(entry.get("id"))) if isinstance(entry, dict) else None
    if upload is None or upload.content is None:
        raise SlackError("file_not_found")
    if upload.shared:
        raise SlackError("file_already_completed")
    upload.title = str(entry.get("title") or upload.name)
    return upload


def _share(state: State, args: Json, uploads: list[Upload]) -> None:
    channel = channel_by_id(state, args)
    check_writable(state, channel)
    thread = parent_of(state, channel, timestamp(args, "thread_ts", "invalid_thread_ts"))
    blocks = message_blocks(args, total_limit=True)
    for each in uploads:
        each.shared = True
    message = Message(
        ts="",
        channel="",
        user=BOT_USER_ID,
        text=str(args.get("initial_comment") or ""),
        blocks=normalised(blocks) if blocks else None,
        files=uploads,
        bot=True,
    )
    place(state, message, channel, thread)


METHODS: dict[str, Handler] = {
    "files.getUploadURLExternal": get_upload_url,
    "files.completeUploadExternal": complete_upload,
}
