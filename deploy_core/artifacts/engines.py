"""Docker engines: this machine's, or others by TCP with TLS or by SSH."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deploy_core.artifacts.engine_stream import EngineStream
from deploy_core.artifacts.registry_errors import engine_gone
from deploy_core.endings import end_group
from deploy_core.model.errors import EngineGone
from deploy_core.settings import BuilderSettings, DockerSettings

if TYPE_CHECKING:
    from docker import APIClient
    from docker.tls import TLSConfig

LOCAL = "unix:///var/run/docker.sock"
PING_SECONDS = 10.0
_TUNNEL_SECONDS = 20.0
_GRACE = 2.0  # seconds in which ssh may end before it is killed
_TUNNEL_POLL = 0.05
_REMOTE_SOCKET = "/var/run/docker.sock"


class Engine:
    """One Docker engine. `running` is the number of our builds on it."""

    def __init__(
        self, name: str, settings: BuilderSettings, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.parallel = settings.parallel
        self.running = 0
        self._host = settings.host or environment.get("DOCKER_HOST") or LOCAL
        tls = settings.tls_folder
        if tls is None and settings.host is None and environment.get("DOCKER_TLS_VERIFY"):
            tls = environment.get("DOCKER_CERT_PATH", "~/.docker")
        self._tls = Path(tls).expanduser().absolute() if tls else None
        self._tunnel = (
            SshTunnel(name, self._host, environment) if self._host.startswith("ssh://") else None
        )

    async def connect(self) -> None:
        """Make sure that the engine can be reached at all. Raises `EngineGone`."""
        if self._tunnel is not None:
            await self._tunnel.open()
        if self.address.startswith("unix://"):
            try:
                _, writer = await asyncio.open_unix_connection(self.address.removeprefix("unix://"))
            except OSError as error:
                raise engine_gone(self.name, error.strerror or "") from None
            writer.close()
            await writer.wait_closed()

    async def ping(self, executor: Executor) -> None:
        """Raise `EngineGone` if the engine doesn't answer."""
        await self.connect()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(executor, self._ping)

    async def version(self, executor: Executor) -> str:
        """Return the version of the engine. Raises `EngineGone`."""
        await self.connect()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(executor, self._version)

    async def close(self) -> None:
        """End what was started to reach the engine."""
        if self._tunnel is not None:
            await self._tunnel.close()

    @contextmanager
    def api(self, seconds: float, stream: EngineStream | None = None) -> Iterator["APIClient"]:
        """Give the SDK's client for one piece of work. Blocking.

        `seconds` is how long the engine may be silent. Raises `EngineGone` for what breaks the
        connection, also in the block; errors that the engine reports go through as they are.
        """
        import requests  # noqa: PLC0415  # the SDK is slow to import
        from docker.errors import APIError, DockerException  # noqa: PLC0415
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        api = None
        try:
            api = _client_class()(
                base_url=self.address, version="auto", timeout=int(seconds), tls=self._tls_config()
            )
            if stream is not None:
                stream.watch(api)
            yield api
        except APIError:
            raise
        except (DockerException, requests.RequestException, HTTPError, OSError) as error:
            raise engine_gone(self.name, type(error).__name__) from None
        finally:
            if stream is not None:
                stream.close()
            if api is not None:
                api.close()

    @property
    def address(self) -> str:
        """Where the engine is reached from here; for SSH the near end of the tunnel."""
        return self._tunnel.address if self._tunnel is not None else self._host

    def client_environment(self) -> dict[str, str]:
        """Return the variables by which the `docker` command finds this engine."""
        found = {"DOCKER_HOST": self.address}
        if self._tls is not None:
            found |= {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(self._tls)}
        return found

    def _ping(self) -> None:
        with self.api(PING_SECONDS) as api:
            api.ping()

    def _version(self) -> str:
        with self.api(PING_SECONDS) as api:
            return str(api.version().get("Version", "?"))

    def _tls_config(self) -> "TLSConfig | bool":
        from docker.tls import TLSConfig  # noqa: PLC0415

        if self._tls is None:
            return False
        return TLSConfig(
            client_cert=(str(self._tls / "cert.pem"), str(self._tls / "key.pem")),
            ca_cert=str(self._tls / "ca.pem"),
            verify=True,
        )


@cache
def _client_class() -> "type[APIClient]":
    """The SDK's client, which asks the environment for nothing.

    `requests` would take REQUESTS_CA_BUNDLE before the certificate of the engine's own authority,
    and send what is for an engine to the proxy for the web.
    """
    from docker import APIClient  # noqa: PLC0415  # the SDK is slow to import

    class Client(APIClient):
        @property
        def trust_env(self) -> bool:
            return False

        @trust_env.setter
        def trust_env(self, value: bool) -> None:
            del value

    return Client


