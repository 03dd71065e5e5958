"""The Dockerfile that is offered where a location has none."""

import re
from pathlib import Path

PRE_INSTALL = "dagster_cloud_pre_install.sh"
POST_INSTALL = "dagster_cloud_post_install.sh"
"""Scripts of the project that the official CLI runs in its Docker builds."""

_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)", re.IGNORECASE | re.MULTILINE)

_REQUIREMENTS = """\
# The requirements change less often than the code: their layer stays.
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
"""


def generated_dockerfile(context: Path, base_image: str = "python:3.11-slim") -> str:
    """Return a Dockerfile for a Python project: its requirements first, then the project itself,
    and the hooks that Serverless has before the first and after the last of it.

    Dagster+ needs `dagster-cloud` in the image; it is installed where the project's own files
    don't name it (https://docs.dagster.io/deployment/dagster-plus/hybrid). Blocking.
    """
    has_requirements = (context / "requirements.txt").is_file()
    is_package = any((context / name).is_file() for name in ("pyproject.toml", "setup.py"))
    lines = [
        f"FROM {base_image}",
        "ENV PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1",
        "WORKDIR /opt/dagster/app",
    ]
    if (context / PRE_INSTALL).is_file():
        lines += [f"COPY {PRE_INSTALL} ./", _hook(PRE_INSTALL)]
    if not _names_dagster_cloud(context):
        lines.append("RUN pip install --no-cache-dir dagster-cloud")
    if has_requirements:
        lines += _REQUIREMENTS.splitlines()
    lines.append("COPY . .")
    if is_package:
        lines.append("RUN pip install --no-cache-dir .")
    if (context / POST_INSTALL).is_file():
        lines.append(_hook(POST_INSTALL))
    return "\n".join(lines) + "\n"


def base_images(dockerfile: str) -> tuple[str, ...]:
    """Return what the `FROM` lines name: images and earlier stages; those with variables not."""
    return tuple(dict.fromkeys(name for name in _FROM.findall(dockerfile) if "$" not in name))


def _hook(script: str) -> str:
    # A repository may have lost the bit that makes it a program.
    return f"RUN chmod +x {script} && ./{script}"


def _names_dagster_cloud(context: Path) -> bool:
    for name in ("requirements.txt", "pyproject.toml", "setup.py"):
        path = context / name
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            if "dagster-cloud" in text or "dagster_cloud" in text:
                return True
    return False
