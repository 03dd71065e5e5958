"""The card of a deploy, as a person reads it."""

from typing import Any

import pytest

from deploy_core.model.deploys import Deploy, Failure, Press, StepState, Stop
from deploy_core.model.plan import Commit, DeployKind, FieldChange, StepName
from deploy_core.model.states import TargetState
from handlers import actions
from handlers.cards.buttons import offered
from handlers.cards.deploy import deploy_card
from handlers.cards.links import CardLinks
from handlers.cards.plan import field_value
from handlers.mrkdwn import date
from tests.handlers.slack_rules import read
from tests.handlers.worlds import (
    ADA,
    LIVE,
    LOAD_FAILED,
    SENT,
    at,
    deploy,
    ran,
    target,
    target_plan,
)

S = TargetState
LINKS = CardLinks("https://acme.dagster.cloud/prod")
ABOUT = (
    "Deploy 12 by <@U01ADA> · <!date^1795424400^{date_short_pretty} at {time}|2026-11-23 09:00 UTC>"
)
CHANGE = (
    "from `3f2c1ab` to `9d8e7f6`"
    " (<https://git.example/acme/data/compare/3f2c1ab...9d8e7f6|3 commits>)"
)
DONE = (*SENT, ran(StepName.WAIT, 2, 11), ran(StepName.VERIFY, 11, 12))
NOT_LOADED = (*SENT, ran(StepName.WAIT, 2, 11, state=StepState.FAILED))
BOTO_LINES = """:x: *quickstart* didn't load:
```
ModuleNotFoundError: No module named 'boto4'
marts/defs.py:3
    import boto4
```
*Likely cause:* The package that provides “boto4” isn't installed where the code runs.
*Next step:* Add it to the project's dependencies (or mend the import), rebuild, and deploy \
again."""


def card(of: Deploy, seconds: float = 34) -> tuple[str, list[str]]:
    drawn = deploy_card(of, links=LINKS, now=at(seconds))
    return drawn.text, read(drawn.blocks).split("\n")


def test_verified() -> None:
    text, lines = card(deploy(target(S.VERIFIED, steps=DONE), why="new table"))
    assert text == "quickstart is live on prod at 9d8e7f6, verified after 12 s."
    assert lines == [
        "quickstart on prod: live and verified",
        f"{ABOUT} · took 12 s · “new table”",
        ":white_check_mark: *quickstart*: live and verified after 12 s",
        CHANGE,
        (
            "_live version read in 1 s, change sent in 1 s, loaded by the agent in 9 s,"
            " verified in 1 s_"
        ),
        "Live on prod now: quickstart at `9d8e7f6`",
        "[Roll back] [Open in Dagster+]",
    ]


def test_running_after_the_change_was_sent_offers_to_go_back() -> None:
    text, lines = card(deploy(target(S.RUNNING, steps=(*SENT, ran(StepName.WAIT, 2)))))
    assert text == (
        "Deploying quickstart to prod at 9d8e7f6: waiting for the agent to load it, 32 s so far."
    )
    assert lines[2] == (
        ":arrow_forward: *quickstart*: waiting for the agent to load it, 32 s so far"
    )
    assert lines[-1] == "[Go back] [Open in Dagster+]"


def test_first_deploy_that_waits_has_nothing_to_go_back_to() -> None:
    first = target(S.RUNNING, steps=(*SENT, ran(StepName.WAIT, 2)), plan=target_plan(live=None))
    _, lines = card(deploy(first))
    assert lines[-1] == "[Open in Dagster+]"


def test_queued_says_its_place_and_behind_whom() -> None:
    text, lines = card(deploy(target(S.QUEUED, ahead=(9, 11))))
    assert text == "quickstart on prod: queued, number 3 in line, behind deploys 9, 11."
    assert lines[-1] == "[Cancel] [Open in Dagster+]"


def test_load_failure_leads_with_the_error_and_was_rolled_back() -> None:
    text, lines = card(deploy(target(S.PUT_BACK, steps=NOT_LOADED, failure=LOAD_FAILED)))
    assert text == (
        "quickstart didn't load on prod: ModuleNotFoundError: No module named 'boto4'"
        " (marts/defs.py:3). Rolled back to `3f2c1ab`: live and verified."
    )
    assert lines == [
        "quickstart on prod: rolled back",
        f"{ABOUT} · took 12 s",
        *BOTO_LINES.split("\n"),
        "Rolled back to `3f2c1ab`: live and verified.",
        CHANGE,
        (
            "_live version read in 1 s, change sent in 1 s, failed while waiting for the agent to"
            " load it after 9 s_"
        ),
        "Live on prod now: quickstart at `3f2c1ab`",
        "[Retry] [Full error] [Open in Dagster+]",
    ]


