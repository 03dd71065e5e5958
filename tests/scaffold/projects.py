"""Options of new projects, and their files on a disk."""

from pathlib import Path

from deploy_core.scaffold.options import AgentKind, Ci, ProjectOptions, SharedPackage
from deploy_core.scaffold.registries import Registry
from deploy_core.scaffold.render import scaffold
from deploy_core.scaffold.templates_folder import our_templates

IMAGES = {
    Registry.GHCR: "ghcr.io/acme/shop",
    Registry.DOCKERHUB: "acme/shop",
    Registry.ECR: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop",
    Registry.GCR: "europe-docker.pkg.dev/acme/data/shop",
    Registry.GITLAB: "registry.gitlab.com/acme/shop",
}
PYTHON = "3.11"
"""That of the tests: so a project can be run here."""

GITHUB_FILE = ".github/workflows/dagster-plus-deploy.yml"
GITLAB_FILE = ".gitlab-ci.yml"


def hybrid(ci: Ci = Ci.GITHUB, kind: Registry = Registry.GHCR, **more: object) -> ProjectOptions:
    """A whole repository whose images go to a registry of this kind."""
    said = {"location": "shop", "organization": "acme", "python": PYTHON, **more}
    return ProjectOptions(
        agent=AgentKind.HYBRID,
        ci=ci,
        image=IMAGES[kind],
        **said,  # type: ignore[arg-type]
    )


def serverless(ci: Ci = Ci.GITHUB, **more: object) -> ProjectOptions:
    """A whole repository whose code is sent as PEX files."""
    said = {"location": "shop", "organization": "acme", "python": PYTHON, **more}
    return ProjectOptions(agent=AgentKind.SERVERLESS, ci=ci, **said)  # type: ignore[arg-type]


def directory(*, shared: bool = False) -> ProjectOptions:
    """A new directory of a monorepo."""
    needs = SharedPackage("acme-shared", "libs/shared") if shared else None
    return hybrid(directory="teams/shop", shared=needs)


def every_repository() -> dict[str, ProjectOptions]:
    """Each kind of repository there is, by a name."""
    found = {f"{ci}-serverless": serverless(ci) for ci in Ci}
    return found | {f"{ci}-hybrid-{kind}": hybrid(ci, kind) for ci in Ci for kind in Registry}


def files_of(options: ProjectOptions) -> dict[str, str]:
    """The files of a project, from our templates."""
    return scaffold(options, our_templates())


def write(files: dict[str, str], folder: Path) -> Path:
    """Write files below a folder, and return it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
