"""Dagster+ didn't do, or didn't answer, what we asked."""

from deploy_core.model.errors.base import DeployError


class DagsterPlusError(DeployError):
    """Dagster+ did not do what it was asked."""


class Unreachable(DagsterPlusError):
    """No connection to Dagster+; nothing was sent."""

    reason = "dagster_unreachable"
    default_next_step = "Try again; if it stays, check the address and the network."
    retryable = True


class AnswerLost(DagsterPlusError):
    """The request was sent but its answer never came; whether it was done is unknown."""

    reason = "dagster_answer_lost"
    default_next_step = "Look at the location in Dagster+ before you try again."


class RateLimited(DagsterPlusError):
    """Dagster+ keeps answering that there are too many requests."""

    reason = "dagster_rate_limited"
    default_next_step = "Try again in a minute."
    retryable = True


class Maintenance(DagsterPlusError):
    """Dagster+ is under maintenance for longer than we wait."""

    reason = "dagster_maintenance"
    default_next_step = "Try again when the maintenance is over."
    retryable = True


class Unavailable(DagsterPlusError):
    """Dagster+ keeps answering with a server error."""

    reason = "dagster_unavailable"
    default_next_step = "Try again; if it stays, look at Dagster's status page."
    retryable = True


class TokenRefused(DagsterPlusError):
    """Dagster+ refuses our token."""

    reason = "dagster_token_refused"
    default_next_step = "Put a valid user token into DAGSTER_CLOUD_API_TOKEN."


class PermissionRefused(DagsterPlusError):
    """The token is valid but may not do this."""

    reason = "dagster_permission_refused"
    default_next_step = "Give the token's user the Editor role in this deployment."


class InvalidLocation(DagsterPlusError):
    """Dagster+ refuses the location's document."""

    reason = "dagster_invalid_location"
    default_next_step = "Mend `dagster_cloud.yaml`, push, and deploy again."


class ServerError(DagsterPlusError):
    """Dagster+ answered with an error of its own."""

    reason = "dagster_server_error"
    default_next_step = "Read the message; try again if it looks passing."


class NotFound(DagsterPlusError):
    """Dagster+ knows no such organisation or deployment."""

    reason = "dagster_not_found"
    default_next_step = "Check the organisation and the deployment's name."


class ProtocolError(DagsterPlusError):
    """Dagster+ answered something that we do not understand."""

    reason = "dagster_protocol"
    default_next_step = "Update dagster-chatops; report it if that doesn't help."
