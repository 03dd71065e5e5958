"""A page for a person who follows a link into the local Dagster+: the locations of a deployment."""

import json
from datetime import UTC, datetime
from html import escape

from aiohttp import web

from sandbox.dagster_plus.control_plane import ControlPlane, UnknownDeploymentError
from sandbox.dagster_plus.locations import CodeLocation

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem }}
section {{ border: 1px solid #d0d4da; border-radius: 8px; margin: 1rem 0; padding: .5rem 1rem }}
h2 {{ font-size: 1.1rem; margin: .3rem 0 }}
pre {{ overflow: auto; background: #f5f6f8; padding: .6rem }}
</style></head><body><h1>{title}</h1><p>The sandbox's Dagster+. Reload to see what is new.</p>
{sections}</body></html>
"""


class LocationsPage:
    """`GET /{deployment}/locations`, all locations or one; for reading only."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane

    async def get(self, request: web.Request) -> web.Response:
        """The page, or 404 for a deployment that doesn't exist."""
        try:
            deployment = self._plane.deployment(request.match_info["deployment"])
        except UnknownDeploymentError as unknown:
            raise web.HTTPNotFound(text=str(unknown)) from unknown
        wanted = request.match_info.get("location")
        shown = [loc for loc in deployment.locations.values() if wanted in (None, loc.name)]
        sections = "".join(_section(location) for location in shown)
        title = f"Code locations of {deployment.name}"
        page = _PAGE.format(
            title=escape(title), sections=sections or "<p>No code locations here.</p>"
        )
        return web.Response(text=page, content_type="text/html")


def _section(location: CodeLocation) -> str:
    document = escape(json.dumps(location.document, indent=2, ensure_ascii=False))
    error = location.report.error if location.report else None
    state = "Loading" if location.load_status == "LOADING" else "Failed" if error else "Loaded"
    at = datetime.fromtimestamp(location.updated_timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    trace = ""
    if error is not None:
        trace = f"<pre>{escape(error.message + ''.join(error.stack))}</pre>"
    return (
        f"<section><h2>{escape(location.name)}: {state}</h2><p>Updated {at}</p>{trace}"
        f"<details><summary>Document</summary><pre>{document}</pre></details></section>"
    )
