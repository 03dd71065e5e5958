"""A base image with this machine's Python and the Dagster that the tests run with.

Nothing is downloaded: a root file system is put together from what is installed. It stands for the
official image of Python too, in which new projects are built: its pip takes what is there.
"""

import io
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from importlib.util import cache_from_source
from pathlib import Path

from packaging.requirements import Requirement

from deploy_core.scaffold.options import DEFAULT_PYTHON
from tests.docker.engine import DockerEngine

NAME = "dagster-code-base:1"
OFFICIAL = f"python:{DEFAULT_PYTHON}-slim"
SITE = "/opt/site-packages"
_WANTED = ("dagster", "dagster-cloud", "pip", "setuptools")
_PROGRAMS = ("dagster", "pip")
_BASE = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
_LEFT_OUT = {"test", "tests", "idlelib", "ensurepip", "site-packages", "dist-packages", "tkinter"}


def make_dagster_base(engine: DockerEngine) -> str:
    """Make the image in the engine and return its name."""
    archive = engine.folder / "base.tar"
    with tarfile.open(archive, "w", dereference=True) as root:
        _fill(root)
    changes = (
        f"ENV PYTHONPATH={SITE}",
        "ENV PATH=/usr/local/bin:/bin",
        "ENV DAGSTER_DISABLE_TELEMETRY=1",
        # pip reads "no build isolation: 0" as its opposite.
        "ENV PIP_NO_INDEX=1 PIP_NO_BUILD_ISOLATION=0 PIP_IGNORE_REQUIRES_PYTHON=1",
    )
    options = [word for change in changes for word in ("--change", change)]
    engine.client("import", *options, str(archive), NAME)
    engine.client("tag", NAME, OFFICIAL)
    archive.unlink()
    return NAME


def _fill(root: tarfile.TarFile) -> None:
    python = Path(sys.executable).resolve()
    files = {str(python): python, "/bin/sh": Path(shutil.which("busybox") or "/bin/busybox")}
    files |= _standard_library() | _packages()
    binaries = [python, *(path for path in files.values() if path.suffix == ".so")]
    files |= {name: Path(name) for name in _libraries(binaries)}
    for name, path in files.items():
        root.add(path, name)
    for name in _PROGRAMS:
        (script,) = distribution(name).entry_points.select(group="console_scripts", name=name)
        text = f"#!{python}\nimport sys\nfrom {script.module} import {script.attr}\n"
        text += f"sys.exit({script.attr}())\n"
        _add_text(root, f"/usr/local/bin/{name}", text, mode=0o755)
    _add_text(root, "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    temporary = tarfile.TarInfo("/tmp")
    temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
    root.addfile(temporary)


def _standard_library() -> dict[str, Path]:
    files: dict[str, Path] = {}
    for name in ("stdlib", "platstdlib"):
        for folder, inside, names in os.walk(sysconfig.get_path(name, vars=_BASE)):
            inside[:] = [each for each in inside if not _left_out(each)]
            files |= {each: Path(each) for each in (f"{folder}/{file}" for file in names)}
    return files


def _left_out(folder: str) -> bool:
    return folder in _LEFT_OUT or folder.startswith("config-")


def _packages() -> dict[str, Path]:
    files = {}
    for found in _closure(_WANTED).values():
        for file in found.files or ():
            path = Path(str(found.locate_file(file)))
            if ".." not in file.parts and path.is_file():
                files[f"{SITE}/{file}"] = path
                if path.suffix == ".py":
                    files |= _compiled(path, f"{SITE}/{file}")
    return files


def _compiled(path: Path, inside: str) -> dict[str, Path]:
    """A container that had to compile Dagster anew would be seconds slower at each start."""
    compiled = Path(cache_from_source(str(path)))
    return {cache_from_source(inside): compiled} if compiled.is_file() else {}


def _closure(names: tuple[str, ...]) -> dict[str, Distribution]:
    """The distributions with everything that they need."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(name) for name in names]
    while waiting:
        wanted = waiting.pop()
        found[wanted.name] = distribution(wanted.name)
        for part in {(wanted.name, extra) for extra in ("", *wanted.extras)} - seen:
            seen.add(part)
            waiting += _needs(found[wanted.name], part[1])
    return found


def _needs(found: Distribution, extra: str) -> Iterator[Requirement]:
    for text in found.requires or ():
        needed = Requirement(text)
        if needed.marker is None or needed.marker.evaluate({"extra": extra}):
            yield needed


def _libraries(binaries: list[Path]) -> set[str]:
    """The shared libraries and the loader, as `ldd` names them."""
    done = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False)
    words = [line.split() for line in done.stdout.splitlines() if line.startswith("\t")]
    paths = {word for line in words for word in line if word.startswith("/")}
    return {path for path in paths if not path.startswith(sys.prefix + "/")}


def _add_text(root: tarfile.TarFile, path: str, text: str, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(text.encode()), mode
    root.addfile(entry, io.BytesIO(text.encode()))
