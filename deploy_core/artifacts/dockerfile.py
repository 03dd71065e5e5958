"""The Dockerfile that is offered where a location has none."""

import re
from pathlib import Path

_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)", re.IGNORECASE | re.MULTILINE)

_REQUIREMENTS = """\
# The requirements change less often than the code: their layer stays.
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
"""


def generated_dockerfile(context: Path, python: str = "3.11") -> str:
    """Return a Dockerfile for a Python project: its requirements first, then the project itself.

    Dagster+ needs `dagster-cloud` in the image; it is installed where the project's own files
    don't name it (https://docs.dagster.io/deployment/dagster-plus/hybrid). Blocking.
    """
    has_requirements = (context / "requirements.txt").is_file()
    is_package = any((context / name).is_file() for name in ("pyproject.toml", "setup.py"))
    lines = [
        f"FROM python:{python}-slim",
        "ENV PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1",
        "WORKDIR /opt/dagster/app",
    ]
    if not _names_dagster_cloud(context):
        lines.append("RUN pip install --no-cache-dir dagster-cloud")
    if has_requirements:
        lines += _REQUIREMENTS.splitlines()
    lines.append("COPY . .")
    if is_package:
        lines.append("RUN pip install --no-cache-dir .")
    return "\n".join(lines) + "\n"


def base_images(dockerfile: str) -> tuple[str, ...]:
    """Return what the `FROM` lines name: images and earlier stages; those with variables not."""
    return tuple(dict.fromkeys(name for name in _FROM.findall(dockerfile) if "$" not in name))


def _names_dagster_cloud(context: Path) -> bool:
    for name in ("requirements.txt", "pyproject.toml", "setup.py"):
        path = context / name
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            if "dagster-cloud" in text or "dagster_cloud" in text:
                return True
    return False
