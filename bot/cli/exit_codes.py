"""How the commands end."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit codes mean; docs/cli.md has the same table."""

    GOOD = 0
    FAILED = 1  # something isn't live as asked
    USAGE = 2  # the command or the configuration can't be used; nothing was done
    NEEDS_HUMAN = 3  # nobody can tell what is live: look at Dagster+
    CANCELLED = 4
