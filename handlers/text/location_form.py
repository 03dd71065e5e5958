"""What the form of a code location says."""

from typing import Final

from deploy_core.sources import location_fields as fields

ADD_TITLE: Final = "Add a code location"
EDIT_TITLE: Final = "Edit a code location"
ADD: Final = "Add"
EDIT: Final = "Update"
LOADING: Final = "Looking up agents and code locations…"
NAME: Final = "Name"
DEPLOYMENTS_HINT: Final = "On each of several the location goes live with a message of its own."
NAME_HINT: Final = "One that exists is updated, after you have seen what changes."
DEPLOYMENT: Final = "Deployment"
DEFAULT_QUEUE: Final = "The default queue"
WHY: Final = "Reason"
HOW: Final = "How"
DIRECTLY: Final = "Directly: it goes live now"
NEW_REPOSITORY: Final = "New repository, with its CI"
HOW_HINT: Final = "A pull request changes dagster_cloud.yaml; it goes live when it is merged."
ONLY_IN_A_PROJECT: Final = "This stands in a project's file: choose a pull request above."
NOT_THIS_FORM: Final = "That has other fields: wait until they are shown."
ONLY_FROM_CODE: Final = "This is about code that is built: choose a project's code above."
NOT_FROM_CODE: Final = "The code of a project is built as its file says: leave this empty."
ONE_DEPLOYMENT: Final = "A pull request goes live on one deployment: choose one."
IS_THERE: Final = "There is one of this name already: deploy it from its project instead."
PYTHON: Final = "Python version"
PYTHON_HINT: Final = "That of the project's configuration where nothing is chosen."
BASE: Final = "Base image"
BASE_HINT: Final = "The tag of an image that was uploaded to Dagster+; it has its own Python."
NOT_BOTH: Final = "The base image has its own Python: choose one of the two."
NEW: Final = "New code"
WRITE_NEW: Final = "Write a new directory for it"
NEW_HINT: Final = "With a pull request: a package with an example asset, named as the location."
NEW_HAS_NO_SOURCE: Final = "New code brings its definitions: leave this empty, or name its package."
NEW_HAS_NO_IMAGE: Final = "New code isn't in an image yet: leave this empty, and say the registry."
TOO_LARGE: Final = "has more settings than a form can hold."
TOO_LARGE_STEP: Final = "Change it with `/dagster add-location`, or deploy it from a project."

LABELS: Final[dict[str, str]] = {
    fields.SOURCE_KIND: "Where its definitions are",
    fields.SOURCE: "Module, package or file",
    fields.IMAGE: "Image",
    **dict(zip(fields.BUILD, ("Build directory", "Registry"), strict=True)),
    fields.QUEUE: "Agent queue",
    "attribute": "Attribute",
    "working_directory": "Working directory",
    "executable_path": "Python executable",
    fields.PLATFORM: "Where the code runs",
    fields.ENV: "Environment variables",
    "namespace": "Kubernetes: namespace",
    "service_account": "Kubernetes: service account",
    **{
        f"{which}_{part}_{what}": f"Kubernetes: {words} of {whose}"
        for which, whose in (("server", "the code server"), ("run", "each run"))
        for part, what, words in (
            ("requests", "cpu", "CPU request"),
            ("limits", "cpu", "CPU limit"),
            ("requests", "memory", "memory request"),
            ("limits", "memory", "memory limit"),
        )
    },
    "task_role": "ECS: role of the tasks",
    "execution_role": "ECS: role that starts them",
    fields.NETWORKS: "Docker: networks",
    fields.MORE: "More of container_context, as YAML",
}

HINTS: Final[dict[str, str]] = {
    fields.SOURCE: "As it is imported, or the path of the file.",
    fields.IMAGE: "With its registry and tag; it is deployed by its digest.",
    **dict(
        zip(
            fields.BUILD,
            (
                "For a project that builds images: the folder with the Dockerfile.",
                "For a project that builds images: the repository of the image, without a tag.",
            ),
            strict=True,
        )
    ),
    "attribute": "Only where there is more than one Definitions object.",
    fields.PLATFORM: "Its own settings are shown then.",
    "task_role": "The IAM role that your code has: its ARN.",
    "execution_role": "The IAM role that fetches the image and the secrets: its ARN.",
    fields.NETWORKS: "With commas between them.",
    fields.ENV: "A line each: KEY=VALUE, or KEY for one that the agent has. Not for secrets.",
    fields.MORE: "Mappings below k8s, docker, ecs or aca; what has a field above is said there.",
}

KINDS: Final[dict[str, str]] = {
    "module_name": "Python module",
    "package_name": "Python package",
    "python_file": "Python file",
    "autoload_defs_module_name": "Module that is loaded by itself",
}

PLATFORMS: Final[dict[str, str]] = {
    "k8s": "Kubernetes",
    "docker": "Docker",
    "ecs": "Amazon ECS",
    "aca": "Azure Container Apps",
}


def by_pull_request(project: str) -> str:
    """Return the choice of a project. Raw name."""
    return f"Pull request to {project}"


def from_code(project: str) -> str:
    """Return the choice of a project's code. Raw name."""
    return f"Directly, from the code of {project}"


def edited(location: str, deployment: str) -> str:
    """Return the line at the top of a form that edits. Raw names."""
    return f"{location} on {deployment}. You are shown what changes before anything happens."


def opens_a_form() -> str:
    """Return the line above a button that opens the form; a mention can't open one by itself."""
    return "A code location is described in a form; or in one line, as `help add-location` shows."
