"""Tiny projects for PEX builds, and one cache over all tests: the first build downloads."""

import os
import shutil
import tempfile
from pathlib import Path

from sandbox.projects.minimal import minimal_project

CACHE = Path(tempfile.gettempdir()) / f"dagster-chatops-tests-{os.getuid()}"


def build_environment() -> dict[str, str]:
    """What a PEX build needs of this machine: its pip configuration, and the shared caches."""
    kept = ("PIP_", "UV_", "SSL_", "REQUESTS_", "PYENV_", "HTTP_", "HTTPS_")
    return {
        **{key: value for key, value in os.environ.items() if key.startswith(kept)},
        "PEX_ROOT": str(CACHE / "pex"),
        "XDG_CACHE_HOME": str(CACHE),
        "UV_CACHE_DIR": str(CACHE / "uv"),
    }


def write_project(folder: Path) -> Path:
    """Write the package `shop` and return its folder."""
    for name, text in minimal_project().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def lend_dependencies(work_folder: Path) -> None:
    """Give a bot's work folder the dependencies that an earlier test has built."""
    for kind in ("files", "records"):
        for path in (CACHE / "built" / kind).glob("*"):
            target = work_folder / "pex" / kind / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(path)


def keep_dependencies(work_folder: Path) -> None:
    """Keep what this bot has built for later tests."""
    for path in [
        *(work_folder / "pex" / "files").glob("deps-*.pex"),
        *(work_folder / "pex" / "records").glob("*.json"),
    ]:
        if path.suffix == ".json" and '"deps"' not in path.read_text():
            continue
        target = CACHE / "built" / path.parent.name / path.name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f"{target.name}.{os.getpid()}")
            shutil.copy2(path, part)
            part.rename(target)