NOTHING = Failure(
    reason="nothing_to_go_back_to",
    summary="No earlier version of quickstart was seen live.",
    next_step="Mend the code and deploy again.",
)
PUT_BACK_FAILED = Failure(
    reason="load_timed_out", summary="It was still loading.", next_step="Look at the agent."
)


@pytest.mark.parametrize(
    ("state", "more", "line"),
    [
        (
            S.FAILED,
            {"plan": target_plan(live=None), "put_back_failure": NOTHING},
            "There is nothing to go back to: this was its first deploy.",
        ),
        (
            S.FAILED,
            {"put_back_failure": NOTHING},
            ("There is nothing to go back to. No earlier version of quickstart was seen live."
            " Mend the code and deploy again."),
        ),
        (
            S.NEEDS_HUMAN,
            {"put_back_failure": PUT_BACK_FAILED},
            ("It could not be rolled back: It was still loading. Look at the agent. Until a version"
            " is seen live again, every deploy of it waits for a person's Confirm."),
        ),
        (
            S.FAILED,
            {"plan": target_plan(live=LIVE.model_copy(update={"loaded": False}))},
            "It was not rolled back: what was live before had not loaded either.",
        ),
        (S.PUTTING_BACK, {}, "Rolling back to `3f2c1ab` now."),
    ],
)  # fmt: skip
def test_what_became_of_the_version_before(state: S, more: dict[str, Any], line: str) -> None:
    _, lines = card(deploy(target(state, steps=NOT_LOADED, failure=LOAD_FAILED, **more)))
    assert line in lines


def test_rollback_that_is_switched_off_is_said() -> None:
    _, lines = card(deploy(target(S.FAILED, steps=NOT_LOADED, failure=LOAD_FAILED), put_back=False))
    assert "It was not rolled back: that is switched off for prod." in lines


def test_failure_before_the_change_was_sent_says_what_is_still_live() -> None:
    no_agent = Failure(reason="no_agent", summary="No agent of prod runs.", next_step="Start it.")
    text, lines = card(deploy(target(S.FAILED, steps=SENT[:1], failure=no_agent)))
    assert text == (
        "quickstart failed on prod: No agent of prod runs."
        " Nothing was changed, `3f2c1ab` is still live."
    )
    assert lines[2:6] == [
        ":x: *quickstart* failed:",
        "No agent of prod runs.",
        "*Next step:* Start it.",
        "Nothing was changed, `3f2c1ab` is still live.",
    ]
    assert lines[-1] == "[Retry] [Open in Dagster+]"


def test_refused_change_counts_as_not_changed() -> None:
    refused = (SENT[0], ran(StepName.APPLY, 1, 2, state=StepState.FAILED))
    failure = Failure(reason="dagster_invalid_location", summary="Refused.", next_step="Mend it.")
    _, lines = card(deploy(target(S.FAILED, steps=refused, failure=failure)))
    assert "Nothing was changed, `3f2c1ab` is still live." in lines


def test_gone_back_on_request_is_no_failure() -> None:
    asked = Failure(reason="gone_back", summary="You asked to go back.", next_step="")
    text, lines = card(
        deploy(
            target(S.PUT_BACK, steps=DONE[:3], failure=asked, stop=Stop.GO_BACK, stop_by=ADA),
            presses=(Press(action=actions.GO_BACK, by=ADA, at=at(5)),),
        )
    )
    said = "rolled back to `3f2c1ab`: live and verified, as <@U01ADA> asked"
    assert text == f"quickstart on prod: {said}."
    assert lines[2] == f":leftwards_arrow_with_hook: *quickstart*: {said}"
    assert lines[-2:] == ["Go back pressed by <@U01ADA>", "[Retry] [Open in Dagster+]"]


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (S.UNPROVEN, ":grey_question: *quickstart*: loaded after 12 s, version not proven"),
        (
            S.SUPERSEDED,
            (
                ":busts_in_silhouette: *quickstart*: superseded: somebody else changed it on prod"
                " meanwhile"
            ),
        ),
        (S.NEEDS_HUMAN, ":rotating_light: *quickstart*: needs a person: look at it in Dagster+"),
        (
            S.CANCELLED,
            ":no_entry_sign: *quickstart*: cancelled; nothing was changed, `3f2c1ab` is still live",
        ),
        (
            S.EXPIRED,
            (
                ":alarm_clock: *quickstart*: expired: the plan was not confirmed in time; nothing"
                " was changed, `3f2c1ab` is still live"
            ),
        ),
    ],
)
def test_other_ends(state: S, line: str) -> None:
    _, lines = card(deploy(target(state)))
    assert lines[2] == line


