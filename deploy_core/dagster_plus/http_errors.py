"""Exceptions of httpx, mapped to ours in one place, and what each says about the request.

For a mutation the only question is whether Dagster+ can have seen it: where nothing was sent it
may be tried again, where something may have been sent it must not be.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

import httpx

from deploy_core.model.errors import AnswerLost, DagsterPlusError, ProtocolError, Unreachable


class Happened(Enum):
    """How far a request had come."""

    NOT_SENT = auto()  # no connection: trying again is safe for everything
    CANNOT_BE_SENT = auto()  # the address itself is wrong: trying again is useless
    LOST = auto()  # sent, at least in part, without an answer
    UNREADABLE = auto()  # an answer came, but it isn't one that can be read


HAPPENED: dict[type[Exception], Happened] = {
    httpx.ConnectError: Happened.NOT_SENT,
    httpx.ConnectTimeout: Happened.NOT_SENT,
    httpx.PoolTimeout: Happened.NOT_SENT,
    httpx.ProxyError: Happened.NOT_SENT,
    httpx.UnsupportedProtocol: Happened.CANNOT_BE_SENT,
    httpx.InvalidURL: Happened.CANNOT_BE_SENT,
    httpx.ReadTimeout: Happened.LOST,
    httpx.WriteTimeout: Happened.LOST,
    httpx.ReadError: Happened.LOST,
    httpx.WriteError: Happened.LOST,
    httpx.CloseError: Happened.LOST,
    httpx.RemoteProtocolError: Happened.LOST,
    httpx.TimeoutException: Happened.LOST,
    httpx.NetworkError: Happened.LOST,
    httpx.TransportError: Happened.LOST,
    httpx.RequestError: Happened.LOST,
    httpx.HTTPError: Happened.LOST,
    TimeoutError: Happened.LOST,
    httpx.LocalProtocolError: Happened.UNREADABLE,
    httpx.ProtocolError: Happened.UNREADABLE,
    httpx.DecodingError: Happened.UNREADABLE,
    httpx.TooManyRedirects: Happened.UNREADABLE,
    httpx.HTTPStatusError: Happened.UNREADABLE,
    httpx.CookieConflict: Happened.UNREADABLE,
    httpx.StreamError: Happened.UNREADABLE,
    httpx.StreamConsumed: Happened.UNREADABLE,
    httpx.StreamClosed: Happened.UNREADABLE,
    httpx.ResponseNotRead: Happened.UNREADABLE,
    httpx.RequestNotRead: Happened.UNREADABLE,
}


class AttemptFailed(Exception):
    """One attempt failed with `error`; `again` says whether another may be made.

    `wait` is how long Dagster+ asked us to wait, in seconds. Never leaves the transport.
    """

    def __init__(
        self, error: DagsterPlusError, *, again: bool = False, wait: float | None = None
    ) -> None:
        super().__init__(error.summary)
        self.error = error
        self.again = again
        self.wait = wait


@contextmanager
def mapped_errors(operation: str, *, mutation: bool) -> Iterator[None]:
    """Turn every exception of httpx, and a time-out of ours, into AttemptFailed.

    The text of the exception is left out: it can quote a header, and one of them is the token.
    """
    try:
        yield
    except (
        httpx.HTTPError,
        httpx.InvalidURL,
        httpx.CookieConflict,
        httpx.StreamError,
        TimeoutError,
    ) as error:
        raise _failure(operation, error, mutation=mutation) from None


def _failure(operation: str, error: Exception, *, mutation: bool) -> AttemptFailed:
    kind = type(error).__name__
    happened = next(HAPPENED[cls] for cls in type(error).__mro__ if cls in HAPPENED)
    if happened is Happened.NOT_SENT:
        sentence = f"No connection to Dagster+ for {operation} ({kind})."
        return AttemptFailed(Unreachable(sentence), again=True)
    if happened is Happened.CANNOT_BE_SENT:
        sentence = f"The address of Dagster+ can't be used for {operation} ({kind})."
        return AttemptFailed(Unreachable(sentence, next_step="Check DAGSTER_CLOUD_URL."))
    if mutation:
        return AttemptFailed(answer_lost(operation, kind))
    if happened is Happened.LOST:
        sentence = f"Dagster+ gave no answer to {operation} ({kind})."
        return AttemptFailed(Unreachable(sentence), again=True)
    return AttemptFailed(ProtocolError(f"The answer to {operation} can't be read ({kind})."))


def answer_lost(operation: str, why: str, detail: str = "") -> AnswerLost:
    """Return the error for a mutation of which nobody knows whether it was done."""
    return AnswerLost(f"Whether Dagster+ did {operation} is unknown ({why}).", detail=detail)
