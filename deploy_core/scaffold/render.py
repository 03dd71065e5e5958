"""From options and templates to the files of a project: pure.

A template is a file whose name ends with `.jinja`; others are copied as they are. `[[ name ]]` is
replaced, `[% if … %]` and `[# … #]` work as in Jinja: its usual brackets are those of GitHub's
expressions. `__package__` in a path is the package's name. A template that comes out empty isn't
written.
"""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from deploy_core.model.errors import TemplateInvalid, UnsafePath
from deploy_core.scaffold.needed import needed_secrets
from deploy_core.scaffold.options import AgentKind, ProjectOptions, require_valid
from deploy_core.scaffold.registries import ecr_region, host_of
from deploy_core.scaffold.templates_folder import Templates
from deploy_core.sources.paths import inside

if TYPE_CHECKING:
    from jinja2 import Environment

ACTION: Final = "v1.13.7"
"""The release of dagster-io/dagster-cloud-action that the workflows use; the image for GitLab CI
has its number. https://github.com/dagster-io/dagster-cloud-action/tags"""
DAGSTER: Final = "~=1.13.0"
"""The release of Dagster that a project asks for: `dagster` and `dagster-cloud` go together."""

_SUFFIX: Final = ".jinja"
_PACKAGE: Final = "__package__"
_BARE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")


def scaffold(options: ProjectOptions, templates: Templates) -> dict[str, str]:
    """Return the files of a new project, by their path from the repository's root.

    Raises what `require_valid` raises, `TemplateInvalid` for a template that can't be rendered,
    and `UnsafePath` for one whose path leads out.
    """
    require_valid(options)
    rendered = _Renderer(templates, variables(options))
    files: dict[str, str] = {}
    for layer in layers_of(options):
        for name in sorted(each for each in templates if each.startswith(f"{layer}/")):
            path = _path_of(name.removeprefix(f"{layer}/"), options)
            text = rendered.text(name)
            if text.strip() or not name.endswith(_SUFFIX):
                files[path] = text
    return dict(sorted(files.items()))


def layers_of(options: ProjectOptions) -> tuple[str, ...]:
    """Return the folders of templates that a project is made from; a later one wins."""
    hybrid = options.agent is AgentKind.HYBRID and options.builds_image
    layers = ["project", *(["hybrid"] if hybrid else [])]
    if not options.directory:
        layers.append("repository")
        layers.append(f"{options.ci}-{options.agent}")
    return tuple(layers)


def variables(options: ProjectOptions) -> dict[str, Any]:
    """Return what templates may name."""
    shared = options.shared
    return {
        "location": options.location,
        "package": options.package_name,
        "distribution": options.package_name.replace("_", "-"),
        "agent": str(options.agent),
        "ci": str(options.ci),
        "organization": options.organization,
        "deployment": options.deployment,
        "image": options.image,
        "registry": str(options.registry_kind) if options.registry_kind else "",
        "registry_host": host_of(options.image) if options.image else "",
        "region": ecr_region(options.image) or "",
        "python": options.python,
        "queue": options.queue,
        "directory": options.directory,
        "shared": None if shared is None else vars(shared),
        "to_shared": "" if shared is None else _up(options.directory) + shared.directory,
        "secrets": [vars(each) for each in needed_secrets(options)],
        "action": ACTION,
        "dagster": DAGSTER,
    }


def yaml_text(text: str) -> str:
    """Return a text as YAML reads it back: quoted where it might be read as something else."""
    import yaml  # noqa: PLC0415 - when needed

    bare = _BARE.fullmatch(text) and yaml.safe_load(text) == text
    return text if bare else json.dumps(text, ensure_ascii=False)


class _Renderer:
    """Renders templates with the same variables."""

    def __init__(self, templates: Templates, names: dict[str, Any]) -> None:
        self._templates = templates
        self._names = names
        self._environment = _environment(templates)

    def text(self, name: str) -> str:
        """Return a template's text with everything replaced. Raises `TemplateInvalid`."""
        import jinja2  # noqa: PLC0415 - when needed

        if not name.endswith(_SUFFIX):
            return self._templates[name]
        try:
            return self._environment.get_template(name).render(self._names)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateInvalid(
                f"The template `{error.name or name}` can't be read: {error.message}",
                detail=f"{error.name or name}:{error.lineno}: {error.message}",
            ) from None
        except jinja2.TemplateError as error:
            raise TemplateInvalid(
                f"The template `{name}` can't be filled in: {error.message or error}."
            ) from None
        except Exception as error:  # noqa: BLE001 - a team's expression may raise anything
            raise TemplateInvalid(
                f"The template `{name}` can't be filled in: {type(error).__name__}: {error}."
            ) from None


def _environment(templates: Templates) -> "Environment":
    """The sandbox keeps what stands in a repository from reaching into this process."""
    from jinja2 import DictLoader, StrictUndefined  # noqa: PLC0415 - when needed
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415 - when needed

    environment = ImmutableSandboxedEnvironment(
        loader=DictLoader(dict(templates)),
        undefined=StrictUndefined,
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # files are written, not web pages
    )
    filters: dict[str, Callable[..., Any]] = {"yaml": yaml_text}
    environment.filters.update(filters)
    return environment


def _path_of(name: str, options: ProjectOptions) -> str:
    """Return where a template's file goes. Raises `UnsafePath`, `TemplateInvalid`."""
    path = name.removesuffix(_SUFFIX).replace(_PACKAGE, options.package_name)
    clean = inside(f"{options.directory}/{path}" if options.directory else path)
    if ".git" in clean.split("/"):
        raise UnsafePath(f"The template `{name}` would write into git's own folder.")
    return clean


def _up(directory: str) -> str:
    return "../" * (directory.count("/") + 1)
