"""What a person can ask about new projects."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from deploy_core.model.errors import ProjectOptionInvalid
from deploy_core.scaffold.options import AgentKind, Ci, ProjectOptions
from deploy_core.scaffold.registries import Registry


@dataclass(frozen=True)
class NewProject:
    """Write a new project, as a whole repository; with `push` into an empty one at this address,
    with `create` into one that is made there.

    What isn't said is None: the agent's type is then asked of Dagster+, the rest is as the
    configuration says.
    """

    name: str
    deployment: str | None = None
    package: str | None = None
    agent: str | None = None
    ci: str | None = None
    image: str | None = None
    registry: str | None = None
    python: str | None = None
    queue: str | None = None
    push: str | None = None
    create: str | None = None

    @property
    def where(self) -> str | None:
        """The address of the repository that it is pushed to."""
        return self.create or self.push


@dataclass(frozen=True)
class OpenProjectForm:
    """`new-project` without a name: open the form."""

    deployment: str | None = None


PROJECT_OPTIONS: Final = (
    "package",
    "agent",
    "ci",
    "image",
    "registry",
    "python",
    "queue",
    "push",
    "create",
)
"""The options of `new-project`, each with the field of `NewProject` of its name."""

CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "agent": tuple(AgentKind),
    "ci": tuple(Ci),
    "registry": tuple(Registry),
}
"""The options that take one of a few words."""


PUSH_OR_CREATE: Final = "Both --push and --create are said; one of them has the address."


def require_choices(command: NewProject) -> NewProject:
    """Return the command with its choices in small letters. Raises `ProjectOptionInvalid` for a
    word that isn't one of them, and for two repositories."""
    if command.push is not None and command.create is not None:
        raise ProjectOptionInvalid(PUSH_OR_CREATE)
    read: dict[str, Any] = {}
    for option, words in CHOICES.items():
        said: str | None = getattr(command, option)
        read[option] = None if said is None else said.lower()
        if said is not None and said.lower() not in words:
            near = tuple(difflib.get_close_matches(said.lower(), words, n=1, cutoff=0.6))
            raise ProjectOptionInvalid(
                f"--{option} can't be “{said[:60]}”.",
                next_step=f"Choose one of {', '.join(words)}.",
                choices=tuple(f"--{option} {each}" for each in near),
            )
    return replace(command, **read)


def project_options(
    command: NewProject,
    *,
    agent: AgentKind,
    deployment: str,
    organization: str,
    ci: str,
    image: str | None,
) -> ProjectOptions:
    """Return what a project is made from: what was said, and for the rest what is known (`image`
    is the configuration's, with `{location}` for the location's name)."""
    said = command.image or ""
    if not said and image is not None and agent is AgentKind.HYBRID:
        said = image.replace("{location}", command.name.lower())
    return ProjectOptions(
        location=command.name,
        agent=agent,
        ci=Ci(command.ci or ci),
        package=command.package or "",
        organization=organization,
        deployment=deployment,
        image=said,
        registry=Registry(command.registry) if command.registry else None,
        python=command.python or ProjectOptions.python,
        queue=command.queue or "",
    )
