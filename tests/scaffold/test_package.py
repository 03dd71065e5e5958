"""What was written is a project of Dagster: it loads, its asset is there, its tests pass."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from deploy_core.scaffold.options import ProjectOptions
from tests.scaffold.projects import directory, files_of, serverless, write

LOOK = """\
import json, sys
import pytest
code = pytest.main(["-q", "-p", "no:cacheprovider", "tests"])
from {package}.definitions import defs
keys = [key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()]
print("\\n" + json.dumps([int(code), keys]))
"""


async def look(folder: Path, package: str) -> tuple[int, list[str], str]:
    """Run a project's tests where a person would, and return its assets."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LOOK.format(package=package)),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    code, keys = json.loads(output.splitlines()[-1])
    return code, keys, output


@pytest.mark.parametrize(
    ("options", "where"),
    [(serverless(location="my-shop.v2"), "."), (directory(shared=True), "teams/shop")],
)
async def test_a_new_project_loads_and_its_tests_pass(
    tmp_path: Path, options: ProjectOptions, where: str
) -> None:
    package = options.package_name
    folder = write(files_of(options), tmp_path) / where
    code, keys, output = await look(folder, package)
    assert (code, keys) == (0, [f"{package}_example"]), output
    assert "2 passed" in output


async def test_its_tests_fail_when_its_code_is_broken(tmp_path: Path) -> None:
    files = files_of(serverless())
    files["shop/resources/__init__.py"] = files["shop/resources/__init__.py"].replace("+ 1", "+ 2")
    code, _, output = await look(write(files, tmp_path), "shop")
    assert code == 1, output
    assert "1 failed, 1 passed" in output
