"""Dagster+'s storage for PEX files: what is there, and uploads to it by signed addresses."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from http import HTTPStatus
from pathlib import Path

import httpx
import structlog

from deploy_core.clock import Clock
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.endings import all_of
from deploy_core.model.errors import UploadExpired, UploadFailed

OnSent = Callable[[int, int], None]
"""Told while a file goes out: the bytes so far, and how many there are."""

_AGAIN = frozenset({429, 409, 500, 502, 503, 504})  # as the official CLI tries again
_CHUNK = 1 << 18
_FIRST_PAUSE = 1.0
_CODE = re.compile(r"<Code>(\w+)</Code>")
_LONGEST_RECORD = 10_000

log = structlog.get_logger()


class PexStorage:
    """Signed addresses are secrets and are shown nowhere; each attempt asks for a new one."""

    def __init__(self, dagster: DagsterPlus, http: httpx.AsyncClient, clock: Clock) -> None:
        self._dagster = dagster
        self._http = http
        self._clock = clock

    async def there(self, deployment: str, names: Sequence[str]) -> set[str]:
        """Return which of the files are in the storage; what can't be seen counts as not there.

        The address is signed for GET, so one byte is asked for instead of a HEAD. The storage
        may call a missing file forbidden.
        """
        urls = await self._dagster.pex_urls(deployment, names, upload=False)
        found = await all_of(*(self._there(url) for url in urls))
        return {name for name, there in zip(names, found, strict=True) if there}

    async def _there(self, url: str) -> bool:
        try:
            async with self._http.stream("GET", url, headers={"Range": "bytes=0-0"}) as response:
                return response.is_success
        except httpx.HTTPError:
            return False

    async def read(self, deployment: str, name: str) -> bytes | None:
        """Return a small file of the storage, None if it isn't there."""
        (url,) = await self._dagster.pex_urls(deployment, [name], upload=False)
        try:
            async with self._http.stream("GET", url) as response:
                if not response.is_success:
                    return None
                content = b""
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > _LONGEST_RECORD:
                        return None
                return content
        except httpx.HTTPError:
            return None

    async def upload(
        self, deployment: str, name: str, content: Path | bytes, *, tries: int, on_sent: OnSent
    ) -> None:
        """Put a file into the storage; what is transient is tried again.

        Raises `UploadExpired`, `UploadFailed`, and what Dagster+ says when asked for an address.
        """
        pause, expired = _FIRST_PAUSE, 0
        for attempt in range(1, tries + 1):
            (url,) = await self._dagster.pex_urls(deployment, [name], upload=True)
            status, said = await self._put(url, content, on_sent)
            if status is not None and 200 <= status < 300:
                return
            if status == HTTPStatus.FORBIDDEN and "expired" in said.lower():
                expired += 1
                if expired > 1:
                    raise UploadExpired(f"Two addresses for the upload of {name} had expired.")
                continue
            why = _why(status, said)
            if status is not None and status not in _AGAIN:
                raise UploadFailed(f"Dagster+'s storage refuses {name}: {why}.")
            if attempt < tries:
                log.info("pex_upload_retry", file=name, why=why, wait=pause)
                await self._clock.sleep(pause)
                pause *= 2
        raise UploadFailed(f"The upload of {name} failed {tries} times: {why}.")

    async def _put(
        self, url: str, content: Path | bytes, on_sent: OnSent
    ) -> tuple[int | None, str]:
        """Return the status and the beginning of the answer; no status is no answer."""
        if isinstance(content, bytes):
            size = len(content)
        else:
            size = (await asyncio.to_thread(content.stat)).st_size
        try:
            answer = await self._http.put(
                url,
                content=_chunks(content, size, on_sent),
                # S3 takes nothing of unknown length.
                headers={"Content-Length": str(size)},
            )
        except httpx.HTTPError as error:
            return None, type(error).__name__
        return answer.status_code, answer.text[:2_000]


async def _chunks(content: Path | bytes, size: int, on_sent: OnSent) -> AsyncIterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    sent = 0
    while chunk := await asyncio.to_thread(_part, content, sent):
        yield chunk
        sent += len(chunk)
        on_sent(sent, size)


def _part(path: Path, at: int) -> bytes:
    """Read a piece. Open no longer than that: an upload can be given up at any moment."""
    with path.open("rb") as file:
        file.seek(at)
        return file.read(_CHUNK)


def _why(status: int | None, said: str) -> str:
    if status is None:
        return f"no answer ({said})"
    code = _CODE.search(said)
    return f"{status} {code[1]}" if code else str(status)
