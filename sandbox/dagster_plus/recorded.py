"""Every request that was made of the control plane, so that a test can count them."""

import time
from collections import Counter, deque
from typing import Any

AGENT_REQUESTS_KEPT = 200  # an agent polls several times a second


class Recorded:
    """Requests of users in full and in order; requests of agents counted, the last ones kept."""

    def __init__(self) -> None:
        self._user: list[dict[str, Any]] = []
        self._agent: deque[dict[str, Any]] = deque(maxlen=AGENT_REQUESTS_KEPT)
        self._agent_counts: Counter[str] = Counter()

    def add(
        self,
        *,
        role: str,
        operation: str,
        kind: str,
        fields: list[str],
        variables: dict[str, Any],
        deployment: str | None,
        fault: str | None,
    ) -> None:
        """Note one GraphQL request before it is answered."""
        request = {
            "at": time.time(),
            "role": role,
            "operation": operation,
            "kind": kind,
            "fields": fields,
            "deployment": deployment,
            "fault": fault,
            "variables": variables,
        }
        if role == "agent":
            self._agent.append(request)
            self._agent_counts[operation] += 1
        else:
            self._user.append(request)

    def clear(self) -> None:
        """Forget all requests."""
        self._user.clear()
        self._agent.clear()
        self._agent_counts.clear()

    def as_json(self) -> dict[str, Any]:
        """The part of `GET /sandbox/state` about requests."""
        return {
            "requests": list(self._user),
            "agent_requests": list(self._agent),
            "agent_request_counts": dict(self._agent_counts),
        }
