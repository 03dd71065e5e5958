"""The one exception of the sandbox's Slack: an answer with `ok: false`."""

from collections.abc import Sequence


class SlackError(Exception):
    """An error that Slack would answer.

    `name` is Slack's own error name; `messages` go to `response_metadata.messages`; `status` is
    the HTTP status (Slack answers 200 for nearly all errors, 429 when rate limited).
    """

    def __init__(
        self,
        name: str,
        *,
        messages: Sequence[str] = (),
        status: int = 200,
        retry_after: int | None = None,
        needed: str | None = None,
        provided: str | None = None,
    ) -> None:
        super().__init__(f"{name}: {'; '.join(messages)}" if messages else name)
        self.name = name
        self.messages = list(messages)
        self.status = status
        self.retry_after = retry_after
        self.needed = needed
        self.provided = provided

    def answer(self) -> dict[str, object]:
        """The JSON body of the answer."""
        body: dict[str, object] = {"ok": False, "error": self.name}
        if self.messages:
            body["errors"] = self.messages
            body["response_metadata"] = {"messages": [f"[ERROR] {m}" for m in self.messages]}
        if self.needed is not None:
            body["needed"] = self.needed
            body["provided"] = self.provided or ""
        return body
