"""`python __main__.py probe|source|deps`: one job of a PEX build.

The job comes as JSON on standard input. Events go to standard output, one JSON object a line;
what builders print goes to standard error. The last event is `done` or `failed`, the latter with a
`kind` that says in which part of the work it failed. Functions of `dagster_cloud_cli` do the work.
"""

import contextlib
import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, TextIO

PROJECT_FILES = ("setup.py", "requirements.txt", "pyproject.toml")


class Failed(Exception):
    """The job can't be done; `kind` is one of the words that the bot knows."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def probe(_job: dict[str, Any], events: TextIO) -> None:
    """Say which builder this is, and which versions of Python it can build for."""
    from dagster_cloud_cli.utils import SUPPORTED_PYTHON_VERSIONS  # noqa: PLC0415

    versions = {name: metadata.version(name) for name in ("dagster-cloud-cli", "pex")}
    tell(events, "done", versions=versions, pythons=list(SUPPORTED_PYTHON_VERSIONS))


def source(job: dict[str, Any], events: TextIO) -> None:
    """Collect a project's requirements, tell them, and build its source PEX."""
    directory, output = job["directory"], job["output"]
    if not any((Path(directory) / name).is_file() for name in PROJECT_FILES):
        raise Failed("not_a_project", f"None of {', '.join(PROJECT_FILES)} is there.")
    from dagster_cloud_cli.core.pex_builder import deps as deps_builder  # noqa: PLC0415
    from dagster_cloud_cli.core.pex_builder import source as source_builder  # noqa: PLC0415
    from dagster_cloud_cli.core.pex_builder import util  # noqa: PLC0415

    version = util.parse_python_version(job["python"])
    if any((Path(directory) / name).is_file() for name in ("setup.py", "pyproject.toml")):
        _check_python(util.python_interpreter_for(version), job["python"])
    try:
        local, requirements = deps_builder.get_deps_requirements(directory, version)
    except Exception as error:
        raise Failed("requirements_unreadable", _words(error)) from error
    _check_inside(local.local_package_paths, job["root"])
    # The flags name a platform in full, thousands of characters: they are handed on as they are.
    tell(
        events,
        "collected",
        requirements=requirements.requirements_txt,
        flags=requirements.pex_flags,
    )
    try:
        built = source_builder.build_source_pex(
            directory, local.local_package_paths, output, version
        )
    except subprocess.CalledProcessError as error:
        raise Failed("not_installable", _words(error)) from error
    except BaseException as error:
        raise Failed("source_failed", _words(error)) from error
    tell(events, "done", file=Path(built).name)


def deps(job: dict[str, Any], events: TextIO) -> None:
    """Build the PEX of all dependencies."""
    from dagster_cloud_cli.core.pex_builder import deps as deps_builder  # noqa: PLC0415
    from dagster_cloud_cli.core.pex_builder import util  # noqa: PLC0415

    requirements = deps_builder.DepsRequirements(
        requirements_txt=job["requirements"],
        python_version=util.parse_python_version(job["python"]),
        pex_flags=job["flags"],
    )
    try:
        built, dagster_version = deps_builder.build_deps_from_requirements(
            requirements, job["output"], deps_builder.BuildMethod.LOCAL
        )
    except ValueError as error:
        raise Failed("dagster_missing", _words(error)) from error
    except BaseException as error:
        raise Failed("unresolved", _words(error)) from error
    tell(events, "done", file=Path(built).name, dagster=dagster_version)


def tell(events: TextIO, event: str, **facts: Any) -> None:
    """Write one event."""
    events.write(json.dumps({"event": event, **facts}) + "\n")
    events.flush()


def _check_inside(paths: list[str], root: str) -> None:
    """A requirement such as `../../etc` must not bring in what isn't the repository's."""
    top = Path(root).resolve()
    for path in paths:
        if not Path(path).resolve().is_relative_to(top):
            raise Failed("requirements_unreadable", f"{path} isn't in the repository.")


def _check_python(interpreter: str, version: str) -> None:
    """The builder runs this interpreter; a version manager may have a name without a program."""
    try:
        asked = subprocess.run([interpreter, "-c", ""], capture_output=True, check=False)
    except OSError as error:
        raise Failed("python_missing", _words(error)) from error
    if asked.returncode != 0:
        raise Failed("python_missing", f"{interpreter} is no Python {version}.")


def _words(error: BaseException) -> str:
    """The builder's own exceptions keep their text in `message`."""
    return str(getattr(error, "message", None) or str(error) or type(error).__name__)


def main() -> int:
    """Do the job that the command line names. Returns 1 when it failed."""
    # Builders print to descriptor 1, and so do the processes that they start: that is the log.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as events:
        os.dup2(2, 1)
        job = json.loads(sys.stdin.read() or "{}")
        try:
            {"probe": probe, "source": source, "deps": deps}[sys.argv[1]](job, events)
        except Failed as failed:
            tell(events, "failed", kind=failed.kind, message=str(failed))
            return 1
        except ImportError as error:
            tell(events, "failed", kind="builder_missing", message=str(error))
            return 1
        except metadata.PackageNotFoundError as error:
            tell(events, "failed", kind="builder_missing", message=str(error))
            return 1
        except Exception as error:
            tell(events, "failed", kind="broken", message=f"{type(error).__name__}: {error}")
            with contextlib.suppress(OSError):
                raise
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
