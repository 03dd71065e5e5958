"""An alert that Dagster+ has sent us, read from the template that docs/watching.md gives: pure.

The tokens are those of Dagster+'s page “Webhook alert notifications”; which of them have a value
says what an alert is about, because the type of a notification is documented for two kinds only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from deploy_core.watch.subscriptions import Event

MOST_NAME: Final = 500
MOST_SUMMARY: Final = 1_000


class About(StrEnum):
    """What an alert is about."""

    LOCATION = "location"
    RUN = "run"
    TICK = "tick"
    AGENT = "agent"
    OTHER = "other"


EVENTS: Final[dict[About, Event]] = {
    About.LOCATION: Event.FAILURES,
    About.RUN: Event.RUNS,
    About.TICK: Event.SILENCE,
    About.AGENT: Event.AGENTS,
    About.OTHER: Event.FAILURES,
}
"""As which event an alert is told that joins no incident."""


@dataclass(frozen=True)
class Alert:
    """`subject` is the code location, the run's id, the kind and name of a schedule or sensor, or
    for what is of none of them the summary. `sample` is an alert that only tries the webhook, and
    `good` one that says that something has worked."""

    deployment: str
    about: About
    subject: str
    summary: str
    policy: str = ""
    url: str = ""
    sample: bool = False
    good: bool = False


def read_alert(body: object) -> Alert:
    """Read what the template makes. Raises `ValueError` with what is wrong, in words."""
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object, as the template makes it")
    said = {name: _text(body, name) for name in FIELDS}
    if not said["deployment"]:
        raise ValueError("deployment is missing: use the template as it is")
    summary = said["summary"][:MOST_SUMMARY]
    about, subject = _about(said)
    if not subject and not summary:
        raise ValueError("there is neither a summary nor anything that it is about")
    return Alert(
        deployment=said["deployment"],
        about=about,
        subject=(subject or summary)[:MOST_NAME],
        summary=summary or subject,
        policy=said["policy"][:MOST_NAME],
        url=said["url"] if len(said["url"]) <= MOST_SUMMARY else "",
        sample=said["sample"].lower() == "true",
        good=said["status"].upper() == "SUCCESS",
    )


FIELDS: Final[dict[str, str]] = {
    "deployment": "{{deployment_name}}",
    "policy": "{{alert_policy_name}}",
    "summary": "{{alert_summary}}",
    "sample": "{{is_sample}}",
    "location": "{{location_name}}",
    "run": "{{run_id}}",
    "status": "{{run_status}}",
    "instigator": "{{instigator_name}}",
    "instigator_type": "{{instigator_type}}",
    "agents": "{{agent_url}}",
    "url": "{{deployment_url}}",
}
"""The template: each key of the body with the token of Dagster+ that stands there."""


def _about(said: Mapping[str, str]) -> tuple[About, str]:
    if said["run"]:
        return About.RUN, said["run"]
    if said["instigator"]:
        return About.TICK, f"{said['instigator_type'].lower()} {said['instigator']}".strip()
    if said["location"]:
        return About.LOCATION, said["location"]
    if said["agents"]:
        return About.AGENT, "agents"
    return About.OTHER, ""


def _text(body: Mapping[str, object], name: str) -> str:
    """Return a field's text; a token that Dagster+ has left as it is has no value."""
    value = body.get(name)
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or not isinstance(value, str | int | float):
        return ""
    text = " ".join(str(value).split())
    return "" if text.startswith("{{") else text
