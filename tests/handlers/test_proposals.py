"""The message of a pull request: within Slack's limits, and it says what is to be done next."""

from typing import Any

import pytest

from deploy_core.model.proposals import Problem, Proposal, ProposalRequest, ProposalState
from deploy_core.model.pull_requests import Check, CheckState
from handlers.cards.proposals import proposal_message
from tests.handlers.slack_rules import UGLY, assert_message, read
from tests.handlers.worlds import ADA, at

S = ProposalState
SHA = "a1b2c3d" + "0" * 33


def proposal(state: ProposalState, *, name: str = "shop", **more: Any) -> Proposal:
    request = ProposalRequest(
        project="monorepo" if name == "shop" else name,
        location=name,
        deployment="prod",
        entry={"location_name": name},
        actor=ADA,
        why="a first try" if name == "shop" else name,
        notes=(name,) * 5 if name != "shop" else (),
    )
    values: dict[str, Any] = {"branch": "dagster-chatops/add-shop-0a1b2c3d", "base": "main", **more}
    return Proposal(id=7, request=request, state=state, created_at=at(0), **values)


def buttons(found: Proposal) -> list[str]:
    rows = [each for each in proposal_message(found).blocks if each["type"] == "actions"]
    return [each["action_id"] for one in rows for each in one["elements"]]


def test_one_that_waits_shows_its_checks() -> None:
    checks = (
        Check(name="build", state=CheckState.BAD, url="https://host/build"),
        Check(name="lint", state=CheckState.GOOD),
    )
    found = proposal(S.OPEN, number=5, url="https://host/5", commit_sha=SHA, checks=checks)
    message = proposal_message(found)
    assert message.text == "shop is on its way into monorepo: pull request 5 waits to be merged."
    assert read(message.blocks).split("\n") == [
        (
            ":hourglass_flowing_sand: *shop is on its way into monorepo: pull request 5 waits to be"
            " merged.*"
        ),
        "Branch `dagster-chatops/add-shop-0a1b2c3d` into `main` · commit `a1b2c3d`",
        "<https://host/5|monorepo #5> · :white_check_mark: 1 passed, :x: 1 failed",
        "When it is merged it goes live on prod, and I say so here.",
        ":x: <https://host/build|build>",
        "Asked for by <@U01ADA> · “a first try”",
        "[Open pull request]",
    ]
    assert buttons(found) == ["proposal.open"]


def test_one_that_is_hindered_has_the_buttons_that_help() -> None:
    problem = Problem(
        reason="host_not_allowed", summary="It isn't allowed.", next_step="Ask.", stuck=True
    )
    found = proposal(S.PUSHED, problem=problem)
    shown = read(proposal_message(found).blocks)
    assert "shop isn't in monorepo yet: It isn't allowed." in shown
    assert ":warning: Ask. `host_not_allowed`" in shown
    assert buttons(found) == ["proposal.again", "proposal.discard"]
    after = proposal(S.OPEN, problem=problem, number=1, url="https://host/1")
    assert buttons(after) == ["proposal.open", "proposal.again"], "what is open is closed there"
    passing = problem.model_copy(update={"stuck": False})
    shown = read(proposal_message(proposal(S.PUSHED, problem=passing)).blocks)
    assert "Opening a pull request" in shown
    assert ":warning: It isn't allowed. Ask. `host_not_allowed`" in shown


@pytest.mark.parametrize("state", ProposalState)
@pytest.mark.parametrize("stuck", [True, False, None])
def test_whatever_the_names_are_it_is_within_the_limits(
    state: ProposalState, stuck: bool | None
) -> None:
    problem = None
    if stuck is not None:
        problem = Problem(reason="x", summary=UGLY * 20, next_step=UGLY * 20, stuck=stuck)
    checks = tuple(
        Check(name=UGLY, state=CheckState.BAD, url="https://host/" + "x" * 200) for _ in range(100)
    )
    found = proposal(
        state,
        name=UGLY,
        branch=UGLY,
        base=UGLY,
        commit_sha=SHA,
        by_hand=(UGLY,) * 20,
        number=1,
        url="https://host/" + "x" * 300,
        checks=checks,
        problem=problem,
    )
    message = proposal_message(found)
    assert_message(message.text, message.blocks)
