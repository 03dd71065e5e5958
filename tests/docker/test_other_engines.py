"""Engines that are far (TCP with TLS), and one whose disk is full: each a real dockerd."""

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from bench.world import free_port
from deploy_core.model.errors import DiskFull, EngineGone
from tests.docker.engine import DockerEngine, Registry, why_not
from tests.docker.world import BASE, World, kill, runs, until
from tests.sources.repository import MovedClock

GOOD = f"FROM {BASE}\nRUN echo far > /x\n"


@pytest.fixture(autouse=True)
def _engines() -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)


@asynccontextmanager
async def world_of(
    engine: DockerEngine, registry: Registry, folder: Path, *, buildkit: bool
) -> AsyncIterator[World]:
    async with httpx.AsyncClient() as http:
        world = World(engine, registry, folder, http, MovedClock(), buildkit=buildkit)
        yield world
        await world.close()


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for an engine; the path of a socket in it may have a hundred characters."""
    with tempfile.TemporaryDirectory(prefix="engine-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "e"


@pytest.fixture
def small_engine(home: Path) -> Iterator[DockerEngine]:
    """An engine with 48 MB of disk."""
    data = home / "data"
    data.mkdir(parents=True)
    size = ("-t", "tmpfs", "-o", "size=48m", "tmpfs", str(data))
    subprocess.run(["mount", *size], check=True)
    engine = DockerEngine(home)
    try:
        engine.make_base()
        yield engine
    finally:
        engine.stop()  # unmounts what is below its folder


@pytest.mark.parametrize("buildkit", [True, False], ids=["buildkit", "classic"])
async def test_a_full_disk_is_said_and_what_was_built_goes(
    small_engine: DockerEngine, registry: Registry, tmp_path: Path, buildkit: bool
) -> None:
    async with world_of(small_engine, registry, tmp_path, buildkit=buildkit) as world:
        text = f"FROM {BASE}\nRUN cat /dev/zero > /big\n"
        world.repository.commit("Add", {"Dockerfile": text})
        with pytest.raises(DiskFull, match="`one` is full"):
            await world.build(world.recipe())
        assert not list((tmp_path / "var/builds/work").iterdir())
        world.repository.commit("Less", {"Dockerfile": GOOD})
        assert (await world.deploy(world.recipe())).image is not None


@pytest.mark.parametrize("buildkit", [True, False], ids=["buildkit", "classic"])
async def test_an_engine_that_ends_during_a_build_is_said_by_name(
    home: Path, registry: Registry, tmp_path: Path, buildkit: bool
) -> None:
    mark = f"72{abs(hash(tmp_path)) % 10_000:04d}"
    engine = DockerEngine(home)
    try:
        engine.make_base()
        async with world_of(engine, registry, tmp_path, buildkit=buildkit) as world:
            text = f"FROM {BASE}\nRUN echo begun; sleep {mark}\n"
            world.repository.commit("Add", {"Dockerfile": text})
            building = asyncio.create_task(world.build(world.recipe()))
            await until(lambda: runs(f"sleep\0{mark}") or building.done())
            engine.process.terminate()
            with pytest.raises(EngineGone, match="`one`"):
                await building
            assert not list((tmp_path / "var/builds/work").iterdir())
    finally:
        # BuildKit's step outlives the engine that began it.
        kill(f"sleep\0{mark}")
        engine.stop()


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], check=True, cwd=folder, capture_output=True)


def _authority(folder: Path) -> None:
    folder.mkdir(parents=True)
    new = ("-newkey", "rsa:2048", "-nodes", "-days", "2")
    _openssl(
        folder, "req", "-x509", *new, "-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=ca"
    )


def _signed(authority: Path, folder: Path, prefix: str, extension: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "extension").write_text(extension)
    key, cert = f"{prefix}key.pem", f"{prefix}cert.pem"
    asked = ("-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", "request", "-subj", "/CN=x")
    _openssl(folder, "req", *asked)
    by = ("-CA", f"{authority}/ca.pem", "-CAkey", f"{authority}/ca-key.pem", "-CAcreateserial")
    made = ("-in", "request", "-out", cert, "-days", "2", "-extfile", "extension")
    _openssl(folder, "x509", "-req", *by, *made)
    (folder / "ca.pem").write_text((authority / "ca.pem").read_text())


async def test_an_engine_behind_tls_builds_and_knows_its_clients(
    home: Path, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where a company has an authority of its own, this is set; it isn't the engine's.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "others" / "ca.pem"))
    for name in ("ours", "others"):
        _authority(tmp_path / name)
        _signed(tmp_path / name, tmp_path / f"{name}-client", "", "extendedKeyUsage=clientAuth")
    _signed(tmp_path / "ours", tmp_path / "server", "server-", "subjectAltName=IP:127.0.0.1")
    port = free_port()
    server = tmp_path / "server"
    engine = DockerEngine(
        home,
        *("--host", f"tcp://127.0.0.1:{port}", "--tlsverify"),
        *("--tlscacert", f"{server}/ca.pem", "--tlscert", f"{server}/server-cert.pem"),
        *("--tlskey", f"{server}/server-key.pem"),
    )
    try:
        engine.make_base()
        for buildkit in (True, False):
            folder = tmp_path / f"world-{buildkit}"
            async with world_of(engine, registry, folder, buildkit=buildkit) as world:
                world.repository.commit("Add", {"Dockerfile": GOOD})
                far = {"host": f"tcp://127.0.0.1:{port}"}
                known = {**far, "tls_folder": str(tmp_path / "ours-client")}
                world.make(builders={"far": known})
                assert (await world.deploy(world.recipe())).builder == "far"
                world.make(builders={"far": {**far, "tls_folder": str(tmp_path / "others-client")}})
                with pytest.raises(EngineGone, match="far"):
                    await world.build(world.recipe(), rebuild=True)
    finally:
        engine.stop()
