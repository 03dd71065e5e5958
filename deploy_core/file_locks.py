"""Locks on open files. The system gives one back when its process ends, however that ends: whoever
waits for a dead one needs not wait until a time has run out."""

import errno
import fcntl

_NOT_HERE = {errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS}


def lock(file: int, *, shared: bool = False) -> bool | None:
    """Take the lock of an open file or folder without waiting; `shared` ones exclude only those
    that aren't. Return True when it is ours, False when another process has it, None where the file
    system knows no such locks."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError as error:
        if isinstance(error, BlockingIOError):
            return False
        if error.errno in _NOT_HERE:
            return None
        raise
    return True
