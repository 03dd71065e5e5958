"""What can be wrong with a git host, one fault after the other."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["no_rights", "no_push", "bad_token", "rate_limit", "down", "error", "lost_answer"]


@dataclass
class Fault:
    """`kind` for the next `times` requests, for all where it is None.

    `no_rights`: changes through the API are refused. `no_push`: git refuses to be pushed to.
    `bad_token`: nobody is known. `rate_limit`: too much, come back in `seconds`. `down`: the
    connection ends without an answer. `error`: 502. `lost_answer`: a change is made, and the
    connection ends without an answer. `method` limits it to one, and `path` to addresses that have
    this in them.
    """

    kind: Kind
    times: int | None = 1
    seconds: int = 1
    method: str | None = None
    path: str = ""


class Faults:
    """The faults that are set, in their order."""

    def __init__(self) -> None:
        self._set: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Set a fault."""
        self._set.append(fault)

    def clear(self) -> None:
        """Be well again."""
        self._set.clear()

    def take(self, method: str, path: str, *kinds: Kind) -> Fault | None:
        """Return the first fault of these kinds that counts for a request, and use it up."""
        for fault in self._set:
            meant = fault.method in {None, method} and fault.path in path
            if fault.kind in kinds and meant:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._set.remove(fault)
                return fault
        return None
