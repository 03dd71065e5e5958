"""What a location document may hold, and the check of a value against it.

Taken as facts from the schema that Dagster+ itself applies to a location document (in the package
`dagster-cloud`: `dagster_cloud.workspace.config_schema`), for what `dagster_cloud.yaml` can say.
A test holds this table against that schema.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from deploy_core.sources.yaml_nodes import Located, Problems


@dataclass(frozen=True)
class Plain:
    """A scalar of one type; with `env` also `{env: NAME}`, read by the agent."""

    kind: type[str] | type[int] | type[bool]
    env: bool = False


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Items:
    """A list of which every item has the same form."""

    item: "Form"


@dataclass(frozen=True)
class Fields:
    """A mapping; `free` lets unknown keys pass."""

    fields: "dict[str, Form]" = field(default_factory=dict)
    free: bool = False
    required: frozenset[str] = frozenset()


Form = Plain | Choice | Items | Fields

TEXT = Plain(str)
WHOLE = Plain(int)
TEXT_OR_ENV = Plain(str, env=True)
WHOLE_OR_ENV = Plain(int, env=True)
YES_NO_OR_ENV = Plain(bool, env=True)
FREE = Fields(free=True)
MERGE_BEHAVIOR = Choice(("SHALLOW", "DEEP"))

_OTHER_NAMES = {"python_module": "module_name", "python_package": "package_name"}
_NAMES = {str: "text", int: "a whole number", bool: "true or false"}


def _named(form: Form, *, free: bool = False) -> Items:
    return Items(Fields({"name": form}, free=free, required=frozenset({"name"})))


def _free(*names: str) -> dict[str, Form]:
    return dict.fromkeys(names, FREE)


_K8S_BOTH = ("container_config", "pod_template_spec_metadata", "pod_spec_config")
_MOUNT: dict[str, Form] = {
    **dict.fromkeys(
        ("name", "mount_path", "mount_propagation", "sub_path", "sub_path_expr"), TEXT_OR_ENV
    ),
    "read_only": YES_NO_OR_ENV,
}
_K8S = Fields(
    {
        "server_replica_count": WHOLE_OR_ENV,
        "namespace": TEXT_OR_ENV,
        "image_pull_policy": TEXT_OR_ENV,
        "env_config_maps": Items(TEXT_OR_ENV),
        "env_secrets": Items(TEXT_OR_ENV),
        "service_account_name": TEXT_OR_ENV,
        "env_vars": Items(TEXT),
        "volume_mounts": Items(Fields(_MOUNT, free=True, required=frozenset({"name"}))),
        "volumes": _named(TEXT, free=True),
        "image_pull_secrets": _named(TEXT_OR_ENV),
        "labels": FREE,
        "resources": Fields(_free("limits", "requests")),
        "scheduler_name": TEXT_OR_ENV,
        "security_context": FREE,
        "run_k8s_config": Fields(
            _free(*_K8S_BOTH, "job_config", "job_metadata", "job_spec_config")
            | {"merge_behavior": MERGE_BEHAVIOR}
        ),
        "server_k8s_config": Fields(
            _free(*_K8S_BOTH, "deployment_metadata", "service_metadata", "service_spec_config")
            | {"merge_behavior": MERGE_BEHAVIOR}
        ),
    }
)
_DOCKER = Fields(
    {"networks": Items(TEXT_OR_ENV), "env_vars": Items(TEXT), "container_kwargs": FREE}
)

_SIZE: dict[str, Form] = {"cpu": TEXT, "memory": TEXT}
_ECS_RUN: dict[str, Form] = {**_SIZE, "ephemeral_storage": WHOLE}
_ECS_TAGS = Items(Fields({"key": TEXT_OR_ENV, "value": TEXT_OR_ENV}, required=frozenset({"key"})))
_ECS = Fields(
    {
        "secrets": Items(
            Fields(
                {"name": TEXT_OR_ENV, "valueFrom": TEXT_OR_ENV},
                required=frozenset({"name", "valueFrom"}),
            )
        ),
        "secrets_tags": Items(TEXT_OR_ENV),
        "env_vars": Items(TEXT_OR_ENV),
        "task_role_arn": TEXT_OR_ENV,
        "execution_role_arn": TEXT_OR_ENV,
        "server_resources": Fields({**_ECS_RUN, "replica_count": WHOLE}, free=True),
        "run_resources": Fields(_ECS_RUN, free=True),
        "runtime_platform": Fields(
            {"cpuArchitecture": TEXT_OR_ENV, "operatingSystemFamily": TEXT_OR_ENV}
        ),
        "volumes": Items(Fields({"name": TEXT_OR_ENV}, free=True)),
        "mount_points": Items(
            Fields(
                {
                    "sourceVolume": TEXT_OR_ENV,
                    "containerPath": TEXT_OR_ENV,
                    "readOnly": YES_NO_OR_ENV,
                }
            )
        ),
        "server_sidecar_containers": Items(FREE),
        "run_sidecar_containers": Items(FREE),
        "run_ecs_tags": _ECS_TAGS,
        "server_ecs_tags": _ECS_TAGS,
        "server_health_check": FREE,
        "repository_credentials": TEXT_OR_ENV,
    }
)
_ACA = Fields(
    {
        "env_vars": Items(TEXT_OR_ENV),
        "run_resources": Fields(_SIZE, free=True),
        "run_job_replica_timeout": WHOLE,
        "server_resources": Fields(_SIZE, free=True),
        "identity_id": TEXT_OR_ENV,
    }
)
CONTAINER_CONTEXT = Fields({"k8s": _K8S, "docker": _DOCKER, "ecs": _ECS, "aca": _ACA})

BUILD = Fields({"directory": TEXT, "registry": TEXT})
CODE_SOURCE = Fields(
    dict.fromkeys(("package_name", "module_name", "python_file", "autoload_defs_module_name"), TEXT)
)
DEFAULTS = Fields(
    {
        "build": BUILD,
        **dict.fromkeys(("working_directory", "image", "executable_path", "agent_queue"), TEXT),
        "container_context": FREE,
    }
)
LOCATION = Fields(
    {
        "location_name": TEXT,
        "code_source": CODE_SOURCE,
        **DEFAULTS.fields,
        "attribute": TEXT,
    },
    required=frozenset({"location_name", "code_source"}),
)


def check(value: Located, form: Form, path: str, problems: Problems) -> None:
    """Add to `problems` everything in which `value` (without nulls) isn't of the form."""
    match form:
        case Plain():
            _check_plain(value, form, path, problems)
        case Choice():
            if value.value not in form.words or not isinstance(value.value, str):
                words = " or ".join(f"`{word}`" for word in form.words)
                problems.add(value.line, f"`{path}` must be {words}, not {shown(value)}.")
        case Items():
            if not isinstance(value.value, list):
                problems.add(value.line, f"`{path}` must be a list, not {shown(value)}.")
                return
            for number, item in enumerate(value.value):
                check(item, form.item, f"{path}[{number}]", problems)
        case Fields():
            _check_fields(value, form, path, problems)


