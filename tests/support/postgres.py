"""A real PostgreSQL server for tests, in a folder of its own, on loopback."""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "chatops"


def server_programs() -> Path | None:
    """Return the folder with `initdb`, or None where PostgreSQL isn't installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


@contextmanager
def running_server(programs: Path) -> Iterator[str]:
    """Yield the address of a server that runs until the end, `postgresql://USER@HOST:PORT`.

    PostgreSQL refuses to run as root: then it runs as the system's user `postgres`.
    """
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    port = _free_port()
    as_root = getpass.getuser() == "root"
    if as_root:
        shutil.chown(folder, "postgres")
    prefix = ["runuser", "-u", "postgres", "--"] if as_root else []
    data = str(folder / "data")

    def run(program: str, *arguments: str) -> None:
        command = [*prefix, str(programs / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, env=_environment())

    run("initdb", "-D", data, "-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://{USER}@127.0.0.1:{port}"
    finally:
        run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
