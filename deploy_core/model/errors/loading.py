"""The location didn't load."""

from deploy_core.model.errors.base import DeployError
from deploy_core.model.python_error import PythonError


class LoadError(DeployError):
    """The change was accepted, but the code location isn't live."""


class LoadFailed(LoadError):
    """The agent started the code server and got a Python error."""

    reason = "load_failed"
    default_next_step = "Mend the code, push, and deploy again."

    def __init__(self, summary: str, *, python_error: PythonError) -> None:
        super().__init__(summary)
        self.python_error = python_error


class LoadTimedOut(LoadError):
    """The location was still loading when its deadline passed."""

    reason = "load_timed_out"
    default_next_step = "Look at the agent's log; raise `load_deadline` if it only needs longer."


class NoAgent(LoadError):
    """No agent of the deployment is running."""

    reason = "no_agent"
    default_next_step = "Start the agent, then retry."


class NoAgentOnQueue(LoadError):
    """Agents run, but none serves the location's queue."""

    reason = "no_agent_on_queue"
    default_next_step = "Start an agent on that queue, or change the location's `agent_queue`."
