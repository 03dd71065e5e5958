"""No exception of httpx gets out, and none that httpx adds goes unnoticed."""

import inspect

import httpx
import pytest

from deploy_core.dagster_plus.http_errors import HAPPENED, AttemptFailed, Happened, mapped_errors
from deploy_core.model.errors import AnswerLost, DagsterPlusError, ProtocolError, Unreachable

EXPORTED = [
    found
    for found in vars(httpx).values()
    if inspect.isclass(found) and issubclass(found, Exception)
]


def _instance(kind: type[Exception]) -> Exception:
    if kind is httpx.HTTPStatusError:
        request = httpx.Request("POST", "https://x")
        return kind("text", request=request, response=httpx.Response(500))
    if kind in {
        httpx.StreamConsumed,
        httpx.StreamClosed,
        httpx.ResponseNotRead,
        httpx.RequestNotRead,
    }:
        return kind()
    return kind("text")


def test_there_is_something_to_map() -> None:
    assert len(EXPORTED) > 20


@pytest.mark.parametrize("kind", EXPORTED, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("mutation", [False, True], ids=["query", "mutation"])
def test_every_exception_of_httpx_is_mapped_by_itself(
    kind: type[Exception], mutation: bool
) -> None:
    assert kind in HAPPENED, "say what it means for the request"
    with pytest.raises(AttemptFailed) as raised, mapped_errors("Op", mutation=mutation):
        raise _instance(kind)
    expected: type[DagsterPlusError]
    match HAPPENED[kind]:
        case Happened.NOT_SENT | Happened.CANNOT_BE_SENT:
            expected = Unreachable
        case Happened.LOST:
            expected = AnswerLost if mutation else Unreachable
        case Happened.UNREADABLE:
            expected = AnswerLost if mutation else ProtocolError
    assert type(raised.value.error) is expected
    if mutation:
        assert raised.value.again == (HAPPENED[kind] is Happened.NOT_SENT)
    assert "text" not in str(raised.value)


def test_other_exceptions_pass() -> None:
    with pytest.raises(ZeroDivisionError), mapped_errors("Op", mutation=True):
        raise ZeroDivisionError
