"""What is live in a deployment, location by location."""

import asyncio
from dataclasses import dataclass

from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.model.documents import version_of
from deploy_core.model.errors import UnknownLocation
from deploy_core.model.plan import Version


@dataclass(frozen=True)
class LiveLocation:
    """One location: `state` is `loaded`, `loading`, `failed to load` or `not loaded yet`."""

    location: str
    state: str
    version: Version

    @property
    def loaded(self) -> bool:
        return self.state == "loaded"


async def read_live(
    dagster: DagsterPlus, deployment: str, location: str | None = None
) -> list[LiveLocation]:
    """Return the deployment's locations, those that aren't loaded first.

    Raises `UnknownLocation` when only one was asked for and it isn't there, `DagsterPlusError`.
    """
    documents, states = await asyncio.gather(
        dagster.documents(deployment), dagster.location_states(deployment)
    )
    found = []
    for name, document in documents.items():
        state = states.get(name)
        if state is None:
            word = "not loaded yet"
        elif state.loading:
            word = "loading"
        else:
            word = "failed to load" if state.failed else "loaded"
        found.append(LiveLocation(name, word, version_of(document)))
    if location is not None:
        found = [live for live in found if live.location == location]
        if not found:
            raise UnknownLocation(
                f"{deployment} has no code location {location}.", choices=tuple(sorted(documents))
            )
    return sorted(found, key=lambda live: (live.loaded, live.location))