def test_one_of_several_that_is_unchanged() -> None:
    text, lines = card(deploy(target(S.VERIFIED, steps=DONE), target(S.UNCHANGED)))
    assert text == ("2 locations are live on prod after 12 s: 1 live and verified, 1 unchanged.")
    assert ":white_check_mark: *quickstart*: live already, unchanged" in lines
    assert "image and settings are the same at `9d8e7f6` as at `3f2c1ab`: nothing was sent" in lines


def test_used_button_is_replaced_by_who_used_it() -> None:
    running = deploy(
        target(S.RUNNING, steps=SENT[:1], stop=Stop.CANCEL, stop_by=ADA),
        presses=(Press(action=actions.CANCEL, by=ADA, at=at(3)),),
    )
    _, lines = card(running)
    assert lines[-2:] == ["Cancel pressed by <@U01ADA>", "[Open in Dagster+]"]


def test_protected_plan_is_shown_and_waits_for_confirm() -> None:
    plan = target_plan(
        commits=(Commit(sha="9d8e7f6", subject="Add *orders*", author="Ada", committed_at=""),),
        changes=(
            FieldChange(path="agent_queue", before=None, after="big"),
            FieldChange(path="container_context.k8s.env_vars", before=["A=1"], after=["A=2"]),
            FieldChange(path="image", before="acme/core:1", after="acme/core:2"),
        ),
        risks=("The queue changes.",),
    )  # fmt: skip
    text, lines = card(deploy(target(S.PLANNED, plan=plan), protected=True))
    assert text == "The plan to deploy quickstart to prod at 9d8e7f6 waits for Confirm."
    assert lines[1:] == [
        ABOUT,
        f"*quickstart*: {CHANGE}",
        "• `9d8e7f6` Add ∗orders∗ (Ada)",  # noqa: RUF001
        "• and 2 more commits",
        "• `agent_queue` is added: `big`",
        "• `container_context.k8s.env_vars`: a value changes that isn't shown (`A=…`)",
        "• `image`: from `acme/core:1` to `acme/core:2`",
        ":warning: Risk: The queue changes.",
        (
            "prod is protected: nothing happens until <@U01ADA> presses Confirm. The plan expires"
            f" {date(at(3600))}."
        ),
        "[Confirm] [Cancel] [Open in Dagster+]",
    ]


def test_an_expired_plan_can_be_made_again() -> None:
    text, lines = card(deploy(target(S.EXPIRED), protected=True))
    assert (
        text == "The plan to deploy quickstart to prod was not confirmed in time and has expired."
    )
    assert lines[-1] == "[Plan again] [Open in Dagster+]"


def test_what_a_person_took_out_of_a_plan_is_no_longer_waited_for() -> None:
    out = target(S.CANCELLED, position=1, plan=target_plan("dbt"), stop_by=ADA)
    text, lines = card(deploy(target(S.PLANNED), out, protected=True))
    assert text == "The plan to deploy 2 locations to prod waits for Confirm."
    assert any(":no_entry_sign: *dbt*: cancelled by <@U01ADA>" in line for line in lines)
    assert "[Confirm]" in lines[-1]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (DeployKind.REDEPLOY, "Redeploying quickstart on prod at 9d8e7f6: starting."),
        (DeployKind.ROLLBACK, "Rolling back quickstart on prod to 9d8e7f6: starting."),
    ],
)
def test_what_is_done_is_named_for_what_it_is(kind: DeployKind, says: str) -> None:
    assert card(deploy(target(S.RUNNING), kind=kind))[0] == says


def test_what_took_no_time_is_told_without_one() -> None:
    quick = deploy(target(S.VERIFIED, ended_at=at(0.4)), ended_at=at(0.4))
    text, lines = card(quick)
    assert text == "quickstart is live on prod at 9d8e7f6, verified."
    assert "*quickstart*: live and verified" in lines[2]
    assert "under" not in " ".join(lines)
    assert "took" not in " ".join(lines)


