"""What Dagster+ Serverless has beside agents: a store for PEX files, and a registry for images.

PEX files go in and out by signed addresses that expire, as Dagster+ gives them for S3. The agent
fetches them with boto3 itself, so the same files are served where S3 would have them:
`/BUCKET/PREFIX/pex/FILE`, for whoever has the access key.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from sandbox.dagster_plus.faults import Faults

BUCKET = "sandbox-serverless"
PREFIX = "org-storage/sandbox"
ACCESS_KEY = "SANDBOXACCESSKEY0001"
SECRET_KEY = "sandbox-secret-of-the-agent"
REGION = "us-west-2"

Method = Literal["GET", "PUT"]

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.=-]{0,254}")
_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/")


@dataclass(frozen=True)
class RegistryInfo:
    """The image registry of a Serverless organisation, as `serverless { … }` tells it.

    `url` is `host/repository` for ECR, and for Harbor `host/project/prefix`, below which each
    location has a repository of its own.
    """

    url: str
    username: str
    password: str
    harbor: bool = False
    custom_base: bool = True

    def fields(self) -> dict[str, Any]:
        """GraphQL's answer."""
        token = f"{self.username}:{self.password}".encode()
        return {
            "awsRegion": REGION,
            "awsAuthToken": base64.b64encode(token).decode(),
            "registryAllowCustomBase": self.custom_base,
            "registryIsHarbor": self.harbor,
            "registryUrl": self.url,
        }


NO_REGISTRY = {
    "awsRegion": REGION,
    "awsAuthToken": None,
    "registryAllowCustomBase": False,
    "registryIsHarbor": False,
    "registryUrl": None,
}


@dataclass(frozen=True)
class Serverless:
    """Which deployments are Serverless, where their PEX files are kept, and their registry."""

    folder: Path
    deployments: tuple[str, ...] = ("prod",)
    registry: RegistryInfo | None = None


class PexStoreSettings(BaseModel):
    """The body of `POST /sandbox/pex_store`."""

    model_config = ConfigDict(extra="forbid")

    url_lifetime: float = Field(default=900.0)


