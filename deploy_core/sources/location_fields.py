"""A code location as the fields of a form, and back: each field has its place in the document.

What has no field of its own in `container_context` stands in one of YAML.
"""

import re
from collections.abc import Mapping
from typing import Final

import yaml
from pydantic import JsonValue

from deploy_core.artifacts.image_ref import parse_image_ref
from deploy_core.model.documents import CODE_SOURCES, clean
from deploy_core.model.errors import ImageNameInvalid, UnsafePath, UsageError
from deploy_core.model.plan import Document
from deploy_core.sources.location_schema import CONTAINER_CONTEXT, check, shown
from deploy_core.sources.paths import inside
from deploy_core.sources.yaml_nodes import Problems, Unreadable, read_yaml

SOURCE_KIND: Final = "source_kind"
SOURCE: Final = "source"
IMAGE: Final = "image"
QUEUE: Final = "agent_queue"
PLATFORM: Final = "platform"
ENV: Final = "env_vars"
MORE: Final = "container_context"
BUILD: Final = {"build_directory": "directory", "build_registry": "registry"}
"""Fields that stand below `build`, which only a project's file has."""

PLATFORMS: Final = ("k8s", "docker", "ecs", "aca")
PLAIN: Final = (IMAGE, QUEUE, "attribute", "working_directory", "executable_path")
"""Fields that are keys of the document."""

_PARTS: Final = (
    ("requests", "cpu"),
    ("limits", "cpu"),
    ("requests", "memory"),
    ("limits", "memory"),
)
RESOURCES: Final[dict[str, tuple[str, ...]]] = {
    f"{which}_{part}_{what}": (
        "k8s",
        f"{which}_k8s_config",
        "container_config",
        "resources",
        part,
        what,
    )
    for which in ("server", "run")
    for part, what in _PARTS
}
PLACES: Final[dict[str, tuple[str, ...]]] = {
    "namespace": ("k8s", "namespace"),
    "service_account": ("k8s", "service_account_name"),
    **RESOURCES,
    "task_role": ("ecs", "task_role_arn"),
    "execution_role": ("ecs", "execution_role_arn"),
}
"""Fields that have their place in `container_context`; a path begins with its platform."""

NETWORKS: Final = "networks"
_NETWORKS_PLACE: Final = ("docker", "networks")
PLATFORM_OF: Final = {**{field: path[0] for field, path in PLACES.items()}, NETWORKS: "docker"}
"""The platform that each of these fields is about."""

_CPU: Final = re.compile(r"\d+(\.\d+)?m?")
_MEMORY: Final = re.compile(r"\d+(\.\d+)?([KMGTPE]i|[kMGTPE]|m)?")
_NETWORK: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_ROLE: Final = re.compile(r"[A-Za-z0-9_+=,.@:/-]+")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(=.*)?")
MOST_ERRORS: Final = 3


def fields_of(document: Document) -> dict[str, str]:
    """Return the fields that make this document, as far as there are fields for it."""
    fields = {name: str(document[name]) for name in PLAIN if isinstance(document.get(name), str)}
    source = document.get("code_source")
    for kind in CODE_SOURCES:
        value = source.get(kind) if isinstance(source, dict) else None
        if isinstance(value, str):
            fields |= {SOURCE_KIND: kind, SOURCE: value}
    build = document.get("build")
    for field, key in BUILD.items():
        value = build.get(key) if isinstance(build, dict) else None
        if isinstance(value, str):
            fields[field] = value
    found = document.get("container_context")
    context = _copy(found) if isinstance(found, dict) else {}
    for field, path in (*PLACES.items(), (NETWORKS, _NETWORKS_PLACE)):
        text = _taken(context, path)
        if text is not None:
            fields[field] = text
    fields |= _variables(context)
    rest = clean(context)
    if rest:
        fields[MORE] = yaml.safe_dump(rest, sort_keys=False, allow_unicode=True).strip()
    return fields


def document_of(
    name: str, fields: Mapping[str, str], *, new: bool = False
) -> tuple[Document, dict[str, str]]:
    """Return the document that the fields make, and what is wrong with them, by the field: where
    anything is, the document is empty. Empty fields are left out of `fields`. Where the definitions
    are needn't be said of code that is to be written."""
    errors: dict[str, str] = {}
    for field, value in fields.items():
        if field not in {ENV, MORE} and not value.isprintable():
            errors[field] = "This has characters that can't be used here."
    if SOURCE not in fields and not new:
        errors[SOURCE] = "Say where the definitions are."
    _check_image(IMAGE, fields, errors)
    _check_build(fields, errors)
    _check_amounts(fields, errors)
    _check_roles(fields, errors)
    variables = _read_variables(fields, errors)
    context = _read_more(fields.get(MORE), errors)
    for field, path in PLACES.items():
        if field in fields:
            _put(context, path, fields[field], errors)
    networks = _read_networks(fields, errors)
    if networks:
        _put(context, _NETWORKS_PLACE, networks, errors)
    if variables and PLATFORM in fields:
        _put(context, (fields[PLATFORM], "env_vars"), variables, errors)
    if errors:
        return {}, errors
    document = clean(
        {
            "location_name": name,
            "code_source": {fields.get(SOURCE_KIND, CODE_SOURCES[0]): fields.get(SOURCE)},
            **{key: fields[key] for key in PLAIN if key in fields},
            "build": {key: fields[field] for field, key in BUILD.items() if field in fields},
            "container_context": context,
        }
    )
    return document, {}


