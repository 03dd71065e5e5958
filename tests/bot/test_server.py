"""Alive and ready are two things."""

import httpx

from bot.server import Server


async def _get(port: int, path: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        return await http.get(f"http://127.0.0.1:{port}{path}")


async def test_ready_says_what_is_wrong() -> None:
    trouble: list[str | None] = [None]

    async def slack() -> str | None:
        return trouble[0]

    async def store() -> str | None:
        return None

    server = Server("127.0.0.1", 0, {"slack": slack, "store": store})
    port = await server.start()
    try:
        ready = await _get(port, "/readyz")
        assert (ready.status_code, ready.json()["ready"]) == (200, True)
        trouble[0] = "not connected to Slack"
        ready = await _get(port, "/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"] == {"slack": "not connected to Slack", "store": "ok"}
        assert (await _get(port, "/livez")).status_code == 200
    finally:
        await server.close()
