"""The tree of errors in the docstring is the tree of the classes, and every one says what to do."""

import re
from types import ModuleType

import pytest

from deploy_core.model import errors
from deploy_core.model.errors import DeployError, all_errors
from handlers import slack_errors

LINE = re.compile(r"^(?P<indent>[│├└─ ]*)(?P<name>[A-Z]\w+)(?:\s+(?P<reason>[a-z_]+))?(?:\s|$)")


def drawn(module: ModuleType) -> dict[str, tuple[str | None, str]]:
    """The parent and the reason of each class, by its name, as the docstring draws them."""
    found: dict[str, tuple[str | None, str]] = {}
    parents: list[tuple[int, str]] = []
    tree = (module.__doc__ or "").partition("\nDeployError\n")[2]
    for line in tree.splitlines():
        match = LINE.match(line)
        if match is None or not match["indent"]:
            continue
        depth = len(match["indent"])
        while parents and parents[-1][0] >= depth:
            parents.pop()
        parent = parents[-1][1] if parents else "DeployError"
        found[match["name"]] = (parent, match["reason"] or "")
        parents.append((depth, match["name"]))
    return found


def real(module: ModuleType) -> dict[str, tuple[str | None, str]]:
    return {
        kind.__name__: (kind.__bases__[0].__name__, kind.__dict__.get("reason", ""))
        for kind in all_errors()
        if f"{kind.__module__}.".startswith(f"{module.__name__}.") and kind is not DeployError
    }


def test_the_docstring_draws_exactly_the_classes() -> None:
    assert drawn(errors) == real(errors)


def test_so_does_that_of_slack_s_errors() -> None:
    shown = {name: reason for name, (_, reason) in drawn(slack_errors).items() if reason}
    there = real(slack_errors)
    assert shown == {name: there[name][1] for name in shown}
    assert set(drawn(slack_errors)) == set(there)


LEAVES = sorted(
    (kind for kind in all_errors() if not kind.__subclasses__()), key=lambda kind: kind.__name__
)


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_error_has_a_reason_a_sentence_and_a_next_step(kind: type[DeployError]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.reason)
    assert kind.default_next_step.endswith(".")
    assert kind.__doc__
    assert kind.__doc__.partition("\n")[0].endswith(".")


def test_no_reason_is_used_twice() -> None:
    reasons = [kind.__dict__["reason"] for kind in all_errors() if "reason" in kind.__dict__]
    assert len(reasons) == len(set(reasons))
