"""What a person must still set before a new project's CI can deploy: names, reasons, and where."""

from dataclasses import dataclass
from typing import Final

from deploy_core.model.errors import ConfigInvalid
from deploy_core.scaffold.options import AgentKind, Ci, ProjectOptions
from deploy_core.scaffold.registries import Registry
from deploy_core.sources.address import parse_git_address

HELP_PAGES: Final = {
    Ci.GITHUB: "https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/use-secrets",
    Ci.GITLAB: "https://docs.gitlab.com/ci/variables/",
}
"""Where it stands how a secret is set, for a repository whose address isn't known yet."""

_SETTINGS: Final = {
    Ci.GITHUB: "settings/secrets/actions",
    Ci.GITLAB: "-/settings/ci_cd#js-cicd-variables-settings",
}


@dataclass(frozen=True)
class NeededSecret:
    """A secret of the repository's CI that nobody but a person can set."""

    name: str
    why: str


_TOKEN: Final = NeededSecret(
    "DAGSTER_CLOUD_API_TOKEN",
    "a token of Dagster+ that may deploy: Organization settings, Tokens, Create user token",
)
_REGISTRIES: Final[dict[tuple[Ci, Registry], tuple[NeededSecret, ...]]] = {
    (Ci.GITHUB, Registry.GITLAB): (
        NeededSecret("GITLAB_DEPLOY_USER", "the user name of a deploy token of the registry"),
        NeededSecret("GITLAB_DEPLOY_TOKEN", "that deploy token, with `write_registry`"),
    ),
    (Ci.GITHUB, Registry.GHCR): (),
    (Ci.GITLAB, Registry.GITLAB): (),
    (Ci.GITLAB, Registry.GHCR): (
        NeededSecret("GHCR_USERNAME", "the GitHub user who pushes the images"),
        NeededSecret("GHCR_TOKEN", "a token of that user, with `write:packages`"),
    ),
    **{
        (ci, kind): secrets
        for ci in Ci
        for kind, secrets in {
            Registry.DOCKERHUB: (
                NeededSecret("DOCKERHUB_USERNAME", "the Docker Hub user who pushes the images"),
                NeededSecret("DOCKERHUB_TOKEN", "an access token of that user, Read & Write"),
            ),
            Registry.ECR: (
                NeededSecret("AWS_ACCESS_KEY_ID", "the key of an AWS user who may push to ECR"),
                NeededSecret("AWS_SECRET_ACCESS_KEY", "the secret of that key"),
            ),
            Registry.GCR: (
                NeededSecret(
                    "GCR_JSON_KEY", "the JSON key of a Google service account that may push images"
                ),
            ),
        }.items()
    },
}


def needed_secrets(options: ProjectOptions) -> tuple[NeededSecret, ...]:
    """Return the secrets that the project's CI needs; none for a directory, whose repository has
    its own CI."""
    if options.directory:
        return ()
    kind = options.registry_kind
    pushes = options.agent is AgentKind.HYBRID and kind is not None
    return (_TOKEN, *(_REGISTRIES[options.ci, kind] if pushes and kind else ()))


def settings_page(ci: Ci, repository: str | None) -> str:
    """Return the page on which a person sets the secrets: that of the repository whose git address
    this is, or the host's help where it isn't known or has no web page."""
    if repository is None:
        return HELP_PAGES[ci]
    try:
        address = parse_git_address(repository)
    except ConfigInvalid:
        return HELP_PAGES[ci]
    path = address.path.strip("/").removesuffix(".git")
    if not address.host or not path or address.scheme == "git":
        return HELP_PAGES[ci]
    return f"{address.web_origin}/{path}/{_SETTINGS[ci]}"
