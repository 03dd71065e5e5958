"""Readings and observations for tests, with only what matters said."""

from datetime import datetime, timedelta
from typing import Any

from deploy_core.model.plan import Version
from deploy_core.watch.reading import Health, LocationSeen, Reading
from tests.support.clock import NOON

L, F = Health.LOADED, Health.FAILED


def at(minutes: float) -> datetime:
    """Return the moment so many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def seen(name: str, health: Health = L, requested: str = "v1", **more: Any) -> LocationSeen:
    """Return one location; its report is new whenever its request or health is."""
    report = more.pop("report", f"{requested} {health}")
    version = Version(image=f"registry.example/{name}:{requested}")
    return LocationSeen(name, health, version, requested, version_key=report, **more)


def reading(minutes: float, *locations: LocationSeen) -> Reading:
    """Return what Dagster+ said then."""
    return Reading("prod", at(minutes), {each.name: each for each in locations}, ())
