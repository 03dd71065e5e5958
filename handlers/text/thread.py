"""Sentences in the thread of a deploy."""

from typing import Final

from handlers.text.names import name

WHOLE_BUILD_LOG: Final = "The whole log of the build:"
FILE_CUT: Final = "\n… the rest was cut: it is longer than 1,000,000 characters\n"


def no_detail(location: str) -> str:
    """Return the answer where a target has no more to tell than its card."""
    return f"There is no more to tell about {name(location)} than the card says."


def full_error(location: str) -> str:
    """Return the line above an error that is shown in the message."""
    return f"The full error of {name(location)}:"


def full_error_in_file(location: str, lines: int) -> str:
    """Return the line above an error that is in the file."""
    return f"The full error of {name(location)} is in the file ({lines:,} lines)."


def build_log_of(location: str) -> str:
    """Return the line above the log of a build, in plain text."""
    return f"The build of {location}:"


def journal_heading(deploy: int) -> str:
    """Return the line above the journal of a deploy."""
    return f"The log of deploy {deploy} (times in UTC):"
