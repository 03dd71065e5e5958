"""The plan that a terminal shows: what changes, and no value that may be secret."""

from io import StringIO

from pydantic import JsonValue
from rich.console import Console

from bot.cli.deploy import plan_table
from deploy_core.model.plan import DeployPlan, FieldChange
from tests.support.plans import plan, target


def shown(made: DeployPlan) -> str:
    text = StringIO()
    Console(file=text, width=160).print(plan_table(made))
    return text.getvalue()


def with_change(path: str, before: JsonValue, after: JsonValue) -> DeployPlan:
    change = FieldChange(path=path, before=before, after=after)
    changed = target("core").model_copy(update={"changes": (change,)})
    return plan("core").model_copy(update={"targets": (changed,)})


def test_a_field_is_shown_before_and_after() -> None:
    said = shown(with_change("working_directory", "a", None))
    assert "working_directory" in said
    assert "None" not in said


def test_the_values_of_variables_are_not_shown() -> None:
    said = shown(with_change("container_context.k8s.env_vars", None, ["TOKEN=canary-value"]))
    assert "TOKEN=…" in said
    assert "canary" not in said
