"""Who is mentioned when something breaks: pure.

Owners are written as in Dagster's definitions: an e-mail address, or `team:NAME`. The configuration
says which Slack user or group each is, and which code locations belong to whom. Nobody is mentioned
who isn't in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

MOST = 10
"""So many are mentioned with one message."""


def mentioned(
    places: Iterable[tuple[str | None, str | None]],
    named: Iterable[str],
    *,
    owners: Mapping[str, str],
    location_owners: Mapping[str, Sequence[str]],
) -> tuple[str, ...]:
    """Return the Slack ids of those who own what broke.

    `places` are code locations with their projects, `named` the owners that Dagster's definitions
    name. `location_owners` has owners or Slack ids by a location's name, a project's,
    `project:location` or a pattern of them.
    """
    found = list(named)
    for location, project in places:
        names = [location, project]
        if location is not None and project is not None:
            names.append(f"{project}:{location}")
        for pattern, of_pattern in location_owners.items():
            if any(name is not None and fnmatchcase(name, pattern) for name in names):
                found += of_pattern
    ids = (each if is_slack_id(each) else owners.get(each) for each in found)
    return tuple(dict.fromkeys(each for each in ids if each is not None))[:MOST]


def is_slack_id(text: str) -> bool:
    """Tell whether this is a Slack user's or group's id."""
    return text[:1] in {"U", "W", "S"} and len(text) >= 8 and text.isalnum() and text.isupper()
