"""The lock that tells whether another process works on the same SQLite file."""

import os
from pathlib import Path

from deploy_core.file_locks import lock


class WorkerLock:
    """A lock on a file beside the database. (Not on the database itself: SQLite's own locks would
    go when we close it.)"""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    @property
    def held(self) -> bool:
        return self._file is not None

    def take(self) -> bool | None:
        """Return True when it is ours, False when another process has it, None where the file
        system knows no such locks."""
        if self._file is not None:
            return True
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        taken: bool | None = False
        try:
            taken = lock(file)
        finally:
            if not taken:
                os.close(file)
        if taken:
            self._file = file
        return taken

    def release(self) -> None:
        """Give it back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
