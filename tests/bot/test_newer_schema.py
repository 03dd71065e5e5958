"""An older bot refuses a database that a newer one has written, whatever it is started for."""

import asyncio
import os
import sqlite3
import sys
from pathlib import Path

import pytest
import yaml

from deploy_core.store.store import Store
from tests.support.clock import ManualClock

FAILED = 1
COMMANDS = (["run"], ["check"], ["status"], ["deploy", "core"])


@pytest.fixture
async def config(tmp_path: Path) -> Path:
    """A configuration whose database is of a later version."""
    path = tmp_path / "store.sqlite"
    await (await Store.open(str(path), ManualClock())).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    file = tmp_path / "dagster-chatops.yaml"
    written = {
        "deployments": {"prod": {"may_deploy": ["cli:ada"]}},
        "store": str(path),
        "work_folder": str(tmp_path / "work"),
        "server": {"port": 0},
    }
    file.write_text(yaml.safe_dump(written))
    return file


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
async def test_it_says_which_schema_it_found_and_what_to_do(
    config: Path, command: list[str]
) -> None:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "dagster-chatops"),
        *command,
        "--config",
        str(config),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={
            "PATH": os.environ["PATH"],
            "COLUMNS": "200",
            "DAGSTER_CLOUD_ORGANIZATION": "acme",
            "DAGSTER_CLOUD_API_TOKEN": "user:acme:0123",
            "SLACK_BOT_TOKEN": "xoxb-1",
            "SLACK_APP_TOKEN": "xapp-1",
        },
    )
    output, _ = await process.communicate()
    said = output.decode()
    assert process.returncode == FAILED, said
    assert "The database has schema 9999, which this version doesn't know" in said
    assert "Run the newer version, or restore a backup of the database." in said
    assert "Traceback" not in said
    with sqlite3.connect(config.parent / "store.sqlite") as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)
