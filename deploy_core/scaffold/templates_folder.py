"""Templates of new projects: ours, which come with the package, and a team's own in a folder."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from deploy_core.model.errors import TemplateInvalid

OURS: Final = Path(__file__).parent / "templates"
LAYERS: Final = (
    "project",
    "hybrid",
    "repository",
    "github-hybrid",
    "github-serverless",
    "gitlab-hybrid",
    "gitlab-serverless",
)
"""The folders of templates; which of them a project is made from, its options say."""
SHARED: Final = "parts"
"""A folder of what templates include; nothing is written from it. A team's files go over ours."""
MOST_FILES: Final = 500
MOST_BYTES: Final = 1_000_000

Templates = Mapping[str, str]
"""The texts of templates by their path, as `project/pyproject.toml.jinja`."""


def our_templates() -> Templates:
    """Return the templates that come with dagster-chatops. Blocking."""
    return _read(OURS)


def with_team_templates(folder: Path) -> Templates:
    """Return the templates of a team: each of `LAYERS` that is a folder there replaces ours, and
    the others stay. Blocking.

    Raises `TemplateInvalid` for a folder that has none of them, or something that isn't text.
    """
    theirs = {name for name in LAYERS if (folder / name).is_dir()}
    if not theirs:
        raise TemplateInvalid(
            f"The folder of templates `{folder.name}` has none of the folders "
            f"{', '.join(f'`{name}`' for name in LAYERS)}."
        )
    ours = our_templates().items()
    kept = {path: text for path, text in ours if path.partition("/")[0] not in theirs}
    return {**kept, **_read(folder)}


def _read(folder: Path) -> Templates:
    found: dict[str, str] = {}
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if len(found) >= MOST_FILES:
            raise TemplateInvalid(f"There are more than {MOST_FILES} templates.")
        found[name] = _text(path, name)
    return found


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files, never through a link: what it leads to isn't the team's template."""
    for name in sorted((*LAYERS, SHARED)):
        for place, folders, files in os.walk(folder / name):
            folders.sort()
            for file in sorted(files):
                path = Path(place) / file
                if path.is_symlink():
                    raise TemplateInvalid(f"The template `{path.relative_to(folder)}` is a link.")
                yield path


def _text(path: Path, name: str) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise TemplateInvalid(f"The template `{name}` has more than {MOST_BYTES:,} bytes.")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise TemplateInvalid(f"The template `{name}` isn't UTF-8 text.") from None
    except OSError as error:
        raise TemplateInvalid(f"The template `{name}` can't be read: {error.strerror}.") from None
