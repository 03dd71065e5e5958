"""`POST /alerts/SECRET`: what the alert policies of Dagster+ send to a webhook."""

import asyncio
import hmac
import json
from collections.abc import Callable

import structlog
from aiohttp import web
from pydantic import SecretStr

from bot.http_mode import BODY_SECONDS
from deploy_core.model.errors import ConfigInvalid, StoreError
from deploy_core.store.alerts import Alerts
from deploy_core.watch.alert_desk import AlertDesk
from deploy_core.watch.alerts import read_alert

PATH = "/alerts/{secret}"

LARGEST_ALERT = 64_000
"""Bytes; what the template makes has a few hundred."""

SHORTEST_SECRET = 20

OnAlert = Callable[[str], None]
"""Told what became of a request: `new`, `again`, `sample`, `good` or `refused`."""

_log = structlog.get_logger()


def usable_secret(secret: SecretStr) -> bytes:
    """Return the secret. Raises `ConfigInvalid` for one that can be guessed, or that can't stand in
    an address."""
    value = secret.get_secret_value()
    if len(value) < SHORTEST_SECRET or not all(
        each.isascii() and (each.isalnum() or each in "-_.~") for each in value
    ):
        raise ConfigInvalid(
            "DAGSTER_ALERTS_SECRET must have at least 20 characters, of A-Z, a-z, 0-9, - and _.",
            next_step="Make one with `openssl rand -hex 24`.",
        )
    return value.encode()


class AlertRequests:
    """Takes alerts; `wake` has the deployment looked at now."""

    def __init__(
        self,
        secret: bytes,
        alerts: Alerts,
        desk: AlertDesk,
        wake: Callable[[str], None],
        on_alert: OnAlert = lambda _result: None,
    ) -> None:
        self._secret = secret
        self._alerts = alerts
        self._desk = desk
        self._wake = wake
        self._on_alert = on_alert

    async def handle(self, request: web.Request) -> web.Response:
        """Answer 404 without the secret, 413 and 408 to a body that is too long or dawdles, 400 to
        one that isn't as the template makes it, 503 when the store is away."""
        given = request.match_info["secret"].encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._secret):
            return self._refused(404, "There is nothing here.")
        body = await _body(request)
        if isinstance(body, int):
            answer = self._refused(body, "The body is too long, or too slow.")
            answer.force_close()
            return answer
        try:
            alert = read_alert(json.loads(body))
            if not self._desk.knows(alert.deployment):
                raise ValueError(f"the configuration has no deployment {alert.deployment[:100]}")
        except (ValueError, RecursionError) as error:
            said = str(error) if type(error) is ValueError else "the body is no JSON"
            return self._refused(400, f"{said[:1].upper()}{said[1:]}.")
        if alert.sample or alert.good:
            return self._taken("sample" if alert.sample else "good")
        try:
            new = await self._alerts.take(alert)
        except StoreError as error:
            _log.error("alert_not_taken", reason=error.reason)
            return web.json_response({"error": error.summary}, status=503)
        if new:
            self._wake(alert.deployment)
        return self._taken("new" if new else "again")

    def _taken(self, result: str) -> web.Response:
        self._on_alert(result)
        return web.json_response({"taken": result})

    def _refused(self, status: int, said: str) -> web.Response:
        # Neither the address, which has a secret, nor the body goes into the log.
        _log.warning("alert_refused", status=status, said=said)
        self._on_alert("refused")
        return web.json_response({"error": said}, status=status)


async def _body(request: web.Request) -> bytes | int:
    """Return the body, or with which status it is refused."""
    if (request.content_length or 0) > LARGEST_ALERT:
        return 413
    found = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.content.iter_any():
                found += part
                if len(found) > LARGEST_ALERT:
                    return 413
    except TimeoutError:
        return 408
    return bytes(found)
