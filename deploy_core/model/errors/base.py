"""The root of the errors, and those that stand alone."""

from collections.abc import Iterator
from typing import ClassVar


class DeployError(Exception):
    """What went wrong, in one sentence, and what to do next.

    `summary` is a whole sentence for the person. `next_step` says what to do; each class has a
    default. `detail` is longer text (a trace, an answer), already free of secrets. `choices` are
    names that would have been right. `retryable` says whether the same request may succeed later.
    """

    reason: ClassVar[str] = ""
    default_next_step: ClassVar[str] = ""
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        summary: str,
        *,
        next_step: str | None = None,
        detail: str = "",
        choices: tuple[str, ...] = (),
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.next_step = self.default_next_step if next_step is None else next_step
        self.detail = detail
        self.choices = choices


class NotAllowed(DeployError):
    """The person may not change this deployment."""

    reason = "not_allowed"
    default_next_step = "Ask somebody who may, or have your id added to `may_deploy`."


class ConfigInvalid(DeployError):
    """The configuration file of the bot can't be used."""

    reason = "config_invalid"
    default_next_step = "Mend the configuration and run `dagster-chatops check`."


class Cancelled(DeployError):
    """A person stopped it."""

    reason = "cancelled"
    default_next_step = "Nothing was changed."


class GoneBack(DeployError):
    """A person asked to go back while the location was loading."""

    reason = "gone_back"
    default_next_step = "Deploy again when you are ready."


class InternalError(DeployError):
    """A defect of ours."""

    reason = "internal"
    default_next_step = "Report it with the id; the log has the rest."


def all_errors(root: type[DeployError] = DeployError) -> Iterator[type[DeployError]]:
    """Yield every class of the tree below `root`, depth first."""
    for child in root.__subclasses__():
        yield child
        yield from all_errors(child)
