"""A new project can't be written as it was asked for."""

from deploy_core.model.errors.sources import SourceError
from deploy_core.model.errors.usage import UsageError


class PackageNameInvalid(UsageError):
    """The Python package of a new project can't have this name."""

    reason = "package_name_invalid"
    default_next_step = "Use small letters, digits and `_`, with a letter first."


class ProjectOptionInvalid(UsageError):
    """An option of a new project can't be used, or doesn't fit the others."""

    reason = "project_option_invalid"
    default_next_step = "See `/dagster help new-project`."


class TemplateInvalid(SourceError):
    """A template that new projects are made from can't be used."""

    reason = "template_invalid"
    default_next_step = "Mend the template, or take `scaffold.templates` out of the configuration."


class PushNotConfigured(SourceError):
    """The configuration has no `scaffold.repositories` that this address belongs to."""

    reason = "push_not_configured"
    default_next_step = (
        "Leave --push out and take the zip file, or have the address added to "
        "`scaffold.repositories`."
    )


class CreateNotConfigured(SourceError):
    """The configuration has no `host` for the `scaffold.repositories` of this address."""

    reason = "create_not_configured"
    default_next_step = (
        "Create the repository by hand and say --push, or have a `host` added to "
        "`scaffold.repositories`."
    )


class RepositoryNotEmpty(SourceError):
    """The repository that a new project is to be pushed to has branches or tags already."""

    reason = "repository_not_empty"
    default_next_step = "Make a new, empty repository: no README, no licence, no `.gitignore`."
