"""Operations of the store run to their end before a cancellation is passed on.

A connection that is cancelled in the middle of a statement is closed by SQLAlchemy in its own
time, and cancelled again not at all; until then it holds SQLite's write lock, and everybody else
waits. An operation is short, so it is cheaper to let it finish.
"""

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from deploy_core.endings import to_its_end

T = TypeVar("T")
Kind = TypeVar("Kind", bound=type)


def uninterrupted(kind: Kind) -> Kind:
    """Class decorator: no public method that is a coroutine can be interrupted half-way."""
    for name, method in list(vars(kind).items()):
        if inspect.iscoroutinefunction(method) and not name.startswith("_"):
            setattr(kind, name, _to_its_end(method))
    return kind


def _to_its_end(
    method: Callable[..., Coroutine[Any, Any, T]],
) -> Callable[..., Coroutine[Any, Any, T]]:
    @functools.wraps(method)
    async def call(*arguments: Any, **named: Any) -> T:
        return await to_its_end(method(*arguments, **named))

    return call
