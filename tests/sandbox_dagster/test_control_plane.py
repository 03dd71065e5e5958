"""The control plane's rules, without a server."""

from typing import Any

import pytest

from sandbox.dagster_plus.control_plane import ControlPlane, UnknownLocationError
from sandbox.dagster_plus.documents import deployment_metadata
from sandbox.dagster_plus.faults import Faults, LoadErrorText, LoadFault
from sandbox.dagster_plus.load_errors import LoadError, python_error
from sandbox.dagster_plus.locations import CodeLocation, Deployment, LoadReport

LOADED = LoadReport(image="registry/core:1")


def core(image: str = "registry/core:1", **more: Any) -> dict[str, Any]:
    return {
        "location_name": "core",
        "code_source": {"module_name": "core.definitions"},
        "image": image,
        **more,
    }


@pytest.fixture
def plane() -> ControlPlane:
    return ControlPlane("sandbox", ["prod", "staging"])


@pytest.fixture
def prod(plane: ControlPlane) -> Deployment:
    return plane.deployment("prod")


def report(plane: ControlPlane, prod: Deployment, document: dict[str, Any]) -> CodeLocation:
    """Let an agent load this document."""
    plane.report(prod, "core", LOADED, deployment_metadata(document))
    return prod.locations["core"]


def test_a_change_is_loading_at_once_and_keeps_the_version(
    plane: ControlPlane, prod: Deployment
) -> None:
    plane.apply(prod, [core()])
    location = report(plane, prod, core())
    before = (location.version_key, location.updated_timestamp)
    changed_at = location.metadata_timestamp
    assert location.location_entry()["loadStatus"] == "LOADED"

    plane.apply(prod, [core("registry/core:2")])

    assert location.location_entry()["loadStatus"] == "LOADING"
    assert location.metadata_timestamp > changed_at
    assert (location.version_key, location.updated_timestamp) == before


def test_a_report_moves_the_version(plane: ControlPlane, prod: Deployment) -> None:
    plane.apply(prod, [core()])
    first = report(plane, prod, core()).version_key
    plane.apply(prod, [core("registry/core:2")])
    location = report(plane, prod, core("registry/core:2"))
    assert location.load_status == "LOADED"
    assert location.version_key != first
    assert {"key": "image", "value": "registry/core:1"} in location.location_entry()[
        "displayMetadata"
    ], "the image is the one that the code server reported"


def test_a_report_on_an_older_document_changes_nothing(
    plane: ControlPlane, prod: Deployment
) -> None:
    plane.apply(prod, [core()])
    plane.apply(prod, [core("registry/core:2")])
    assert report(plane, prod, core("registry/core:1")).load_status == "LOADING"


def test_an_error_from_before_the_agent_saw_the_change_is_not_for_it(
    plane: ControlPlane, prod: Deployment
) -> None:
    broken = LoadReport(error=LoadError("ImportError: no"))
    plane.apply(prod, [core()])
    plane.entries_for_agent(prod, [None])
    plane.apply(prod, [core("registry/core:2")])

    plane.report(prod, "core", broken)
    assert prod.locations["core"].load_status == "LOADING"

    plane.entries_for_agent(prod, [None])
    plane.report(prod, "core", broken)
    entry = prod.locations["core"].location_entry()
    assert entry["loadStatus"] == "LOADED"
    assert entry["locationOrLoadError"]["__typename"] == "PythonError"


def test_locations_go_to_agents_of_their_queue(plane: ControlPlane, prod: Deployment) -> None:
    ml = {**core(), "location_name": "ml", "agent_queue": "gpu"}
    plane.apply(prod, [core(), ml])
    served = {
        queues: [location.name for location in plane.entries_for_agent(prod, queues)]
        for queues in [(None,), ("gpu",), ("gpu", None), ("other",)]
    }
    assert served == {
        (None,): ["core"],
        ("gpu",): ["ml"],
        ("gpu", None): ["core", "ml"],
        ("other",): [],
    }
    assert [r["requestApi"] for r in plane.agents.pop_requests(["prod"], ["gpu"], 10)] == [
        "CHECK_FOR_WORKSPACE_UPDATES"
    ]
    assert plane.agents.pop_requests(["prod"], ["gpu"], 10) == []
    assert len(plane.agents.pop_requests(["prod"], [None], 10)) == 1


def test_the_same_name_in_two_deployments_is_two_locations(
    plane: ControlPlane, prod: Deployment
) -> None:
    plane.apply(prod, [core()])
    plane.apply(plane.deployment("staging"), [core("registry/core:2")])
    assert prod.locations["core"].document["image"] == "registry/core:1"


def test_reconcile_deletes_the_rest(plane: ControlPlane, prod: Deployment) -> None:
    plane.apply(prod, [core(), {**core(), "location_name": "marts"}])
    plane.reconcile(prod, [core()])
    assert list(prod.locations) == ["core"]
    with pytest.raises(UnknownLocationError):
        plane.delete(prod, "marts")


def test_never_loaded_keeps_the_report_until_the_fault_is_removed(
    plane: ControlPlane, prod: Deployment
) -> None:
    plane.faults.add(Faults(loads=[LoadFault(location="core", kind="never_loaded")]))
    plane.apply(prod, [core()])
    assert report(plane, prod, core()).load_status == "LOADING"

    plane.faults.clear()
    plane.release_held_reports()
    assert prod.locations["core"].load_status == "LOADED"


def test_old_version_is_loaded_without_the_version_moving(
    plane: ControlPlane, prod: Deployment
) -> None:
    plane.apply(prod, [core()])
    before = report(plane, prod, core()).version_key
    plane.faults.add(Faults(loads=[LoadFault(location="core", kind="old_version")]))
    plane.apply(prod, [core("registry/core:2")])
    location = report(plane, prod, core("registry/core:2"))
    assert (location.load_status, location.version_key) == ("LOADED", before)


def test_flapping_shows_a_good_and_a_broken_location_in_turn(
    plane: ControlPlane, prod: Deployment
) -> None:
    error = LoadErrorText(message="TimeoutError: no answer")
    plane.faults.add(Faults(loads=[LoadFault(location="core", kind="flapping", error=error)]))
    plane.apply(prod, [core()])
    location = prod.locations["core"]
    location.location_entry()
    report(plane, prod, core())
    shown = [location.location_entry()["locationOrLoadError"]["__typename"] for _ in range(4)]
    assert shown == ["RepositoryLocation", "PythonError"] * 2


def test_the_deep_error_is_deep(plane: ControlPlane, prod: Deployment) -> None:
    plane.faults.add(Faults(loads=[LoadFault(location="core", kind="error")]))
    plane.apply(prod, [core()])
    shown = report(plane, prod, core()).location_entry()["locationOrLoadError"]
    chain = [link["error"] for link in shown["errorChain"]]
    assert [link["isExplicitLink"] for link in shown["errorChain"]] == [True, False]
    assert len(chain[-1]["stack"]) == 400
    assert len(chain[-1]["message"].encode()) > 59_000
    assert not chain[-1]["message"].isascii()


def test_the_error_chain_goes_from_the_outside_in() -> None:
    error = LoadError("a", cause=LoadError("b", context=LoadError("c")), context=LoadError("x"))
    links = python_error(error)["errorChain"]
    assert [(link["isExplicitLink"], link["message"]) for link in links] == [
        (True, "b"),
        (False, "c"),
    ]
