"""The form of a code location with a value in every field, and what becomes of the values.

`prod` is Hybrid, with an agent for the queue `gpu`, and `staging` is Serverless.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page

from deploy_core.sources.location_fields import RESOURCES
from handlers.text.location_form import LABELS
from sandbox.projects.minimal import minimal_project
from tests.browser.page import type_command
from tests.e2e.world import World, open_world
from tests.sources.repository import Repository
from tests.sources.test_location_fields import DOCUMENT, FULL
from tests.support.pex import build_environment, keep_dependencies, lend_dependencies
from tests.support.registry import TaggedRegistry, tagged_registry

TAG = "2026.11"
FILE = """\
locations:
  - location_name: shop
    code_source:
      module_name: shop.definitions
"""

HYBRID = {
    "Name": "forecasts",
    "How": "Directly: it goes live now",
    "Where its definitions are": "Python package",
    "Module, package or file": "forecasts",
    "Image": "{registry}/acme/forecasts:2026.11",
    "Agent queue": "gpu",
    "Attribute": "defs",
    "Working directory": "src",
    "Python executable": "/usr/local/bin/python",
    "Where the code runs": "Amazon ECS",
    "ECS: role of the tasks": "arn:aws:iam::123456789012:role/forecasts",
    "ECS: role that starts them": "arn:aws:iam::123456789012:role/starter",
}
"""What is filled in by the field's label. Fields of another platform come when it is chosen."""

DOCKER = {"Where the code runs": "Docker", "Docker: networks": "dagster, warehouse"}
KUBERNETES = {
    "Where the code runs": "Kubernetes",
    "Environment variables": "REGION=eu\nWAREHOUSE_PASSWORD",
    "Kubernetes: namespace": "data",
    "Kubernetes: service account": "dagster",
    **{LABELS[name]: FULL[name] for name in RESOURCES},
    "More of container_context, as YAML": "k8s:\n  labels:\n    team: forecasts",
    "Reason": "Sales of the next quarter",
}
_CONTEXT: Any = DOCUMENT["container_context"]
_K8S = _CONTEXT["k8s"]
HYBRID_DOCUMENT: dict[str, Any] = {
    "location_name": "forecasts",
    "code_source": {"package_name": "forecasts"},
    "agent_queue": "gpu",
    "attribute": "defs",
    "working_directory": "src",
    "executable_path": "/usr/local/bin/python",
    "container_context": {
        "docker": {"networks": ["dagster", "warehouse"]},
        "ecs": {
            "task_role_arn": "arn:aws:iam::123456789012:role/forecasts",
            "execution_role_arn": "arn:aws:iam::123456789012:role/starter",
        },
        "k8s": {
            "env_vars": ["REGION=eu", "WAREHOUSE_PASSWORD"],
            "labels": {"team": "forecasts"},
            "namespace": "data",
            "service_account_name": "dagster",
            "server_k8s_config": _K8S["server_k8s_config"],
            "run_k8s_config": _K8S["run_k8s_config"],
        },
    },
}
"""What the control plane gets, beside the image, which goes by its digest."""

PULL_REQUEST = {
    "Name": "forecasts",
    "How": "Pull request to shop",
    "Where its definitions are": "Python package",
    "Module, package or file": "forecasting",
    "Build directory": "teams/forecasts",
    "Registry": "registry.example/acme/forecasts",
}
NEW_CODE = {
    "Name": "budgets",
    "How": "Pull request to shop",
    "New code": "Write a new directory for it",
    "Registry": "registry.example/acme/budgets",
}

SERVERLESS = {
    "Name": "forecasts",
    "Deployment": "staging",
    "How": "Directly, from the code of shop",
    "Where its definitions are": "Python file",
    "Module, package or file": "definitions.py",
    "Attribute": "defs",
    "Working directory": "shop",
    "Python version": "Python 3.11",
    "Base image": "geo-1",
    "Reason": "Sales of the next quarter",
}
SERVERLESS_DOCUMENT: dict[str, Any] = {
    "location_name": "forecasts",
    "code_source": {"python_file": "definitions.py"},
    "attribute": "defs",
    "working_directory": "shop",
}
"""What the control plane gets, beside the PEX files and the commit."""


@dataclass
class FormWorld:
    """A sandbox with a bot, its one project, and the registry of what is no project's."""

    slack: World
    repository: Repository
    registry: TaggedRegistry

    def hybrid(self) -> dict[str, str]:
        """Return what is filled in first for Hybrid."""
        image = HYBRID["Image"].format(registry=self.registry.address)
        return {**HYBRID, "Image": image}


@asynccontextmanager
async def open_form_world(home: Path) -> AsyncIterator[FormWorld]:
    """Start everything. What is sent counts as loaded at once: no code is run."""
    repository = Repository(home / "shop")
    repository.commit("First", {"dagster_cloud.yaml": FILE, **minimal_project("shop")})
    work = home / "bot" / "work"
    lend_dependencies(work)
    who = {"may_deploy": ["U0ADA000001"]}
    changes = {
        "deployments": {"prod": who, "staging": who},
        "projects": {"shop": {"git": str(repository.folder)}},
    }
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(tagged_registry(TAG))
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in build_environment().items():
            environment.setenv(name, value)
        arguments = ("--instant-agent", "0.1", "--serverless", "staging")
        world = await stack.enter_async_context(open_world(home, *arguments, changes=changes))
        queues = {"queues": [None, "gpu"]}
        answer = await world.dagster.post("/sandbox/instant_agent", json=queues)
        assert answer.is_success, answer.text
        yield FormWorld(world, repository, registry)
    keep_dependencies(work)


async def open_form(page: Page) -> Locator:
    """Ask for the form, and return it when it can be filled."""
    await type_command(page, "/dagster add-location")
    form = page.get_by_role("dialog", name="Add a code location")
    await field(form, "Name").wait_for()
    return form


def field(form: Locator, label: str) -> Locator:
    """Return the field with this label."""
    return form.get_by_label(re.compile(rf"^{re.escape(label)}( \(optional\))?$"))


async def fill(form: Locator, values: Mapping[str, str]) -> None:
    """Put a value into each field; a field that isn't there yet is waited for."""
    for label, value in values.items():
        control = field(form, label)
        kind = await control.evaluate("control => control.tagName")
        if kind == "FIELDSET":
            await control.get_by_label(value).check()
        elif kind != "SELECT":
            await control.fill(value)
        else:
            await control.select_option(label=value)
            if label == "Deployment":
                await form.get_by_role("button", name="Remove prod").click()


async def fill_hybrid(form: Locator, world: FormWorld) -> None:
    """Fill every field for Hybrid: those of all three platforms, the last one is Kubernetes."""
    for values in (world.hybrid(), DOCKER, KUBERNETES):
        await fill(form, values)
