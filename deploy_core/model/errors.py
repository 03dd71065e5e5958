"""Everything that can go wrong, as one tree.

Each class has a fixed `reason` code; each raise carries one sentence for the person and the next
step. Exceptions of libraries are mapped to these at the edge where the library is called.

DeployError
├── UsageError                usage              the text can't be read
│   ├── UnknownLocation       unknown_location
│   ├── UnknownDeployment     unknown_deployment
│   ├── UnknownDeploy         unknown_deploy     no such deploy in the history
│   ├── AmbiguousLocation     ambiguous_location the name is in more than one project
│   └── MixedProjects         mixed_projects     one @REF over several projects
├── NotAllowed                not_allowed        the person may not change this deployment
├── ConfigInvalid             config_invalid     our own configuration file
├── SourceError
│   ├── UnknownRef            unknown_ref
│   ├── GitUnreachable        git_unreachable
│   ├── GitAuthFailed         git_auth_failed
│   ├── GitFailed             git_failed         any other failure of the git command
│   ├── FileNotFound          file_not_found     dagster_cloud.yaml isn't at that commit
│   ├── FileInvalid           file_invalid       dagster_cloud.yaml can't be used as it is
│   └── UnsafePath            unsafe_path        a path that leaves the checkout
├── ArtifactError
│   ├── ImageMissing          image_missing      neither --image nor a tag template gives one
│   ├── BuildNeeded           build_needed       the location can only be deployed by a build
│   ├── ImageNameInvalid      image_name_invalid
│   ├── ImageNotFound         image_not_found    the registry has no such image
│   ├── DockerfileMissing     dockerfile_missing
│   ├── ContextTooLarge       context_too_large  the folder that would be sent to the engine
│   ├── BuildSecretMissing    build_secret_missing
│   ├── BuildKitNeeded        buildkit_needed    an option that only BuildKit has
│   ├── BuildFailed           build_failed       a step of the Dockerfile failed
│   ├── BuildTimedOut         build_timed_out
│   ├── PushFailed            push_failed        any other failure of a push
│   ├── DigestMissing         digest_missing     pushed, but the registry doesn't have it
│   ├── DigestMismatch        digest_mismatch    pushed, but the registry has something else
│   ├── EngineGone            engine_gone        no Docker engine answers
│   ├── DiskFull              disk_full          the engine's or the registry's disk
│   ├── RegistryUnreachable   registry_unreachable
│   ├── RegistryUnauthorised  registry_unauthorised
│   ├── RepositoryMissing     repository_missing the registry has no such repository
│   ├── RegistryQuota         registry_quota     too much stored, or too many requests
│   ├── RegistryProtocol      registry_protocol  an answer that we do not understand
│   └── CredentialHelperFailed credential_helper_failed
├── DagsterPlusError
│   ├── Unreachable           dagster_unreachable     no connection; nothing was sent
│   ├── AnswerLost            dagster_answer_lost     sent, but the answer never came
│   ├── RateLimited           dagster_rate_limited
│   ├── Maintenance           dagster_maintenance
│   ├── Unavailable           dagster_unavailable     5xx after all retries
│   ├── TokenRefused          dagster_token_refused   401 or 403
│   ├── PermissionRefused     dagster_permission_refused  UnauthorizedError in the answer
│   ├── InvalidLocation       dagster_invalid_location    InvalidLocationError in the answer
│   ├── ServerError           dagster_server_error    PythonError or `errors` in the answer
│   ├── NotFound              dagster_not_found       404: organisation or deployment is wrong
│   └── ProtocolError         dagster_protocol        an answer that we do not understand
├── LoadError
│   ├── LoadFailed            load_failed        the agent reported a Python error
│   ├── LoadTimedOut          load_timed_out
│   ├── NoAgent               no_agent
│   └── NoAgentOnQueue        no_agent_on_queue
├── StateError
│   ├── IllegalMove           illegal_move       a move that the table of states doesn't have
│   ├── LeaseLost             lease_lost         another worker has taken the target over
│   ├── PlanChanged           plan_changed       what would be sent is not what was confirmed
│   ├── Superseded            superseded         somebody else changed the location meanwhile
│   ├── NothingToGoBackTo     nothing_to_go_back_to
│   ├── AlreadyEnded          already_ended
│   └── AlreadySent           already_sent       too late to cancel: offers to go back
├── Cancelled                 cancelled          a person stopped it
├── GoneBack                  gone_back          a person asked to go back while it was loading
├── StoreError
│   ├── StoreUnavailable      store_unavailable
│   ├── StoreTooNew           store_too_new
│   └── AnotherWorker         another_worker
└── InternalError             internal           a defect of ours; never shown without an id
"""

