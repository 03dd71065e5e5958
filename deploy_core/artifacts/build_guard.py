"""Runs a builder, and ends it when the process that started it ends, however that ends.

`python build_guard.py FD COMMAND…`, started as the leader of a group, in the build's folder. FD is
the reading end of a pipe whose other end the parent holds: when that closes, the whole group is
ended. Without a guard a builder would go on after a crash: beside the next one, in a folder with
secrets that nobody may remove.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading

GRACE = 2.0
"""Seconds in which a client may tell its engine that the build is cancelled."""

NOT_FOUND = 127
"""The exit code when there is no such command, as a shell has it."""


def main() -> int:
    """Run the command and return its exit code, as a shell does."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    with contextlib.suppress(OSError):
        # For as long as we are here the folder isn't what a dead process has left.
        fcntl.flock(os.open(".", os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB)
    # It is meant for the command, which gets it too: we stay until that has ended. (Not SIG_IGN,
    # which the command would inherit.)
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        builder = subprocess.Popen(command)
    except OSError as error:
        sys.stderr.write(f"{command[0]} can't be run: {error}\n")
        return NOT_FOUND
    ending = threading.Event()
    threading.Thread(target=_end_with, args=(parent, builder, ending), daemon=True).start()
    code = builder.wait()
    while ending.is_set():
        signal.pause()  # until the group is killed, and we with it
    return code if code >= 0 else 128 - code


def _end_with(parent: int, builder: "subprocess.Popen[bytes]", ending: threading.Event) -> None:
    while os.read(parent, 1):
        pass
    ending.set()
    os.killpg(os.getpgrp(), signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        builder.wait(GRACE)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
