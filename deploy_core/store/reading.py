"""Reads plans that another version of the program has written.

A deploy may be begun by one version and taken up by another. Everybody may look at it, so what this
version doesn't know is left out. Only a version that knows all that is still to be done carries it
out.
"""

from collections.abc import Collection
from typing import Any

from pydantic import ValidationError

from deploy_core.model.plan import (
    ArtifactKind,
    DeployKind,
    DeployPlan,
    StepName,
    TargetPlan,
    Version,
)

KNOWN_STEPS = {step.value for step in StepName}


def read_target_plan(raw: dict[str, Any]) -> tuple[TargetPlan, tuple[str, ...]]:
    """Return a target's plan as far as it is understood, and which values of it aren't, in
    words."""
    known = {key: value for key, value in raw.items() if key in TargetPlan.model_fields}
    known["steps"] = [step for step in raw.get("steps", ()) if step in KNOWN_STEPS]
    try:
        return TargetPlan.model_validate(known), ()
    except ValidationError as error:
        strange = [f"the value of `{'.'.join(map(str, e['loc']))}`" for e in error.errors()]
        document = raw.get("document")
        plan = TargetPlan(
            location=str(raw["location"]),
            project=None,
            artifact=ArtifactKind.SOURCE,
            document=document if isinstance(document, dict) else {},
            version=Version(),
            live=None,
        )
        return plan, tuple(strange)


def read_plan(raw: dict[str, Any], targets: list[TargetPlan]) -> DeployPlan:
    """Return a deploy's plan, which is kept without its targets, as far as it is understood."""
    known = {key: value for key, value in raw.items() if key in DeployPlan.model_fields}
    if known.get("kind") not in set(DeployKind):
        known["kind"] = DeployKind.DEPLOY
    return DeployPlan.model_validate({**known, "targets": targets})


def strange_in(
    plan: dict[str, Any],
    target: dict[str, Any],
    values: Collection[str],
    finished: Collection[str],
) -> tuple[str, ...]:
    """Return what of a deploy's plan and a target's this version doesn't know, in words: `values`
    as `read_target_plan` found them; steps that are `finished` need not be known any more."""
    strange = [f"the field `{key}`" for key in plan if key not in DeployPlan.model_fields]
    strange += [f"the field `{key}`" for key in target if key not in TargetPlan.model_fields]
    strange += [
        f"the step `{step}`"
        for step in target.get("steps", ())
        if step not in KNOWN_STEPS and step not in finished
    ]
    if not strange and plan.get("kind") not in set(DeployKind):
        strange.append(f"the kind `{plan.get('kind')}`")
    return tuple(dict.fromkeys(strange or values))
