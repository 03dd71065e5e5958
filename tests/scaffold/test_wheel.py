"""An installed dagster-chatops has the templates, those whose names begin with a dot too."""

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from deploy_core.scaffold.templates_folder import our_templates

ROOT = Path(__file__).parents[2]


@pytest.mark.proof
def test_every_template_is_in_the_wheel(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "deploy_core", source / "deploy_core", ignore=ignored)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(tmp_path), str(source)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if "/scaffold/templates/" in name}
    assert names == {f"deploy_core/scaffold/templates/{path}" for path in our_templates()}
