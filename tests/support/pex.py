"""Tiny projects for PEX builds, and one cache over all tests: the first build downloads."""

import os
import tempfile
from pathlib import Path

VERSION = "1.13.27"
REQUIREMENTS = f"dagster=={VERSION}\ndagster-cloud=={VERSION}\n"

DEFINITIONS = """\
import dagster as dg


@dg.asset
def orders() -> int:
    return 1


defs = dg.Definitions(assets=[orders])
"""

PYPROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "0.1.0"
dependencies = ["dagster=={version}", "dagster-cloud=={version}"]

[tool.setuptools]
packages = ["{name}"]
"""


def build_environment() -> dict[str, str]:
    """What a PEX build needs of this machine: its pip configuration, and the shared caches."""
    cache = Path(tempfile.gettempdir()) / f"dagster-chatops-tests-{os.getuid()}"
    kept = ("PIP_", "UV_", "SSL_", "REQUESTS_", "PYENV_", "HTTP_", "HTTPS_")
    return {
        **{key: value for key, value in os.environ.items() if key.startswith(kept)},
        "PEX_ROOT": str(cache / "pex"),
        "XDG_CACHE_HOME": str(cache),
        "UV_CACHE_DIR": str(cache / "uv"),
    }


def write_project(folder: Path, name: str = "shop", definitions: str = DEFINITIONS) -> Path:
    """Write a package `name` that needs nothing but Dagster, and return its folder."""
    package = folder / name
    package.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT.format(name=name, version=VERSION))
    (package / "__init__.py").write_text("")
    (package / "definitions.py").write_text(definitions)
    return folder
