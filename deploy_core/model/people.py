"""Who asks for a deploy."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Actor(BaseModel):
    """A person in Slack (`id` is the user id), `cli:USER` of a terminal, or a part of the bot that
    acts by itself where the configuration lets it, such as `bot:medic`."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["slack", "cli", "bot"]
    id: str
    team: str = ""

    @property
    def key(self) -> str:
        """The form that `may_deploy` lists: `U012ABC` or `cli:ada`."""
        return self.id if self.kind == "slack" else f"{self.kind}:{self.id}"
