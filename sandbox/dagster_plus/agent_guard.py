"""Runs an agent in a process group of its own, and ends the whole group.

`python -m sandbox.dagster_plus.agent_guard GRACE COMMAND…`, started as a session leader. Its
standard input is a pipe that its parent holds: when that closes, because the parent wants the
agent gone or is itself gone, the agent gets SIGTERM, GRACE seconds, and then the group SIGKILL.
The group must be killed even if the agent ended: its code servers outlive it. SIGTERM to the guard
kills the group at once.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading


def main() -> None:
    """Start the command and stay until it or the parent ends; never returns normally."""
    grace, command = float(sys.argv[1]), sys.argv[2:]
    signal.signal(signal.SIGTERM, lambda *_: _kill_group())
    agent = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_group_after, args=(agent,), daemon=True).start()
    sys.stdin.buffer.read()
    agent.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        agent.wait(grace)
    _kill_group()


def _end_group_after(agent: "subprocess.Popen[bytes]") -> None:
    agent.wait()
    _kill_group()


def _kill_group() -> None:
    os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    main()
