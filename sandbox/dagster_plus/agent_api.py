"""What an agent asks for beside GraphQL: snapshot uploads and reports on locations."""

import json
import secrets
import zlib
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.dagster_plus.control_plane import ControlPlane
from sandbox.dagster_plus.graphql_api import Tokens, deployment_of
from sandbox.dagster_plus.load_errors import load_error_from_stored
from sandbox.dagster_plus.locations import (
    Deployment,
    LoadReport,
    RepositoryContents,
    Schedule,
    Sensor,
)


@dataclass
class Snapshot:
    """An upload: announced with its place, and stored once its bytes have come."""

    sha1: str
    uri: str
    content: bytes | None = None

    def stored(self) -> dict[str, Any]:
        """Dagster's `StoredSnapshot`."""
        return {
            "__class__": "StoredSnapshot",
            "sha1": self.sha1,
            "format": "json.gz",
            "uri": self.uri,
            "decompressed_size": len(self.text()),
        }

    def text(self) -> str:
        """The uploaded JSON; the format that Dagster calls `json.gz` is zlib's."""
        return zlib.decompress(self.content or zlib.compress(b"")).decode()


class AgentApi:
    """The agent's endpoints over one control plane; snapshots are kept in memory by SHA-1."""

    def __init__(self, plane: ControlPlane, tokens: Tokens) -> None:
        self._plane = plane
        self._tokens = tokens
        self._snapshots: dict[str, Snapshot] = {}

    def routes(self) -> list[web.RouteDef]:
        """The endpoints, at the root as an agent with its own API address asks for them."""
        return [
            web.get("/check_snapshot", self.check_snapshot),
            web.put("/sandbox/snapshots/{sha1}", self.put_snapshot),
            web.put("/confirm_upload", self.confirm_upload),
            web.put("/code_location_update_result", self.update_result),
            web.put("/upload_workspace_entry", self.upload_workspace_entry),
            web.put("/upload_api_response", self.upload_api_response),
        ]

    async def check_snapshot(self, request: web.Request) -> web.Response:
        """Say whether a snapshot is stored, else where to put it."""
        self._for_agents(request)
        sha1, kind = request.query["sha1"], request.query["type"]
        known = self._snapshots.get(sha1)
        if known is not None and known.content is not None:
            return web.json_response(_check_result(stored=known.stored()))
        uri = f"sandbox://snapshots/{sha1}"
        self._snapshots[sha1] = Snapshot(sha1, uri)
        upload = {
            "__class__": "SnapshotUploadData",
            "sha1": sha1,
            "format": "json.gz",
            "uri": uri,
            "presigned_put_url": str(request.url.origin() / "sandbox" / "snapshots" / sha1),
            "id": secrets.token_hex(8),
            "type": kind,
        }
        return web.json_response(_check_result(upload=upload))

    async def put_snapshot(self, request: web.Request) -> web.Response:
        """Take the bytes of an announced snapshot; like a signed address, it needs no token."""
        snapshot = self._snapshots.get(request.match_info["sha1"])
        if snapshot is None:
            raise web.HTTPForbidden(text="This upload was not announced.")
        snapshot.content = await request.read()
        return web.Response()

    async def confirm_upload(self, request: web.Request) -> web.Response:
        """Acknowledge a finished upload."""
        self._for_agents(request)
        snapshot = self._snapshot((await request.json())["sha1"])
        return web.json_response(
            {"__class__": "ConfirmUploadResult", "stored_snapshot": snapshot.stored()}
        )

    async def update_result(self, request: web.Request) -> web.Response:
        """Take a `DagsterCloudCodeLocationUpdateResult`."""
        deployment = self._for_agents(request)
        result = await request.json()
        manifest = result.get("manifest")
        if manifest is None:
            stored = json.loads(self._snapshot(result["error_snapshot"]["sha1"]).text())
            report, loaded = LoadReport(error=load_error_from_stored(stored)), None
        else:
            report = self._report_of_manifest(manifest)
            loaded = manifest["code_location_deploy_data"]
        message = self._plane.report(deployment, result["location_name"], report, loaded)
        return web.json_response(_updated("DagsterCloudCodeLocationUpdateResponse", message))

    async def upload_workspace_entry(self, request: web.Request) -> web.Response:
        """Take a `DagsterCloudUploadWorkspaceEntry`, the older way to report a location."""
        deployment = self._for_agents(request)
        form = await request.post()
        upload = form["workspace_entry.tmp"]
        if not isinstance(upload, web.FileField):
            raise web.HTTPBadRequest(text="workspace_entry.tmp is not a file.")
        entry = json.loads(zlib.decompress(upload.file.read()))
        error = entry.get("serialized_error_info")
        loaded = None if error else entry["deployment_metadata"]
        report = (
            LoadReport(error=load_error_from_stored(error))
            if error
            else _report_of_location_data(entry["upload_location_data"])
        )
        message = self._plane.report(deployment, entry["location_name"], report, loaded)
        return web.json_response(_updated("DagsterCloudUploadWorkspaceResponse", message))

    async def upload_api_response(self, request: web.Request) -> web.Response:
        """Take the answer to a request that the agent fetched; nobody waits for it."""
        self._for_agents(request)
        await request.read()
        return web.Response()

    def _for_agents(self, request: web.Request) -> Deployment:
        if self._tokens.role(request) != "agent":
            raise web.HTTPForbidden(text="Only an agent's token may do this.")
        deployment = deployment_of(request, self._plane)
        if deployment is None:
            raise web.HTTPBadRequest(text="The request names no deployment.")
        return deployment

    def _snapshot(self, sha1: str) -> Snapshot:
        snapshot = self._snapshots.get(sha1)
        if snapshot is None or snapshot.content is None:
            raise web.HTTPNotFound(text="This snapshot was not uploaded.")
        return snapshot

    def _report_of_manifest(self, manifest: dict[str, Any]) -> LoadReport:
        return LoadReport(
            repositories=tuple(
                _contents(json.loads(self._snapshot(one["stored_snapshot"]["sha1"]).text()))
                for one in manifest["repositories"]
            ),
            image=manifest.get("container_image"),
            library_versions=_versions(manifest),
        )