@dataclass
class PexStore:
    """The files in `folder`, and who put and fetched what."""

    folder: Path
    faults: Faults
    settings: PexStoreSettings = field(default_factory=PexStoreSettings)
    transfers: list[dict[str, Any]] = field(default_factory=list)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def routes(self) -> list[web.RouteDef]:
        """The one path, which takes both signed addresses and boto3's own requests."""
        path = f"/{BUCKET}/{PREFIX}/pex/{{filename}}"
        return [web.get(path, self.get), web.put(path, self.put)]

    def signed_url(self, base: str, method: Method, filename: str) -> str:
        """An address that lets anybody put or get this file for a while."""
        expires = f"{time.time() + self.settings.url_lifetime:.3f}"
        query = {"X-Expires": expires, "X-Signature": self._sign(method, filename, expires)}
        return f"{base}/{BUCKET}/{PREFIX}/pex/{filename}?{urlencode(query)}"

    def as_json(self) -> dict[str, Any]:
        """The part of `GET /sandbox/state` about PEX files."""
        files = sorted(path.name for path in self.folder.glob("*")) if self.folder.exists() else []
        return {"files": files, "transfers": self.transfers}

    async def put(self, request: web.Request) -> web.StreamResponse:
        """Take a file. It is there once it came whole, never in parts."""
        filename = _filename(request)
        self._check_signature(request, "PUT", filename)
        await self._meet_fault(request, "pex_put")
        if request.content_length is None:
            # S3 wants to know the length beforehand.
            raise _refused(411, "MissingContentLength", "You must provide the length.")
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder.parent / f"{self.folder.name}-{secrets.token_hex(8)}.part"
        size = 0
        try:
            with part.open("wb") as file:
                async for chunk in request.content.iter_chunked(1 << 18):
                    await asyncio.to_thread(file.write, chunk)
                    size += len(chunk)
            if size != request.content_length:
                raise _refused(400, "IncompleteBody", "Fewer bytes came than were announced.")
            part.rename(self.folder / filename)
        finally:
            part.unlink(missing_ok=True)
        self.transfers.append({"method": "PUT", "file": filename, "bytes": size, "by": "url"})
        return web.Response(headers={"ETag": f'"{secrets.token_hex(16)}"'})

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Give a file, or a range of it; a HEAD is answered too, as S3 does for boto3."""
        filename = _filename(request)
        by = self._who(request, filename)
        await self._meet_fault(request, "pex_get")
        path = self.folder / filename
        if not path.is_file():
            raise _refused(404, "NoSuchKey", "The specified key does not exist.")
        self.transfers.append(
            {"method": request.method, "file": filename, "bytes": path.stat().st_size, "by": by}
        )
        return web.FileResponse(path)

    def _who(self, request: web.Request, filename: str) -> str:
        credential = _CREDENTIAL.match(request.headers.get("Authorization", ""))
        if credential is None:
            self._check_signature(request, "GET", filename)
            return "url"
        if credential[1] != ACCESS_KEY:
            raise _refused(403, "InvalidAccessKeyId", "The access key does not exist.")
        return "agent"

    def _check_signature(self, request: web.Request, method: Method, filename: str) -> None:
        expires = request.query.get("X-Expires", "")
        given = request.query.get("X-Signature", "")
        if request.method != method or not hmac.compare_digest(
            given, self._sign(method, filename, expires)
        ):
            raise _refused(403, "SignatureDoesNotMatch", "The signature does not match.")
        if time.time() > float(expires):
            raise _refused(403, "AccessDenied", "Request has expired")

    def _sign(self, method: Method, filename: str, expires: str) -> str:
        text = f"{method}\n{filename}\n{expires}".encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()

    async def _meet_fault(self, request: web.Request, name: str) -> None:
        fault = self.faults.take_request_fault(names={name}, client="user", deployment=None)
        if fault is None:
            return
        if fault.kind == "status":
            raise _refused(fault.status, "SandboxFault", fault.message)
        if fault.kind == "drop_before_change" and request.transport is not None:
            request.transport.abort()
            raise _refused(500, "SandboxFault", fault.message)
        await asyncio.sleep(fault.seconds)


def agent_environment(dagster_plus_url: str, home: Path) -> Mapping[str, str]:
    """What lets an agent of this machine load PEX files as one of Dagster's own does.

    Files and virtual environments are in `home`: two agents that share them remove each other's.
    """
    return {
        "AWS_ENDPOINT_URL": dagster_plus_url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
        "DAGSTER_CLOUD_SERVERLESS_REGION": REGION,
        "DAGSTER_CLOUD_SERVERLESS_STORAGE_S3_BUCKET": BUCKET,
        "DAGSTER_CLOUD_SERVERLESS_STORAGE_S3_PREFIX": PREFIX,
        "LOCAL_PEX_FILES_DIR": str(home / "pex-files"),
        "VENVS_ROOT": str(home / "venvs"),
        "PEX_ROOT": str(home / "pex-root"),
    }


def _filename(request: web.Request) -> str:
    filename = request.match_info["filename"]
    if not _FILE_NAME.fullmatch(filename):
        raise _refused(400, "InvalidArgument", "This is no name for a file here.")
    return filename


def _refused(status: int, code: str, message: str) -> web.HTTPException:
    """S3's way of saying no."""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    kinds: dict[int, type[web.HTTPException]] = {
        400: web.HTTPBadRequest,
        403: web.HTTPForbidden,
        404: web.HTTPNotFound,
        503: web.HTTPServiceUnavailable,
    }
    kind = kinds.get(status)
    if kind is not None:
        return kind(text=text, content_type="application/xml")
    refused = web.HTTPInternalServerError(text=text, content_type="application/xml")
    refused.set_status(status)
    return refused
