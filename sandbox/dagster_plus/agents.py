"""The agents that the control plane has heard of, and the requests that wait for them."""

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from sandbox.dagster_plus.faults import AgentHealth
from sandbox.dagster_plus.load_errors import load_error_from_stored, python_error

HEARTBEAT_VALID_FOR = 75.0  # agents send one every 30 s; two may be lost


@dataclass
class Agent:
    """An agent as its last heartbeat described it."""

    agent_id: str
    label: str | None
    last_heartbeat: float
    deployments: set[str] = field(default_factory=set)
    queues: tuple[str | None, ...] = (None,)
    metadata: dict[str, str] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def fields(self, health: AgentHealth, now: float) -> dict[str, Any]:
        """GraphQL's `Agent`; `stale` shows the last heartbeat as ten minutes older."""
        last = self.last_heartbeat - (600 if health == "stale" else 0)
        return {
            "__typename": "Agent",
            "id": self.agent_id,
            "agentLabel": self.label,
            "status": "RUNNING" if now - last < HEARTBEAT_VALID_FOR else "NOT_RUNNING",
            "lastHeartbeatTime": last,
            "metadata": [{"key": key, "value": value} for key, value in self.metadata.items()],
            "errors": self.errors,
        }


@dataclass
class WaitingRequest:
    """A request that an agent of one queue fetches with `popUserCloudAgentRequests`."""

    deployment: str
    queue: str | None
    fields: dict[str, Any]


def check_for_updates_request(deployment: str, queue: str | None) -> WaitingRequest:
    """Ask an agent to look at the workspace now and to report what changed."""
    request_id = secrets.token_hex(16)
    body = {
        "__class__": "DagsterCloudApiRequest",
        "deployment_name": deployment,
        "expire_at": time.time() + 300,
        "is_branch_deployment": False,
        "request_api": {"__enum__": "DagsterCloudApi.CHECK_FOR_WORKSPACE_UPDATES"},
        "request_args": None,
        "request_id": request_id,
    }
    return WaitingRequest(
        deployment=deployment,
        queue=queue,
        fields={
            "requestId": request_id,
            "requestApi": "CHECK_FOR_WORKSPACE_UPDATES",
            "requestBody": json.dumps(body),
            "deploymentName": deployment,
            "isBranchDeployment": False,
        },
    )


class Agents:
    """Every agent heard of, by id, and the requests that nobody fetched yet."""

    def __init__(self) -> None:
        self.by_id: dict[str, Agent] = {}
        self.waiting: list[WaitingRequest] = []

    def ask_to_check(self, deployment: str, queue: str | None) -> None:
        """Leave a request to look at the workspace, once per deployment and queue."""
        if not any(w.deployment == deployment and w.queue == queue for w in self.waiting):
            self.waiting.append(check_for_updates_request(deployment, queue))

    def pop_requests(
        self, deployments: list[str], queues: list[str | None] | None, limit: int
    ) -> list[dict[str, Any]]:
        """Hand out what waits for an agent that serves these deployments and queues."""
        served = queues or [None]
        taken = [w for w in self.waiting if w.deployment in deployments and w.queue in served]
        taken = taken[:limit]
        self.waiting = [w for w in self.waiting if w not in taken]
        return [w.fields for w in taken]

    def record_heartbeat(
        self, deployment: str | None, serialized: str, serialized_errors: list[str]
    ) -> None:
        """Read one `AgentHeartbeat` in Dagster's stored form."""
        beat = json.loads(serialized)
        agent = self.by_id.setdefault(
            beat["agent_id"], Agent(beat["agent_id"], beat.get("agent_label"), 0.0)
        )
        agent.label = beat.get("agent_label")
        agent.last_heartbeat = time.time()
        if deployment:
            agent.deployments.add(deployment)
        queues = beat.get("agent_queues_config") or {}
        named: list[str | None] = list(queues.get("additional_queues") or [])
        agent.queues = (*named, *([None] if queues.get("include_default_queue", True) else []))
        agent.metadata = {
            "version": str((beat.get("metadata") or {}).get("version", "")),
            "type": beat.get("agent_type") or "",
            "queues": json.dumps([queue for queue in agent.queues if queue]),
        }
        agent.errors = [_heartbeat_error(json.loads(error)) for error in serialized_errors]


def _heartbeat_error(stored: dict[str, Any]) -> dict[str, Any]:
    error = load_error_from_stored(stored["error"])
    return {"timestamp": float(stored["timestamp"]), "error": python_error(error)}