def _report_of_location_data(data: dict[str, Any]) -> LoadReport:
    return LoadReport(
        repositories=tuple(
            _contents(json.loads(one["serialized_repository_data"]))
            for one in data["upload_repository_datas"]
        ),
        image=data.get("container_image"),
        library_versions=_versions(data),
    )


def _versions(reported: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((reported.get("dagster_library_versions") or {}).items()))


def _contents(repository: dict[str, Any]) -> RepositoryContents:
    """What is in Dagster's stored `ExternalRepositoryData`."""

    def names(key: str) -> tuple[str, ...]:
        return tuple(sorted(one["name"] for one in repository.get(key) or []))

    return RepositoryContents(
        name=repository["name"],
        jobs=names("external_job_refs") or names("external_pipeline_datas"),
        schedules=tuple(
            Schedule(
                one["name"],
                str(one["cron_schedule"]),
                one.get("execution_timezone"),
                running=_runs_by_default(one),
            )
            for one in repository.get("external_schedule_datas") or []
        ),
        sensors=tuple(
            Sensor(one["name"], running=_runs_by_default(one))
            for one in repository.get("external_sensor_datas") or []
        ),
        assets=tuple(
            "/".join(one["asset_key"]["path"])
            for one in repository.get("external_asset_graph_data") or []
        ),
    )


def _runs_by_default(stored: dict[str, Any]) -> bool:
    """Nobody starts or stops them here: they stand as the code says."""
    status = (stored.get("default_status") or {}).get("__enum__", "")
    return bool(status.endswith(".RUNNING"))


def _check_result(
    *, stored: dict[str, Any] | None = None, upload: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {"__class__": "CheckSnapshotResult", "stored_snapshot": stored, "upload_data": upload}


def _updated(class_name: str, message: str) -> dict[str, Any]:
    return {
        "__class__": class_name,
        "updated": True,
        "message": message,
        "missing_job_snapshots": None,
    }
