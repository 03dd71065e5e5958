"""git and `dagster_cloud.yaml`."""

from deploy_core.model.errors.base import DeployError


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


class FileNotEditable(SourceError):
    """The project's `dagster_cloud.yaml` is written in a way in which the bot can't change it."""

    reason = "file_not_editable"
    default_next_step = "Change the file by hand, and deploy when it is merged."


class DefaultsDiffer(SourceError):
    """The `defaults` of `dagster_cloud.yaml` say what isn't so live, and no entry can undo it."""

    reason = "defaults_differ"
    default_next_step = "Take these fields out of `defaults`, or give them to the live location."


class FileExists(SourceError):
    """A file that would be added to the repository is there already."""

    reason = "file_exists"
    default_next_step = "Choose another directory, or remove the file first."


class BranchExists(SourceError):
    """The repository has a branch of the name that a change would be pushed to."""

    reason = "branch_exists"
    default_next_step = "Delete the branch if nobody needs it, and try again."


class BranchRefused(SourceError):
    """The repository doesn't take a branch that is pushed, by a rule of its own."""

    reason = "branch_refused"
    default_next_step = "Let the bot's account push branches named `dagster-chatops/…`."