from collections.abc import Iterator
from typing import ClassVar

from deploy_core.model.python_error import PythonError


class DeployError(Exception):
    """What went wrong, in one sentence, and what to do next.

    `summary` is a whole sentence for the person. `next_step` says what to do; each class has a
    default. `detail` is longer text (a trace, an answer), already free of secrets. `choices` are
    names that would have been right. `retryable` says whether the same request may succeed later.
    """

    reason: ClassVar[str] = ""
    default_next_step: ClassVar[str] = ""
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        summary: str,
        *,
        next_step: str | None = None,
        detail: str = "",
        choices: tuple[str, ...] = (),
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.next_step = self.default_next_step if next_step is None else next_step
        self.detail = detail
        self.choices = choices


class UsageError(DeployError):
    """The text of a command can't be read."""

    reason = "usage"
    default_next_step = "Type `/dagster help` for the commands and their forms."


class UnknownLocation(UsageError):
    """No project and no deployment has a code location of this name."""

    reason = "unknown_location"
    default_next_step = "Choose one of the names that exist."


class UnknownDeployment(UsageError):
    """The configuration has no deployment of this name."""

    reason = "unknown_deployment"
    default_next_step = "Choose one of the deployments in the configuration."


class UnknownDeploy(UsageError):
    """The history has no deploy with this number."""

    reason = "unknown_deploy"
    default_next_step = "See the running and recent ones with `/dagster deploys`."


class AmbiguousLocation(UsageError):
    """Two projects have a code location of this name."""

    reason = "ambiguous_location"
    default_next_step = "Write it as `project:location`."


class MixedProjects(UsageError):
    """One @REF was given for locations of several projects."""

    reason = "mixed_projects"
    default_next_step = "Deploy each project with its own ref."


class NotAllowed(DeployError):
    """The person may not change this deployment."""

    reason = "not_allowed"
    default_next_step = "Ask somebody who may, or have your id added to `may_deploy`."


class ConfigInvalid(DeployError):
    """The configuration file of the bot can't be used."""

    reason = "config_invalid"
    default_next_step = "Mend the configuration and run `dagster-chatops check`."


class SourceError(DeployError):
    """Git or the files in it."""


class UnknownRef(SourceError):
    """The repository has no such branch, tag or commit."""

    reason = "unknown_ref"
    default_next_step = "Push the branch or tag first, or choose one that exists."


class GitUnreachable(SourceError):
    """The git server can't be reached."""

    reason = "git_unreachable"
    default_next_step = "Try again; if it stays, check the project's git address."
    retryable = True


class GitAuthFailed(SourceError):
    """The git server refuses our credential."""

    reason = "git_auth_failed"
    default_next_step = "Check the project's git credential, then run `dagster-chatops check`."


class GitFailed(SourceError):
    """The git command failed in a way that has no reason of its own."""

    reason = "git_failed"
    default_next_step = "Read the message of git; run `dagster-chatops check`."


class FileNotFound(SourceError):
    """The project's `dagster_cloud.yaml` isn't there at that commit."""

    reason = "file_not_found"
    default_next_step = "Check the project's `file` setting, or choose another ref."


class FileInvalid(SourceError):
    """The project's `dagster_cloud.yaml` can't be used as it is."""

    reason = "file_invalid"
    default_next_step = "Mend the file, push, and deploy again."


class UnsafePath(SourceError):
    """A path in `dagster_cloud.yaml` or in the checkout leads out of the checkout."""

    reason = "unsafe_path"
    default_next_step = "Use a path inside the repository."


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


class DagsterPlusError(DeployError):
    """Dagster+ did not do what it was asked."""


class Unreachable(DagsterPlusError):
    """No connection to Dagster+; nothing was sent."""

    reason = "dagster_unreachable"
    default_next_step = "Try again; if it stays, check the address and the network."
    retryable = True


class AnswerLost(DagsterPlusError):
    """The request was sent but its answer never came; whether it was done is unknown."""

    reason = "dagster_answer_lost"
    default_next_step = "Look at the location in Dagster+ before you try again."


class RateLimited(DagsterPlusError):
    """Dagster+ keeps answering that there are too many requests."""

    reason = "dagster_rate_limited"
    default_next_step = "Try again in a minute."
    retryable = True


class Maintenance(DagsterPlusError):
    """Dagster+ is under maintenance for longer than we wait."""

    reason = "dagster_maintenance"
    default_next_step = "Try again when the maintenance is over."
    retryable = True


class Unavailable(DagsterPlusError):
    """Dagster+ keeps answering with a server error."""

    reason = "dagster_unavailable"
    default_next_step = "Try again; if it stays, look at Dagster's status page."
    retryable = True


