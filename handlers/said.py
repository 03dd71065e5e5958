"""The words after a verb, read into their parts: names with their refs, a deployment, options."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from handlers.commands import FROM, RESERVED, TO
from handlers.location_commands import CONTEXT, MOST_CONTEXT
from handlers.usage import FLAGS, OPTIONS, OTHER_NAMES, form_error, no_option, short
from handlers.words import DASHES, Word, single_dash

MOST_LOCATIONS: Final = 300
MOST_NAME: Final = 200
MOST_WHY: Final = 500
MOST_IMAGE: Final = 500
MOST: Final = {"why": MOST_WHY, CONTEXT: MOST_CONTEXT}
"""Characters of an option's value; of those that aren't here as many as an image's name has."""

_USER_ID: Final = re.compile(r"^[UW][A-Z0-9]{6,}$")


@dataclass
class Said:
    """The parts of a text, whatever the verb. `numbers` are those of the names that can be the
    number of a deploy, `lone_ref` is a ref that stands at no name. `project` is said to `adopt`."""

    verb: str
    names: list[tuple[str, str | None]] = field(default_factory=list)  # with their @REF
    numbers: list[int] = field(default_factory=list)
    lone_ref: str | None = None
    deployment: str | None = None
    project: str | None = None
    flags: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)

    @property
    def all(self) -> bool:
        """Whether every location is meant."""
        return "all" in self.flags


def read(verb: str, words: Sequence[Word]) -> Said:
    """Read the words after a verb. Raises `UsageError` for one that has no place."""
    said = Said(verb)
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.option is not None:
            _read_option(said, word, rest)
        elif (dashed := single_dash(word)) is not None:
            raise no_option(verb, dashed)
        elif word.quoted is None and word.raw[0] in DASHES:
            raise form_error(verb, f"“{short(word.raw)}” has no place here.")
        elif verb == "adopt" and word.bare == TO:
            _read_project(said, word, rest)
        elif word.bare in RESERVED or (verb == "remove-location" and word.bare == FROM):
            _read_deployment(said, word, rest)
        elif word.quoted is None and word.rest.startswith("@"):
            _set_ref(said, word.rest[1:].rstrip(","))
        else:
            _read_names(said, word)
    if len(said.names) > MOST_LOCATIONS:
        raise form_error(verb, f"More than {MOST_LOCATIONS} locations are named.")
    return said


def _read_deployment(said: Said, word: Word, rest: list[Word]) -> None:
    if said.deployment is not None:
        raise form_error(said.verb, "Two deployments are named; one deploy goes to one of them.")
    if not rest or rest[0].option is not None:
        raise form_error(said.verb, f"After “{word.raw.lower()}” a deployment is missing.")
    value = rest.pop(0)
    name, ref = _name_and_ref(said.verb, value.quoted, value.rest.rstrip(","))
    said.deployment = _named(said.verb, name, "deployment")
    if ref is not None:
        _set_ref(said, ref)


def _read_project(said: Said, word: Word, rest: list[Word]) -> None:
    if said.project is not None:
        raise form_error(said.verb, "Two projects are named; a location is adopted to one.")
    if not rest or rest[0].option is not None:
        raise form_error(said.verb, f"After “{word.raw.lower()}” a project is missing.")
    value = rest.pop(0)
    said.project = _named(said.verb, value.quoted or value.rest.rstrip(","), "project")


def _read_option(said: Said, word: Word, rest: list[Word]) -> None:
    option = word.option or ""
    option = OTHER_NAMES.get(said.verb, {}).get(option, option)
    if option not in OPTIONS.get(said.verb, ()):
        raise no_option(said.verb, option)
    if option in FLAGS:
        if word.quoted is not None or word.rest:
            raise form_error(said.verb, f"--{option} takes no value.")
        said.flags.add(option)
        return
    value = _value(option, word, rest).strip()
    if not value:
        raise form_error(said.verb, f"After --{option} its value is missing.")
    if option == "ref":
        _set_ref(said, value)
        return
    if option in said.values:
        raise form_error(said.verb, f"--{option} is given twice.")
    most = MOST.get(option, MOST_IMAGE)
    if len(value) > most:
        raise form_error(said.verb, f"The value of --{option} is longer than {most} characters.")
    if option == "image" and " " in value:
        raise form_error(said.verb, "An image has no spaces in its name.")
    said.values[option] = value


def _value(option: str, word: Word, rest: list[Word]) -> str:
    if word.quoted is not None:
        return word.quoted + word.rest
    parts = [word.rest] if word.rest else []
    if option != "why":
        if parts:
            return parts[0]
        if not rest or rest[0].option is not None:
            return ""
        value = rest.pop(0)
        return (value.quoted or "") + value.rest
    if not parts and rest and rest[0].quoted is not None:
        value = rest.pop(0)
        return (value.quoted or "") + value.rest
    # a reason without quotes goes on to the next option
    while rest and rest[0].option is None:
        parts.append(rest.pop(0).raw)
    return " ".join(parts)


def _read_names(said: Said, word: Word) -> None:
    if said.deployment is not None:
        raise form_error(
            said.verb,
            f"“{short(word.raw)}” stands after the deployment; locations come before it.",
        )
    if word.quoted is not None:
        _, ref = _name_and_ref(said.verb, word.quoted, word.rest.rstrip(","))
        said.names.append((_named(said.verb, word.quoted, "location"), ref))
        return
    for part in word.rest.split(","):
        if not part:
            continue
        if number := re.fullmatch(r"#?(\d{1,18})", part, re.ASCII):
            said.numbers.append(int(number[1]))
        name, ref = _name_and_ref(said.verb, None, part)
        if name:
            said.names.append((_named(said.verb, name, "location"), ref))
        elif ref is not None:
            _set_ref(said, ref)


def _name_and_ref(verb: str, quoted: str | None, rest: str) -> tuple[str, str | None]:
    name, sign, ref = rest.partition("@")
    return (name if quoted is None else quoted), (_ref(verb, ref) if sign else None)


def _ref(verb: str, ref: str) -> str:
    ref = ref.removeprefix("@")  # `core@@jane`: Slack had made a mention of it
    if not ref:
        raise form_error(verb, "After @ a branch, tag or commit is missing.")
    if _USER_ID.match(ref):
        raise form_error(
            verb,
            "Slack read the name after @ as a person.",
            choices=("--ref NAME",),
        )
    if len(ref) > MOST_NAME or ref.startswith("-") or set(ref) & set(' "“”'):
        raise form_error(verb, f"“{short(ref)}” can't be the name of a branch, tag or commit.")
    return ref


def _set_ref(said: Said, ref: str) -> None:
    ref = _ref(said.verb, ref)
    if said.lone_ref not in {None, ref}:
        raise form_error(said.verb, "Two different refs are given; one deploy has one ref.")
    said.lone_ref = ref


def _named(verb: str, name: str, what: str) -> str:
    name = name.strip()
    if not name:
        raise form_error(verb, f"The name of a {what} is empty.")
    if len(name) > MOST_NAME:
        raise form_error(verb, f"The name of a {what} is longer than {MOST_NAME} characters.")
    return name
