"""From an HTTP answer to the data in it, or to the error that it stands for."""

import json
import math
from typing import Any

from deploy_core.dagster_plus.http_errors import AttemptFailed, answer_lost
from deploy_core.model.errors import (
    DagsterPlusError,
    Maintenance,
    NotFound,
    ProtocolError,
    RateLimited,
    ServerError,
    TokenRefused,
    Unavailable,
)

JsonObject = dict[str, Any]

MAINTENANCE_SECONDS = 30.0  # the CLI's own interval where the answer names none
LONGEST_DETAIL = 4000


def read_answer(
    *, operation: str, mutation: bool, status: int, text: str, retry_after: float | None
) -> JsonObject:
    """Return the `data` of a GraphQL answer, or raise AttemptFailed.

    `retry_after` is the header of that name in seconds. The statuses that may be tried again are
    those of the official client (429, 409, 502, 503, 504) and every other 5xx for a query. For a
    mutation only those are tried again with which Dagster+ says that it did nothing: maintenance,
    429, 409, and 503 with a Retry-After. Any other 5xx can come from a proxy which has already
    passed the change on.
    """
    answer = _json_object(text)
    maintenance = answer.get("maintenance")
    if isinstance(maintenance, dict):
        raise _under_maintenance(operation, maintenance)
    detail = _error_messages(answer.get("errors"))
    if status in {409, 429} or status >= 500:
        raise _passing(operation, status, retry_after, mutation=mutation, detail=detail)
    refused = _refusal(operation, status, detail)
    if refused is not None:
        raise AttemptFailed(refused)
    data = answer.get("data")
    if isinstance(data, dict):
        return data
    if mutation:
        raise AttemptFailed(answer_lost(operation, "its answer can't be read"))
    raise AttemptFailed(ProtocolError(f"The answer to {operation} has no data that can be read."))


def _refusal(operation: str, status: int, detail: str) -> DagsterPlusError | None:
    if status in {401, 403}:
        return TokenRefused(f"Dagster+ refuses our token ({status}, {operation}).", detail=detail)
    if status == 404:
        return NotFound(f"Dagster+ has nothing at this address ({operation}).", detail=detail)
    if detail:
        return ServerError(f"Dagster+ answered {operation} with an error.", detail=detail)
    if not 200 <= status < 300:
        return ProtocolError(f"Dagster+ answered {operation} with the HTTP status {status}.")
    return None


def _passing(
    operation: str, status: int, retry_after: float | None, *, mutation: bool, detail: str
) -> AttemptFailed:
    error: DagsterPlusError
    if status == 429:
        error = RateLimited(
            f"Dagster+ has too many requests ({operation}).",
            next_step=_try_again(retry_after),
            detail=detail,
        )
    elif status == 409:
        error = Unavailable(f"Dagster+ is busy with another change ({operation}).", detail=detail)
    elif mutation and not (status == 503 and retry_after is not None):
        return AttemptFailed(answer_lost(operation, f"HTTP status {status}", detail))
    else:
        error = Unavailable(
            f"Dagster+ isn't available (HTTP status {status}, {operation}).", detail=detail
        )
    return AttemptFailed(error, again=True, wait=retry_after)


def _under_maintenance(operation: str, maintenance: JsonObject) -> AttemptFailed:
    interval = maintenance.get("retry_interval")
    wait = MAINTENANCE_SECONDS
    if isinstance(interval, int | float) and math.isfinite(interval) and interval > 0:
        wait = float(interval)
    message = maintenance.get("message")
    return AttemptFailed(
        Maintenance(
            f"Dagster+ is under maintenance ({operation}).",
            detail=message[:LONGEST_DETAIL] if isinstance(message, str) else "",
        ),
        again=True,
        wait=wait,
    )


def _error_messages(errors: Any) -> str:
    """The messages of GraphQL's `errors`, one a line; empty if there are none."""
    if not errors:
        return ""
    listed = errors if isinstance(errors, list) else [errors]
    messages = [
        str(error.get("message", "an error without a message"))
        if isinstance(error, dict)
        else str(error)
        for error in listed
    ]
    return "\n".join(messages)[:LONGEST_DETAIL]


def _try_again(retry_after: float | None) -> str | None:
    return None if not retry_after else f"Try again in {math.ceil(retry_after)} seconds."


def _json_object(text: str) -> JsonObject:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
