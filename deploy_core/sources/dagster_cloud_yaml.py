"""`dagster_cloud.yaml`: a project's code locations, as Dagster's own CLI understands the file.

Facts from `dagster_cloud_cli.config.models` (the fields), its defaults merger, and the command
`dagster-cloud deployment sync-locations` (the older form, in which `locations` is a mapping).
"""

from dataclasses import dataclass

from deploy_core.model.errors import FileInvalid
from deploy_core.model.plan import Document
from deploy_core.sources.defaults import merge_defaults
from deploy_core.sources.location_schema import (
    CODE_SOURCE,
    CONTAINER_CONTEXT,
    DEFAULTS,
    LOCATION,
    Fields,
    check,
    shown,
    unknown_key,
)
from deploy_core.sources.yaml_nodes import (
    TEMPLATE_HINT,
    Located,
    Problems,
    Unreadable,
    has_template,
    read_yaml,
)

MOST_ERRORS = 50
_SOURCES = tuple(CODE_SOURCE.fields)
_SET_BY_US = {"git", "pex_metadata", "pex_bundle", "defs_state_info"}
_OLD_LOCATION = Fields(
    {
        **{key: form for key, form in LOCATION.fields.items() if key != "code_source"},
        **CODE_SOURCE.fields,
    }
)


@dataclass(frozen=True)
class Build:
    """Where a location's image is built and pushed to; Dagster+ itself never sees this."""

    directory: str | None = None
    registry: str | None = None


@dataclass(frozen=True)
class FileLocation:
    """One code location of the file: `document` is what Dagster+ takes, defaults merged in."""

    name: str
    document: Document
    build: Build | None


def parse_dagster_cloud_yaml(text: str, *, path: str) -> tuple[FileLocation, ...]:
    """Return the file's code locations in the file's order.

    `path` is the file's name in messages. A key that is null counts as absent. Raises
    `FileInvalid`, whose `detail` has one line `path:line: sentence` for every error.
    """
    problems = Problems()
    locations: tuple[FileLocation, ...] = ()
    try:
        root = read_yaml(text, problems)
        if root is None or root.value is None:
            problems.add(1, "the file is empty; it needs a list `locations`.")
        else:
            locations = _Parser(problems).locations(root)
    except Unreadable as unreadable:
        problems.add(unreadable.line, unreadable.sentence)
    if problems:
        raise _invalid(problems, path)
    return locations


def _invalid(problems: Problems, path: str) -> FileInvalid:
    lines = [f"{path}:{line}: {sentence}" for line, sentence in problems]
    first = lines[0].removeprefix(f"{path}:")
    count = "one error" if len(lines) == 1 else f"{len(lines)} errors, first"
    if len(lines) > MOST_ERRORS:
        lines = [*lines[:MOST_ERRORS], f"… and {len(lines) - MOST_ERRORS} more."]
    return FileInvalid(f"`{path}` has {count}: line {first}", detail="\n".join(lines))


