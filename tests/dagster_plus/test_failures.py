"""Every kind of failure: which error it becomes, how often it was sent, how long was waited."""

from typing import Any, NamedTuple

import httpx
import pytest

from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.model import errors
from deploy_core.model.errors import DagsterPlusError
from tests.dagster_plus.support import (
    DOCUMENT,
    NO_AGENTS,
    PUT_DONE,
    JumpingClock,
    Wire,
    answer,
    client_on,
    python_error,
)

MAINTENANCE = {"maintenance": {"message": "Upgrade.", "timeout": 300, "retry_interval": 7}}
GRAPHQL_ERRORS = {"errors": [{"message": "Cannot query field"}, {"message": "second"}]}
IN_TEN_SECONDS = "Sun, 01 Mar 2026 12:00:10 GMT"


class Passing(NamedTuple):
    """A failure after which a good answer comes: was it sent again, and after how long?"""

    step: httpx.Response | Exception
    read_waits: float | type[DagsterPlusError]
    mutation_waits: float | type[DagsterPlusError]


PASSING = {
    "connect": Passing(httpx.ConnectError("x"), 0.5, 0.5),
    "connect time-out": Passing(httpx.ConnectTimeout("x"), 0.5, 0.5),
    "pool time-out": Passing(httpx.PoolTimeout("x"), 0.5, 0.5),
    "read time-out": Passing(httpx.ReadTimeout("x"), 0.5, errors.AnswerLost),
    "write time-out": Passing(httpx.WriteTimeout("x"), 0.5, errors.AnswerLost),
    "reset while reading": Passing(httpx.ReadError("x"), 0.5, errors.AnswerLost),
    "reset while writing": Passing(httpx.WriteError("x"), 0.5, errors.AnswerLost),
    "closed": Passing(httpx.RemoteProtocolError("x"), 0.5, errors.AnswerLost),
    "429": Passing(answer({}, 429), 0.5, 0.5),
    "429 in seconds": Passing(answer({}, 429, {"Retry-After": "3"}), 3, 3),
    "429 at a date": Passing(answer({}, 429, {"Retry-After": IN_TEN_SECONDS}), 10, 10),
    "429 soon past": Passing(
        answer({}, 429, {"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT"}), 0.5, 0.5
    ),
    "429 with nonsense": Passing(answer({}, 429, {"Retry-After": "soon"}), 0.5, 0.5),
    "409": Passing(answer({}, 409), 0.5, 0.5),
    "503 announced": Passing(answer({}, 503, {"Retry-After": "2"}), 2, 2),
    "503 of a proxy": Passing(answer(b"<html>", 503), 0.5, errors.AnswerLost),
    "500": Passing(answer(b"oops", 500), 0.5, errors.AnswerLost),
    "502": Passing(answer(b"bad gateway", 502), 0.5, errors.AnswerLost),
    "504": Passing(answer(b"", 504), 0.5, errors.AnswerLost),
    "maintenance": Passing(answer(MAINTENANCE), 7, 7),
    "maintenance as 503": Passing(answer(MAINTENANCE, 503), 7, 7),
}


async def _agents(client: DagsterPlus) -> None:
    assert await client.agents("prod") == []


async def _put(client: DagsterPlus) -> None:
    await client.put_location("prod", DOCUMENT)


@pytest.mark.parametrize("name", PASSING)
@pytest.mark.parametrize("mutation", [False, True], ids=["query", "mutation"])
async def test_a_passing_failure(name: str, mutation: bool) -> None:
    case = PASSING[name]
    expected = case.mutation_waits if mutation else case.read_waits
    clock, wire = JumpingClock(), Wire(case.step, answer(PUT_DONE if mutation else NO_AGENTS))
    call = _put if mutation else _agents

    if isinstance(expected, type):
        with pytest.raises(expected) as raised:
            await call(client_on(wire, clock))
        assert "ChatopsPutLocation" in raised.value.summary
        assert (len(wire.requests), clock.slept) == (1, [])
    else:
        await call(client_on(wire, clock))
        assert (len(wire.requests), clock.slept) == (2, [expected])


LASTING: dict[str, tuple[httpx.Response | Exception, type[DagsterPlusError]]] = {
    "connect": (httpx.ConnectError("x"), errors.Unreachable),
    "429": (answer({}, 429), errors.RateLimited),
    "409": (answer({}, 409), errors.Unavailable),
    "503": (answer({}, 503, {"Retry-After": "1"}), errors.Unavailable),
    "maintenance": (answer(MAINTENANCE), errors.Maintenance),
}


