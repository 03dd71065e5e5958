"""`/dagster add-location` and `edit-location`: the form of a code location."""

from typing import Any

import pytest

from handlers.location_form import DEPLOYMENT, DIRECTLY, NAME, REPOSITORY, WHY
from sandbox.dagster_plus.faults import Faults, RequestFault
from sandbox.slack.seen import SeenView
from tests.scenario.test_status import document, somebody_deploys
from tests.scenario.world import SLACK_WAITS, World
from tests.sources.test_location_fields import DOCUMENT, FULL

TYPED: dict[str, Any] = {key: value for key, value in FULL.items() if key != "image"}


def live(world: World, at: str = "prod", name: str = "shop") -> dict[str, Any] | None:
    known = world.dagster.plane.deployments[at].locations
    return known[name].document if name in known else None


def serve_gpu(world: World) -> None:
    world.set_agent(queues=[None, "gpu"])
    agent = world.dagster.plane.agents.by_id["instant-agent"]
    agent.metadata["type"] = "K8sUserCodeLauncher"


async def form(world: World, text: str, who: str = "ada") -> SeenView:
    await world.types(who, f"/dagster {text}")
    return await world.person(who).wait_for_view(lambda view: "Looking up" not in view.shown)


async def test_every_field_goes_to_its_place(world: World) -> None:
    serve_gpu(world)
    await form(world, "add-location to prod")
    outcome = await world.person("ada").submit(
        {**TYPED, NAME: "shop", WHY: "a\nfirst try", "agent_queue": "queue:gpu"}
    )
    assert outcome.errors == {}
    card = await world.card("shop is live on prod")
    assert "“a first try”" in card.shown
    wanted = {key: value for key, value in DOCUMENT.items() if key != "image"}
    assert live(world) == wanted


async def choose(world: World, field: str, value: Any, **filled: Any) -> SeenView:
    """Choose in a field that others depend on, and wait until the form was drawn again."""
    ada = world.person("ada")
    before = await ada.view()
    assert before is not None
    await ada.click(before, field, value=value, filled=filled)
    return await ada.wait_for_view(lambda view: view.shown != before.shown)


async def test_the_form_follows_what_is_chosen_and_nothing_typed_is_lost(world: World) -> None:
    await form(world, "add-location")
    view = await choose(world, "platform", "docker", **{NAME: "shop", "source": "shop"})
    assert "Docker: networks" in view.shown
    assert "Kubernetes: namespace" not in view.shown
    view = await choose(world, "platform", "ecs", networks="shop")
    assert "ECS: role of the tasks" in view.shown
    assert "Docker: networks" in view.shown, "it has a value"
    outcome = await world.person("ada").submit({"networks": "", "task_role": "loader"})
    assert outcome.errors == {}
    await world.card("shop is live on prod")
    found = live(world)
    assert found is not None
    assert found["container_context"] == {"ecs": {"task_role_arn": "loader"}}


async def test_where_dagster_has_the_agents_there_are_other_fields(world: World) -> None:
    world.dagster.plane.deployments["staging"].agent_type = "SERVERLESS"
    view = await form(world, "add-location shop --attribute defs")
    assert "Agent queue" in view.shown
    view = await choose(world, DEPLOYMENT, ["staging"], source="shop")
    assert "Agent queue" not in view.shown
    view = await choose(world, "how", "code:quickstart")
    assert "Python version" in view.shown
    assert "Image" not in view.shown.replace("Base image", "")
    outcome = await world.person("ada").submit({"python_version": "3.14", "source": "quickstart"})
    assert outcome.errors == {}
    await world.private("ada", "shop is no PEX, so its Python can't be chosen here")


async def test_a_new_repository_has_a_form_of_its_own_and_nothing_typed_is_lost(
    world: World,
) -> None:
    view = await form(world, "add-location shop --attribute defs --why because")
    assert "Agent queue" in view.shown
    view = await choose(world, "how", REPOSITORY, source="shop", env_vars="A=1")
    assert view.title == "New project"
    assert "CI that deploys it" in view.shown
    assert "Attribute" not in view.shown
    view = await choose(world, "how", DIRECTLY, **{NAME: "store"})
    assert view.title == "Add a code location"
    outcome = await world.person("ada").submit({"platform": "k8s"})
    assert outcome.errors == {}
    card = await world.card("store is live on prod")
    assert "“because”" in card.shown
    assert live(world, name="store") == {
        "location_name": "store",
        "code_source": {"module_name": "shop"},
        "attribute": "defs",
        "container_context": {"k8s": {"env_vars": ["A=1"]}},
    }


