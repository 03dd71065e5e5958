"""The token gets into the header of the request and nowhere else."""

import logging
import traceback

import httpx
import pytest
import structlog
from pydantic import SecretStr

from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.model.errors import ConfigInvalid, DeployError
from tests.dagster_plus.support import DOCUMENT, TOKEN, JumpingClock, Wire, answer, client_on

QUOTED = f"bad token {TOKEN}"
STEPS: list[httpx.Response | Exception] = [
    httpx.ConnectError(QUOTED),
    httpx.ReadError(QUOTED),
    httpx.LocalProtocolError(f"Illegal header value {TOKEN!r}"),
    answer({"errors": [{"message": QUOTED}]}),
    answer({"errors": QUOTED}, 401),
    answer({"maintenance": {"message": QUOTED, "retry_interval": 1}}),
    answer({"data": {QUOTED: 1}}),
    answer({"data": {"agents": QUOTED}}),
    answer({"data": {"agents": [{"id": QUOTED, "status": QUOTED}]}}),
    answer({"data": {"addOrUpdateLocationFromDocument": {"__typename": QUOTED}}}),
    answer(QUOTED.encode(), 500),
    answer({"errors": QUOTED}, 429),
]


def _everything(error: BaseException | None) -> str:
    text = ""
    while error is not None:
        text += "".join(traceback.format_exception(error)) + repr(vars(error)) + repr(error.args)
        error = error.__cause__ or error.__context__
    return text


@pytest.mark.parametrize("number", range(len(STEPS)))
@pytest.mark.parametrize("mutation", [False, True], ids=["query", "mutation"])
async def test_no_error_and_no_log_has_the_token(
    number: int, mutation: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wire = Wire(STEPS[number])
    client = client_on(wire)
    with structlog.testing.capture_logs() as logged, pytest.raises(DeployError) as raised:
        await (client.put_location("prod", DOCUMENT) if mutation else client.agents("prod"))

    assert wire.requests[0].headers["Dagster-Cloud-Api-Token"] == TOKEN
    assert raised.value.__context__ is None, "an exception of httpx holds the request"
    assert TOKEN not in _everything(raised.value)
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(logged)
    assert TOKEN not in repr(vars(client))


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "ä"])
def test_a_token_that_no_header_can_hold_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ConfigInvalid) as raised:
        DagsterPlus(organization="acme", token=SecretStr(token), clock=JumpingClock())
    assert not token or token not in str(raised.value)
