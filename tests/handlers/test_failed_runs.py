"""Failed runs, drawn."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy_core.model.python_error import PythonError
from deploy_core.watch.failed_runs import RUNS, Failures, JobCount
from deploy_core.watch.incidents import Incident, IncidentState, Said
from deploy_core.watch.marks import Mark, MarkKind
from handlers import limits
from handlers.cards.failed_runs import Group, failed_runs_message, trace_post
from handlers.cards.links import CardLinks
from handlers.text.failed_runs import already, said_of_runs
from tests.handlers.slack_rules import assert_message, read
from tests.handlers.worlds import ADA, BOTO, HOSTILE, at

LINKS = CardLinks(dagster="https://acme.dagster.cloud/prod")
ANY = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
RUN = "0c1f6e0a-6d0e-4b0a"


def group(number: int = 1, *, runs: int = 3, marks: tuple[Mark, ...] = (), **changes: Any) -> Group:
    data = {"run": RUN, "step": "load", "known_days": 7.0, "location": "core"}
    data |= {"error": BOTO.model_dump(mode="json"), **changes.pop("data", {})}
    values: dict[str, Any] = {
        "state": IncidentState.OPEN,
        "opened_at": at(0),
        "changed_at": at(0),
        "data": data,
        **changes,
    }
    incident = Incident(number, values.pop("deployment", "prod"), RUNS, f"g{number}", **values)
    jobs = (JobCount("core", "daily", runs),)
    return Group(incident, Failures(runs, runs + 1, at(0), at(60), RUN, jobs), marks)


def drawn(*groups: Group) -> str:
    message = failed_runs_message(list(groups), links=LINKS, now=at(600))
    assert_message(message.text, message.blocks)
    return read(message.blocks)


def test_a_group_leads_with_its_number_and_its_error() -> None:
    message = failed_runs_message([group()], links=LINKS, now=at(600))
    assert message.text.startswith("3 runs of daily in core on prod failed alike, with their")
    assert message.text.endswith(": ModuleNotFoundError: No module named 'boto4'.")
    lines = drawn(group())
    assert lines.startswith("ModuleNotFoundError in runs on prod\n:x: 3 runs of daily in core")
    assert "marts/defs.py:3" in lines
    assert "Step `load` · daily in core\nNew: not seen in the last 7 days." in lines
    assert lines.endswith(
        "[Open in Dagster+] [Show trace] [Re-execute from failure] [Acknowledge] [Mute for 24 h]"
    )


def test_it_says_what_was_known_and_what_was_changed() -> None:
    change = {"deploy": 12, "by": ADA.model_dump(mode="json"), "seconds": 125.0}
    lines = drawn(group(data={"known": at(0).isoformat(), "change": change}))
    assert "Known: it was there before, the last time <!date" in lines
    assert "Deploy 12 by <@U01ADA> changed core 2 min 5 s before the first failure." in lines
    lines = drawn(group(data={"change": {"version": "core:7", "seconds": 61.0}}))
    assert "core was loaded anew with `core:7` 1 min 1 s before the first failure" in lines


def test_what_was_pressed_is_no_button_any_more() -> None:
    marks = (
        Mark(MarkKind.TRACE, ADA, at(1), None),
        Mark(MarkKind.ACKNOWLEDGED, ADA, at(1), None),
        Mark(MarkKind.MUTED, ADA, at(1), at(9_000)),
    )
    lines = drawn(group(marks=marks))
    assert "<@U01ADA> has acknowledged this, <!date" in lines
    assert "Muted by <@U01ADA> until <!date" in lines
    assert lines.endswith("\n[Open in Dagster+] [Re-execute from failure]")
    over = (Mark(MarkKind.MUTED, ADA, at(1), at(2)),)
    assert "[Mute for 24 h]" in drawn(group(marks=over))
    assert "Muted" not in drawn(group(marks=over))


def test_the_end_is_called_fixed_only_when_it_was_seen() -> None:
    fixed = group(state=IncidentState.ENDED, ended_at=at(750), data={"fixed_by": "r9"})
    assert "failed alike, with their retries 4; fixed after 12 min 30 s." in drawn(fixed)
    assert drawn(fixed).startswith("ModuleNotFoundError in runs on prod: fixed\n")
    quiet = group(state=IncidentState.ENDED, ended_at=at(750), data={"quiet_days": 7.0})
    assert "fixed" not in drawn(quiet)
    assert "; none since <!date" in drawn(quiet)


def test_what_comes_and_goes_is_not_called_fixed() -> None:
    lines = drawn(group(state=IncidentState.SETTLING, failures=3))
    assert lines.startswith(
        "ModuleNotFoundError in runs on prod comes and goes\n:hourglass: 3 runs"
    )
    assert "with their retries 4 and works just now, since <!date" in lines


def test_many_kinds_are_a_line_each_the_most_frequent_first() -> None:
    groups = [group(number, runs=number) for number in range(1, 60)]
    lines = drawn(*groups)
    assert lines.startswith("Runs on prod fail in 59 ways\n")
    first = ":x: *ModuleNotFoundError: No module named 'boto4'*: 59 runs of daily in core"
    assert lines.split("\n")[2] == first
    assert lines.endswith("more")


def test_a_trace_that_is_long_is_a_file() -> None:
    short = trace_post(group().incident)
    assert short.file_text is None
    assert "No module named 'boto4'" in short.text
    long = PythonError(message="ValueError: a\n", stack=("  File a\n" * 900,))
    post = trace_post(group(data={"error": long.model_dump(mode="json")}).incident)
    assert (post.file_name, post.text) == (
        "run_0c1f6e0a_error.txt",
        "The error of the run `0c1f6e0a`",
    )
    assert post.file_text is not None
    assert post.file_text.endswith("ValueError: a")
    none = trace_post(group(data={"error": None}).incident)
    assert none.text.startswith("Dagster+ names no error for the run")


def test_the_thread_says_what_shows_that_it_is_fixed() -> None:
    facts = {"since_opened": 3720.0, "since_last": 60.0, "failures": 3}
    proof = {"fixed_by": RUN, "fixed_job": "daily"}
    expected = "Fixed after 1 h 2 min: the later run `0c1f6e0a` of daily succeeded."
    assert said_of_runs(Said.RECOVERED, {**facts, **proof}) == expected
    assert (
        said_of_runs(Said.RECOVERED, facts) == "No run fails with this any more, after 1 h 2 min."
    )
    assert said_of_runs(Said.AGAIN, facts) == "It fails again, 1 min after it was fixed."
    assert "it was back 3 times in 1 h 2 min" in said_of_runs(Said.FLAPPING, facts)
    assert "fixed" not in said_of_runs(Said.REMOVED, {**facts, "quiet_days": 7.0}).lower()


@ANY
@given(HOSTILE, HOSTILE, HOSTILE, st.sampled_from(list(IncidentState)), st.integers(1, 30))
def test_no_name_and_no_error_breaks_out_of_its_place(
    name: str, message: str, step: str, state: IncidentState, many: int
) -> None:
    error = PythonError(message=message, stack=(f'  File "{name}", line 1, in {step}\n    x\n',))
    data = {
        "error": error.model_dump(mode="json"),
        "step": step,
        "location": name,
        "run": name,
        "fixed_by": name,
        "change": {"version": message, "seconds": 1.0},
    }
    jobs = tuple(JobCount(name, f"{message}{each}", each) for each in range(many))
    broken = group(deployment=name or "prod", state=state, ended_at=at(9), data=data)
    failures = Failures(many, many, at(0), at(1), name, jobs)
    broken = Group(broken.incident, failures)
    for groups in ([broken], [broken] * many, [Group(broken.incident, None)]):
        found = failed_runs_message(groups, links=LINKS, now=at(9))
        assert_message(found.text, found.blocks)
    post = trace_post(broken.incident)
    assert_message(post.text, [])
    assert limits.size(post.text) <= limits.MESSAGE_TEXT
    said = said_of_runs(Said.RECOVERED, {"fixed_by": name, "fixed_job": message})
    assert_message(said, [])
    for kind in MarkKind:
        assert_message(already(Mark(kind, ADA, at(0), at(1))), [])