async def test_a_new_repository_is_made_from_the_same_form(world: World) -> None:
    await form(world, "add-location shop")
    await choose(world, "how", REPOSITORY)
    outcome = await world.person("ada").submit({"image": "ghcr.io/acme/shop"})
    assert outcome.errors == {}
    message = await world.card("made the project *shop*")
    assert (await world.reply(message, "Unpack it, commit it")).files


async def test_a_form_that_is_sent_before_it_has_changed_says_so(world: World) -> None:
    await form(world, "add-location shop")
    outcome = await world.person("ada").submit({"source": "shop", "how": REPOSITORY})
    assert "other fields" in outcome.errors["how"]


async def test_a_new_repository_for_agents_that_nobody_knows(world: World) -> None:
    down = RequestFault(operation="ChatopsAgentType", kind="status", status=403, times=None)
    world.dagster.plane.faults.add(Faults(requests=[down]))
    await form(world, "add-location shop --attribute defs")
    view = await choose(world, "how", REPOSITORY, source="shop")
    assert view.title == "Add a code location"
    assert "token" in view.shown.lower()
    world.dagster.plane.faults.clear()
    outcome = await world.person("ada").submit({"how": DIRECTLY})
    assert outcome.errors == {}
    await world.card("shop is live on prod")


async def on_both(world: World) -> None:
    """Wait until shop is live on prod and, once its author has confirmed it, on staging."""
    await world.card("shop is live on prod")
    plan = await world.card("The plan to add shop to staging", number=1)
    await world.clicks("ada", plan, "deploy.confirm")
    await world.card("shop is live on staging", number=1)
    assert live(world) == live(world, "staging") is not None


async def test_one_form_adds_to_several_deployments(world: World) -> None:
    await form(world, "add-location shop")
    ada = world.person("ada")
    outcome = await ada.submit({DEPLOYMENT: ["prod", "staging"], "source": "shop"})
    assert outcome.errors == {}
    await on_both(world)


async def test_a_text_adds_to_several_deployments_or_to_none(world: World) -> None:
    answer = await world.asks("ada", "/dagster add-location shop --module shop to prod,stagin")
    assert "`unknown_deployment`" in answer.shown
    assert await world.cards() == []
    await world.types("ada", "/dagster add-location shop --module shop to prod,staging")
    await on_both(world)


async def test_it_opens_at_once_however_slow_dagster_plus_is(world: World) -> None:
    slow = RequestFault(operation="ChatopsAgents", kind="slow", seconds=SLACK_WAITS + 4, times=None)
    world.dagster.plane.faults.add(Faults(requests=[slow]))
    await world.types("ada", "/dagster add-location")
    ada = world.person("ada")
    await ada.wait_for_view(lambda view: "Looking up agents" in view.shown, within=8.0)
    world.dagster.plane.faults.clear()
    await ada.wait_for_view(lambda view: "Agent queue" in view.shown)


async def test_what_was_typed_is_in_the_form(world: World) -> None:
    await form(world, "add-location shop --attribute defs to staging --why because")
    outcome = await world.person("ada").submit({"source": "shop"})
    assert outcome.errors == {}
    card = await world.card("The plan to add shop to staging")
    assert "“because”" in card.shown
    assert "`attribute` is added: `defs`" in card.shown


async def test_what_is_wrong_is_said_under_its_field_and_nothing_is_lost(world: World) -> None:
    await form(world, "add-location")
    ada = world.person("ada")
    await choose(world, "platform", "k8s")
    await choose(world, "platform", None, run_limits_memory="much")
    outcome = await ada.submit(
        {
            NAME: "a b",
            "source": "shop",
            "image": "https://ghcr.io/a",
            "env_vars": "A=1",
            "container_context": "k8s:\n  namespac: x",
        }
    )
    assert set(outcome.errors) == {
        NAME,
        "image",
        "platform",
        "run_limits_memory",
        "container_context",
    }
    assert "did you mean" in outcome.errors["container_context"]
    outcome = await ada.submit(
        {
            NAME: "shop",
            "image": "",
            "platform": "docker",
            "run_limits_memory": "1Gi",
            "container_context": "",
        }
    )
    assert outcome.errors == {}
    await world.card("shop is live on prod")
    found = live(world)
    assert found is not None
    assert found["container_context"]["docker"] == {"env_vars": ["A=1"]}