@pytest.mark.parametrize("name", LASTING)
@pytest.mark.parametrize("mutation", [False, True], ids=["query", "mutation"])
async def test_a_lasting_failure_ends_within_the_deadline(name: str, mutation: bool) -> None:
    step, expected = LASTING[name]
    clock, wire = JumpingClock(), Wire(step)
    client = client_on(wire, clock, read_deadline=45, mutation_timeout=20)

    with pytest.raises(expected) as raised:
        await (_put if mutation else _agents)(client)

    limit = 20 if mutation else 45
    assert limit / 3 < sum(clock.slept) < limit
    assert len(wire.requests) == len(clock.slept) + 1
    assert raised.value.retryable


async def test_pauses_grow_and_stay_bounded() -> None:
    clock = JumpingClock()
    with pytest.raises(errors.Unavailable):
        await _agents(client_on(Wire(answer({}, 502)), clock, read_deadline=40))
    assert clock.slept == [0.5, 1, 2, 4, 8, 8, 8, 8]


async def test_a_wait_longer_than_the_deadline_is_not_begun() -> None:
    clock, wire = JumpingClock(), Wire(answer({}, 429, {"Retry-After": "3600"}))
    with pytest.raises(errors.RateLimited) as raised:
        await _agents(client_on(wire, clock))
    assert (clock.slept, len(wire.requests)) == ([], 1)
    assert "3600" in raised.value.next_step


async def test_maintenance_says_what_dagster_plus_says() -> None:
    long = {"maintenance": {"message": "Upgrade.", "timeout": 300, "retry_interval": 600}}
    with pytest.raises(errors.Maintenance) as raised:
        await _put(client_on(Wire(answer(long))))
    assert raised.value.detail == "Upgrade."


async def test_maintenance_without_an_interval_waits_half_a_minute() -> None:
    for interval in (None, "soon", -1, 0):
        clock = JumpingClock()
        broken = {"maintenance": {"retry_interval": interval}}
        await _agents(client_on(Wire(answer(broken), answer(NO_AGENTS)), clock))
        assert clock.slept == [30.0], interval


async def test_a_clock_that_oversleeps_sends_nothing_more() -> None:
    class Oversleeper(JumpingClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds + 1000)

    wire = Wire(answer({}, 429))
    with pytest.raises(errors.RateLimited):
        await _put(client_on(wire, Oversleeper()))
    assert len(wire.requests) == 1


FINAL: dict[str, tuple[httpx.Response, type[DagsterPlusError], type[DagsterPlusError]]] = {
    "401": (answer({}, 401), errors.TokenRefused, errors.TokenRefused),
    "403": (answer(b"<html>no", 403), errors.TokenRefused, errors.TokenRefused),
    "404": (answer(b"", 404), errors.NotFound, errors.NotFound),
    "302": (answer(b"", 302), errors.ProtocolError, errors.ProtocolError),
    "418": (answer(b"", 418), errors.ProtocolError, errors.ProtocolError),
    "errors": (answer(GRAPHQL_ERRORS), errors.ServerError, errors.ServerError),
    "errors with 400": (answer(GRAPHQL_ERRORS, 400), errors.ServerError, errors.ServerError),
    "no JSON": (answer(b"<html>"), errors.ProtocolError, errors.AnswerLost),
    "cut off": (answer(b'{"data": {"ag'), errors.ProtocolError, errors.AnswerLost),
    "not UTF-8": (answer(b"\xff\xfe\x00"), errors.ProtocolError, errors.AnswerLost),
    "a list": (answer([]), errors.ProtocolError, errors.AnswerLost),
    "no data": (answer({"data": None}), errors.ProtocolError, errors.AnswerLost),
    "deep": (answer(b"[" * 100_000), errors.ProtocolError, errors.AnswerLost),
    "other data": (answer({"data": {"x": 1}}), errors.ProtocolError, errors.AnswerLost),
}


@pytest.mark.parametrize("name", FINAL)
@pytest.mark.parametrize("mutation", [False, True], ids=["query", "mutation"])
async def test_a_final_failure_is_sent_once(name: str, mutation: bool) -> None:
    step, of_query, of_mutation = FINAL[name]
    clock, wire = JumpingClock(), Wire(step)
    with pytest.raises(of_mutation if mutation else of_query) as raised:
        await (_put if mutation else _agents)(client_on(wire, clock))
    assert (len(wire.requests), clock.slept) == (1, [])
    assert ("ChatopsPutLocation" if mutation else "ChatopsAgents") in raised.value.summary


async def test_messages_of_errors_are_kept() -> None:
    with pytest.raises(errors.ServerError) as raised:
        await _agents(client_on(Wire(answer(GRAPHQL_ERRORS))))
    assert raised.value.detail == "Cannot query field\nsecond"


