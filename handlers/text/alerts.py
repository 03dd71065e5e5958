"""What people read about alerts of Dagster+."""

from collections.abc import Mapping

from pydantic import JsonValue

from handlers.mrkdwn import words
from handlers.text.names import name


def alerted_too(data: Mapping[str, JsonValue]) -> str:
    """Return what is said in the thread of an incident that Dagster+ has alerted of too."""
    return f"Dagster+ has alerted of this too{_policy(data)}."


def alerted(data: Mapping[str, JsonValue]) -> str:
    """Return an alert that the watcher has found nothing for."""
    summary = words(str(data.get("summary") or data.get("subject")), 1_000)
    return f"Dagster+ alerts on {name(str(data.get('deployment')))}: {summary}"


def not_seen(data: Mapping[str, JsonValue]) -> str:
    """Return what stands below such an alert; the watcher may have found it since."""
    if "found" in data:
        return f"Sent by Dagster+{_policy(data)}. The bot has found it since: see its own message."
    return f"Sent by Dagster+{_policy(data)}. The bot itself has seen nothing of it."


def _policy(data: Mapping[str, JsonValue]) -> str:
    policy = str(data.get("policy") or "")
    return f", by its policy {words(policy, 200)}" if policy else ""