def read_context(text: str) -> Document:
    """Return the `container_context` that one line of YAML says. Raises `UsageError` for YAML that
    can't be read, and for what Dagster's schema refuses."""
    errors: dict[str, str] = {}
    context = _read_more(text, errors)
    if errors:
        raise UsageError(
            f"The container context can't be used. {errors[MORE]}",
            next_step='Write it like `--container-context "{k8s: {namespace: data}}"`.',
        )
    return context


def _check_image(field: str, fields: Mapping[str, str], errors: dict[str, str]) -> None:
    image = fields.get(field)
    if image is None or image.startswith(":"):
        return
    try:
        parse_image_ref(image)
    except ImageNameInvalid as error:
        errors[field] = error.summary.replace("`", "")


def _check_build(fields: Mapping[str, str], errors: dict[str, str]) -> None:
    directory, registry = BUILD
    _check_image(registry, fields, errors)
    try:
        inside(fields.get(directory, ""))
    except UnsafePath as error:
        errors[directory] = error.summary.replace("`", "")


def _check_amounts(fields: Mapping[str, str], errors: dict[str, str]) -> None:
    for field, path in RESOURCES.items():
        wanted, example = (_CPU, "500m or 2") if path[-1] == "cpu" else (_MEMORY, "512Mi or 2Gi")
        if field in fields and not wanted.fullmatch(fields[field]):
            errors[field] = f"This isn't an amount of {path[-1]}: write it as {example}."


def _check_roles(fields: Mapping[str, str], errors: dict[str, str]) -> None:
    for field in ("task_role", "execution_role"):
        if field in fields and not _ROLE.fullmatch(fields[field]):
            errors[field] = "This isn't the name or the ARN of a role."


def _read_networks(fields: Mapping[str, str], errors: dict[str, str]) -> list[str]:
    names = fields.get(NETWORKS, "").replace(",", " ").split()
    if not all(_NETWORK.fullmatch(name) for name in names):
        errors[NETWORKS] = "These aren't names of networks: write them with commas between them."
    return names


def _read_variables(fields: Mapping[str, str], errors: dict[str, str]) -> list[str]:
    lines = [line.strip() for line in fields.get(ENV, "").splitlines() if line.strip()]
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        key = line.partition("=")[0]
        if not _VARIABLE.fullmatch(line) or not line.isprintable():
            errors[ENV] = f"Line {number} isn't KEY=VALUE, or KEY for one that the agent has."
        elif key in seen:
            errors[ENV] = f"{key} is given twice."
        seen.add(key)
    if lines and PLATFORM not in fields:
        errors[PLATFORM] = "Say where the code runs: environment variables have their place there."
    return lines


def _read_more(text: str | None, errors: dict[str, str]) -> Document:
    if text is None:
        return {}
    problems = Problems()
    try:
        read = read_yaml(text, problems)
    except Unreadable as error:
        errors[MORE] = f"Line {error.line}: {error.sentence}"
        return {}
    if read is None:
        return {}
    value = read.without_nulls()
    if not isinstance(value.value, dict):
        errors[MORE] = f"This must be a mapping, not {shown(value)}."
        return {}
    check(value, CONTAINER_CONTEXT, "container_context", problems)
    if problems:
        found = list(problems)[:MOST_ERRORS]
        errors[MORE] = " ".join(f"Line {line}: {said}" for line, said in found).replace("`", "")
        return {}
    plain: Document = value.plain()
    return plain


def _put(
    context: Document, path: tuple[str, ...], value: str | list[str], errors: dict[str, str]
) -> None:
    """Put a field's value into its place, unless the YAML has something there."""
    at = context
    for key in path[:-1]:
        inside = at.setdefault(key, {})
        if not isinstance(inside, dict):
            errors[MORE] = f"{key} must be a mapping."
            return
        at = inside
    if path[-1] in at:
        errors[MORE] = f"{'.'.join(path)} has a field of its own above; say it there or here."
        return
    at[path[-1]] = list(value) if isinstance(value, list) else value


def _copy(document: Document) -> Document:
    return {k: _copy(v) if isinstance(v, dict) else v for k, v in document.items()}


def _taken(context: Document, path: tuple[str, ...]) -> str | None:
    """Take what the place's own field can hold out of it; anything else stays for the YAML."""
    at = context
    for key in path[:-1]:
        inside = at.get(key)
        if not isinstance(inside, dict):
            return None
        at = inside
    text = _text_of(at.get(path[-1]), path)
    if text is not None:
        del at[path[-1]]
    return text


def _text_of(value: JsonValue, path: tuple[str, ...]) -> str | None:
    if path == _NETWORKS_PLACE and isinstance(value, list):
        names = [name for name in value if isinstance(name, str) and _NETWORK.fullmatch(name)]
        return ", ".join(names) if names and len(names) == len(value) else None
    if not isinstance(value, str) or not value or not value.isprintable():
        return None
    return value if path[0] != "ecs" or _ROLE.fullmatch(value) else None


def _variables(context: Document) -> dict[str, str]:
    """Take the environment variables out, where one platform has them; several stay as YAML."""
    having = [
        name
        for name in PLATFORMS
        if isinstance(found := context.get(name), dict) and found.get("env_vars")
    ]
    if len(having) != 1:
        return {PLATFORM: next(iter(context))} if len(context) == 1 else {}
    inside = context[having[0]]
    lines = inside["env_vars"] if isinstance(inside, dict) else None
    if not isinstance(lines, list) or not isinstance(inside, dict):
        return {}
    texts = [line for line in lines if isinstance(line, str)]
    usable = [line for line in texts if line.isprintable() and _VARIABLE.fullmatch(line)]
    if len(usable) != len(lines) or len({line.partition("=")[0] for line in usable}) != len(lines):
        return {}
    del inside["env_vars"]
    return {PLATFORM: having[0], ENV: "\n".join(usable)}
