"""Deploys to draw: a small world with readable defaults, and a generator of hostile ones."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from deploy_core.model.deploys import (
    Deploy,
    Failure,
    Press,
    StepRun,
    StepState,
    Stop,
    Target,
)
from deploy_core.model.people import Actor
from deploy_core.model.plan import (
    ArtifactKind,
    Commit,
    DeployKind,
    DeployPlan,
    FieldChange,
    Live,
    StepName,
    TargetPlan,
    Version,
)
from deploy_core.model.python_error import ChainedError, PythonError
from deploy_core.model.states import ENDED, TargetState
from handlers import actions

START = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)
ADA = Actor(kind="slack", id="U01ADA")
OLD = Version(commit="3f2c1ab0" * 5, git_url="https://git.example/acme/data")
NEW = Version(commit="9d8e7f6a" * 5, git_url="https://git.example/acme/data")
LIVE = Live(document={"location_name": "quickstart"}, version=OLD, loaded=True)
BOTO = PythonError(
    message="dagster._core.errors.DagsterUserCodeLoadError: Error occurred during the loading of"
    " Dagster definitions in\nmodule_name=marts.defs, working_directory=/srv/app\n",
    stack=('  File "/usr/lib/python3.11/site-packages/dagster/_grpc/server.py", line 9, in x\n',),
    chain=(
        ChainedError(
            message="ModuleNotFoundError: No module named 'boto4'\n",
            stack=('  File "/srv/app/marts/defs.py", line 3, in <module>\n    import boto4\n',),
        ),
    ),
)
LOAD_FAILED = Failure(
    reason="load_failed",
    summary="The code location didn't load.",
    next_step="Mend the code, push, and deploy again.",
    python_error=BOTO,
)


def at(seconds: float) -> datetime:
    """Return the moment so many seconds after the start."""
    return START + timedelta(seconds=seconds)


def ran(name: StepName, start: float, end: float | None = None, **more: Any) -> StepRun:
    """Return a step that ran from `start` to `end` seconds; without an end it still runs."""
    state = StepState.STARTED if end is None else StepState.FINISHED
    ended = None if end is None else at(end)
    return StepRun(
        **{"name": name, "state": state, "started_at": at(start), "ended_at": ended, **more}
    )


SENT = (ran(StepName.READ_LIVE, 0, 1), ran(StepName.APPLY, 1, 2))


def target_plan(location: str = "quickstart", **more: Any) -> TargetPlan:
    """Return a plan from 3f2c1ab to 9d8e7f6."""
    return TargetPlan(
        **{
            "location": location,
            "project": "data",
            "artifact": ArtifactKind.PREBUILT,
            "document": {"location_name": location},
            "version": NEW,
            "live": LIVE,
            "commits_total": 3,
            "compare_url": "https://git.example/acme/data/compare/3f2c1ab...9d8e7f6",
            **more,
        }
    )


def target(
    state: TargetState, *, position: int = 0, plan: TargetPlan | None = None, **more: Any
) -> Target:
    """Return a target that started at 0 s and, if it has ended, ended at 12 s."""
    return Target(
        **{
            "deploy_id": 12,
            "position": position,
            "plan": plan or target_plan(),
            "state": state,
            "started_at": None if state in {TargetState.PLANNED, TargetState.QUEUED} else at(0),
            "ended_at": at(12) if state in ENDED else None,
            **more,
        }
    )


def deploy(*targets: Target, **more: Any) -> Deploy:
    """Return deploy 12 of these targets to prod, by Ada."""
    protected = more.pop("protected", False)
    put_back = more.pop("put_back", True)
    kind = more.pop("kind", DeployKind.DEPLOY)
    plan = DeployPlan(
        kind=kind,
        deployment=more.pop("deployment", "prod"),
        targets=tuple(each.plan for each in targets),
        protected=protected,
        put_back=put_back,
    )
    ended = all(each.ended for each in targets)
    return Deploy(
        **{
            "id": 12,
            "plan": plan,
            "by": ADA,
            "why": None,
            "created_at": START,
            "targets": targets,
            "ended_at": at(12) if ended else None,
            **more,
        }
    )


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "<!channel>",
            "<@U01ADA|x>",
            "&" * 200,
            "<" * 300,
            "```" * 50,
            "`" * 201,
            "*_~>" * 60,
            "\u202e" * 100,
            "😀" * 200,
            "a\nb\r\n" * 60,
            "\ud800\x00\x1b[31m",
            '"\\' * 100,
            "quickstart",
            "x" * 3_000,
        ]
    ),
)
NONEMPTY = HOSTILE.map(lambda text: text or "x")
ACTORS = st.builds(Actor, kind=st.sampled_from(["slack", "cli"]), id=HOSTILE)
MOMENTS = st.floats(-10, 1e6).map(at)
VERSIONS = st.builds(Version, image=st.none() | HOSTILE, commit=st.none() | HOSTILE)
JSON = st.one_of(st.none(), HOSTILE, st.integers(), st.lists(HOSTILE, max_size=3))
STEPS = st.builds(
    StepRun,
    name=st.sampled_from(StepName),
    state=st.sampled_from(StepState),
    started_at=MOMENTS,
    ended_at=st.none() | MOMENTS,
    output=st.dictionaries(st.sampled_from(["version", "path"]), HOSTILE, max_size=2),
)
FRAMES = st.one_of(
    HOSTILE,
    st.builds(
        '  File "{}", line {}, in {}\n    {}\n'.format, HOSTILE, st.integers(0), HOSTILE, HOSTILE
    ),
)
STACKS = st.lists(FRAMES, max_size=4).map(tuple)
MESSAGES = st.one_of(
    HOSTILE, st.builds("{}: {}\n".format, HOSTILE, HOSTILE), HOSTILE.map(lambda text: text * 20)
)
CHAINED = st.builds(ChainedError, message=MESSAGES, stack=STACKS, is_explicit=st.booleans())
ERRORS = st.builds(
    PythonError, message=MESSAGES, stack=STACKS, chain=st.lists(CHAINED, max_size=3).map(tuple)
)
FAILURES = st.builds(
    Failure,
    reason=st.sampled_from(["load_failed", "no_agent", "load_timed_out", "internal"]),
    summary=HOSTILE,
    next_step=HOSTILE,
    detail=HOSTILE,
    python_error=st.none() | ERRORS,
)
COMMITS = st.builds(Commit, sha=NONEMPTY, subject=HOSTILE, author=HOSTILE, committed_at=HOSTILE)
CHANGES = st.builds(FieldChange, path=NONEMPTY, before=JSON, after=JSON)
PLANS = st.builds(
    TargetPlan,
    location=HOSTILE,
    project=st.none() | HOSTILE,
    artifact=st.sampled_from(ArtifactKind),
    document=st.just({}),
    version=VERSIONS,
    live=st.none() | st.builds(Live, document=st.just({}), version=VERSIONS, loaded=st.booleans()),
    changes=st.lists(CHANGES, max_size=12).map(tuple),
    commits=st.lists(COMMITS, max_size=20).map(tuple),
    commits_total=st.integers(0, 10**6),
    compare_url=st.none() | HOSTILE | st.just("https://git.example/a?b=1&c=2|x"),
    ref=st.none() | HOSTILE,
    risks=st.lists(HOSTILE, max_size=4).map(tuple),
)
PRESSES = st.builds(Press, action=st.sampled_from(actions.BUTTONS) | HOSTILE, by=ACTORS, at=MOMENTS)


@st.composite
def deploys(draw: st.DrawFn, most: int = 300) -> Deploy:
    """Deploys of 1 to `most` targets. A few drawn targets are repeated to make many."""
    kinds = draw(
        st.lists(
            st.builds(
                Target,
                deploy_id=st.just(12),
                position=st.just(0),
                plan=PLANS,
                state=st.sampled_from(TargetState),
                steps=st.lists(STEPS, max_size=9).map(tuple),
                failure=st.none() | FAILURES,
                put_back_failure=st.none() | FAILURES,
                stop=st.none() | st.sampled_from(Stop),
                stop_by=st.none() | ACTORS,
                note=HOSTILE,
                started_at=st.none() | MOMENTS,
                ended_at=st.none() | MOMENTS,
                ahead=st.lists(st.integers(1, 10**9), max_size=12).map(tuple),
            ),
            min_size=1,
            max_size=4,
        )
    )
    count = draw(st.sampled_from([1, 2, 3, 8, 9, 40, most]))
    targets = tuple(
        kinds[at % len(kinds)].model_copy(update={"position": at}) for at in range(count)
    )
    return deploy(
        *targets,
        deployment=draw(HOSTILE),
        kind=draw(st.sampled_from(DeployKind)),
        put_back=draw(st.booleans()),
        by=draw(ACTORS),
        why=draw(st.none() | HOSTILE),
        presses=tuple(draw(st.lists(PRESSES, max_size=9))),
    )
