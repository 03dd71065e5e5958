"""PEX files on the bot's disk, and the records that say which content each was built from."""

import contextlib
import json
import os
import re
import secrets
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import JsonValue

PEX_NAME = re.compile(r"(deps|source)-[0-9a-f]{8,64}\.pex")
"""The builder names a file by its kind and the hash of its content: same name, same file."""

Record = dict[str, JsonValue]


class PexFiles:
    """The folders `files` and `records` below `folder`. Every method is blocking."""

    def __init__(self, folder: Path) -> None:
        self._files = folder / "files"
        self._records = folder / "records"

    def path(self, name: str) -> Path:
        """Return where the file of this name is, if it is there."""
        return self._files / name

    def has(self, name: str) -> bool:
        """Say whether the file is there."""
        return self.path(name).is_file()

    def add(self, built: Path) -> None:
        """Take over a file that was just built."""
        self._files.mkdir(parents=True, exist_ok=True)
        built.replace(self.path(built.name))

    def record(self, key: str) -> Record | None:
        """Return what was noted for this content, and note that it was of use."""
        path = self._records / f"{key}.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            os.utime(path)
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def note(self, key: str, record: Record) -> None:
        """Note which file this content gives."""
        self._records.mkdir(parents=True, exist_ok=True)
        part = self._records / f"{key}.{secrets.token_hex(4)}"
        part.write_text(json.dumps(record), encoding="utf-8")
        part.replace(self._records / f"{key}.json")

    def used(self, name: str) -> None:
        """Note that the file was of use: what isn't for long is removed."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(self.path(name))

    def collect(self, now: datetime, keep: timedelta) -> None:
        """Remove files and records that were of no use for so long."""
        for folder in (self._files, self._records):
            for path in folder.glob("*"):
                with contextlib.suppress(FileNotFoundError):
                    if now.timestamp() - path.stat().st_mtime > keep.total_seconds():
                        path.unlink()