def _put_result(**result: Any) -> httpx.Response:
    return answer({"data": {"addOrUpdateLocationFromDocument": result}})


async def test_refusals_of_a_document() -> None:
    cases: list[tuple[dict[str, Any], type[DagsterPlusError], str]] = [
        (
            {"__typename": "InvalidLocationError", "errors": ["a", "b"]},
            errors.InvalidLocation,
            "a\nb",
        ),
        ({"__typename": "UnauthorizedError", "message": "no"}, errors.PermissionRefused, "no"),
        (python_error("Boom\n"), errors.ServerError, "Boom\n  File a\n"),
        (
            {"__typename": "NewError"},
            errors.AnswerLost,
            "addOrUpdateLocationFromDocument: union_tag_invalid NewError",
        ),
        (
            {"__typename": "WorkspaceEntry", "locationName": "other"},
            errors.AnswerLost,
            "it speaks of another location",
        ),
    ]
    for result, expected, detail in cases:
        wire = Wire(_put_result(**result))
        with pytest.raises(expected) as raised:
            await _put(client_on(wire))
        assert (raised.value.detail, len(wire.requests)) == (detail, 1)


async def test_refusals_of_a_deletion() -> None:
    unauthorized = {"__typename": "UnauthorizedError", "message": "no"}
    for result, expected in (
        (unauthorized, errors.PermissionRefused),
        (python_error(), errors.ServerError),
    ):
        with pytest.raises(expected):
            await client_on(Wire(answer({"data": {"deleteLocation": result}}))).delete_location(
                "prod", "core"
            )


@pytest.mark.parametrize(
    "document",
    [{}, {"location_name": ""}, {"location_name": 3}, {"location_name": "a", "x": float("nan")}],
)
async def test_a_document_that_cannot_be_sent_is_not_sent(document: dict[str, Any]) -> None:
    wire = Wire(answer(PUT_DONE))
    with pytest.raises(errors.InvalidLocation):
        await client_on(wire).put_location("prod", document)
    assert wire.requests == []


async def test_errors_of_the_workspace_as_a_whole() -> None:
    workspace = client_on(Wire(answer({"data": {"workspaceOrError": python_error()}})))
    with pytest.raises(errors.ServerError):
        await workspace.location_states("prod")
    entry = client_on(Wire(answer({"data": {"workspaceLocationEntryOrError": python_error()}})))
    with pytest.raises(errors.ServerError):
        await entry.location_error("prod", "core")


BROKEN: list[tuple[str, Any]] = [
    ("location_states", {"workspaceOrError": {"__typename": "Strange"}}),
    ("location_states", {"workspaceOrError": None}),
    (
        "location_states",
        {"workspaceOrError": {"__typename": "Workspace", "locationEntries": [{"name": "a"}]}},
    ),
    ("documents", {"locationsAsDocument": {"document": None}}),
    ("documents", {"locationsAsDocument": {"document": {"locations": [{}]}}}),
    ("deployed", {"workspace": None}),
    ("deployments", {"fullDeployments": [{"deploymentName": 3}]}),
    ("agent_type", {"currentDeployment": {"agentType": "MAGIC"}}),
    ("agent_type", {"currentDeployment": None}),
]


@pytest.mark.parametrize(("method", "data"), BROKEN)
async def test_a_broken_answer_is_named(method: str, data: Any) -> None:
    client = client_on(Wire(answer({"data": data})))
    call = getattr(client, method)
    with pytest.raises(errors.ProtocolError) as raised:
        await (call() if method == "deployments" else call("prod"))
    assert "Chatops" in raised.value.summary
    assert raised.value.detail


@pytest.mark.parametrize("stored", ["", "{", "[]", '{"image": 3}', "[" * 100_000])
async def test_broken_metadata_is_named(stored: str) -> None:
    entries = [{"locationName": "core", "serializedDeploymentMetadata": stored}]
    client = client_on(Wire(answer({"data": {"workspace": {"workspaceEntries": entries}}})))
    with pytest.raises(errors.ProtocolError):
        await client.deployed("prod")


async def test_an_agent_from_beyond_the_calendar_is_a_broken_answer() -> None:
    for moment in (1e300, -1, "now"):
        agent: dict[str, Any] = {
            "id": "1",
            "agentLabel": None,
            "status": "RUNNING",
            "lastHeartbeatTime": moment,
            "metadata": [],
            "errors": [],
        }
        with pytest.raises(errors.ProtocolError):
            await client_on(Wire(answer({"data": {"agents": [agent]}}))).agents("prod")
