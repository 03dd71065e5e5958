"""Which fields of what is live differ from the project's file at its default ref."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from deploy_core.adoption import comparable, in_git
from deploy_core.catalog import ProjectAtRef
from deploy_core.model.documents import diff_documents, merge_documents
from deploy_core.model.plan import Document, FieldChange
from deploy_core.sources.dagster_cloud_yaml import FileLocation
from deploy_core.watch.reading import LocationSeen

MOST_KNOWN = 2_000
MANY = 50
"""So many comparisons take a while: not on the loop."""


@dataclass(frozen=True)
class FieldDrift:
    """`changes` is what a deploy of `ref` would change. `only_live` is what the file doesn't say,
    never said when we deployed, and a deploy leaves as it is."""

    ref: str
    changes: tuple[FieldChange, ...] = ()
    only_live: tuple[FieldChange, ...] = ()

    @property
    def count(self) -> int:
        """How many fields differ."""
        return len(self.changes) + len(self.only_live)


def field_drift(
    live: Document, applied: Document | None, file: ProjectAtRef, there: FileLocation
) -> FieldDrift:
    """Return how a live document differs from the file; `applied` is what the file said when the
    location was deployed last. What a deploy sets itself (the commit, an image that is built or
    found) isn't compared: how many commits lie between is another question."""
    settings = file.settings
    now, wanted = comparable(live, settings, there), in_git(there, live, settings)
    before = comparable(applied, settings, there) if applied is not None else None
    sent = merge_documents(applied=before, live=now, wanted=wanted)
    changes = diff_documents(now, sent)
    changing = {change.path for change in changes}
    differing = diff_documents(now, wanted)
    only_live = tuple(change for change in differing if change.path not in changing)
    return FieldDrift(file.ref, changes, only_live)


@dataclass(frozen=True)
class _Sides:
    """What is compared for one location; the same sides never give another answer."""

    live: LocationSeen
    applied: Document | None
    file: ProjectAtRef
    there: FileLocation

    @property
    def same(self) -> tuple[str, str, Document | None]:
        """What two comparisons of a location have in common that give the same."""
        return self.live.requested, self.file.commit.sha, self.applied

    def compared(self) -> FieldDrift:
        return field_drift(self.live.document, self.applied, self.file, self.there)


class FieldDrifts:
    """Compares what is known already; nobody is asked. What was compared is remembered. `files`
    are the projects' files at their default refs, as last read."""

    def __init__(self, files: Callable[[], Mapping[str, ProjectAtRef]]) -> None:
        self._files = files
        self._known: dict[tuple[str, str], tuple[object, FieldDrift]] = {}

    async def of(
        self,
        deployment: str,
        seen: Sequence[tuple[LocationSeen, str | None]],
        applied: Mapping[str, Document],
    ) -> dict[str, FieldDrift]:
        """Return the drift of each location that has a project, by its name; `applied` is what the
        files said when the locations were deployed last."""
        files = self._files()
        places = {
            (project, there.name): there
            for project in {project for _, project in seen if project is not None}
            for there in files[project].locations
        }
        sides = {
            each.name: _Sides(
                each, applied.get(each.name), files[project], places[project, each.name]
            )
            for each, project in seen
            if project is not None and (project, each.name) in places
        }
        found: dict[str, FieldDrift] = {}
        for name, each in sides.items():
            same, drift = self._known.get((deployment, name), (None, None))
            if drift is not None and same == each.same:
                found[name] = drift
        new = {name: each for name, each in sides.items() if name not in found}
        made = await asyncio.to_thread(_compared, new) if len(new) > MANY else _compared(new)
        for name, drift in made.items():
            while len(self._known) >= MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[deployment, name] = (sides[name].same, drift)
        return {**found, **made}


def _compared(sides: Mapping[str, _Sides]) -> dict[str, FieldDrift]:
    return {name: each.compared() for name, each in sides.items()}
