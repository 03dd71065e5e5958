"""A base image that bears the official one's name, made here from Debian's packages.

It has what only this machine needs to reach package registries: its certificates and pip's
settings. So the Dockerfile itself is built as anybody builds it.
"""

import os
import shutil
import subprocess
from pathlib import Path

from tests.docker.engine import DockerEngine

NAME = "python:3.11-slim"
SUITE = "bookworm"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def make_python_base(engine: DockerEngine) -> str:
    """Make the image in the engine and return its name. Takes half a minute and more."""
    archive = engine.folder / "python.tar"
    pip = engine.folder / "pip.conf"
    pip.write_text(f"[global]\ncert = {CERTIFICATES}\ntimeout = 180\nretries = 10\n")
    command = [
        *("mmdebstrap", "--quiet", "--variant=minbase"),
        "--include=python3,python3-venv,ca-certificates",
        # The official image has neither manuals nor translations.
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")),
        f"--customize-hook=copy-in {pip} /etc",
        "--customize-hook=rm -rf $1/var/lib/apt/lists/* $1/var/cache/apt/*",
    ]
    if Path(CERTIFICATES).is_file():
        command.append(f"--customize-hook=copy-in {CERTIFICATES} /etc/ssl/certs")
    subprocess.run([*command, SUITE, str(archive)], check=True, env=_environment())
    engine.client("import", "--change", "CMD python3", str(archive), NAME)
    archive.unlink()
    return NAME


def _environment() -> dict[str, str]:
    # The packages' scripts look for the root's own programs.
    return {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}


def why_not() -> str | None:
    """Return why the image can't be made here, None if it can."""
    if shutil.which("mmdebstrap") is None:
        return "mmdebstrap isn't installed (python -m tests.docker.engine install)"
    return None
