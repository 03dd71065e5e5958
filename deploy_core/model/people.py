"""Who asks for a deploy."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Actor(BaseModel):
    """A person in Slack (`id` is the user id), or `cli:USER` of a terminal."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["slack", "cli"]
    id: str
    team: str = ""

    @property
    def key(self) -> str:
        """The form that `may_deploy` lists: `U012ABC` or `cli:ada`."""
        return self.id if self.kind == "slack" else f"cli:{self.id}"
