"""Modals, typeahead and the Home tab, through a real Bolt app."""

from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.client import RefusedActionError, SlackPerson, Workspace
from tests.sandbox_slack.conftest import Connect

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


FIELDS: list[Json] = [
    {
        "type": "input",
        "block_id": "ref",
        "label": plain("Ref"),
        "element": {"type": "plain_text_input", "action_id": "ref", "initial_value": "main"},
    },
    {
        "type": "input",
        "block_id": "location",
        "label": plain("Location"),
        "element": {"type": "external_select", "action_id": "location", "min_query_length": 0},
    },
]
MODAL: Json = {
    "type": "modal",
    "callback_id": "deploy",
    "title": plain("Deploy"),
    "submit": plain("Go"),
    "notify_on_close": True,
    "blocks": FIELDS,
}


@pytest.fixture
async def submitted(app: AsyncApp, connect: Connect) -> list[Json]:
    """An app with `/dagster` → modal; what was submitted or closed is kept in the list."""
    seen: list[Json] = []

    @app.command("/dagster")
    async def opens(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @app.options("location")
    async def options(ack: AsyncAck, payload: Json) -> None:
        names = [name for name in ("core", "finance") if payload["value"] in name]
        await ack(options=[{"text": plain(name), "value": name} for name in names])

    @app.view("deploy")
    async def submit(ack: AsyncAck, view: Json) -> None:
        ref = view["state"]["values"]["ref"]["ref"]["value"]
        if ref == "nope":
            await ack(response_action="errors", errors={"ref": "There is no such ref."})
            return
        seen.append(view)
        if ref == "more":
            await ack(response_action="push", view={**MODAL, "title": plain("Second")})
        elif ref == "all":
            await ack(response_action="clear")
        else:
            await ack()

    @app.view_closed("deploy")
    async def closed(ack: AsyncAck, view: Json) -> None:
        seen.append({"closed": view["id"]})
        await ack()

    await connect(app)
    return seen


async def opened(workspace: Workspace) -> SlackPerson:
    ada = workspace.person("ada")
    await ada.command("#deploys", "/dagster deploy")
    view = await ada.wait_for_view()
    found = await ada.type_into(view, "location", "co")
    assert [each["value"] for each in found.options] == ["core"]
    return ada


async def test_a_modal_is_filled_and_submitted(submitted: list[Json], workspace: Workspace) -> None:
    ada = await opened(workspace)
    outcome = await ada.submit({"ref": "dev", "location": "core"})
    assert (outcome.acked, outcome.errors) == (True, {})
    values = submitted[0]["state"]["values"]
    assert values["ref"]["ref"]["value"] == "dev"
    assert values["location"]["location"]["selected_option"]["value"] == "core"
    assert await ada.view() is None


async def test_errors_keep_the_modal_and_what_was_typed(
    submitted: list[Json], workspace: Workspace
) -> None:
    ada = await opened(workspace)
    outcome = await ada.submit({"ref": "nope", "location": "core"})
    assert outcome.errors == {"ref": "There is no such ref."}
    view = await ada.view()
    assert view is not None
    assert view.values["ref"]["ref"]["value"] == "nope"


async def test_a_required_input_is_asked_for_before_the_app_is(
    submitted: list[Json], workspace: Workspace
) -> None:
    ada = await opened(workspace)
    outcome = await ada.submit({"ref": "dev"})
    assert list(outcome.errors) == ["location"]
    assert submitted == []
    with pytest.raises(RefusedActionError, match="not_offered"):
        await ada.submit({"location": "core-that-nobody-offered"})


async def test_push_clear_and_close(submitted: list[Json], workspace: Workspace) -> None:
    ada = await opened(workspace)
    await ada.submit({"ref": "more", "location": "core"})
    second = await ada.wait_for_view(lambda view: view.title == "Second")
    await ada.close()
    first = await ada.view()
    assert first is not None
    assert first.title == "Deploy"
    assert submitted[-1] == {"closed": second.id}
    await ada.submit({"ref": "all"})
    assert await ada.view() is None


async def test_views_are_private(submitted: list[Json], workspace: Workspace) -> None:
    ada = await opened(workspace)
    view = await ada.view()
    assert view is not None
    with pytest.raises(RefusedActionError, match="no_such_view"):
        await workspace.person("grace").type_into(view, "location", "")


async def refused(call: Any) -> str:
    with pytest.raises(SlackApiError) as error:
        await call
    return str(error.value.response["error"])


async def test_a_trigger_is_spent_by_one_use_and_by_three_seconds(
    app: AsyncApp, connect: Connect, workspace: Workspace, bot: AsyncWebClient
) -> None:
    triggers: list[str] = []

    @app.command("/dagster")
    async def keeps(ack: AsyncAck, body: Json) -> None:
        triggers.append(body["trigger_id"])
        await ack()

    await connect(app)
    ada = workspace.person("ada")
    await ada.command("#deploys", "/dagster")
    await bot.views_open(trigger_id=triggers[0], view=MODAL)
    assert await refused(bot.views_open(trigger_id=triggers[0], view=MODAL)) == (
        "exchanged_trigger_id"
    )
    await ada.command("#deploys", "/dagster")
    await workspace.advance(3.1)
    assert await refused(bot.views_open(trigger_id=triggers[1], view=MODAL)) == (
        "expired_trigger_id"
    )
    assert await refused(bot.views_push(trigger_id="1.2.3", view=MODAL)) == "invalid_trigger_id"


async def test_update_keeps_input_and_guards_with_a_hash(
    submitted: list[Json], workspace: Workspace, bot: AsyncWebClient
) -> None:
    ada = await opened(workspace)
    await ada.submit({"ref": "nope", "location": "core"})
    view = await ada.view()
    assert view is not None
    more = {**MODAL, "blocks": [*FIELDS, {"type": "divider"}]}
    await bot.views_update(view_id=view.id, hash=view.raw["hash"], view=more)
    now = await ada.wait_for_view(lambda each: len(each.blocks) == 3)
    assert now.values["ref"]["ref"]["value"] == "nope"
    stale = bot.views_update(view_id=view.id, hash=view.raw["hash"], view=more)
    assert await refused(stale) == "hash_conflict"
    assert await refused(bot.views_update(view_id="V0", view=more)) == "not_found"


async def test_the_home_tab_is_published_per_person(
    app: AsyncApp, connect: Connect, workspace: Workspace
) -> None:
    @app.event("app_home_opened")
    async def home(event: Json, client: AsyncWebClient) -> None:
        view = {"type": "home", "blocks": [{"type": "header", "text": plain("What is live")}]}
        await client.views_publish(user_id=event["user"], view=view)

    await connect(app)
    ada = workspace.person("ada")
    await ada.open_home()
    shown = await ada.wait_for_home()
    assert "What is live" in shown.shown
    assert await workspace.person("grace").home() is None
