"""What is live, drawn: the list in pages, one location, the agents."""

from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy_core.dagster_plus.values import AgentStatus, Repository, Schedule, Sensor
from deploy_core.drift import Drift
from deploy_core.field_drift import FieldDrift
from deploy_core.model.errors import Unreachable
from deploy_core.model.plan import FieldChange, Version
from deploy_core.model.states import TargetState
from deploy_core.status import DeploymentStatus, LocationDetail, LocationStatus
from deploy_core.store.history import Change
from deploy_core.watch.reading import Health, LocationSeen
from handlers import commands, verbs
from handlers.blocks import Message
from handlers.cards.agents import agents_message
from handlers.cards.links import CardLinks
from handlers.cards.location import location_message
from handlers.cards.status import status_message
from handlers.commands import STATES, Status
from handlers.grammar import parse
from tests.handlers.slack_rules import assert_message, read
from tests.handlers.worlds import ADA, BOTO, HOSTILE, LOAD_FAILED, SENT, at, deploy, target

ANY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
LINKS = CardLinks(dagster="https://acme.dagster.cloud/prod")
AGENT = AgentStatus(
    id="4f1c9a0b-77",
    label="k8s-eu",
    running=True,
    last_heartbeat=at(-20),
    queues=("gpu",),
    version="1.13.27",
    type="K8sUserCodeLauncher",
    errors=(),
)
COMMIT = "3f2c1ab0" * 5


def seen(name: str = "core", health: Health = Health.LOADED, **changes: Any) -> LocationSeen:
    values: dict[str, Any] = {
        "version": Version(commit=COMMIT),
        "requested": "f" * 16,
        "updated_at": at(-600),
        **changes,
    }
    return LocationSeen(name=name, health=health, **values)


def location(name: str = "core", health: Health = Health.LOADED, **changes: Any) -> LocationStatus:
    change = Change(name, 12, ADA, at(-600), "f" * 16, put_back=False)
    values: dict[str, Any] = {"change": change, "since": at(-600), "project": "data", **changes}
    found = values.pop("seen", None) or seen(name, health)
    return LocationStatus(seen=found, **values)


def board(*locations: LocationStatus, **changes: Any) -> DeploymentStatus:
    values: dict[str, Any] = {"at": at(0), "agents": (AGENT,), **changes}
    return DeploymentStatus("prod", locations=locations, **values)


def shown(status: DeploymentStatus, text: str = "status", after: float = 1) -> Message:
    command = parse(text)
    assert isinstance(command, Status)
    message = status_message(status, status.locations, command, links=LINKS, now=at(after))
    assert_message(message.text, message.blocks)
    return message


def buttons(message: Message) -> dict[str, str]:
    return {
        element["text"]["text"]: element.get("value", "")
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    }


def test_a_line_says_state_version_who_drift_and_what_runs() -> None:
    status = board(
        location("dbt", Health.FAILED, error=BOTO, change=None),
        location(drift=Drift("main", behind=4), open_deploys=(13,)),
    )
    message = shown(status)
    assert message.text == (
        "prod: 1 failed to load, 1 loaded. dbt: failed to load. As Dagster+ says now."
    )
    when = "<!date^1795423800^{date_short_pretty} at {time}|2026-11-23 08:50 UTC>"
    assert read(message.blocks).split("\n")[:6] == [
        "prod: 1 failed to load, 1 loaded",
        f":x: *dbt*: failed to load since {when} · `3f2c1ab` · put there outside the bot",
        "    ModuleNotFoundError: No module named 'boto4'",
        (
            f":white_check_mark: *core*: loaded since {when} · `3f2c1ab` · deployed by <@U01ADA>"
            " with deploy 12 · 4 commits behind `main` · deploy 13 not ended yet"
        ),
        "As Dagster+ says now.",
        "[Failed (1)] [Behind (1)] [Outside (1)] [Refresh] [Add a location…] [Open in Dagster+]",
    ]


def test_three_hundred_locations_are_paged_worst_first_and_filtered() -> None:
    broken = [location(f"bad{n:03}", Health.FAILED, error=BOTO) for n in range(40)]
    status = board(*broken, *(location(f"good{n:03}") for n in range(260)))
    first = shown(status)
    assert "bad000" in read(first.blocks)
    assert "good000" not in read(first.blocks)
    seen_names: list[str] = []
    text = "status"
    for _ in range(30):
        page = shown(status, text)
        seen_names += [line.split("*")[1] for line in read(page.blocks).split("\n") if "*" in line]
        if "Next" not in buttons(page):
            break
        text = buttons(page)["Next"]
    assert seen_names == [each.name for each in status.locations]
    assert "Previous" in buttons(page)
    only = shown(status, buttons(first)["Failed (40)"])
    assert "Only state `failed`: 40 failed to load" in read(only.blocks)
    assert "All" in buttons(only)


