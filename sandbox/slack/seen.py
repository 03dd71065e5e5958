"""What a test sees of the workspace: outcomes, messages, views."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What came of a person's action.

    `acked` says whether the app answered in time, `reason` why it counts as failed; `errors` are
    the form errors by block_id; `answer` is the ack's payload.
    """

    acked: bool
    reason: str
    answer: Json
    errors: dict[str, str] = field(default_factory=dict)
    options: list[Json] = field(default_factory=list)
    trigger_id: str = ""
    response_url: str = ""
    ack_seconds: float = 0.0


def texts_in(value: Any) -> list[str]:
    """All words that a reader sees in blocks, in order."""
    if isinstance(value, list):
        return [text for each in value for text in texts_in(each)]
    if not isinstance(value, dict):
        return []
    found: list[str] = []
    for key, each in value.items():
        if key in ("text", "alt_text") and isinstance(each, str):
            found.append(each)
        elif key == "url" and value.get("type") == "link" and "text" not in value:
            found.append(str(each))
        elif isinstance(each, dict | list) and key != "confirm":
            found.extend(texts_in(each))
    return found


@dataclass(frozen=True)
class SeenMessage:
    """A message as a person sees it; `raw` is everything the sandbox knows of it."""

    channel: str
    ts: str
    user: str
    text: str
    raw: Json

    @property
    def blocks(self) -> list[Json]:
        """The blocks, empty if there are none."""
        return list(self.raw.get("blocks") or [])

    @property
    def shown(self) -> str:
        """What is read on the screen: the blocks' words, else the text."""
        return "\n".join(texts_in(self.blocks)) or self.text

    @property
    def files(self) -> list[Json]:
        """Files shared with it."""
        return list(self.raw.get("files") or [])

    @property
    def thread_ts(self) -> str | None:
        """The parent's ts where it is in a thread, or has one."""
        found = self.raw.get("thread_ts")
        return str(found) if found else None

    @property
    def metadata(self) -> Json | None:
        """Message metadata."""
        return self.raw.get("metadata")

    @property
    def edits(self) -> int:
        """How often it was edited."""
        return int(self.raw["edits"])

    @property
    def is_ephemeral(self) -> bool:
        """Whether only one person sees it."""
        return self.raw.get("ephemeral_to") is not None

    @property
    def action_ids(self) -> list[str]:
        """The ids of all elements that can be used, in reading order."""
        return action_ids(self.blocks)


@dataclass(frozen=True)
class SeenView:
    """An open modal or a Home tab."""

    id: str
    title: str
    raw: Json

    @property
    def blocks(self) -> list[Json]:
        """The blocks."""
        return list(self.raw["blocks"])

    @property
    def shown(self) -> str:
        """What is read on the screen."""
        return "\n".join([self.title, *texts_in(self.blocks)])

    @property
    def values(self) -> Json:
        """The state's values by block_id and action_id."""
        found: Json = self.raw["state"]["values"]
        return found

    @property
    def action_ids(self) -> list[str]:
        """The ids of all elements that can be used, in reading order."""
        return action_ids(self.blocks)


def action_ids(value: Any) -> list[str]:
    """The action_ids inside blocks, in reading order."""
    if isinstance(value, list):
        return [found for each in value for found in action_ids(each)]
    if not isinstance(value, dict):
        return []
    own = [value["action_id"]] if isinstance(value.get("action_id"), str) else []
    return own + [found for each in value.values() for found in action_ids(each)]


def as_view(raw: Json) -> SeenView:
    return SeenView(raw["id"], (raw.get("title") or {}).get("text", "Home"), raw)
