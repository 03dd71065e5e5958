"""What is said about text that can't be read: the form of each verb, and “did you mean”."""

import difflib
from collections.abc import Iterable
from typing import Final

from deploy_core.model.errors import UsageError
from handlers.location_commands import ADD_OPTIONS, BUILD_OPTIONS, CONTEXT, IN, NEW
from handlers.project_commands import PROJECT_OPTIONS

FORMS: Final[dict[str, str]] = {
    "deploy": (
        'deploy LOCATION…[@REF] [to DEPLOYMENT] [--all] [--image IMAGE] [--rebuild] [--why "…"]'
    ),
    "add-location": (
        "add-location [NAME] [--in PROJECT [--new]]"
        " [--module MODULE|--package PACKAGE|--file FILE]"
        " [to DEPLOYMENT]"
        " [--image IMAGE] [--attribute NAME] [--working-directory FOLDER] [--executable PATH]"
        ' [--queue QUEUE] [--container-context "{YAML}"] [--build-directory FOLDER]'
        ' [--registry REGISTRY] [--why "…"]'
    ),
    "edit-location": "edit-location NAME [in DEPLOYMENT]",
    "remove-location": "remove-location NAME [from DEPLOYMENT]",
    "restore-location": 'restore-location NAME [to DEPLOYMENT] [--why "…"]',
    "adopt": 'adopt NAME to PROJECT [in DEPLOYMENT] [--update] [--why "…"]',
    "new-project": (
        "new-project [NAME] [--image IMAGE] [--ci github|gitlab] [--package PACKAGE]"
        " [--python VERSION] [--queue QUEUE] [--registry KIND] [--agent hybrid|serverless]"
        " [--push|--create GIT-ADDRESS] [to DEPLOYMENT]"
    ),
    "redeploy": 'redeploy LOCATION… [to DEPLOYMENT] [--all] [--why "…"]',
    "rollback": 'rollback LOCATION… [in DEPLOYMENT] [--why "…"]',
    "cancel": "cancel NUMBER|LOCATION [in DEPLOYMENT]",
    "deploys": "deploys [LOCATION] [in DEPLOYMENT]",
    "logs": "logs NUMBER|LOCATION [in DEPLOYMENT]",
    "status": "status [LOCATION|PROJECT] [in DEPLOYMENT] [--state STATE] [--page N] [--here]",
    "agents": "agents [in DEPLOYMENT] [--here]",
    "subscribe": (
        "subscribe [#CHANNEL] [EVENT…] [for NAME…] [in DEPLOYMENT] [quiet 22:00-07:00 [ZONE]]"
        " [digest daily 09:00 [ZONE]]"
    ),
    "unsubscribe": "unsubscribe [NUMBER] [#CHANNEL] [--all]",
    "subscriptions": "subscriptions [#CHANNEL] [--all]",
    "mute": "mute [#CHANNEL] 2h|off [EVENT…] [for NAME…] [in DEPLOYMENT]",
    "help": "help [COMMAND]",
}
"""The form of each verb, without `/dagster`."""

MEANT: Final = {
    "add": "add-location",
    "new": "add-location",
    "create": "add-location",
    "scaffold": "new-project",
    "new-repository": "new-project",
    "new-location": "new-project",
    "init": "new-project",
    "edit": "edit-location",
    "change": "edit-location",
    "remove": "remove-location",
    "delete": "remove-location",
    "delete-location": "remove-location",
    "restore": "restore-location",
    "adopt-location": "adopt",
    "import": "adopt",
    "history": "deploys",
    "list": "status",
    "live": "status",
    "agent": "agents",
    "queues": "agents",
    "log": "logs",
    "follow": "subscribe",
    "notify": "subscribe",
    "unfollow": "unsubscribe",
    "silence": "mute",
    "quiet": "mute",
    "snooze": "mute",
    "abort": "cancel",
    "stop": "cancel",
    "back": "rollback",
    "revert": "rollback",
    "undo": "rollback",
    "retry": "redeploy",
    "reload": "redeploy",
    "release": "deploy",
    "ship": "deploy",
    "reason": "why",
    "message": "why",
    "because": "why",
    "branch": "ref",
    "tag": "ref",
    "commit": "ref",
}
CODE_OPTIONS: Final = (
    "python-file",
    "package-name",
    "module-name",
    "attribute",
    "working-directory",
    "python-version",
    "base-image-tag",
)
"""What may be said of the code, by the names that the official CLI has for it."""

OPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "deploy": ("all", "image", "rebuild", "ref", "why", *CODE_OPTIONS),
    "add-location": (*ADD_OPTIONS, CONTEXT, *BUILD_OPTIONS, IN, NEW, "why"),
    "restore-location": ("why",),
    "adopt": ("update", "why"),
    "new-project": PROJECT_OPTIONS,
    "redeploy": ("all", "why"),
    "rollback": ("why",),
    "status": ("here", "page", "state"),
    "agents": ("here",),
    "unsubscribe": ("all",),
    "subscriptions": ("all",),
}

OTHER_NAMES: Final[dict[str, dict[str, str]]] = {
    "add-location": {
        "module-name": "module",
        "package-name": "package",
        "python-file": "file",
        "executable-path": "executable",
        "agent-queue": "queue",
    },
    "new-project": {
        "package-name": "package",
        "python-version": "python",
        "agent-queue": "queue",
        "agent-type": "agent",
    },
}
"""Names that the official CLI has for options of ours."""

FLAGS: Final = frozenset({"all", "here", NEW, "rebuild", "update"})
"""Options without a value."""


def form_error(verb: str, summary: str, choices: tuple[str, ...] = ()) -> UsageError:
    """Return the error whose next step is the form of this verb."""
    return UsageError(summary, next_step=f"Write it as `/dagster {FORMS[verb]}`.", choices=choices)


def no_option(verb: str, option: str) -> UsageError:
    """Return the error for an option that the verb doesn't have."""
    known = OPTIONS.get(verb, ())
    choices = tuple(f"--{name}" for name in near(option, known))
    return form_error(verb, f"{verb} has no option --{short(option)}.", choices=choices)


def near(typed: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that were most likely meant, at most two."""
    known = list(names)
    if (meant := MEANT.get(typed)) in known and meant is not None:
        return (meant,)
    return tuple(difflib.get_close_matches(typed, known, n=2, cutoff=0.6))


def short(text: str) -> str:
    """Return a word to be repeated to the person, not too long."""
    return text if len(text) <= 60 else text[:60] + "…"