def _check_plain(value: Located, form: Plain, path: str, problems: Problems) -> None:
    if type(value.value) is form.kind:
        return
    if form.env and isinstance(value.value, dict):
        check(value, Fields({"env": TEXT}, required=frozenset({"env"})), path, problems)
        return
    wanted = _NAMES[form.kind] + (" or `{env: NAME}`" if form.env else "")
    hint = ""
    if form.kind is str and isinstance(value.value, bool | int | float):
        hint = "; write it in quotes"
    problems.add(value.line, f"`{path}` must be {wanted}, not {shown(value)}{hint}.")


def _check_fields(value: Located, form: Fields, path: str, problems: Problems) -> None:
    if not isinstance(value.value, dict):
        problems.add(value.line, f"`{path}` must be a mapping, not {shown(value)}.")
        return
    for key, item in value.value.items():
        if key in form.fields:
            check(item, form.fields[key], f"{path}.{key}", problems)
        elif not form.free:
            problems.add(item.line, unknown_key(key, path, form.fields))
    for key in sorted(form.required - value.value.keys()):
        problems.add(value.line, f"`{path}` has no `{key}`.")


def unknown_key(key: str, path: str, known: Iterable[str]) -> str:
    """Return the sentence for a key that isn't known there, with the closest known ones."""
    names = list(known)
    below = path.rsplit(".", 1)[-1]
    if key in LOCATION.fields and below in {"code_source", "build"}:
        return f"`{key}` belongs beside `{below}`, not below it."
    if _OTHER_NAMES.get(key) in names:
        return f"`{path}` has no key `{key}`; did you mean `{_OTHER_NAMES[key]}`?"
    close = difflib.get_close_matches(key, names, n=2, cutoff=0.6)
    if close:
        return f"`{path}` has no key `{key}`; did you mean {' or '.join(f'`{c}`' for c in close)}?"
    return f"`{path}` has no key `{key}`; it may have {', '.join(f'`{n}`' for n in names)}."


def shown(value: Located) -> str:
    """Return a value as a sentence can hold it."""
    match value.value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case None:
            return "nothing"
        case bool():
            return "true" if value.value else "false"
        case str():
            short = value.value if len(value.value) <= 40 else value.value[:39] + "…"
            return f"the text `{short}`"
        case number:
            return f"the number {str(number)[:40]}"