class TokenRefused(DagsterPlusError):
    """Dagster+ refuses our token."""

    reason = "dagster_token_refused"
    default_next_step = "Put a valid user token into DAGSTER_CLOUD_API_TOKEN."


class PermissionRefused(DagsterPlusError):
    """The token is valid but may not do this."""

    reason = "dagster_permission_refused"
    default_next_step = "Give the token's user the Editor role in this deployment."


class InvalidLocation(DagsterPlusError):
    """Dagster+ refuses the location's document."""

    reason = "dagster_invalid_location"
    default_next_step = "Mend `dagster_cloud.yaml`, push, and deploy again."


class ServerError(DagsterPlusError):
    """Dagster+ answered with an error of its own."""

    reason = "dagster_server_error"
    default_next_step = "Read the message; try again if it looks passing."


class NotFound(DagsterPlusError):
    """Dagster+ knows no such organisation or deployment."""

    reason = "dagster_not_found"
    default_next_step = "Check the organisation and the deployment's name."


class ProtocolError(DagsterPlusError):
    """Dagster+ answered something that we do not understand."""

    reason = "dagster_protocol"
    default_next_step = "Update dagster-chatops; report it if that doesn't help."


class LoadError(DeployError):
    """The change was accepted, but the code location isn't live."""


class LoadFailed(LoadError):
    """The agent started the code server and got a Python error."""

    reason = "load_failed"
    default_next_step = "Mend the code, push, and deploy again."

    def __init__(self, summary: str, *, python_error: PythonError) -> None:
        super().__init__(summary)
        self.python_error = python_error


class LoadTimedOut(LoadError):
    """The location was still loading when its deadline passed."""

    reason = "load_timed_out"
    default_next_step = "Look at the agent's log; raise `load_deadline` if it only needs longer."


class NoAgent(LoadError):
    """No agent of the deployment is running."""

    reason = "no_agent"
    default_next_step = "Start the agent, then retry."


class NoAgentOnQueue(LoadError):
    """Agents run, but none serves the location's queue."""

    reason = "no_agent_on_queue"
    default_next_step = "Start an agent on that queue, or change the location's `agent_queue`."


class StateError(DeployError):
    """The deploy isn't in a state in which this can be done."""


class IllegalMove(StateError):
    """A move that the table of states doesn't have."""

    reason = "illegal_move"
    default_next_step = "Look at the deploy's card: it has moved on."


class LeaseLost(StateError):
    """Another worker has taken the target over."""

    reason = "lease_lost"
    default_next_step = "Nothing: the other worker goes on."


class PlanChanged(StateError):
    """What would be sent now isn't what was confirmed."""

    reason = "plan_changed"
    default_next_step = "Start the deploy again and confirm the new plan."


class Superseded(StateError):
    """Somebody else changed the location while we waited for it."""

    reason = "superseded"
    default_next_step = "See who changed it in Dagster+, then deploy again if you still want to."


class NothingToGoBackTo(StateError):
    """There is no earlier version that had loaded."""

    reason = "nothing_to_go_back_to"
    default_next_step = "Mend the code and deploy again."


class AlreadyEnded(StateError):
    """The deploy has ended."""

    reason = "already_ended"
    default_next_step = "Look at its card for how it ended."


class AlreadySent(StateError):
    """The change is already with Dagster+; it can be taken back but not cancelled."""

    reason = "already_sent"
    default_next_step = "Press *Go back* to put back what was live before."


class Cancelled(DeployError):
    """A person stopped it."""

    reason = "cancelled"
    default_next_step = "Nothing was changed."


class GoneBack(DeployError):
    """A person asked to go back while the location was loading."""

    reason = "gone_back"
    default_next_step = "Deploy again when you are ready."


class StoreError(DeployError):
    """Our own database."""


class StoreUnavailable(StoreError):
    """The database can't be read or written."""

    reason = "store_unavailable"
    default_next_step = "Check the disk or the database server; nothing new is started meanwhile."
    retryable = True


class StoreTooNew(StoreError):
    """The database was written by a newer version of dagster-chatops."""

    reason = "store_too_new"
    default_next_step = "Run the newer version, or restore a backup of the database."


class AnotherWorker(StoreError):
    """Another process already runs deploys from this SQLite file."""

    reason = "another_worker"
    default_next_step = "Stop the other process, or use PostgreSQL for several replicas."


class InternalError(DeployError):
    """A defect of ours."""

    reason = "internal"
    default_next_step = "Report it with the id; the log has the rest."


def all_errors(root: type[DeployError] = DeployError) -> Iterator[type[DeployError]]:
    """Yield every class of the tree below `root`, depth first."""
    for child in root.__subclasses__():
        yield child
        yield from all_errors(child)
