"""A Docker engine and registries for tests and for CI, on loopback, ended by their pid.

`python -m tests.docker.engine install` installs what is needed from the system's packages. Nothing
is pulled: bases are made FROM scratch with a static busybox.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

PACKAGES = ("docker.io", "docker-registry", "busybox-static", "mmdebstrap")
START_SECONDS = 60.0
STOP_SECONDS = 30.0

# The password is `right-canary-password`, as bcrypt, the only kind that the registry takes.
USER, PASSWORD = "pusher", "right-canary-password"
HTPASSWD = f"{USER}:$2y$05$dExsJEADGz4heB7Mq3nzyuEDYrIocqAN47OTgJl9ipFziRmaKtYne\n"

_REGISTRY_CONFIG = """\
version: 0.1
log: {{level: info, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {folder}/data}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""
_WITH_PASSWORD = """\
auth:
  htpasswd: {{realm: test, path: {folder}/htpasswd}}
"""


def why_not() -> str | None:
    """Return why there can be no engine here, None if there can."""
    if os.geteuid() != 0:
        return "a Docker engine can only be started by root"
    for program in ("dockerd", "docker-registry", "busybox"):
        if _find(program) is None:
            return f"{program} isn't installed (python -m tests.docker.engine install)"
    return None


def install() -> None:
    """Install the packages with apt, without starting any service."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES, "iptables"],
        check=True,
        env=environment,
    )


class Server:
    """A process of its own group that says in its output when it is ready."""

    def __init__(self, command: list[str], ready: str, log: Path) -> None:
        self._ready = re.compile(ready)
        self._log = log
        self._is_ready = threading.Event()
        self.match: re.Match[str] | None = None
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._is_ready.wait(START_SECONDS) or self.match is None:
            self.kill()
            said = log.read_text()[-3000:]
            self.stop()
            raise RuntimeError(f"{command[0]} did not start:\n{said}")

    def stop(self) -> None:
        """End it and wait, so that it can tidy up."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        self._reader.join()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def kill(self) -> None:
        """End it at once, as a crash would, and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _read(self) -> None:
        with self._log.open("w", encoding="utf-8") as log:
            for raw in self.process.stdout or ():
                line = raw.decode("utf-8", "replace")
                log.write(line)
                log.flush()
                if self.match is None and (found := self._ready.search(line)):
                    self.match = found
                    self._is_ready.set()
        self._is_ready.set()


class DockerEngine(Server):
    """dockerd with its data in `folder`. It leaves the machine's packet filter alone: containers
    reach this machine, and nothing else."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        # What an engine mounts and leaves when it is killed can't be removed, and pytest fails when
        # it clears up what old sessions have left: so it isn't among pytest's folders.
        self._mounts = Path(tempfile.mkdtemp(prefix="dockerd-"))
        self.socket = folder / "docker.sock"
        self.host = f"unix://{self.socket}"
        super().__init__(
            [
                _find("dockerd") or "dockerd",
                *("--data-root", str(folder / "data")),
                *("--exec-root", str(self._mounts)),
                *("--pidfile", str(folder / "dockerd.pid")),
                *("--host", self.host),
                "--iptables=false",
                *options,
            ],
            r"API listen on ",
            folder / "dockerd.log",
        )

    def stop(self) -> None:
        """End it and remove its data: ten thousands of files, for which nobody waits."""
        super().stop()
        self._unmount()
        if self.folder.is_dir():
            unwanted = self.folder.rename(f"{self.folder}-unwanted")
            subprocess.run(["sh", "-c", 'rm -rf "$0" >/dev/null 2>&1 &', unwanted], check=True)

    def _unmount(self) -> None:
        """An engine leaves its network name spaces mounted."""
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            place = line.split()[1]
            if place.startswith((f"{self.folder}/", f"{self._mounts}/")):
                subprocess.run(["umount", "--lazy", place], check=False)
        shutil.rmtree(self._mounts, ignore_errors=True)

    def make_base(self, name: str = "chatops-test-base:1") -> str:
        """Make a base image FROM scratch with busybox, in a second; return its name."""
        folder = self.folder / "base"
        folder.mkdir(exist_ok=True)
        shutil.copy(_find("busybox") or "/bin/busybox", folder / "busybox")
        (folder / "Dockerfile").write_text(
            "FROM scratch\nCOPY busybox /bin/busybox\n"
            'RUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
        )
        self.client("build", "--quiet", "--tag", name, str(folder))
        return name

    def client(self, *words: str) -> str:
        """Run the `docker` command against this engine and return what it prints."""
        done = subprocess.run(
            ["/usr/bin/docker", *words],
            env={**os.environ, "DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "0"},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()


class Registry(Server):
    """docker-registry with its data in `folder`, on a free port or on the one it had before."""

    def __init__(self, folder: Path, *, password: bool = False, port: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "htpasswd").write_text(HTPASSWD)
        text = _REGISTRY_CONFIG + (_WITH_PASSWORD if password else "")
        config = folder / "config.yml"
        config.write_text(text.format(folder=folder, port=port))
        super().__init__(
            [_find("docker-registry") or "docker-registry", "serve", str(config)],
            r"listening on (127\.0\.0\.1:\d+)",
            folder / "registry.log",
        )
        self.address = self.match[1] if self.match else ""


def _find(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        sys.exit("usage: python -m tests.docker.engine install")
    install()
