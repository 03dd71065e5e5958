"""What people read about new projects."""

from collections.abc import Mapping, Sequence
from typing import Final

from deploy_core.model.people import Actor
from deploy_core.scaffold.needed import NeededSecret
from deploy_core.scaffold.options import PYTHONS, AgentKind, Ci, ProjectOptions
from deploy_core.scaffold.registries import Registry
from handlers.mrkdwn import code, link, words
from handlers.text.names import name, who

TITLE: Final = "New project"
MAKE: Final = "Make it"
LOADING: Final = "Asking Dagster+ whose agents run it…"
NAME: Final = "Name of the code location"
NAME_HINT: Final = "Letters, digits and _ - . with a letter or digit first."

LABELS: Final[dict[str, str]] = {
    "ci": "CI that deploys it",
    "package": "Python package",
    "python": "Python version",
    "image": "Image, without a tag",
    "registry": "Kind of the registry",
    "queue": "Agent queue",
    "push": "Push into this empty git repository",
    "create": "Or create this git repository and push",
}
HINTS: Final[dict[str, str]] = {
    "package": "Made from the location's name if you leave it empty.",
    "image": "Where CI pushes the images, as ghcr.io/acme/shop.",
    "registry": "Only where its host doesn't tell.",
    "queue": "The default one if you leave it empty.",
    "push": "You get a zip file if you leave it empty.",
    "create": "Its address, as https://github.com/acme/shop.",
}
PUSH_OR_CREATE: Final = "Say one repository: here, or above if it is there already."
CIS: Final[Mapping[str, str]] = {Ci.GITHUB: "GitHub Actions", Ci.GITLAB: "GitLab CI"}
REGISTRIES: Final[Mapping[str, str]] = {
    Registry.GHCR: "GitHub's (ghcr.io)",
    Registry.GITLAB: "GitLab's",
    Registry.DOCKERHUB: "Docker Hub",
    Registry.ECR: "AWS ECR",
    Registry.GCR: "Google's (GCR, Artifact Registry)",
}
PYTHON_NAMES: Final[Mapping[str, str]] = {each: f"Python {each}" for each in PYTHONS}
AGENTS: Final[Mapping[AgentKind, str]] = {
    AgentKind.HYBRID: "Hybrid",
    AgentKind.SERVERLESS: "Serverless",
}


def opens_a_form() -> str:
    """Return the line above a button that opens the form; a mention can't open one by itself."""
    return "A form asks for what the new project is to be like."


def about_form(agent: AgentKind, deployment: str) -> str:
    """Return what stands above the fields of the form."""
    return f"*{name(deployment)}* is a {AGENTS[agent]} deployment; the project is made for that."


def made(options: ProjectOptions, files: int, by: Actor) -> str:
    """Return the message about a project that was made."""
    return (
        f":package: {who(by)} made the project *{name(options.location)}*: {files} files,"
        f" {AGENTS[options.agent]}, {CIS[options.ci]}, Python {options.python}."
    )


def pushed(address: str, commit: str) -> str:
    """Return the line about the repository that it was pushed to."""
    return f"It is the first commit, {code(commit[:7])}, of {code(address, 300)}."


def zip_comment(options: ProjectOptions) -> str:
    """Return what is said with the zip file."""
    return (
        f"The repository of {name(options.location)}. Unpack it, commit it into a new repository,"
        " set the secrets below, and push: its CI does the rest."
    )


def secrets_lines(secrets: Sequence[NeededSecret], page: str, *, known: bool) -> list[str]:
    """Return what a person must set, line by line; `page` is where, or how if the repository isn't
    `known` yet."""
    where = link(page, "Set them here" if known else "How to set them")
    lines = [f"*Secrets that you must set* ({where}); none was set for you:"]
    return lines + [f"• {code(each.name)}: {words(each.why, 300)}" for each in secrets]


def next_line(options: ProjectOptions, *, is_pushed: bool) -> str:
    """Return how it goes on, once its first commit is pushed, or before."""
    into = name(options.deployment)
    merge = "pull request" if options.ci is Ci.GITHUB else "merge request"
    first = (
        "CI fails until the secrets are set; run it once more then, and the code location comes up"
        if is_pushed
        else "With the first push to the default branch the code location comes up"
    )
    return f"{first} in *{into}*. Each {merge} gets a branch deployment."
