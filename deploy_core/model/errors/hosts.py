"""GitHub and GitLab, asked about pull requests through their APIs."""

from deploy_core.model.errors.base import DeployError


class HostError(DeployError):
    """The git host."""


class HostUnreachable(HostError):
    """The git host can't be reached, or answers with an error of its own."""

    reason = "host_unreachable"
    default_next_step = "It is tried again by itself; if it stays, check the project's `host`."
    retryable = True


class HostRateLimited(HostError):
    """The git host wants fewer requests for a while. `retry_after` is in seconds."""

    reason = "host_rate_limited"
    default_next_step = "It is tried again by itself when the host allows it."
    retryable = True

    def __init__(self, summary: str, *, detail: str = "", retry_after: float = 60.0) -> None:
        super().__init__(summary, detail=detail)
        self.retry_after = retry_after


class HostTokenRefused(HostError):
    """There is no token for the git host, or it refuses the one that there is."""

    reason = "host_token_refused"
    default_next_step = "Check the token of the project's `host`."


class HostNotAllowed(HostError):
    """The token may not do this on the git host."""

    reason = "host_not_allowed"
    default_next_step = (
        "Give the token the right to write pull requests (GitHub: Pull requests and Contents;"
        " GitLab: the scope `api` and the role Developer), and try again."
    )


class HostRepositoryMissing(HostError):
    """The git host has no such repository, or our token may not see it."""

    reason = "host_repository_missing"
    default_next_step = "Check the project's `host` and what its token may see."


class HostRefused(HostError):
    """The git host doesn't take the pull request for what it is."""

    reason = "host_refused"
    default_next_step = "Open the pull request by hand; the branch is pushed."


class HostProtocol(HostError):
    """The git host answered something that we do not understand."""

    reason = "host_protocol"
    default_next_step = "Check the `base_url` of the project's `host`."
