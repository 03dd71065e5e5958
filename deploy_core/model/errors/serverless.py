"""What can go wrong with Dagster+ Serverless: PEX files and Dagster's own image registry."""

from deploy_core.model.errors.artifacts import ArtifactError

_TRY_DOCKER = (
    "Mend the requirements and push; if a package can't be had as a wheel for Linux, "
    "set `artifact: docker` in the project."
)


class ServerlessError(ArtifactError):
    """The root of what is about Serverless."""


class ServerlessNeeded(ServerlessError):
    """A PEX was asked for, but the deployment is Hybrid."""

    reason = "serverless_needed"
    default_next_step = "Remove `artifact: pex` from the project, or deploy to another deployment."


class PexBuilderMissing(ServerlessError):
    """The extra that builds PEX files isn't installed."""

    reason = "pex_builder_missing"
    default_next_step = "Run `pip install 'dagster-chatops[serverless]'` where the bot runs."


class NotPythonProject(ServerlessError):
    """There is nothing in the folder that says what the project needs."""

    reason = "not_python_project"
    default_next_step = (
        "Add a `requirements.txt`, `pyproject.toml` or `setup.py`, or mend `build.directory`."
    )


class PythonVersionUnknown(ServerlessError):
    """Serverless has no such Python, or the bot's machine hasn't."""

    reason = "python_version_unknown"
    default_next_step = "Choose one of the versions that can be built, as `3.11`."


class RequirementsUnreadable(ServerlessError):
    """The project's requirements can't be read."""

    reason = "requirements_unreadable"
    default_next_step = "Mend the file that the message names, push, and deploy again."


class DependencyUnresolved(ServerlessError):
    """A dependency can't be had: no such release, none for Linux, or releases that conflict."""

    reason = "dependency_unresolved"
    default_next_step = _TRY_DOCKER


class DagsterMissing(ServerlessError):
    """The project doesn't need `dagster` or `dagster-cloud`, without which nothing loads."""

    reason = "dagster_missing"
    default_next_step = "Add `dagster` and `dagster-cloud` to the project's requirements."


class ProjectNotInstallable(ServerlessError):
    """The project itself, or a local package that it needs, can't be built."""

    reason = "project_not_installable"
    default_next_step = (
        "Run `pip install --no-deps .` in the project's folder and mend what it says."
    )


class PexBuildFailed(ServerlessError):
    """The build failed for a reason that has no code of its own."""

    reason = "pex_build_failed"
    default_next_step = "Read the end of the log; a Docker build (`artifact: docker`) may help."


class UploadExpired(ServerlessError):
    """The address for an upload had expired, and so had the new one."""

    reason = "upload_expired"
    default_next_step = "Check the clock of the machine where the bot runs, then try again."
    retryable = True


class UploadFailed(ServerlessError):
    """A PEX file could not be uploaded."""

    reason = "upload_failed"
    default_next_step = "Try again; if it stays, check the connection to Dagster+'s storage."
    retryable = True


class PexMissing(ServerlessError):
    """A PEX file that should be live isn't in Dagster+'s storage, and we have no copy of it."""

    reason = "pex_missing"
    default_next_step = "Deploy its commit again: the files are built anew."


class BaseImageRefused(ServerlessError):
    """The organisation may not use base images of its own."""

    reason = "base_image_refused"
    default_next_step = (
        "Remove `base_image`, or ask Dagster's support to enable custom base images."
    )


class ServerlessRegistryMissing(ServerlessError):
    """Dagster+ names no image registry for this deployment."""

    reason = "serverless_registry_missing"
    default_next_step = "Wait until the new deployment is active, or ask Dagster's support."
    retryable = True
