"""The likely cause and the next step where a location gave no Python error."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """A likely cause and the next step for a location that gave no Python error."""

    cause: str
    next_step: str


def explain_reason(
    reason: str,
    *,
    location: str,
    deployment: str,
    queue: str | None = None,
    queues: tuple[str, ...] = (),
    seconds: float | None = None,
) -> Advice | None:
    """Explain a reason code that comes without a Python error; None for any other reason.

    `queue` is the agent queue of the location (None: the default one), `queues` are those that
    running agents serve, and `seconds` is how long we waited.
    """
    if reason == "no_agent":
        return Advice(
            f"No agent of {deployment} is running, so nobody loads {location}.",
            "Start the agent (or look why it stopped), then retry.",
        )
    if reason == "no_agent_on_queue":
        named = f"the queue “{queue}”" if queue else "the default queue"
        served = f" The running agents serve: {', '.join(queues)}." if queues else ""
        return Advice(
            f"Agents of {deployment} run, but none serves {named} of {location}.{served}",
            "Start an agent on that queue, or change `agent_queue` in dagster_cloud.yaml.",
        )
    if reason == "load_timed_out":
        waited = f" after {int(seconds)} s" if seconds is not None else ""
        return Advice(
            f"The agent took the change, but {location} was still loading{waited}: the image may be"
            " large, the import slow, the agent busy, or its engine or cluster down.",
            "Look at the agent's log; raise `load_deadline` if the location only needs longer.",
        )
    return None
