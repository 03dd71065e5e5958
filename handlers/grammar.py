"""The text after `/dagster`, or after a mention, read into a command.

    deploy LOCATION…[@REF] [to DEPLOYMENT] [--all] [--image IMAGE] [--why "…"]

Forgiving in how it is typed (smart quotes, `—all`, commas, Slack's own escapes), strict in what it
means: a word that has no place is refused, never skipped. The words are read in `said`; here they
become a command, for each verb in its own way.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from deploy_core.model.adding import require_code_source
from deploy_core.model.errors import UsageError
from deploy_core.model.plan import CodeOptions
from handlers.commands import (
    STATES,
    Agents,
    Cancel,
    Command,
    Deploy,
    Deploys,
    Help,
    Logs,
    OpenDeployForm,
    Redeploy,
    Rollback,
    Status,
)
from handlers.location_commands import (
    IN,
    NEW,
    ONLY_IN_A_PROJECT,
    AddLocation,
    Adopt,
    EditLocation,
    OpenAddForm,
    RemoveLocation,
    RestoreLocation,
    said_document,
)
from handlers.project_commands import NewProject, OpenProjectForm, require_choices
from handlers.said import Said, read
from handlers.subscription_grammar import VERBS as SUBSCRIPTION_VERBS
from handlers.subscription_grammar import parse_subscription, with_channel_ids
from handlers.usage import CODE_OPTIONS, FORMS, form_error, near, short
from handlers.words import Word, clean, split, unwrap


def parse(text: str) -> Command:
    """Read a command; an empty text asks for help. Raises UsageError, and nothing else."""
    # Links are unwrapped first: what they hide must pass the check for hidden characters too.
    words = split(clean(unwrap(without_mention(text))))
    if words and words[0].bare == "/dagster":
        words = words[1:]
    if not words:
        return Help()
    verb = _verb(words[0])
    if verb == "help":
        return _help(words[1:])
    if verb in SUBSCRIPTION_VERBS:
        # Elsewhere a channel's link is a word that Slack has taken for a channel.
        again = split(clean(unwrap(with_channel_ids(without_mention(text)))))
        return parse_subscription(verb, again[len(again) - len(words) + 1 :])
    return _BUILD[verb](read(verb, words[1:]))


def after_mention(text: str, bot_user_id: str) -> str:
    """Return what follows the first mention of the bot, or the whole text without one."""
    found = re.search(rf"<@{re.escape(bot_user_id)}(?:\|[^>]*)?>", text)
    return text[found.end() :].lstrip(" :,") if found else text


def needs_target(verb: str) -> UsageError:
    """Return the error for a bare `cancel`, `logs` or `rollback` outside a deploy's thread."""
    return form_error(verb, f"Say which deploy or location to use with {verb}.")


def without_mention(text: str) -> str:
    """Return the text without a mention at its start."""
    return re.sub(r"^\s*<@[UW][A-Z0-9]+(?:\|[^<>]*)?>[\s:,]*", "", text)


def _verb(word: Word) -> str:
    typed = word.bare or word.raw.lower()
    typed = typed.lstrip("-—/").rstrip(",:;.!?") or typed
    if typed in FORMS:
        return typed
    if typed in {"h", "?"}:
        return "help"
    found = near(typed, FORMS)
    if not found and re.search(r".@.", typed):
        found = ("deploy " + word.raw,)
    raise UsageError(
        f"There is no command “{short(word.raw)}”.",
        next_step="The commands are " + ", ".join(f"`{verb}`" for verb in FORMS) + ".",
        choices=found,
    )


def _help(words: Sequence[Word]) -> Help:
    if not words:
        return Help()
    topic = _verb(words[0])
    if len(words) > 1:
        raise form_error("help", f"There is more than one word after help: {topic} and others.")
    return Help(topic)


def _the_ref(said: Said) -> str | None:
    refs = {ref for _, ref in said.names if ref is not None}
    if said.lone_ref is not None:
        refs.add(said.lone_ref)
    if len(refs) > 1:
        raise form_error(said.verb, "Two different refs are given; one deploy has one ref.")
    ref = next(iter(refs), None)
    if ref is not None and said.lone_ref is None and said.names[-1][1] is None:
        raise form_error(
            said.verb,
            "The @REF counts for all locations and stands after the last one.",
            choices=(f"deploy {' '.join(name for name, _ in said.names)}@{ref}",),
        )
    return ref


def _no_ref(said: Said) -> None:
    if _the_ref(said) is not None:
        raise form_error(said.verb, f"{said.verb} takes no @REF.", choices=("deploy",))


def _locations(said: Said) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name for name, _ in said.names))
    if said.all and names:
        raise form_error(said.verb, "Both locations and --all are given; say one of them.")
    return names


