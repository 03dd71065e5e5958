"""What the form by which a channel is subscribed says."""

from typing import Final

from deploy_core.watch.subscriptions import WEEKDAYS
from handlers import actions

TITLE: Final = "Subscribe a channel"
SUBMIT: Final = "Subscribe"
CHANNEL: Final = "Channel"
CHANNEL_HINT: Final = "Empty means the conversation in which you have opened this form."
EVENTS: Final = "What it is told of"
EVENTS_HINT: Final = "None means all of it, or with a digest below only the digest."
ONLY: Final = "Only for"
ONLY_HINT: Final = (
    "Code locations, projects or deployments; patterns such as dbt*; tag:KEY=VALUE for runs with"
    " this tag. Empty means everything."
)
ONLY_PLACEHOLDER: Final = "core dbt* tag:team=data"
DEPLOYMENT: Final = "Deployment"
DEPLOYMENT_HINT: Final = "Empty means all of them."
QUIET_FROM: Final = "Quiet hours from"
QUIET_TO: Final = "Quiet hours to"
QUIET_HINT: Final = "Nothing new is posted meanwhile; at their end you read what is still so."
DIGEST: Final = "Digest"
DIGEST_TIME: Final = "Time of the digest"
ZONE: Final = "Time zone"
ZONE_HINT: Final = "Of the quiet hours and of the digest."

NO_CHANNEL: Final = "Choose the channel that is told."
NAMES_UNREADABLE: Final = "Only names can stand here; one that is a word of a command in quotes."
BOTH_TIMES: Final = "Quiet hours have a beginning and an end."
NO_TIME: Final = "A digest comes at a time."

OPEN: Final = "Subscribe…"
OPENS_A_FORM: Final = "What a channel is told of is chosen in a form."

BUTTONS: Final[dict[str, str]] = {f"{actions.TRY_THIS}:subscribe": OPEN}

_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
DIGESTS: Final[dict[str, str]] = {
    "daily": "Every day",
    "weekdays": "From Monday to Friday",
    **{f"weekly {short}": day for short, day in zip(WEEKDAYS, _DAYS, strict=True)},
}