class _Parser:
    """Reads one file's values, collecting every error."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def locations(self, root: Located) -> tuple[FileLocation, ...]:
        if not isinstance(root.value, dict):
            self._problems.add(root.line, f"the file must be a mapping, not {shown(root)}.")
            return ()
        top = root.value
        for key, value in top.items():
            if key not in {"defaults", "locations"}:
                self._problems.add(value.line, _unknown_at_top(key))
        found = self._listed(top.get("locations"), root.line)
        old_form = "locations" in top and isinstance(top["locations"].value, dict)
        defaults = self._defaults(top.get("defaults"), old_form=old_form)
        self._check_names(found)
        if self._problems:
            self._check_contexts([*found, *([defaults] if defaults else [])])
            return ()
        return tuple(self._location(location, defaults) for location in found)

    def _listed(self, value: Located | None, root_line: int) -> list[Located]:
        """Return the locations that are well formed in themselves, without nulls."""
        if value is None:
            self._problems.add(root_line, "the file has no `locations`.")
            return []
        if isinstance(value.value, dict):
            return [self._migrated(name, item) for name, item in value.value.items()]
        if not isinstance(value.value, list):
            self._problems.add(value.line, f"`locations` must be a list, not {shown(value)}.")
            return []
        found = []
        for number, item in enumerate(value.value):
            path = f"locations[{number}]"
            if isinstance(item.value, dict):
                self._check_null_keys(item, LOCATION, path)
                found.append(self._checked(item.without_nulls(), path))
            else:
                self._problems.add(item.line, f"`{path}` must be a mapping, not {shown(item)}.")
        return found

    def _check_null_keys(self, value: Located, form: Fields, path: str) -> None:
        """Refuse unknown keys that are null as well; only known ones are absent then."""
        if not isinstance(value.value, dict):
            return
        for key, item in value.value.items():
            below = form.fields.get(key)
            if below is None and item.value is None:
                sentence = _misplaced(key, path) or unknown_key(key, path, form.fields)
                self._problems.add(item.line, sentence)
            elif isinstance(below, Fields) and not below.free:
                self._check_null_keys(item, below, f"{path}.{key}")

    def _checked(self, location: Located, path: str) -> Located:
        assert isinstance(location.value, dict)  # noqa: S101 - our caller looked
        known = {}
        for key, item in location.value.items():
            sentence = _misplaced(key, path)
            if sentence and key not in LOCATION.fields:
                self._problems.add(item.line, sentence)
            else:
                known[key] = item
        check(Located(known, location.line), LOCATION, path, self._problems)
        self._check_code_source(location.value.get("code_source"), path)
        self._check_templates(location, path)
        return location

    def _check_code_source(self, source: Located | None, path: str) -> None:
        if source is None or not isinstance(source.value, dict):
            return
        given = [key for key in source.value if key in _SOURCES]
        where = f"`{path}.code_source`"
        if not given:
            names = ", ".join(f"`{name}`" for name in _SOURCES)
            self._problems.add(source.line, f"{where} must have one of {names}.")
        elif len(given) > 1:
            names = " and ".join(f"`{name}`" for name in given)
            self._problems.add(source.line, f"{where} must have only one source, not {names}.")
        elif source.value[given[0]].value == "":
            self._problems.add(source.value[given[0]].line, f"{where}.`{given[0]}` is empty.")

    def _check_templates(self, value: Located, path: str) -> None:
        """Refuse Jinja's marks in the location's own fields; Dagster would send them as they are.

        In `container_context` other programs' templates are allowed.
        """
        if isinstance(value.value, str) and has_template(value.value):
            self._problems.add(value.line, f"`{path}`: {TEMPLATE_HINT}.")
        elif isinstance(value.value, dict):
            for key, item in value.value.items():
                if key != "container_context":
                    self._check_templates(item, f"{path}.{key}")

    def _migrated(self, name: str, old: Located) -> Located:
        """Return a location of the older form, where `locations` maps names to settings."""
        path = f"locations.{name}"
        nothing = Located({}, old.line)
        if not isinstance(old.value, dict):
            self._problems.add(old.line, f"`{path}` must be a mapping, not {shown(old)}.")
            return nothing
        given = old.without_nulls().value
        assert isinstance(given, dict)  # noqa: S101 - a mapping stays one
        for key, item in given.items():
            if key == "location_name":
                self._problems.add(item.line, f"`{path}` has its name already; remove `{key}`.")
            elif key == "code_source":
                said = f"in this form `{path}` has `python_file` and the like without `{key}`"
                self._problems.add(item.line, f"{said}; or make `locations` a list.")
            elif key in _SET_BY_US:
                self._problems.add(item.line, _misplaced(key, path))
            elif key not in _OLD_LOCATION.fields:
                self._problems.add(item.line, unknown_key(key, path, _OLD_LOCATION.fields))
        source = Located({k: v for k, v in given.items() if k in _SOURCES}, old.line)
        rest = {k: v for k, v in given.items() if k in LOCATION.fields and k != "code_source"}
        migrated = {**rest, "location_name": Located(name, old.line), "code_source": source}
        return self._checked(Located(migrated, old.line), path)

    def _defaults(self, value: Located | None, *, old_form: bool) -> Located | None:
        if value is None or value.value is None:
            return None
        self._check_null_keys(value, DEFAULTS, "defaults")
        defaults = value.without_nulls()
        if old_form:
            said = "`defaults` have no effect while `locations` is a mapping"
            self._problems.add(value.line, f"{said}; make it a list of `location_name: …`.")
            return None
        if isinstance(defaults.value, dict):
            for key in ("code_source", "location_name", "attribute"):
                if key in defaults.value:
                    said = f"`defaults` can't have `{key}`; each location has its own"
                    self._problems.add(defaults.value[key].line, f"{said}.")
            own = {k: v for k, v in defaults.value.items() if k not in LOCATION.fields}
            shared = {k: v for k, v in defaults.value.items() if k in DEFAULTS.fields}
            check(Located({**shared, **own}, value.line), DEFAULTS, "defaults", self._problems)
        else:
            check(defaults, DEFAULTS, "defaults", self._problems)
        self._check_templates(defaults, "defaults")
        return defaults

    def _check_names(self, locations: list[Located]) -> None:
        first: dict[str, int] = {}
        for location in locations:
            name = location.value.get("location_name") if isinstance(location.value, dict) else None
            if name is None or not isinstance(name.value, str):
                continue
            if not name.value.strip() or "\n" in name.value:
                self._problems.add(name.line, "`location_name` must be one line that isn't empty.")
            elif name.value in first:
                said = f"the location `{name.value}` is already on line {first[name.value]}"
                self._problems.add(name.line, f"{said}; names must differ.")
            first.setdefault(name.value, name.line)

    def _check_contexts(self, holders: list[Located]) -> None:
        """Check unmerged contexts too once there are other errors, so that all are told at once."""
        for holder in holders:
            if isinstance(holder.value, dict) and "container_context" in holder.value:
                context = holder.value["container_context"]
                if not isinstance(context.value, dict):
                    continue  # told already
                check(context, CONTAINER_CONTEXT, "container_context", self._problems)

    def _location(self, location: Located, defaults: Located | None) -> FileLocation:
        merged = merge_defaults(defaults, location, self._problems) if defaults else location
        assert isinstance(merged.value, dict)  # noqa: S101 - both are mappings
        context = merged.value.get("container_context")
        if context is not None:
            check(context, CONTAINER_CONTEXT, "container_context", self._problems)
        document = merged.plain()
        build = document.pop("build", None)
        name = document.pop("location_name")
        return FileLocation(
            name=name,
            document={"location_name": name, **document},
            build=None if build is None else Build(build.get("directory"), build.get("registry")),
        )


def _unknown_at_top(key: str) -> str:
    if key == "location_defaults":
        return "`location_defaults` is called `defaults`."
    if key in LOCATION.fields:
        return f"`{key}` belongs into an item of `locations` or into `defaults`, not at the top."
    return unknown_key(key, "the file", ("locations", "defaults"))


def _misplaced(key: str, path: str) -> str:
    """Return a sentence for a key that is known elsewhere, or nothing."""
    if key in _SOURCES:
        return f"`{key}` belongs below `code_source` of `{path}`."
    if key in {"python_module", "python_package"}:
        said = "`code_source` with `module_name` or `package_name`"
        return f"`{path}` has no key `{key}`; write {said} instead."
    if key in CONTAINER_CONTEXT.fields:
        return f"`{key}` belongs below `container_context` of `{path}`."
    if key in _SET_BY_US:
        return f"`{path}` can't have `{key}` here; it is set when the location is deployed."
    if key == "env_vars":
        return f"`{key}` belongs below `container_context` and its `k8s`, `docker`, `ecs` or `aca`."
    return ""
