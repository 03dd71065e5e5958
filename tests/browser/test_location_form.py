"""Every field of the form of a code location, filled in a browser, on Hybrid and on Serverless."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import yaml
from playwright.async_api import Locator, Page, expect

from handlers.text.location_form import LABELS
from tests.browser.location_form import (
    DOCKER,
    HYBRID,
    HYBRID_DOCUMENT,
    KUBERNETES,
    NEW_CODE,
    PULL_REQUEST,
    SERVERLESS,
    SERVERLESS_DOCUMENT,
    TAG,
    FormWorld,
    field,
    fill,
    fill_hybrid,
    open_form,
    open_form_world,
)
from tests.browser.page import card, open_page
from tests.support.chromium import needs_chromium

pytestmark = [
    pytest.mark.browser,
    pytest.mark.proof,
    needs_chromium,
    pytest.mark.asyncio(loop_scope="session"),
]

LOAD_MS = 180_000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def forms(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FormWorld]:
    async with open_form_world(tmp_path_factory.mktemp("forms")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def page(forms: FormWorld) -> AsyncIterator[Page]:
    async with open_page(forms.slack.report["slack_page"], height=1200) as opened:
        yield opened


async def sent(page: Page, form: Locator, says: str) -> None:
    """Send the form, and wait for a message that says this."""
    await form.get_by_role("button", name="Add", exact=True).click()
    await expect(form).to_have_count(0)
    message = page.locator("#messages").get_by_role("article").filter(has_text=says)
    await message.first.wait_for(timeout=LOAD_MS)


async def document(forms: FormWorld, deployment: str) -> dict[str, Any]:
    found = await forms.slack.location("forecasts", deployment)
    assert found is not None
    told: dict[str, Any] = found["document"]
    return told


async def test_every_field_for_hybrid_is_in_its_place(page: Page, forms: FormWorld) -> None:
    form = await open_form(page)
    await expect(field(form, "Base image")).to_have_count(0)
    await fill_hybrid(form, forms)
    await sent(page, form, "forecasts on prod: live and verified")
    digest = hashlib.sha256(TAG.encode()).hexdigest()
    image = f"{forms.registry.address}/acme/forecasts@sha256:{digest}"
    assert await document(forms, "prod") == {**HYBRID_DOCUMENT, "image": image}
    assert "Sales of the next quarter" in await card(page, "forecasts").inner_text()


async def test_every_field_for_serverless_is_in_its_place(page: Page, forms: FormWorld) -> None:
    form = await open_form(page)
    await fill(form, SERVERLESS)
    await expect(field(form, "Agent queue")).to_have_count(0)
    await form.get_by_role("button", name="Add", exact=True).click()
    told = form.get_by_role("alert").filter(has_text="The base image has its own Python")
    await told.wait_for()
    await field(form, "Base image").fill("")
    await sent(page, form, "forecasts on staging: live and verified")
    live = await document(forms, "staging")
    pex, git = live.pop("pex_metadata"), live.pop("git")
    assert live == SERVERLESS_DOCUMENT
    assert f"Python {pex['python_version']}" == SERVERLESS["Python version"]
    assert git["commit_hash"] == forms.repository.git("rev-parse", "HEAD")


async def entry(forms: FormWorld, name: str) -> tuple[dict[str, Any], list[str]]:
    """Return what the file of a pushed branch says of a location, and the branch's files."""

    def look() -> tuple[dict[str, Any], list[str]]:
        git = forms.repository.git
        branch = git("for-each-ref", "--format=%(refname)", f"refs/heads/*/add-{name}-*")
        text = git("show", f"{branch}:dagster_cloud.yaml")
        _, added = yaml.safe_load(text)["locations"]
        return added, git("ls-tree", "-r", "--name-only", branch).split()

    return await asyncio.to_thread(look)


async def test_the_fields_of_a_pull_request_are_in_the_projects_file(
    page: Page, forms: FormWorld
) -> None:
    form = await open_form(page)
    await fill(form, PULL_REQUEST)
    await sent(page, form, "forecasts is on a branch of shop, which is pushed")
    added, _ = await entry(forms, "forecasts")
    assert added == {
        "location_name": "forecasts",
        "code_source": {"package_name": "forecasting"},
        "build": {"directory": "teams/forecasts", "registry": "registry.example/acme/forecasts"},
    }


async def test_new_code_is_written_into_the_branch(page: Page, forms: FormWorld) -> None:
    form = await open_form(page)
    await fill(form, NEW_CODE)
    await sent(page, form, "budgets is on a branch of shop, which is pushed")
    added, files = await entry(forms, "budgets")
    assert added["build"] == {
        "directory": "budgets",
        "registry": "registry.example/acme/budgets",
    }
    assert {"budgets/Dockerfile", "budgets/budgets/definitions.py"} <= set(files)


async def test_no_field_was_left_out() -> None:
    filled = {*HYBRID, *DOCKER, *KUBERNETES, *PULL_REQUEST, *NEW_CODE, *SERVERLESS}
    assert {*LABELS.values(), "Name", "Deployment", "How", "New code", "Reason"} <= filled
