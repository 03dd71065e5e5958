"""Starts the bot as a process of its own, with a configuration written for the sandbox.

The bot is a program here, never an import: the sandbox knows only its command line, its files and
the wire protocols.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

STOP_SECONDS = 30.0


@dataclass
class BotProcess:
    """A running bot; `log` is the file that its output goes to."""

    process: Process
    log: Path
    config: Path
    environment: dict[str, str]

    async def stop(self) -> int:
        """Ask it to end, and wait; its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
        except TimeoutError:
            self.process.kill()
            return await self.process.wait()


def config_of(report: dict[str, Any], home: Path) -> dict[str, Any]:
    """Return the bot's configuration for a sandbox; `report` is the sandbox's JSON line."""
    people = [person["id"] for person in report.get("people", [])][:2]
    deployment = {"may_deploy": [*people, f"cli:{_user()}"]}
    return {
        "deployments": {
            "prod": deployment,
            "staging": {**deployment, "protected": True},
        },
        "projects": {
            name: {"git": path, "artifact": "source"} for name, path in report["projects"].items()
        },
        "store": str(home / "dagster-chatops.sqlite"),
        "work_folder": str(home / "work"),
        "server": {"port": 0},
    }


def environment_of(report: dict[str, Any]) -> dict[str, str]:
    """Return the environment that points the bot, or its command line, at a sandbox."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER_", "SLACK_"))}
    return {
        **kept,
        "DAGSTER_CLOUD_ORGANIZATION": report["organization"],
        "DAGSTER_CLOUD_API_TOKEN": report["user_token"],
        "DAGSTER_CLOUD_URL": f"{report['dagster_url']}/prod",
        "SLACK_API_URL": report.get("slack_api_url", ""),
        "SLACK_BOT_TOKEN": report.get("bot_token", ""),
        "SLACK_APP_TOKEN": report.get("app_token", ""),
        "SLACK_SIGNING_SECRET": report.get("signing_secret", ""),
        "PYTHONUNBUFFERED": "1",
    }


async def start_bot(
    report: dict[str, Any],
    home: Path,
    changes: dict[str, Any] | None = None,
    more: dict[str, str] | None = None,
) -> BotProcess:
    """Write the configuration into `home` and start the bot; `changes` replace top-level keys, and
    `more` is added to its environment."""
    await asyncio.to_thread(home.mkdir, parents=True, exist_ok=True)
    config, log = home / "dagster-chatops.yaml", home / "bot.log"
    text = yaml.safe_dump({**config_of(report, home), **(changes or {})}, sort_keys=False)
    await asyncio.to_thread(config.write_text, text)
    environment = {**environment_of(report), **(more or {})}
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "bot", "run", "--config", str(config)],
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    return BotProcess(process, log, config, environment)


def _user() -> str:
    import getpass  # noqa: PLC0415 - only here

    return getpass.getuser()
