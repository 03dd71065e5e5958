"""Housekeeping: what a bot with the default settings leaves on its disk."""

import os
from pathlib import Path

import yaml

from bot.housekeeping import Housekeeping
from bot.settings import load_settings
from bot.wiring import open_core

ENVIRONMENT = {"DAGSTER_CLOUD_ORGANIZATION": "acme", "DAGSTER_CLOUD_API_TOKEN": "user:acme:x"}
HOUR = 3600


async def test_old_pex_files_go_whatever_the_projects_build(tmp_path: Path) -> None:
    project = {"git": str(tmp_path / "project"), "artifact": "auto"}
    config = {
        "deployments": {"prod": {}},
        "projects": {"one": project},
        "serverless": {"keep_files_hours": 24},
    }
    path = tmp_path / "dagster-chatops.yaml"
    path.write_text(yaml.safe_dump(config))
    async with open_core(load_settings(path, ENVIRONMENT), kind="cli") as core:
        files = tmp_path / "var/pex/files"
        files.mkdir(parents=True, exist_ok=True)
        for name, hours in (("source-old.pex", 25), ("source-new.pex", 23)):
            (files / name).write_bytes(b"pex")
            used = core.services.clock.now().timestamp() - hours * HOUR
            os.utime(files / name, (used, used))
        await Housekeeping(core).collect_builds()
        assert [file.name for file in files.iterdir()] == ["source-new.pex"]
