"""How `defaults` of `dagster_cloud.yaml` go into a location.

The rules are Dagster's own (`DagsterCloudConfigDefaultsMerger` in `dagster-cloud-cli`): mappings
merge key by key and the location wins; lists are joined, defaults first, without repeating an
item, save for the lists named below. Nothing in between is null.
"""

import json

from deploy_core.sources.location_schema import shown
from deploy_core.sources.yaml_nodes import Located, Problems

_CONTEXT = "container_context"
BY_VARIABLE = frozenset(f"{_CONTEXT}.{host}.env_vars" for host in ("docker", "ecs", "k8s"))
BY_KEY = {
    **{
        f"{_CONTEXT}.ecs.{name}": "name"
        for name in ("run_sidecar_containers", "server_sidecar_containers", "secrets", "volumes")
    },
    **{
        f"{_CONTEXT}.k8s.{name}": "name"
        for name in ("image_pull_secrets", "volumes", "volume_mounts")
    },
    **{f"{_CONTEXT}.ecs.{name}": "key" for name in ("run_ecs_tags", "server_ecs_tags")},
}
REPLACED = frozenset(
    f"{_CONTEXT}.k8s.{config}.container_config.{name}"
    for config in ("run_k8s_config", "server_k8s_config")
    for name in ("args", "command")
)


def merge_defaults(defaults: Located, location: Located, problems: Problems) -> Located:
    """Return the location with what the defaults add; what can't be merged goes to `problems`."""
    return _merge("", defaults, location, problems)


def _merge(path: str, default: Located, own: Located, problems: Problems) -> Located:
    if isinstance(own.value, dict):
        if not isinstance(default.value, dict):
            return _mismatch(path, default, own, problems)
        merged = dict(default.value)
        for key, item in own.value.items():
            below = f"{path}.{key}" if path else key
            merged[key] = _merge(below, merged[key], item, problems) if key in merged else item
        return Located(merged, own.line)
    if isinstance(own.value, list):
        if not isinstance(default.value, list):
            return _mismatch(path, default, own, problems)
        return Located(_merge_lists(path, default.value, own.value, problems), own.line)
    return own


def _mismatch(path: str, default: Located, own: Located, problems: Problems) -> Located:
    what = f"`{path}` is {shown(own)} here but {shown(default)} in `defaults` (line {default.line})"
    problems.add(own.line, f"{what}; the two can't be merged.")
    return own


def _merge_lists(
    path: str, default: list[Located], own: list[Located], problems: Problems
) -> list[Located]:
    if path in REPLACED:
        return own
    if path in BY_VARIABLE:
        names = {_variable(path, item, problems) for item in own}
        return [i for i in default if _variable(path, i, problems) not in names] + own
    if path in BY_KEY:
        key = BY_KEY[path]
        inherited = _by_identity(path, default, key, problems)
        mine = _by_identity(path, own, key, problems)
        return [v for k, v in inherited.items() if k not in mine] + list(mine.values())
    distinct: dict[str, Located] = {}
    for item in [*default, *own]:
        distinct.setdefault(_text(item), item)
    return list(distinct.values())


def _variable(path: str, item: Located, problems: Problems) -> str:
    if not isinstance(item.value, str):
        said = f"an item of `{path}` must be text to be merged with `defaults`, not {shown(item)}"
        problems.add(item.line, f"{said}.")
        return ""
    return item.value.split("=", 1)[0]


def _by_identity(
    path: str, items: list[Located], key: str, problems: Problems
) -> dict[str, Located]:
    found: dict[str, Located] = {}
    for item in items:
        if isinstance(item.value, dict) and key in item.value:
            found[_text(item.value[key])] = item
        else:
            said = f"an item of `{path}` needs a `{key}` to be merged with `defaults`"
            problems.add(item.line, f"{said}.")
    return found


def _text(item: Located) -> str:
    return json.dumps(item.plain(), sort_keys=True)
