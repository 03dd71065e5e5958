"""Reads why a PEX build failed: which package, in which line of the project, and what to try."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from deploy_core.artifacts.pex_process import JobFailed
from deploy_core.model.errors import (
    DagsterMissing,
    DependencyUnresolved,
    NotPythonProject,
    PexBuilderMissing,
    PexBuildFailed,
    ProjectNotInstallable,
    PythonVersionUnknown,
    RequirementsUnreadable,
    ServerlessError,
)

_LONGEST = 3_000
_LONGEST_LINE = 300
_FILES = ("requirements.txt", "pyproject.toml", "setup.py", "setup.cfg")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

_NOT_BUILT = "{0} has no wheel for Python {1} on Linux, and its source can't be built here."

# Each finds the requirement that can't be had; the sentence is for the person.
_CAUSES = (
    (
        re.compile(r"Package '([^']+)' requires a different Python"),
        "{0} doesn't run on Python {1}.",
    ),
    (
        re.compile(r"No matching distribution found for ([^\s(;]+)"),
        "There is no release of {0} for Python {1} on Linux.",
    ),
    (
        re.compile(r"Could not find a version that satisfies the requirement ([^\s(;]+)"),
        "There is no release of {0} for Python {1} on Linux.",
    ),
    (
        re.compile(r"No pre-built wheel was available for ([^\s.]+[^\s]*?)\.?(?:\s|$)"),
        _NOT_BUILT,
    ),
    (
        re.compile(r"ERROR: Failed to build (?:installable wheels for )?'?([A-Za-z0-9][\w.-]*)"),
        _NOT_BUILT,
    ),
    # pip says only where it failed: in the folder that it unpacked the package to.
    (re.compile(r"cwd: \S*?([A-Za-z0-9][\w.-]*?)(?:_[0-9a-f]{32})?/?\n"), _NOT_BUILT),
)
_CONFLICT = re.compile(r"Cannot install (.+?) because these package versions have conflicting")
_INVALID = re.compile(r"Invalid requirement:? ['\"]?(.+?)['\"]?(?:[:\n]|$)")
_WORTH_SHOWING = re.compile(
    r"ERROR|error:|Error\b|No matching|conflict|depends on|requested|requires|Could not|pre-built"
)
_NOISE = re.compile(r"Found link|Skipping link|setup_py_code|except \w*Error")


def pex_error(failed: JobFailed, *, location: str, folder: Path, python: str) -> ServerlessError:
    """Return the error for a failed job; `folder` is the project's. Blocking."""
    detail = _detail(failed)
    if failed.kind == "unresolved":
        return _unresolved(
            "\n".join([failed.message, *failed.lines]), detail, location, folder, python
        )
    if failed.kind == "requirements_unreadable":
        return RequirementsUnreadable(
            f"The requirements of {location} can't be read: {_first_line(failed.message)}",
            detail=detail,
        )
    kinds: dict[str, tuple[type[ServerlessError], str]] = {
        "not_a_project": (NotPythonProject, f"{location} is no Python project: {failed.message}"),
        "python_missing": (
            PythonVersionUnknown,
            f"Python {python} isn't installed where the bot runs, so {location} can't be built.",
        ),
        "builder_missing": (PexBuilderMissing, "The builder of PEX files isn't installed."),
        "dagster_missing": (
            DagsterMissing,
            f"{location} doesn't require {_missing_package(failed.message)}.",
        ),
        "not_installable": (
            ProjectNotInstallable,
            f"The project of {location} can't be installed.",
        ),
    }
    kind, summary = kinds.get(
        failed.kind, (PexBuildFailed, f"The PEX of {location} could not be built.")
    )
    return kind(summary, detail=detail)


def _unresolved(
    text: str, detail: str, location: str, folder: Path, python: str
) -> ServerlessError:
    conflict = _CONFLICT.search(text)
    if conflict is not None:
        named = conflict[1].replace(" and ", ", ").split(", ")
        where = _places(folder, named)
        return DependencyUnresolved(
            f"Requirements of {location} contradict each other: {conflict[1]}{where}.",
            detail=detail,
        )
    invalid = _INVALID.search(text)
    if invalid is not None:
        return RequirementsUnreadable(
            f"A requirement of {location} can't be read: `{invalid[1][:200]}`"
            f"{_places(folder, [invalid[1]])}.",
            detail=detail,
        )
    for pattern, sentence in _CAUSES:
        found = pattern.search(text)
        if found is not None:
            said = sentence.format(f"`{found[1]}`", python)
            return DependencyUnresolved(
                f"{said[:-1]} ({location}{_places(folder, [found[1]], ', ')}).", detail=detail
            )
    return PexBuildFailed(f"The dependencies of {location} could not be built.", detail=detail)


def _places(folder: Path, requirements: Sequence[str], before: str = " in ") -> str:
    """Say in which lines of the project these are required, as far as a look at them tells."""
    found = []
    for requirement in requirements:
        name = _NAME.match(requirement.strip())
        place = next(_lines_naming(folder, name[0]), None) if name else None
        if place is not None and place not in found:
            found.append(place)
    return f"{before}{', '.join(found)}" if found else ""


def _lines_naming(folder: Path, name: str) -> Iterator[str]:
    parts = re.split(r"[-_.]+", name)
    pattern = re.compile(
        r"(?<![\w.-])" + r"[-_.]+".join(map(re.escape, parts)) + r"(?![\w-])", re.IGNORECASE
    )
    for file in _FILES:
        path = folder / file
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if pattern.search(line):
                yield f"`{file}` line {number}"


def _missing_package(message: str) -> str:
    return "`dagster-cloud`" if "dagster_cloud" in message else "`dagster`"


def _first_line(message: str) -> str:
    line = next((line for line in message.splitlines() if line.strip()), "")
    return line if line.endswith(".") else f"{line}."


def _detail(failed: JobFailed) -> str:
    """The lines that say something come first; a builder of this kind prints thousands."""
    printed = [*failed.lines, *failed.message.splitlines()]
    whole = [line for line in printed if not _NOISE.search(line)]
    telling = [line.strip("| ")[:_LONGEST_LINE] for line in whole if _WORTH_SHOWING.search(line)]
    kept = list(dict.fromkeys(telling or [line for line in whole if line.strip()]))
    return "\n".join(kept[-30:])[-_LONGEST:]
