"""The unmodified `dagster-cloud` CLI judges the control plane."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import yaml

from sandbox.dagster_plus.faults import LoadErrorText
from sandbox.dagster_plus.instant_agent import BrokenCode, InstantAgentSettings
from sandbox.dagster_plus.server import DagsterPlus

pytestmark = pytest.mark.proof

RunCli = Callable[..., Awaitable[tuple[int, str]]]


def documents(dagster_plus: DagsterPlus) -> dict[str, dict[str, object]]:
    locations = dagster_plus.plane.deployment("prod").locations
    return {name: location.document for name, location in locations.items()}


async def test_cli_adds_updates_lists_and_deletes(
    dagster_plus: DagsterPlus, run_cli: RunCli
) -> None:
    core = ("core", "--module-name", "core.definitions")
    code, output = await run_cli("add-location", *core, "--image", "registry/core:1")
    assert code == 0, output
    assert documents(dagster_plus)["core"]["image"] == "registry/core:1"
    first = dagster_plus.plane.deployment("prod").locations["core"].version_key

    code, output = await run_cli("update-location", *core, "--image", "registry/core:2")
    assert code == 0, output
    assert documents(dagster_plus)["core"]["image"] == "registry/core:2"
    assert dagster_plus.plane.deployment("prod").locations["core"].version_key != first

    code, output = await run_cli("list-locations")
    assert code == 0, output
    assert "core" in output
    assert "registry/core:2" in output

    code, output = await run_cli("delete-location", "core")
    assert code == 0, output
    assert documents(dagster_plus) == {}


async def test_cli_sync_makes_the_workspace_what_the_file_says(
    dagster_plus: DagsterPlus, run_cli: RunCli, tmp_path: Path
) -> None:
    code, output = await run_cli("add-location", "old", "--module-name", "old.definitions")
    assert code == 0, output
    wanted = [
        {"location_name": name, "code_source": {"module_name": f"{name}.definitions"}}
        for name in ("core", "marts")
    ]
    workspace = tmp_path / "dagster_cloud.yaml"
    workspace.write_text(yaml.safe_dump({"locations": wanted}))

    code, output = await run_cli("sync-locations", "--workspace", str(workspace))

    assert code == 0, output
    assert list(documents(dagster_plus)) == ["core", "marts"]


async def test_cli_shows_why_a_location_does_not_load(
    dagster_plus: DagsterPlus, run_cli: RunCli
) -> None:
    assert dagster_plus.instant_agent is not None
    error = LoadErrorText(
        message="DagsterUserCodeLoadError: could not load\n",
        cause=LoadErrorText(message="ModuleNotFoundError: No module named 'nope'\n"),
    )
    dagster_plus.instant_agent.configure(
        InstantAgentSettings(broken=[BrokenCode(error=error, image="registry/core:bad")])
    )

    code, output = await run_cli(
        "add-location", "core", "--module-name", "core", "--image", "registry/core:bad"
    )

    assert code != 0
    assert "No module named 'nope'" in output


async def test_cli_shows_what_the_control_plane_refuses(
    dagster_plus: DagsterPlus, run_cli: RunCli, tmp_path: Path
) -> None:
    document = {"location_name": "core", "code_source": {"module_name": "core"}, "colour": "red"}
    location = tmp_path / "location.yaml"
    location.write_text(yaml.safe_dump(document))

    code, output = await run_cli("add-location", "--from", str(location))

    assert code != 0
    assert "colour" in output
    assert documents(dagster_plus) == {}


async def test_cli_with_an_unknown_token_is_refused(run_cli: RunCli) -> None:
    code, output = await run_cli("list-locations", token="user:sandbox:wrong")
    assert code != 0
    assert "401" in output


async def test_cli_ci_deploys_the_named_locations_and_keeps_the_rest(
    dagster_plus: DagsterPlus, run_ci: RunCli, tmp_path: Path
) -> None:
    prod = dagster_plus.plane.deployment("prod")
    dagster_plus.plane.apply(
        prod, [{"location_name": "old", "code_source": {"module_name": "old"}}]
    )
    wanted = [
        {
            "location_name": name,
            "code_source": {"module_name": f"{name}.definitions"},
            "build": {"registry": "registry.example.com/data"},
        }
        for name in ("core", "marts")
    ]
    (tmp_path / "dagster_cloud.yaml").write_text(yaml.safe_dump({"locations": wanted}))

    for arguments in (
        ("init", "--project-dir", str(tmp_path), "--deployment", "prod"),
        ("set-build-output", "--image-tag", "abc123"),
        ("deploy",),
    ):
        code, output = await run_ci(*arguments)
        assert code == 0, output

    images = {name: document.get("image") for name, document in documents(dagster_plus).items()}
    image = "registry.example.com/data:abc123"
    assert images == {"old": None, "core": image, "marts": image}
