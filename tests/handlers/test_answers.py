"""Private answers: errors, help, lists, the thread."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy_core.model.deploys import Deploy, Failure, Stop
from deploy_core.model.errors import (
    DeployError,
    LoadFailed,
    UnknownLocation,
    UsageError,
    all_errors,
)
from deploy_core.model.python_error import PythonError
from deploy_core.model.states import TargetState
from handlers import actions
from handlers.cards.answers import (
    already_sent,
    deploys_message,
    error_message,
    help_message,
    open_form_message,
)
from handlers.cards.thread import (
    end_mention,
    failure_broadcast,
    failure_detail,
    file_name,
    full_error_text,
    journal,
)
from handlers.text import answers
from handlers.usage import FORMS
from tests.handlers.slack_rules import assert_message, assert_no_broadcast, length, read
from tests.handlers.worlds import (
    ADA,
    BOTO,
    HOSTILE,
    LOAD_FAILED,
    SENT,
    at,
    deploy,
    deploys,
    target,
    target_plan,
)

S = TargetState
ANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("kind", list(all_errors()), ids=lambda kind: kind.__name__)
def test_every_error_says_what_happened_what_to_do_and_its_reason(kind: type[DeployError]) -> None:
    what = "Something about <core> happened."
    if kind is LoadFailed:
        error: DeployError = LoadFailed(what, python_error=BOTO)
        error.detail = "line"
    else:
        error = kind(what, detail="line\n" * 3)
    message = error_message(error)
    assert_message(message.text, message.blocks)
    lines = read(message.blocks)
    assert lines.startswith("Something about &lt;core&gt; happened.")
    assert "```\nline" in lines
    if error.next_step:
        assert "*Next step:* " in lines
        assert message.text != "Something about &lt;core&gt; happened."
    if kind.reason:
        assert lines.endswith(f"Reason: `{kind.reason}`")


def test_unknown_name_is_answered_with_the_names_that_exist() -> None:
    error = UnknownLocation("There is no code location coer.", choices=("core", "dbt"))
    assert read(error_message(error).blocks) == (
        "There is no code location coer.\n"
        "*Next step:* Choose one of the names that exist, or add it with"
        " `/dagster add-location NAME`.\n"
        "These exist: `core`, `dbt`\n"
        "[Add a code location]\n"
        "Reason: `unknown_location`"
    )


def test_misspelt_verb_gets_a_button_that_runs_the_mended_text() -> None:
    error = UsageError("There is no command “deplyo”.", choices=("deploy", "deploys"))
    message = error_message(error, command="deplyo core@main")
    buttons = [block["accessory"] for block in message.blocks if "accessory" in block]
    assert [(one["action_id"], one["value"]) for one in buttons] == [
        (actions.TRY_THIS, "deploy core@main"),
        (actions.TRY_THIS, "deploys core@main"),
    ]
    assert "Did you mean `deploy`, `deploys`?" in read(message.blocks)


def test_button_keeps_slacks_escapes_but_shows_what_was_typed() -> None:
    error = UsageError("There is no command “ship”.", choices=("deploy",))
    blocks = error_message(error, command="<@U01BOT> ship <mailto:a@b.c|a@b.c>").blocks
    (found,) = (block for block in blocks if "accessory" in block)
    assert found["text"]["text"] == "`/dagster deploy a@b.c`"
    assert found["accessory"]["value"] == "deploy <mailto:a@b.c|a@b.c>"


def test_a_help_topic_is_not_mended_into_a_deploy() -> None:
    error = UsageError("There is no command “deplyo”.", choices=("deploy",))
    blocks = error_message(error, command="help deplyo").blocks
    assert not any("accessory" in block for block in blocks)


def test_guessed_names_get_no_button() -> None:
    error = UnknownLocation("There is no code location coer.", choices=("core",))
    blocks = error_message(error, command="deploy coer").blocks
    assert not any("accessory" in block for block in blocks)


def test_error_hides_credentials() -> None:
    error = DeployError("git said: https://ada:s3cret@git.example", detail="xoxb-1234567890-abc")
    assert "s3cret" not in str(error_message(error))
    assert "1234567890" not in str(error_message(error))


@ANY
@given(HOSTILE, HOSTILE, HOSTILE, st.lists(HOSTILE, max_size=80), st.none() | HOSTILE)
def test_any_error_can_be_shown(
    summary: str, step: str, detail: str, choices: list[str], command: str | None
) -> None:
    error = UsageError(summary, next_step=step, detail=detail * 3, choices=tuple(choices))
    message = error_message(error, command=command)
    assert_message(message.text, message.blocks)


@pytest.mark.parametrize("topic", [None, *FORMS, "xyzzy"])
def test_help_fits(topic: str | None) -> None:
    message = help_message(topic)
    assert_message(message.text, message.blocks)
    assert FORMS[topic or "deploy" if topic != "xyzzy" else "status"] in message.text


def test_form_can_be_opened_from_a_mention() -> None:
    message = open_form_message("deploy @main")
    assert message.blocks[-1]["elements"][0]["value"] == "deploy @main"
    assert_message(message.text, message.blocks)


def test_running_and_recent_deploys_are_listed() -> None:
    found = [
        deploy(target(S.QUEUED, ahead=(9,)), why="new table"),
        deploy(target(S.VERIFIED), target(S.FAILED, position=1)),
    ]
    lines = read(deploys_message(found, now=at(20)).blocks).split("\n")
    assert lines[0] == "*2 deploys, 1 of them running or waiting.*"
    assert lines[1] == "*12* · quickstart on prod: queued, number 2 in line, behind deploy 9"
    assert lines[3].endswith("· “new table”")
    assert lines[4] == "*12* · 2 locations on prod: 1 failed, 1 live and verified"


def test_no_deploys_yet() -> None:
    message = deploys_message([], now=at(0))
    assert message.text == "There are no deploys yet. Start one with `/dagster deploy LOCATION`."


@ANY
@given(st.lists(deploys(most=12), max_size=4), st.integers(1, 30))
def test_any_list_of_deploys_fits(found: list[Deploy], times: int) -> None:
    message = deploys_message(found * times, now=at(50))
    assert_message(message.text, message.blocks)


def test_cancel_that_came_too_late_offers_to_go_back() -> None:
    late = already_sent(deploy(target(S.RUNNING, steps=SENT)))
    assert read(late.blocks) == (
        "Deploy 12 is already with Dagster+, so it can't be cancelled."
        " It can go back to what was live before.\n[Go back]"
    )


def test_short_answers() -> None:
    assert answers.stopping(12, Stop.CANCEL) == "Deploy 12 is being cancelled."
    assert answers.card_elsewhere("C1", None) == (
        "I can't post in this channel; the deploy's message is in <#C1>."
    )
    assert "<!" not in answers.card_elsewhere("!channel", None)
    assert answers.queued(12, "core", (9, 11)) == (
        "Deploy 12, core: queued, number 3 in line, behind deploys 9, 11."
    )


def test_short_error_is_in_the_message() -> None:
    post = failure_detail(target(S.FAILED, failure=LOAD_FAILED))
    assert post.file_text is None
    assert post.text.startswith("The full error of quickstart:\n```\nTraceback")
    assert "ModuleNotFoundError: No module named 'boto4'" in post.text


def test_long_error_is_a_file() -> None:
    frames = tuple(f'  File "/srv/x.py", line {n}, in f\n    f()\n' for n in range(400))
    error = PythonError(message="KeyError: " + "é" * 60_000 + "\n", stack=frames)
    failure = LOAD_FAILED.model_copy(update={"python_error": error})
    post = failure_detail(target(S.FAILED, plan=target_plan("dbt/<x>"), failure=failure))
    assert post.text == "The full error of dbt/&lt;x&gt; is in the file (802 lines)."
    assert post.file_name == "deploy_12_dbt_x_error.txt"
    assert post.file_text is not None
    assert post.file_text.endswith("é")
    assert len(post.file_text) > 60_000


BUILD_FAILED = Failure(
    reason="build_failed",
    summary="The build of core failed with exit code 7 at `RUN make`.",
    next_step="Mend it.",
    detail="no matching distribution: x\nStep: RUN make",
)


def test_the_log_of_a_build_follows_its_failing_step() -> None:
    log = "#1 [1/2] FROM base\n#2 [2/2] RUN make\n#2 https://ada:s3cret@git.example\n"
    post = failure_detail(target(S.FAILED, failure=BUILD_FAILED), log)
    assert post.file_text is None
    assert "s3cret" not in post.text
    step, whole = post.text.index("no matching distribution"), post.text.index("The whole log")
    assert step < whole < post.text.index("#1 [1/2] FROM base")
    long = failure_detail(target(S.FAILED, failure=BUILD_FAILED), log * 400)
    assert long.file_text is not None
    assert long.file_text.startswith("no matching distribution: x\nStep: RUN make\n\nThe whole log")
    assert "s3cret" not in long.file_text
    assert "whole log" not in failure_detail(target(S.FAILED, failure=LOAD_FAILED), log).text


def test_logs_show_each_build_after_the_steps() -> None:
    found = deploy(target(S.VERIFIED, steps=SENT))
    post = journal(found, at(100), {0: "#1 [1/1] FROM base\n"})
    assert post.text.index("apply finished") < post.text.index("The build of quickstart:")
    assert "The build of" not in journal(found, at(100)).text


def test_file_names_are_plain() -> None:
    assert file_name("../../etc/passwd", 1) == "deploy_1_etc_passwd_error.txt"
    assert file_name("表", 1) == "deploy_1_location_error.txt"


def test_details_of_a_failure_have_no_credentials() -> None:
    failure = Failure(
        reason="git_failed", summary="x", next_step="y", detail="https://ada:s3cret@git.example"
    )
    assert full_error_text(target(S.FAILED, failure=failure)) == "https://***:***@git.example"


@ANY
@given(deploys(most=9))
def test_anything_in_the_thread_fits(found: Deploy) -> None:
    posts = [failure_detail(found.targets[0]), journal(found, at(100))]
    said = [post.text for post in posts]
    said += [end_mention(found, at(100)), failure_broadcast(found, at(100)) or "x"]
    for text in said:
        assert 0 < length(text) <= 4_000
        assert_no_broadcast(text)
    for post in posts:
        assert (post.file_text is None) == (post.file_name is None)


def test_end_is_told_to_the_starter_and_a_failure_to_the_channel() -> None:
    good = deploy(target(S.VERIFIED))
    assert end_mention(good, at(12)) == (
        "<@U01ADA> quickstart is live on prod at 9d8e7f6, verified after 12 s."
    )
    assert failure_broadcast(good, at(12)) is None
    bad = failure_broadcast(deploy(target(S.PUT_BACK, steps=SENT, failure=LOAD_FAILED)), at(12))
    assert bad is not None
    assert bad.startswith("<@U01ADA> quickstart didn't load on prod: ModuleNotFoundError")
    assert "Rolled back to `3f2c1ab`: live and verified." in bad
    asked = target(S.PUT_BACK, steps=SENT, stop=Stop.GO_BACK, stop_by=ADA)
    assert failure_broadcast(deploy(asked), at(12)) is None
