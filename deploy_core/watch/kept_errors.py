"""The error that is kept with an incident: no longer than a person reads."""

from collections.abc import Mapping

from pydantic import JsonValue

from deploy_core.model.python_error import ChainedError, PythonError

MOST_TEXT = 4_000
MOST_FRAMES = 40
MOST_CHAIN = 10


def cut(error: PythonError) -> PythonError:
    """Return an error that can be kept with an incident: its beginning and its innermost frames."""
    return PythonError(
        message=error.message[:MOST_TEXT],
        stack=tuple(frame[:500] for frame in error.stack[-MOST_FRAMES:]),
        chain=tuple(
            ChainedError(
                message=link.message[:MOST_TEXT],
                stack=tuple(frame[:500] for frame in link.stack[-MOST_FRAMES:]),
                is_explicit=link.is_explicit,
            )
            for link in (*error.chain[: MOST_CHAIN // 2], *error.chain[MOST_CHAIN // 2 :][-5:])
        ),
    )


def error_of(facts: Mapping[str, JsonValue] | None) -> PythonError | None:
    """Return the error that is kept with an incident."""
    kept = (facts or {}).get("error")
    return None if not isinstance(kept, dict) else PythonError.model_validate(kept)