async def test_what_is_refused_later_can_be_mended_in_the_same_form(world: World) -> None:
    await form(world, "add-location")
    ada = world.person("ada")
    await ada.submit({NAME: "shop", "source": "shop", "image": ":1", "attribute": "defs"})
    answer = await world.private("ada", "`image_missing`")
    await world.clicks("ada", answer, "form.again")
    await ada.wait_for_view(lambda view: "nothing says in which repository" in view.shown)
    outcome = await ada.submit({"image": ""})
    assert outcome.errors == {}
    await world.card("shop is live on prod")
    found = live(world)
    assert found is not None
    assert found["attribute"] == "defs"


async def test_the_name_of_an_existing_location_updates_it_after_confirm(world: World) -> None:
    somebody_deploys(world, document("shop", attribute="defs"))
    await form(world, "add-location")
    await world.person("ada").submit({NAME: "shop", DEPLOYMENT: "prod", "source": "main"})
    card = await world.card("The plan to update shop on prod")
    await world.clicks("ada", card, "deploy.confirm")
    await world.card("shop is live on prod")
    found = live(world)
    assert found is not None
    assert (found["attribute"], found["code_source"]) == ("defs", {"module_name": "main"})


async def test_a_location_is_edited_and_what_is_emptied_goes(world: World) -> None:
    git = {"commit_hash": "a" * 40}
    somebody_deploys(world, {**DOCUMENT, "agent_queue": "gpu", "git": git})
    serve_gpu(world)
    view = await form(world, "edit-location shop in prod")
    assert "shop on prod." in view.shown
    ada = world.person("ada")
    outcome = await ada.submit({"namespace": "", "attribute": "main", "env_vars": "REGION=us"})
    assert outcome.errors == {}
    card = await world.card("The plan to update shop on prod")
    assert "`attribute`: from `defs` to `main`" in card.shown
    assert "`container_context.k8s.namespace` is removed" in card.shown
    assert "us" not in card.shown.split("env_vars")[1].split("\n")[0], "values aren't shown"
    await world.clicks("ada", card, "deploy.confirm")
    await world.card("shop is live on prod")
    found = live(world)
    assert found is not None
    assert found["attribute"] == "main"
    assert found["git"] == git, "the same image is of the same commit"
    context = found["container_context"]["k8s"]
    assert "namespace" not in context
    assert context["env_vars"] == ["REGION=us"]
    assert context["labels"] == {"team": "shop"}


async def test_a_status_offers_to_edit_what_is_in_no_project(world: World) -> None:
    somebody_deploys(world, document("shop"))
    answer = await world.asks("ada", "/dagster status shop")
    await world.clicks("ada", answer, "command.try:edit")
    await world.person("ada").wait_for_view(lambda view: "shop on prod." in view.shown)


async def test_a_name_that_could_not_be_added_can_be_edited(world: World) -> None:
    somebody_deploys(world, document("my shop"))
    await form(world, 'edit-location "my shop"')
    await world.person("ada").submit({"attribute": "defs"})
    await world.card("The plan to update my shop on prod")


async def test_a_form_without_a_change_needs_no_confirm(world: World) -> None:
    somebody_deploys(world, document("shop"))
    await form(world, "edit-location shop")
    await world.person("ada").submit({})
    await world.card("shop is live on prod")


async def test_only_who_may_deploy_there_sees_and_sends_it(world: World) -> None:
    somebody_deploys(world, DOCUMENT)
    answer = await world.asks("linus", "/dagster edit-location shop")
    assert "`not_allowed`" in answer.shown
    assert await world.person("linus").view() is None
    await form(world, "add-location", "linus")
    await world.person("linus").submit({NAME: "other", "source": "other"})
    await world.private("linus", "`not_allowed`", after=1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("edit-location nowhere", "prod has no code location nowhere"),
        ("edit-location large", "has more settings than a form can hold"),
    ],
)
async def test_what_can_not_be_edited_is_said_in_the_window(
    world: World, text: str, said: str
) -> None:
    labels = {f"team-{number}": "x" * 60 for number in range(60)}
    somebody_deploys(world, document("large", container_context={"k8s": {"labels": labels}}))
    view = await form(world, text)
    assert said in view.shown


@pytest.mark.parametrize("text", ["add-location shop", "edit-location shop"])
async def test_a_mention_offers_a_button_that_opens_the_form(world: World, text: str) -> None:
    somebody_deploys(world, document("shop"))
    ada = world.person("ada")
    await ada.mention("#deploys", text)
    answer = await world.private("ada", "is described in a form")
    await world.clicks("ada", answer, "form.open")
    await ada.wait_for_view(lambda view: "Agent queue" in view.shown)