class SshTunnel:
    """A socket on this machine that ends at the engine of another, through the `ssh` command.

    The SDK would need a second SSH implementation; this uses the person's own keys, agent and
    known hosts. An unknown host is refused, never asked about.
    """

    def __init__(self, name: str, host: str, environment: Mapping[str, str]) -> None:
        self._name = name
        self._host = host
        self._environment = environment
        self._folder: str | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    @property
    def address(self) -> str:
        """The near end, once it is open."""
        return f"unix://{self._folder}/engine.sock"

    async def open(self) -> None:
        """Start the tunnel if it doesn't run. Raises `EngineGone`."""
        async with self._lock:
            if self._process is not None and self._process.returncode is None:
                return
            await self._end()
            self._folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="chatops-engine-")
            try:
                await self._start(f"{self._folder}/engine.sock")
            except BaseException:
                await self._end()
                raise

    async def close(self) -> None:
        """End the tunnel."""
        async with self._lock:
            await self._end()

    async def _start(self, near: str) -> None:
        parts = urlsplit(self._host)
        far = parts.path if len(parts.path) > 1 else _REMOTE_SOCKET
        user = f"{parts.username}@" if parts.username else ""
        command = ["ssh", "-nNT", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
        command += ["-o", "ExitOnForwardFailure=yes", "-o", "ServerAliveInterval=15"]
        command += ["-L", f"{near}:{far}", *(["-p", str(parts.port)] if parts.port else [])]
        command += ["--", f"{user}{parts.hostname}"]
        self._process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(self._environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TUNNEL_SECONDS):
                while self._process.returncode is None:
                    if await asyncio.to_thread(Path(near).is_socket):
                        return
                    await asyncio.sleep(_TUNNEL_POLL)
        raise engine_gone(self._name, "ssh did not connect")

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            await end_group(process, _GRACE)
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
            self._folder = None


class Engines:
    """All engines that may build, and the limit on builds at the same time."""

    def __init__(
        self, settings: DockerSettings, environment: Mapping[str, str], executor: Executor
    ) -> None:
        builders = settings.builders or {"local": BuilderSettings(parallel=64)}
        self._engines = {name: Engine(name, b, environment) for name, b in builders.items()}
        self._limit = settings.parallel_builds
        self._executor = executor
        self._changed = asyncio.Condition()

    def named(self, name: str) -> Engine:
        """Return the engine of that name. Raises `EngineGone` if the settings lost it."""
        if name not in self._engines:
            raise EngineGone(f"There is no builder `{name}` any more.")
        return self._engines[name]

    def all(self) -> tuple[Engine, ...]:
        """Return every engine."""
        return tuple(self._engines.values())

    @asynccontextmanager
    async def least_busy(self) -> AsyncIterator[Engine]:
        """Give an engine for one build, when there is room for it: the one with most room.

        Raises `EngineGone` if none of them answers.
        """
        engine = await self._take()
        try:
            yield engine
        finally:
            await self._give_back(engine)

    async def _take(self) -> Engine:
        dead: dict[str, EngineGone] = {}
        while len(dead) < len(self._engines):
            engine = await self._reserve(dead)
            try:
                await engine.ping(self._executor)
            except EngineGone as gone:
                dead[engine.name] = gone
            except BaseException:
                await self._give_back(engine)
                raise
            else:
                return engine
            await self._give_back(engine)
        if len(dead) == 1:
            raise next(iter(dead.values()))
        raise EngineGone(f"None of the Docker engines answers: {', '.join(dead)}.")

    async def _reserve(self, dead: Mapping[str, EngineGone]) -> Engine:
        async with self._changed:
            while True:
                alive = [engine for engine in self._engines.values() if engine.name not in dead]
                free = [engine for engine in alive if engine.running < engine.parallel]
                if free and sum(engine.running for engine in alive) < self._limit:
                    chosen = min(free, key=lambda engine: engine.running / engine.parallel)
                    chosen.running += 1
                    return chosen
                await self._changed.wait()

    async def _give_back(self, engine: Engine) -> None:
        engine.running -= 1
        async with self._changed:
            self._changed.notify_all()

    async def close(self) -> None:
        """End what was started to reach the engines."""
        await asyncio.gather(*(engine.close() for engine in self._engines.values()))
