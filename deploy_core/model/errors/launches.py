"""Dagster+ doesn't start a run that we asked for."""

from deploy_core.model.errors.dagster_plus import DagsterPlusError


class LaunchRefused(DagsterPlusError):
    """Dagster+ refuses to start the run; no run was made."""


class RunConfigRefused(LaunchRefused):
    """The run's configuration no longer fits the job."""

    reason = "run_config_refused"
    default_next_step = "Start the job in Dagster+ with a configuration that fits."


class JobMissing(LaunchRefused):
    """The job is no longer in the code location."""

    reason = "job_missing"
    default_next_step = "See with `/dagster status` what is in the code location now."


class StepMissing(LaunchRefused):
    """A step, or an output of one, is no longer in the job."""

    reason = "step_missing"
    default_next_step = "The job has changed since: start it from the beginning in Dagster+."


class NothingToReexecute(LaunchRefused):
    """No step of the run is left to be executed again."""

    reason = "nothing_to_reexecute"
    default_next_step = "Start the job from the beginning in Dagster+."


class RunConflict(LaunchRefused):
    """Dagster+ has another run in the way of this one."""

    reason = "run_conflict"
    default_next_step = "Look at the job's runs in Dagster+."


class LaunchNotUnderstood(LaunchRefused):
    """Dagster+ refuses the form in which we ask."""

    reason = "launch_not_understood"
    default_next_step = "Update dagster-chatops; report it if that doesn't help."
