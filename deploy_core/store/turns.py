"""Whose turn it is to write: one at a time, in the order of coming, the urgent ones first."""

import asyncio
from collections import deque


class Turns:
    """A lock whose waiting line has a front.

    Nobody starves: the next one is chosen when a turn is given back, so who was urgent and asks
    again at once comes behind the first that waited.
    """

    def __init__(self) -> None:
        self._taken = False
        self._line: deque[asyncio.Future[None]] = deque()

    async def take(self, *, urgent: bool = False) -> None:
        """Wait for a turn, which must be given back."""
        if not self._taken:
            self._taken = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if urgent:
            self._line.appendleft(turn)
        else:
            self._line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()  # it had just become ours
            raise

    def give(self) -> None:
        """Give the turn back, to the first who still waits."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._taken = False
