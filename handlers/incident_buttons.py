"""The buttons of a message about failed runs."""

from deploy_core.model.errors import UsageError
from deploy_core.policy import require_may_deploy
from deploy_core.watch.failed_runs import RUNS
from deploy_core.watch.marks import MarkKind
from handlers import actions
from handlers.desk import Ask, Desk
from handlers.text.failed_runs import MUTED_FOR, already
from handlers.verbs.reexecute import open_reexecute_form

_MARKS = {
    actions.SHOW_TRACE: MarkKind.TRACE,
    actions.ACKNOWLEDGE: MarkKind.ACKNOWLEDGED,
    actions.MUTE: MarkKind.MUTED,
}


class IncidentButtons:
    """Everybody may look at an error and look after it; only who may deploy may silence one,
    or execute its runs again."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def pressed(self, ask: Ask, incident_id: int) -> None:
        """Do what the button says, once; a later person is told who was first.

        Raises `UsageError` for an incident that isn't there, `NotAllowed`.
        """
        if ask.action == actions.REEXECUTE:
            await open_reexecute_form(self._desk, ask, incident_id)
            return
        store, kind = self._desk.store, _MARKS[ask.action or ""]
        incident = await store.watching.incident(incident_id)
        if incident is None or incident.kind != RUNS:
            raise UsageError("This button isn't one of ours.")
        until = None
        if kind is MarkKind.MUTED:
            require_may_deploy(self._desk.settings, incident.deployment, ask.by)
            until = self._desk.clock.now() + MUTED_FOR
        before = await store.marks.put(incident_id, kind, ask.by, until=until)
        if before is not None and before.by != ask.by:
            await self._desk.say(ask, already(before))