def test_a_page_that_is_too_high_is_the_last_one() -> None:
    assert "core" in read(shown(board(location()), "status --page 99").blocks)


def test_old_answers_say_their_age_and_why() -> None:
    assert "As Dagster+ said 5 min ago." in shown(board(location()), after=300).text
    trouble = Unreachable("Dagster+ can't be reached (ChatopsAgents).")
    old = shown(board(location(), trouble=trouble), after=300)
    assert "Dagster+ can't be asked now: Dagster+ can't be reached" in read(old.blocks)
    assert "What it said 5 min ago is shown." in read(old.blocks)


@pytest.mark.parametrize("state", STATES)
def test_every_state_can_be_asked_for(state: str) -> None:
    assert read(shown(board(location()), f"status --state {state}").blocks)


def test_every_command_has_a_verb() -> None:
    assert set(get_args(commands.Command)) == set(verbs.VERBS)


def detail(status: LocationStatus, **changes: Any) -> LocationDetail:
    contents = Repository(
        "__repository__",
        5,
        ("daily",),
        (Schedule("daily_schedule", "0 1 * * *", None, running=True),),
        (Sensor("on_file", running=False),),
    )
    values: dict[str, Any] = {
        "deployment": "prod",
        "at": at(0),
        "agents": (AGENT,),
        "repositories": (contents,),
        "deploys": (),
        **changes,
    }
    return LocationDetail(status, **values)


def test_one_location_says_what_is_in_it_and_offers_the_next_steps() -> None:
    found = deploy(target(TargetState.VERIFIED, steps=SENT), target(TargetState.VERIFIED))
    status = location("quickstart", drift=Drift("main", behind=1), seen=seen("quickstart"))
    message = location_message(detail(status, deploys=(found,)), links=LINKS, now=at(1))
    assert_message(message.text, message.blocks)
    lines = read(message.blocks).split("\n")
    assert lines[0] == "quickstart on prod: loaded"
    assert "*Project:* data, 1 commit behind `main`" in lines
    assert "*Agent:* the default queue, served by k8s-eu, last heartbeat 21 s ago" in lines
    assert "*Contains:* 5 assets, 1 job, 1 schedule (1 on, 0 off), 1 sensor (0 on, 1 off)" in lines
    assert buttons(message) == {
        "Refresh": "status quickstart in prod",
        "Deploy": "deploy quickstart to prod",
        "Redeploy": "redeploy quickstart to prod",
        "Roll back this location": "rollback quickstart in prod",
        "Open in Dagster+": "",
    }


QUEUE = FieldChange(path="agent_queue", before="gpu", after="cpu")
ENV = FieldChange(path="container_context.k8s.env_vars", before=["TOKEN=abc"], after=None)


def test_fields_that_differ_from_git_are_listed_with_what_can_be_done_about_them() -> None:
    status = location("core", fields=FieldDrift("main", (QUEUE,), (ENV,)))
    line = read(shown(board(status)).blocks).split("\n")[1]
    assert line.endswith("2 fields differ from git")
    message = location_message(detail(status), links=LINKS, now=at(1))
    assert_message(message.text, message.blocks)
    lines = read(message.blocks).split("\n")
    at_title = lines.index("*Live differs from `main`*, which would change:")
    assert lines[at_title + 1 : at_title + 4] == [
        "• `agent_queue`: from `gpu` to `cpu`",
        "*Live only*, and left as it is by a deploy:",
        "• `container_context.k8s.env_vars`: `TOKEN=…`",
    ]
    assert buttons(message) == {
        "Refresh": "status core in prod",
        "Deploy git's version": "deploy core to prod",
        "Adopt live version": "adopt core to data in prod --update",
        "Redeploy": "redeploy core to prod",
        "Open in Dagster+": "",
    }


