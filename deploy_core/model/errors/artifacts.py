"""Images, builds, engines and registries."""

from deploy_core.model.errors.base import DeployError


class ArtifactError(DeployError):
    """What the agent is to run isn't there."""


class ImageMissing(ArtifactError):
    """Neither the command nor the configuration says which image to use."""

    reason = "image_missing"
    default_next_step = "Give one with `--image`, or set the project's `image_tag` template."


class BuildNeeded(ArtifactError):
    """The location can only be deployed by building something that isn't set up."""

    reason = "build_needed"
    default_next_step = "Give an image with `--image`, or set the project's `artifact`."


class ImageNameInvalid(ArtifactError):
    """The name of an image can't be read."""

    reason = "image_name_invalid"
    default_next_step = "Write it as `registry/repository:tag` or `registry/repository@sha256:…`."


class ImageNotFound(ArtifactError):
    """The registry has no such image."""

    reason = "image_not_found"
    default_next_step = "Push the image first, or choose a tag that exists."


class DockerfileMissing(ArtifactError):
    """There is nothing to build from."""

    reason = "dockerfile_missing"
    default_next_step = (
        "Add a Dockerfile, or set `generate_dockerfile: true` in the project's `build`."
    )


class ContextTooLarge(ArtifactError):
    """The folder that would be sent to the Docker engine is too large."""

    reason = "context_too_large"
    default_next_step = (
        "List what the image doesn't need in `.dockerignore`, or raise `docker.most_context_mb`."
    )


class BuildSecretMissing(ArtifactError):
    """The variable or file of a build argument or build secret isn't there."""

    reason = "build_secret_missing"
    default_next_step = "Set the variable or the file where the bot runs."


class BuildKitNeeded(ArtifactError):
    """An option of the build that the classic builder doesn't have."""

    reason = "buildkit_needed"
    default_next_step = (
        "Install a `docker` client with BuildKit where the bot runs, or set `docker.client`."
    )


class BuildFailed(ArtifactError):
    """The build failed; `detail` begins with the last lines of the step that failed.

    `step` is that step's instruction if it is known, `log_file` the path of the whole log.
    """

    reason = "build_failed"
    default_next_step = "Mend the Dockerfile or what it installs, push, and deploy again."

    def __init__(
        self,
        summary: str,
        *,
        detail: str = "",
        step: str | None = None,
        log_file: str | None = None,
    ) -> None:
        super().__init__(summary, detail=detail)
        self.step = step
        self.log_file = log_file


class BuildTimedOut(ArtifactError):
    """The build took longer than it may."""

    reason = "build_timed_out"
    default_next_step = "Raise `build.timeout` if it only needs longer."
    retryable = True


class PushFailed(ArtifactError):
    """The image could not be pushed, for a reason that has no code of its own."""

    reason = "push_failed"
    default_next_step = "Read the message of the registry."


class DigestMissing(ArtifactError):
    """The push ended well, but the registry doesn't have the image."""

    reason = "digest_missing"
    default_next_step = "Try again; if it stays, look at the registry's log."
    retryable = True


class DigestMismatch(ArtifactError):
    """The registry has another image than the one that was pushed."""

    reason = "digest_mismatch"
    default_next_step = "Try again: somebody may have pushed the same tag at the same moment."
    retryable = True


class EngineGone(ArtifactError):
    """No Docker engine answers."""

    reason = "engine_gone"
    default_next_step = "Check that the Docker engine runs and that `docker.builders` names it."
    retryable = True


class DiskFull(ArtifactError):
    """A disk is full."""

    reason = "disk_full"
    default_next_step = "Free space on the Docker engine or in the registry, then try again."
    retryable = True


class RegistryUnreachable(ArtifactError):
    """The registry can't be reached."""

    reason = "registry_unreachable"
    default_next_step = "Try again; if it stays, check the registry's address and the network."
    retryable = True


class RegistryUnauthorised(ArtifactError):
    """The registry refuses our credential, or wants one and there is none."""

    reason = "registry_unauthorised"
    default_next_step = "Check the registry's credential, then run `dagster-chatops check`."


class RepositoryMissing(ArtifactError):
    """The registry has no such repository."""

    reason = "repository_missing"
    default_next_step = "Create the repository in the registry, or mend `build.registry`."


class RegistryQuota(ArtifactError):
    """The registry takes no more: its quota is used up, or there were too many requests."""

    reason = "registry_quota"
    default_next_step = "Remove old images or raise the quota; after too many requests, wait."


class RegistryProtocol(ArtifactError):
    """The registry answered something that we do not understand."""

    reason = "registry_protocol"
    default_next_step = "Check that `build.registry` names a Docker registry."


class CredentialHelperFailed(ArtifactError):
    """A credential helper of the Docker configuration doesn't work."""

    reason = "credential_helper_failed"
    default_next_step = "Run `docker-credential-… get` by hand where the bot runs."
