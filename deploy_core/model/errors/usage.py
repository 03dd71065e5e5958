"""What a person asked for can't be read or doesn't exist."""

from deploy_core.model.errors.base import DeployError


class UsageError(DeployError):
    """The text of a command can't be read."""

    reason = "usage"
    default_next_step = "Type `/dagster help` for the commands and their forms."


class PayloadInvalid(UsageError):
    """Slack sent something that isn't as Slack documents it."""

    reason = "payload_invalid"
    default_next_step = "Try again; if it stays, update dagster-chatops."


class UnknownLocation(UsageError):
    """No project and no deployment has a code location of this name."""

    reason = "unknown_location"
    default_next_step = (
        "Choose one of the names that exist, or add it with `/dagster add-location NAME`."
    )


class LocationNameInvalid(UsageError):
    """A new code location can't have this name."""

    reason = "location_name_invalid"
    default_next_step = "Use letters, digits and `_ - .`, with a letter or digit first."


class CodeSourceInvalid(UsageError):
    """It isn't said, or said twice, where a code location's definitions are."""

    reason = "code_source_invalid"
    default_next_step = "Say one of them: a module, a package, a Python file."


class UnknownDeployment(UsageError):
    """The configuration has no deployment of this name."""

    reason = "unknown_deployment"
    default_next_step = "Choose one of the deployments in the configuration."


class UnknownProject(UsageError):
    """The configuration has no project of this name."""

    reason = "unknown_project"
    default_next_step = "Choose one of the projects in the configuration."


class AlreadyInProject(UsageError):
    """A code location that would be adopted is in a project already."""

    reason = "already_in_project"
    default_next_step = "See with `/dagster status NAME` how what is live differs from git."


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
