"""When the medic redeploys, and when it asks people."""

from datetime import timedelta

import pytest

from deploy_core.model.errors import NotAllowed
from deploy_core.model.explain import explain
from deploy_core.model.people import Actor
from deploy_core.model.python_error import PythonError
from deploy_core.policy import require_may_deploy
from deploy_core.settings import CoreSettings, DeploymentSettings, MedicSettings
from deploy_core.store.history import ByMedic
from deploy_core.watch.incidents import Incident, IncidentState
from deploy_core.watch.medic import MEDIC, Visit, can_help, visit
from tests.watch.support import at

BROKEN = Incident(7, "prod", "locations", "core", IncidentState.OPEN, at(0), at(0))


def redeploy(number: int, ended: float | None = None) -> ByMedic:
    return ByMedic(number, 7, at(number), None if ended is None else at(ended))


@pytest.mark.parametrize(
    ("minutes", "before", "today", "expected"),
    [
        (1.9, [], 0, None),
        (2, [], 0, Visit(1)),
        (2, [], 5, Visit(None, "too many")),
        (9, [redeploy(1)], 1, None),
        (8.9, [redeploy(1, 5)], 1, None),
        (9, [redeploy(1, 5)], 1, Visit(2)),
        (23.9, [redeploy(1, 5), redeploy(2, 20)], 2, None),
        (24, [redeploy(1, 5), redeploy(2, 20)], 2, Visit(None, "redeployed")),
    ],
)
def test_each_redeploy_waits_twice_as_long_and_there_is_a_last_one(
    minutes: float, before: list[ByMedic], today: int, expected: Visit | None
) -> None:
    policy = MedicSettings(redeploys=2, wait_minutes=2)
    assert visit(policy, BROKEN, before, today, at(minutes)) == expected


@pytest.mark.parametrize(
    ("message", "helps"),
    [
        ("Could not reach user code server. gRPC Error code: UNAVAILABLE", True),
        ("Exception: Timed out after waiting 180s for server core-1:4000.", True),
        ("0/6 nodes are available: 6 Insufficient memory.", True),
        ("Service was unable to place a task because no container instance met all of its", True),
        ("ModuleNotFoundError: No module named 'rates'", False),
        ("KeyError: 'EUR'", False),
        ("Exception: gRPC server exited with return code 1", False),
        ("ErrImagePull: manifest unknown", False),
    ],
)
def test_only_the_infrastructure_is_helped(message: str, helps: bool) -> None:
    assert can_help(explain(PythonError(message=message))) == helps
    frame = '  File "/srv/marts/defs.py", line 3, in <module>\n    connect()\n'
    assert not can_help(explain(PythonError(message=message, stack=(frame,))))


def test_only_where_the_policy_says_so_may_it_deploy() -> None:
    people = DeploymentSettings(may_deploy=("U1",))
    with_medic = DeploymentSettings(may_deploy=("U1",), medic=MedicSettings())
    settings = CoreSettings(deployments={"prod": with_medic, "staging": people})
    require_may_deploy(settings, "prod", MEDIC)
    with pytest.raises(NotAllowed):
        require_may_deploy(settings, "staging", MEDIC)
    with pytest.raises(NotAllowed):
        require_may_deploy(settings, "prod", Actor(kind="slack", id="bot:medic"))
    assert timedelta(minutes=MedicSettings().wait_minutes) > timedelta(0)
