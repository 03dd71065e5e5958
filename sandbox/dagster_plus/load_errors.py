"""Why a location doesn't load: errors as an agent stores them and as GraphQL shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class LoadError:
    """One Python exception; `cause` is `raise … from`, `context` is "during handling of"."""

    message: str
    stack: tuple[str, ...] = ()
    class_name: str | None = None
    cause: "LoadError | None" = field(default=None)
    context: "LoadError | None" = field(default=None)


def load_error_from_stored(stored: Mapping[str, Any]) -> LoadError:
    """Read Dagster's stored form of an exception (`SerializableErrorInfo`)."""
    cause, context = stored.get("cause"), stored.get("context")
    return LoadError(
        message=stored["message"],
        stack=tuple(stored.get("stack") or ()),
        class_name=stored.get("cls_name"),
        cause=load_error_from_stored(cause) if cause else None,
        context=load_error_from_stored(context) if context else None,
    )


def python_error(error: LoadError) -> dict[str, Any]:
    """The GraphQL `PythonError` of an exception, with its chain from the outside in."""
    cause = python_error(error.cause) if error.cause else None
    return {
        "__typename": "PythonError",
        "message": error.message,
        "className": error.class_name,
        "stack": list(error.stack),
        "cause": cause,
        "causes": _causes(error),
        "errorChain": _error_chain(error),
    }


def plain_python_error(message: str) -> dict[str, Any]:
    """A `PythonError` without a stack, for what the control plane itself refuses."""
    return python_error(LoadError(message=message))


def _causes(error: LoadError) -> list[dict[str, Any]]:
    causes: list[dict[str, Any]] = []
    inner = error.cause
    while inner is not None:
        causes.append(python_error(inner))
        inner = inner.cause
    return causes


def _error_chain(error: LoadError) -> list[dict[str, Any]]:
    links: list[dict[str, Any]] = []
    inner, explicit = (error.cause, True) if error.cause else (error.context, False)
    while inner is not None:
        links.append(
            {
                "__typename": "ErrorChainLink",
                "message": inner.message,
                "isExplicitLink": explicit,
                "error": python_error(inner),
            }
        )
        inner, explicit = (inner.cause, True) if inner.cause else (inner.context, False)
    return links


_LIBRARY_FRAME = (
    '  File "/usr/lib/python3.11/site-packages/dagster/_grpc/server.py", line {line}, in load\n'
    "    loadable_target = resolve(origin)\n"
)
_USER_FRAME = (
    '  File "/srv/code/marts/données_{line}.py", line {line}, in überführe\n'
    "    return table[{line}]\n"
)


def deep_load_error(frames: int = 400, message_bytes: int = 60_000) -> LoadError:
    """A chain of three with very many frames and a very long non-ASCII message.

    For the reader of an error who must stay inside Slack's limits.
    """
    filler = "Größe ≠ 0, 表が見つかりません; "
    text = (filler * (message_bytes // len(filler.encode()) + 1)).encode()[:message_bytes]
    message = "KeyError: " + text.decode(errors="ignore") + "\n"
    half = frames // 2
    innermost = LoadError(
        message=message,
        stack=tuple(_LIBRARY_FRAME.format(line=n) for n in range(1, half + 1))
        + tuple(_USER_FRAME.format(line=n) for n in range(1, frames - half + 1)),
        class_name="KeyError",
    )
    middle = LoadError(
        message="ValueError: la table « commandes » est incomplète\n",
        stack=(_USER_FRAME.format(line=12),),
        class_name="ValueError",
        context=innermost,
    )
    return LoadError(
        message="dagster._core.errors.DagsterUserCodeLoadError: Error occurred during the loading"
        " of Dagster definitions in\nmodule_name=marts.definitions\n",
        stack=tuple(_LIBRARY_FRAME.format(line=n) for n in range(1, 9)),
        class_name="DagsterUserCodeLoadError",
        cause=middle,
    )
