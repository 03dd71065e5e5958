"""Where builds have their private folders and their logs, and what is removed there in time."""

import contextlib
import os
import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from deploy_core.artifacts.build_output import LAST_LINES
from deploy_core.file_locks import lock

_ABANDONED = timedelta(hours=25)  # no build may take as long: its process has died
_NOT_HELD_YET = "."
_KEEP_LOGS = timedelta(days=14)
MOST_KEPT = 900_000
"""Characters of a log that are kept for people; Slack shows a text file of a megabyte at most."""


class BuildFolder:
    """The folders `work` and `logs` below `folder`. Every method is blocking.

    Each folder in `work` is locked by whoever works in it, the bot and its builder. So what dead
    processes have left, secrets among it, is known at once and goes with the next build.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._held: dict[Path, int] = {}

    def log_file(self, name: str) -> Path:
        """Return where the log of a build goes."""
        return self._folder / "logs" / f"{name}.log"

    def new_work(self) -> Path:
        """Return a new folder that is readable by us alone: secrets are put there."""
        self._clear()
        parent = self._folder / "work"
        parent.mkdir(parents=True, exist_ok=True)
        path = Path(tempfile.mkdtemp(dir=parent, prefix=_NOT_HELD_YET))
        held = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        lock(held, shared=True)
        path = path.rename(path.with_name(path.name.removeprefix(_NOT_HELD_YET)))
        self._held[path] = held
        return path

    def remove_work(self, path: Path) -> None:
        """Remove a folder that `new_work` has returned."""
        remove_folder(path)
        held = self._held.pop(path, None)
        if held is not None:
            os.close(held)

    def _clear(self) -> None:
        """Remove the folders in which nobody works any more."""
        for path in self._folder.glob("work/*"):
            if not path.name.startswith(_NOT_HELD_YET):
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    _remove_if_left(path)

    def collect(self, now: datetime) -> None:
        """Remove old logs, and what processes that died have left."""
        self._clear()
        for pattern, limit in (("work/*", _ABANDONED), ("logs/*.log", _KEEP_LOGS)):
            for path in self._folder.glob(pattern):
                with contextlib.suppress(FileNotFoundError):
                    if now.timestamp() - path.stat().st_mtime > limit.total_seconds():
                        remove_folder(path) if path.is_dir() else path.unlink()


def _remove_if_left(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if lock(file):
            remove_folder(path)
    finally:
        os.close(file)


def remove_folder(path: Path) -> None:
    """Remove a folder with all that is in it. Blocking."""
    shutil.rmtree(path, ignore_errors=True)


def whole_log(path: Path) -> str:
    """Return a log; of one that is too long its beginning and, above all, its end. Blocking."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if len(text) <= MOST_KEPT:
        return text
    begin, end = text[: MOST_KEPT // 10], text[-MOST_KEPT * 9 // 10 :]
    left_out = text.count("\n", len(begin), len(text) - len(end))
    return f"{begin}\n… {left_out:,} lines are left out …\n{end}"


def last_lines(path: Path) -> str:
    """Return the end of a log. Blocking."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LAST_LINES:])
