"""The lock that tells whether another process works on the same SQLite file.

The system gives it back when its process ends, however that ends: the next one needs not wait
until the dead one's leases have run out.
"""

import errno
import fcntl
import os
from pathlib import Path

_NOT_HERE = {errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS}


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
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            if isinstance(error, BlockingIOError):
                return False
            if error.errno in _NOT_HERE:
                return None
            raise
        self._file = file
        return True

    def release(self) -> None:
        """Give it back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