def test_values_that_may_be_secret_are_not_shown() -> None:
    assert field_value("container_context.k8s.env_vars", ["A=s3cret", "B"]) == "A=…, B"
    assert field_value("container_context.ecs.secrets", [{"name": "A", "valueFrom": "x"}]) == "A"
    assert field_value("pex_metadata.token", "s3cret") == "(hidden)"
    assert field_value("image", "https://ada:s3cret@host/x") == "https://***:***@host/x"


def test_three_locations_of_which_one_breaks() -> None:
    three = deploy(
        target(S.VERIFIED, plan=target_plan("core"), steps=DONE),
        target(S.PUT_BACK, position=1, plan=target_plan("dbt"), steps=DONE, failure=LOAD_FAILED),
        target(S.VERIFIED, position=2, plan=target_plan("ml"), steps=DONE),
    )
    text, lines = card(three)
    assert text == (
        "The deploy of 3 locations to prod ended after 12 s: 1 rolled back, 2 live and verified."
        " Failed: dbt: ModuleNotFoundError: No module named 'boto4' (marts/defs.py:3)."
    )
    assert lines[0] == "3 locations on prod: 1 rolled back, 2 live and verified"
    assert lines[-2:] == [
        "Live on prod now: core at `9d8e7f6`, dbt at `3f2c1ab`, ml at `9d8e7f6`",
        "[Retry] [Roll back] [Full error] [Open in Dagster+]",
    ]


def test_three_hundred_locations_are_counted_and_those_that_need_eyes_come_first() -> None:
    states = [S.VERIFIED] * 240 + [S.RUNNING] * 20 + [S.QUEUED] * 38 + [S.PUT_BACK] * 2
    targets = [
        target(
            state,
            position=at_,
            plan=target_plan(f"loc_{at_}"),
            failure=LOAD_FAILED if state is S.PUT_BACK else None,
            **({"steps": (*SENT, ran(StepName.WAIT, 2))} if state is S.RUNNING else {}),
            **({"started_at": at(-at_)} if state is S.RUNNING else {}),
        )
        for at_, state in enumerate(states)
    ]
    _, lines = card(deploy(*targets))
    counted = "2 rolled back, 20 running, 38 queued, 240 live and verified"
    assert lines[0] == f"300 locations on prod: {counted}"
    assert lines[2] == f"*300 locations:* {counted}"
    assert lines[3] == ":x: *loc_298* didn't load (and 1 more with the same error):"
    rest = lines[lines.index("Rolled back to `3f2c1ab`: live and verified. [Full error]") + 1 :]
    assert rest[0].startswith(":leftwards_arrow_with_hook: *loc_299*: rolled back to `3f2c1ab`")
    assert rest[1].startswith(":arrow_forward: *loc_259*: waiting for the agent")
    assert rest[20] == "and 279 more: 1 running, 38 queued, 240 live and verified"


@pytest.mark.parametrize(
    ("of", "buttons"),
    [
        (deploy(target(S.QUEUED), target(S.VERIFIED, position=1)), ("deploy.cancel",)),
        (
            deploy(target(S.RUNNING, steps=SENT), target(S.QUEUED, position=1)),
            ("deploy.cancel",),
        ),
        (deploy(target(S.RUNNING, steps=SENT, stop=Stop.GO_BACK)), ()),
        (deploy(target(S.PUTTING_BACK, steps=SENT)), ()),
        (deploy(target(S.VERIFIED), kind=DeployKind.ROLLBACK), ()),
        (deploy(target(S.VERIFIED, plan=target_plan(live=None))), ()),
        (deploy(target(S.SUPERSEDED)), ("deploy.retry",)),
    ],
)
def test_buttons_that_make_sense(of: Deploy, buttons: tuple[str, ...]) -> None:
    assert offered(of) == buttons


def test_destructive_buttons_ask_first() -> None:
    drawn = deploy_card(deploy(target(S.VERIFIED, steps=DONE)), links=CardLinks(), now=at(20))
    (roll_back,) = drawn.blocks[-1]["elements"]
    assert roll_back["value"] == "12"
    assert roll_back["confirm"]["style"] == "danger"
    assert roll_back["confirm"]["text"]["text"] == (
        "What was live on prod before deploy 12 is deployed again."
    )
