"""The smallest project that Dagster+ Serverless takes: one package that needs Dagster alone."""

VERSION = "1.13.27"
REQUIREMENTS = f"dagster=={VERSION}\ndagster-cloud=={VERSION}\n"

DEFINITIONS = """\
import dagster as dg


@dg.asset
def orders() -> int:
    return 1


defs = dg.Definitions(assets=[orders])
"""

_PYPROJECT = """\
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


def minimal_project(name: str = "shop", definitions: str = DEFINITIONS) -> dict[str, str]:
    """The files of a package `name`, by path."""
    return {
        "pyproject.toml": _PYPROJECT.format(name=name, version=VERSION),
        f"{name}/__init__.py": "",
        f"{name}/definitions.py": definitions,
    }
