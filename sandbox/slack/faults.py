"""Faults on demand: what goes wrong with the next calls and the next deliveries."""

import asyncio
from dataclasses import dataclass, field, fields
from typing import Any, Self

from sandbox.slack.model import Json


class FaultError(ValueError):
    """A fault was asked for that does not exist; the text says what is known."""


def _known(kind: type[Any], asked: Json) -> Json:
    allowed = {each.name for each in fields(kind)}
    if unknown := set(asked) - allowed:
        raise FaultError(f"unknown {sorted(unknown)}; a fault has {sorted(allowed)}")
    return asked


@dataclass
class ApiFault:
    """What happens to the next `times` calls of `method` ("*": any).

    `error` is answered instead of doing it; `status` is the HTTP status (with `retry_after`
    seconds: 429); `drop` cuts the connection "before" or "after" it was done; `hold` waits for
    `Faults.release`; `delay` waits so many seconds.
    """

    method: str = "*"
    times: int = 1
    error: str | None = None
    status: int | None = None
    retry_after: int | None = None
    drop: str | None = None
    hold: bool = False
    delay: float = 0.0
    channel: str | None = None

    @classmethod
    def parse(cls, asked: Json) -> Self:
        """Read one from JSON; FaultError."""
        fault = cls(**_known(cls, asked))
        if fault.drop not in (None, "before", "after"):
            raise FaultError("drop is before or after")
        return fault

    def fits(self, method: str, args: Json) -> bool:
        """Whether this call is meant."""
        right_channel = self.channel is None or args.get("channel") == self.channel
        return self.times > 0 and self.method in ("*", method) and right_channel


@dataclass
class DeliveryFault:
    """What happens to the next `times` payloads of `kind` (slash_commands, interactive,
    events_api or "*").

    `copies` are sent on top of the first; `hold` keeps them until `Faults.release`, while the
    person's 3 seconds run; `lose` never sends them.
    """

    kind: str = "*"
    times: int = 1
    copies: int = 0
    hold: bool = False
    lose: bool = False

    @classmethod
    def parse(cls, asked: Json) -> Self:
        """Read one from JSON; FaultError."""
        return cls(**_known(cls, asked))


@dataclass
class Faults:
    """The faults that are waiting for their moment."""

    api: list[ApiFault] = field(default_factory=list)
    deliveries: list[DeliveryFault] = field(default_factory=list)
    _held: asyncio.Event = field(default_factory=asyncio.Event)

    def take_api(self, method: str, args: Json) -> ApiFault | None:
        """The fault for this call, counted down."""
        for each in self.api:
            if each.fits(method, args):
                each.times -= 1
                return each
        return None

    def take_delivery(self, kind: str) -> DeliveryFault:
        """The fault for this payload, counted down; one without effect if none waits."""
        for each in self.deliveries:
            if each.times > 0 and each.kind in ("*", kind):
                each.times -= 1
                return each
        return DeliveryFault()

    async def released(self) -> None:
        """Wait for `release`."""
        await self._held.wait()

    def release(self) -> None:
        """Let go all calls and payloads that are held now."""
        self._held.set()
        self._held = asyncio.Event()

    def clear(self) -> None:
        """Forget all faults and let go what is held."""
        self.api.clear()
        self.deliveries.clear()
        self.release()
