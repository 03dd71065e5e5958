"""Sends GraphQL to Dagster+: headers, time limits, what is tried again, and what is not."""

import asyncio
import json
import platform
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx
import structlog
from pydantic import JsonValue, SecretStr

from deploy_core.clock import Clock
from deploy_core.dagster_plus.answers import JsonObject, read_answer
from deploy_core.dagster_plus.documents import Operation
from deploy_core.dagster_plus.http_errors import AttemptFailed, answer_lost, mapped_errors
from deploy_core.dagster_plus.urls import graphql_url
from deploy_core.model.errors import ConfigInvalid, DeployError, ProtocolError
from deploy_core.retry_after import retry_after

T = TypeVar("T")
OnCall = Callable[[str, str, float], None]
"""Told of each call: the operation's name, `ok` or the reason code, and its seconds."""

CONNECT_SECONDS = 5.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
CLIENT_VERSION = "1.13.27"  # of the official client whose requests ours resemble

log = structlog.get_logger()


def new_http_client() -> httpx.AsyncClient:
    """Return the client for all calls: HTTP/1.1, with connections that are kept between polls."""
    return httpx.AsyncClient(
        limits=httpx.Limits(
            max_connections=20, max_keepalive_connections=10, keepalive_expiry=30.0
        ),
        follow_redirects=False,
    )


class Transport:
    """Posts operations to one organisation and returns what `read` makes of the answer's data.

    Every call ends in time: a query after `read_deadline` seconds with all its attempts, each of
    at most `read_timeout`; a mutation after `mutation_timeout` seconds.
    """

    def __init__(
        self,
        *,
        base_url: str,
        token: SecretStr,
        clock: Clock,
        http: httpx.AsyncClient,
        read_timeout: float,
        read_deadline: float,
        mutation_timeout: float,
        on_call: OnCall | None,
    ) -> None:
        if not re.fullmatch(r"[!-~]+", token.get_secret_value()):
            raise ConfigInvalid("DAGSTER_CLOUD_API_TOKEN is empty or has characters no token has.")
        self._base_url = base_url
        self._token = token
        self._clock = clock
        self._http = http
        self._read_timeout = read_timeout
        self._read_deadline = read_deadline
        self._mutation_timeout = mutation_timeout
        self._on_call = on_call

    async def call(
        self,
        operation: Operation,
        read: Callable[[JsonObject], T],
        *,
        deployment: str | None,
        variables: Mapping[str, JsonValue] | None = None,
    ) -> T:
        """Send `operation` to a deployment, or to the organisation's root where that is None.

        A mutation whose answer says "done or refused" in a way that we can't read ends as
        AnswerLost, not as ProtocolError: the change may have been made, and AnswerLost is the
        error after which the caller looks before it does anything else.
        """
        started = self._clock.monotonic()
        outcome = "cancelled"
        try:
            data = await self._until_deadline(operation, deployment, variables or {})
            result = self._read(operation, read, data)
            outcome = "ok"
            return result
        except DeployError as error:
            outcome = error.reason
            raise
        finally:
            if self._on_call is not None:
                self._on_call(operation.name, outcome, self._clock.monotonic() - started)

    def _read(self, operation: Operation, read: Callable[[JsonObject], T], data: JsonObject) -> T:
        try:
            return read(data)
        except ProtocolError as error:
            if not operation.is_mutation:
                raise
            unclear = answer_lost(operation.name, "its answer can't be read", error.detail)
        raise unclear

    async def _until_deadline(
        self, operation: Operation, deployment: str | None, variables: Mapping[str, JsonValue]
    ) -> JsonObject:
        url = graphql_url(self._base_url, deployment)
        body = _body(operation, variables)
        allowed = self._mutation_timeout if operation.is_mutation else self._read_deadline
        deadline = self._clock.monotonic() + allowed
        pause = FIRST_PAUSE
        left = allowed
        while True:
            try:
                return await self._attempt(operation, url, deployment, body, left)
            except AttemptFailed as failure:
                failed = failure
            wait = failed.wait or pause
            if not failed.again or self._clock.monotonic() + wait >= deadline:
                break
            log.info(
                "dagster_plus_retry",
                operation=operation.name,
                reason=failed.error.reason,
                wait=wait,
            )
            await self._clock.sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE)
            left = deadline - self._clock.monotonic()
            if left <= 0:  # slept too long: an attempt would end at once and count as sent
                break
        # Raised outside the handler, so that no exception of httpx, which holds the request and
        # with it the token, hangs on to ours as its context.
        raise failed.error

    async def _attempt(
        self, operation: Operation, url: str, deployment: str | None, body: bytes, left: float
    ) -> JsonObject:
        mutation = operation.is_mutation
        limit = left if mutation else min(left, self._read_timeout)
        # A third, so that waiting for a connection can never use up the whole limit: what ends at
        # the limit counts as sent.
        connect = min(CONNECT_SECONDS, limit / 3)
        timeout = httpx.Timeout(limit, connect=connect, pool=connect)
        with mapped_errors(operation.name, mutation=mutation):
            async with asyncio.timeout(limit):
                response = await self._http.post(
                    url, content=body, headers=self._headers(deployment), timeout=timeout
                )
        return read_answer(
            operation=operation.name,
            mutation=mutation,
            status=response.status_code,
            text=self._without_token(response.text),
            retry_after=retry_after(response.headers.get("Retry-After"), self._clock.now()),
        )

    def _headers(self, deployment: str | None) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Dagster-Cloud-Api-Token": self._token.get_secret_value(),
            "Dagster-Cloud-Version": CLIENT_VERSION,
            "Dagster-Cloud-Scope": "deployment",  # the CLI sends this to the root as well
            "Python-Version": platform.python_version(),
            "User-Agent": "dagster-chatops",
        }
        if deployment is not None:
            headers["Dagster-Cloud-Deployment"] = deployment
        return headers

    def _without_token(self, text: str) -> str:
        """A server or a proxy may quote the request: nothing read further on has the token."""
        return text.replace(self._token.get_secret_value(), "[token]")


def _body(operation: Operation, variables: Mapping[str, JsonValue]) -> bytes:
    body: dict[str, Any] = {
        "operationName": operation.name,
        "query": operation.text,
        "variables": dict(variables),
    }
    return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
