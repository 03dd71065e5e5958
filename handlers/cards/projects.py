"""The message about a new project: pure."""

from collections.abc import Mapping

from deploy_core.model.people import Actor
from deploy_core.scaffold.needed import needed_secrets, settings_page
from deploy_core.scaffold.options import ProjectOptions
from handlers.blocks import Message, section
from handlers.text import projects as text


def project_message(
    options: ProjectOptions,
    files: Mapping[str, str],
    by: Actor,
    *,
    pushed: tuple[str, str] | None = None,
) -> Message:
    """Return the message: what was made, what a person must set, and how it goes on. `pushed` is
    the repository's address and its first commit."""
    first = text.made(options, len(files), by)
    lines = [first, *([text.pushed(*pushed)] if pushed else [])]
    page = settings_page(options.ci, pushed[0] if pushed else None)
    secrets = text.secrets_lines(needed_secrets(options), page, known=pushed is not None)
    return Message(
        first,
        blocks=[
            section("\n".join(lines)),
            section("\n".join(secrets)),
            section(text.next_line(options, is_pushed=pushed is not None)),
        ],
    )