def test_what_only_live_has_is_adopted_and_no_deploy_of_git_would_change_it() -> None:
    status = location("core", fields=FieldDrift("main", (), (ENV,)))
    assert "1 field differs from git" in read(shown(board(status)).blocks)
    found = buttons(location_message(detail(status), links=LINKS, now=at(1)))
    assert "Adopt live version" in found
    assert ("Deploy" in found, "Deploy git's version" in found) == (True, False)
    level = location("core", fields=FieldDrift("main"))
    assert "differ" not in read(shown(board(level)).blocks)
    message = location_message(detail(level), links=LINKS, now=at(1))
    assert "Adopt live version" not in buttons(message)
    assert "differs" not in read(message.blocks)


def test_of_many_fields_the_first_are_shown_and_the_rest_counted() -> None:
    many = tuple(FieldChange(path=f"field{n}", before=n, after=None) for n in range(20))
    status = location("core", fields=FieldDrift("main", many, many))
    lines = read(location_message(detail(status), links=LINKS, now=at(1)).blocks).split("\n")
    assert lines.count("• and 12 more") == 2


def test_one_broken_location_leads_with_the_error_explained() -> None:
    status = location("dbt", Health.FAILED, error=BOTO, seen=seen("dbt", Health.FAILED))
    message = location_message(detail(status, repositories=None), links=LINKS, now=at(1))
    lines = read(message.blocks)
    assert "ModuleNotFoundError: No module named 'boto4'\nmarts/defs.py:3" in lines
    assert "*Likely cause:*" in lines
    assert "Roll back" not in buttons(message)


def test_a_queue_without_an_agent_is_said() -> None:
    status = location(seen=seen(health=Health.AGENT_DOWN, queue="eu"))
    message = location_message(detail(status), links=LINKS, now=at(1))
    assert "the queue `eu`; No running agent serves the queue eu." in read(message.blocks)


def test_agents_say_what_hangs_on_them() -> None:
    gone = AgentStatus("9a", None, False, at(-900), None, None, None, ("gRPC <down>",))
    status = board(
        location("core"), location("ml", seen=seen("ml", queue="gpu")), agents=(AGENT, gone)
    )
    message = agents_message(status, now=at(0))
    assert_message(message.text, message.blocks)
    assert read(message.blocks).split("\n") == [
        "prod: 1 of 2 agents running",
        ":electric_plug: *9a*: *not running* · last heartbeat 15 min ago · its queues are not told",
        "    gRPC &lt;down&gt;",
        (
            ":white_check_mark: *k8s-eu*: running · last heartbeat 20 s ago · K8sUserCodeLauncher"
            " · version 1.13.27 · queues `gpu`"
        ),
        "On the default queue: 1 location: core",
        "On the queue `gpu`: 1 location: ml",
        "As Dagster+ says now.",
    ]
    assert message.text == "prod: 1 of 2 agents running. Not running: 9a. As Dagster+ says now."


HOSTILE_CHANGES = st.builds(
    lambda path, before, after: FieldChange.model_construct(path=path, before=before, after=after),
    HOSTILE,
    st.none() | HOSTILE,
    st.none() | HOSTILE,
)
HOSTILE_LOCATIONS = st.builds(
    location,
    HOSTILE,
    st.sampled_from(Health),
    error=st.none() | st.just(BOTO),
    project=st.none() | HOSTILE,
    drift=st.none() | st.builds(Drift, HOSTILE, st.integers(0, 9), st.integers(0, 9)),
    fields=st.none()
    | st.builds(
        FieldDrift,
        HOSTILE,
        *[st.lists(HOSTILE_CHANGES, max_size=12).map(tuple)] * 2,
    ),
    open_deploys=st.tuples(st.integers(1, 10**9)),
)


@ANY
@given(HOSTILE, st.lists(HOSTILE_LOCATIONS, max_size=5), st.integers(1, 60))
def test_any_status_fits(name: str, locations: list[LocationStatus], times: int) -> None:
    status = DeploymentStatus(name, at(0), tuple(locations * times), ())
    message = status_message(status, status.locations, Status(name), links=LINKS, now=at(9))
    assert_message(message.text, message.blocks)
    agents = agents_message(status, now=at(9) + timedelta(days=400))
    assert_message(agents.text, agents.blocks)
    failed = deploy(target(TargetState.FAILED, failure=LOAD_FAILED))
    for each in locations[:1]:
        repository = Repository(name, 10**6, (name,) * 9, (), ())
        found = detail(each, repositories=(repository,) * 9)
        one = location_message(found, links=LINKS, now=at(9))
        assert_message(one.text, one.blocks)
    assert failed.ended