def _deploy(said: Said) -> Command:
    names, ref = _locations(said), _the_ref(said)
    image, why = said.values.get("image"), said.values.get("why")
    if image is not None and (said.all or len(names) > 1):
        raise form_error("deploy", "One --image can't be for several locations.")
    code = _code(said)
    if code.of_one_location and (said.all or len(names) > 1):
        option = code.of_one_location[0].replace("_", "-")
        raise form_error("deploy", f"One --{option} can't be for several locations.")
    if not names and not said.all:
        return OpenDeployForm(ref, said.deployment, image, why, code)
    rebuild = "rebuild" in said.flags
    return Deploy(names, said.all, ref, said.deployment, image, why, rebuild, code)


def _code(said: Said) -> CodeOptions:
    given = {
        name.replace("-", "_"): said.values[name] for name in CODE_OPTIONS if name in said.values
    }
    code = CodeOptions(**given)
    if len(code.source or {}) > 1:
        raise form_error("deploy", "Say a Python file, a package or a module, not two of them.")
    return code


def _add_location(said: Said) -> Command:
    _no_ref(said)
    name = _the_location(said) if said.names else ""
    document, why = said_document(name, said.values), said.values.get("why")
    project = said.values.get(IN)
    new = NEW in said.flags
    if (new or "build" in document) and project is None:
        raise form_error("add-location", ONLY_IN_A_PROJECT)
    if not name or not (new or "code_source" in document):
        return OpenAddForm(document, said.deployment, why, project, new)
    if not new:
        require_code_source(document)
    return AddLocation(document, said.deployment, why, project, new)


def _edit_location(said: Said) -> Command:
    return EditLocation(_the_location(said), said.deployment)


def _the_location(said: Said) -> str:
    _no_ref(said)
    if len(said.names) != 1:
        raise form_error(said.verb, f"{said.verb} takes the name of one code location.")
    return said.names[0][0]


def _remove_location(said: Said) -> Command:
    return RemoveLocation(_the_location(said), said.deployment)


def _restore_location(said: Said) -> Command:
    return RestoreLocation(_the_location(said), said.deployment, said.values.get("why"))


def _adopt(said: Said) -> Command:
    name = _the_location(said)
    if said.project is None:
        raise form_error("adopt", f"Say the project that {short(name)} is adopted to.")
    update = "update" in said.flags
    return Adopt(name, said.project, said.deployment, update, said.values.get("why"))


def _new_project(said: Said) -> Command:
    _no_ref(said)
    if not said.names:
        if said.values:
            raise form_error("new-project", "The name of the new code location is missing.")
        return OpenProjectForm(said.deployment)
    return require_choices(NewProject(_the_location(said), said.deployment, **said.values))


def _redeploy(said: Said) -> Command:
    _no_ref(said)
    names = _locations(said)
    if not names and not said.all:
        raise form_error("redeploy", "Say which locations to deploy again, or --all.")
    return Redeploy(names, said.all, said.deployment, said.values.get("why"))


def _rollback(said: Said) -> Command:
    _no_ref(said)
    why = said.values.get("why")
    if said.numbers and len(said.names) == 1:
        return Rollback((), said.numbers[0], said.deployment, why)
    return Rollback(_locations(said), None, said.deployment, why)


def _one(said: Said) -> tuple[int | None, str | None]:
    _no_ref(said)
    if len(said.names) > 1:
        raise form_error(said.verb, f"{said.verb} takes one of them at a time.")
    if said.numbers:
        return said.numbers[0], None
    return None, said.names[0][0] if said.names else None


def _cancel(said: Said) -> Command:
    return Cancel(*_one(said), said.deployment)


def _logs(said: Said) -> Command:
    return Logs(*_one(said), said.deployment)


def _one_location(said: Said) -> str | None:
    _no_ref(said)
    if len(said.names) > 1:
        raise form_error(said.verb, f"{said.verb} takes one location, or none for all.")
    return said.names[0][0] if said.names else None


def _deploys(said: Said) -> Command:
    return Deploys(_one_location(said), said.deployment)


def _status(said: Said) -> Command:
    state, page = said.values.get("state"), said.values.get("page", "1")
    if state is not None and state.lower() not in STATES:
        raise form_error(
            "status",
            f"There is no state “{short(state)}”; there are {', '.join(STATES)}.",
            choices=tuple(f"--state {name}" for name in near(state.lower(), STATES)),
        )
    if not re.fullmatch(r"[1-9]\d{0,5}", page, re.ASCII):
        raise form_error("status", f"“{short(page)}” isn't the number of a page.")
    return Status(
        _one_location(said),
        said.deployment,
        state.lower() if state else None,
        int(page),
        "here" in said.flags,
    )


def _agents(said: Said) -> Command:
    _no_ref(said)
    if said.names:
        raise form_error("agents", "agents takes no location.", choices=("status",))
    return Agents(said.deployment, "here" in said.flags)


_BUILD: Final[dict[str, Callable[[Said], Command]]] = {
    "deploy": _deploy,
    "add-location": _add_location,
    "edit-location": _edit_location,
    "remove-location": _remove_location,
    "restore-location": _restore_location,
    "adopt": _adopt,
    "new-project": _new_project,
    "redeploy": _redeploy,
    "rollback": _rollback,
    "cancel": _cancel,
    "logs": _logs,
    "deploys": _deploys,
    "status": _status,
    "agents": _agents,
}
