"""The trust boundary for what Dagster+ answers when a run is to be started; see `wire`."""

from typing import Final

from deploy_core.dagster_plus import documents, run_shapes
from deploy_core.dagster_plus.answers import LONGEST_DETAIL, JsonObject
from deploy_core.dagster_plus.shapes import PythonErrorShape, UnauthorizedShape
from deploy_core.dagster_plus.wire import checked, not_understood, server_error
from deploy_core.model.errors import (
    JobMissing,
    LaunchNotUnderstood,
    LaunchRefused,
    NothingToReexecute,
    PermissionRefused,
    RunConfigRefused,
    RunConflict,
    StepMissing,
)

_SAID: Final[dict[str, tuple[type[LaunchRefused], str]]] = {
    "PipelineNotFoundError": (JobMissing, "Dagster+ doesn't find the run's job any more."),
    "InvalidSubsetError": (NothingToReexecute, "No step of this run can be executed again."),
    "RunConflict": (RunConflict, "Dagster+ has another run in the way of this one."),
    "PresetNotFoundError": (LaunchNotUnderstood, "Dagster+ doesn't find a preset."),
    "ConflictingExecutionParamsError": (
        LaunchNotUnderstood,
        "Dagster+ finds the parameters of the run in conflict.",
    ),
    "NoModeProvidedError": (LaunchNotUnderstood, "Dagster+ wants a mode for the run."),
}

LAUNCHER = "Give the token's user the Launcher role, or a higher one, in this deployment."


def read_reexecuted(data: JsonObject, *, parent: str) -> str:
    """Return the id of the new run, which executes `parent` again. Raises `LaunchRefused`,
    `PermissionRefused`, `ServerError`: one for each answer that isn't a run."""
    operation = documents.REEXECUTE_RUN
    found = checked(operation, run_shapes.LaunchData, data).result
    match found:
        case run_shapes.LaunchSuccessShape():
            if found.run.parent_id not in (None, parent):
                raise not_understood(operation, "it speaks of another run")
            return found.run.id
        case PythonErrorShape():
            raise server_error(operation, found)
        case UnauthorizedShape():
            raise PermissionRefused(
                "The token's user may not execute this run again.",
                next_step=LAUNCHER,
                detail=found.message[:LONGEST_DETAIL],
            )
        case run_shapes.RunConfigInvalidShape():
            problems = "\n".join(f"{each.reason}: {each.message}" for each in found.errors)
            raise RunConfigRefused(
                "The run's configuration no longer fits the job.", detail=problems[:LONGEST_DETAIL]
            )
        case run_shapes.InvalidStepShape():
            raise StepMissing(f"The job has no step `{found.step[:80]}` any more.")
        case run_shapes.InvalidOutputShape():
            raise StepMissing(
                f"The step `{found.step[:80]}` has no output `{found.output[:80]}` any more."
            )
        case run_shapes.LaunchRefusedShape():
            kind, said = _SAID[found.typename]
            raise kind(said, detail=found.message[:LONGEST_DETAIL])
