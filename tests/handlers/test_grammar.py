"""The text after `/dagster`, by examples and by properties."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy_core.model.documents import CODE_SOURCES
from deploy_core.model.errors import UsageError
from deploy_core.model.people import Actor
from deploy_core.model.plan import CodeOptions, DeployKind, DeployRequest, Document
from deploy_core.watch.subscriptions import Event
from handlers.commands import (
    Cancel,
    Command,
    Deploy,
    Deploys,
    Help,
    Logs,
    OpenDeployForm,
    Redeploy,
    Rollback,
    Status,
    command_of,
    render,
    request,
)
from handlers.grammar import after_mention, needs_target, parse
from handlers.location_commands import (
    ADD_OPTIONS,
    CONTEXT,
    AddLocation,
    Adopt,
    EditLocation,
    OpenAddForm,
    RemoveLocation,
    RestoreLocation,
    said_document,
)
from handlers.project_commands import NewProject, OpenProjectForm
from handlers.subscription_commands import (
    MuteChannel,
    OpenSubscribeForm,
    Subscribe,
    Subscriptions,
    Unsubscribe,
)
from handlers.usage import FORMS

DEPLOY_FORM = f"Write it as `/dagster {FORMS['deploy']}`."


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", Help()),
        ("  \u00a0 ", Help()),
        ("help", Help()),
        ("help Deploy", Help("deploy")),
        ("?", Help()),
        ("deploy", OpenDeployForm()),
        ("deploy to prod", OpenDeployForm(deployment="prod")),
        ("deploy @main", OpenDeployForm(ref="main")),
        ("deploy quickstart", Deploy(("quickstart",))),
        ("/dagster deploy quickstart", Deploy(("quickstart",))),
        ("DEPLOY core TO prod", Deploy(("core",), deployment="prod")),
        ("deploy core@main to prod", Deploy(("core",), ref="main", deployment="prod")),
        ("deploy core to prod @v1.2", Deploy(("core",), ref="v1.2", deployment="prod")),
        ("deploy core to prod@v1.2", Deploy(("core",), ref="v1.2", deployment="prod")),
        ("deploy core, dbt,ml @main", Deploy(("core", "dbt", "ml"), ref="main")),
        ("deploy core@main,dbt@main", Deploy(("core", "dbt"), ref="main")),
        ("deploy core core", Deploy(("core",))),
        ("deploy proj:core@feature/x", Deploy(("proj:core",), ref="feature/x")),
        ('deploy "my loc"@main', Deploy(("my loc",), ref="main")),
        ('deploy "my loc","to"', Deploy(("my loc", "to"))),
        ("deploy —all to prod", Deploy(all=True, deployment="prod")),
        ("deploy –all", Deploy(all=True)),  # noqa: RUF001
        ("deploy --ALL @v2", Deploy(all=True, ref="v2")),
        ("deploy core --rebuild", Deploy(("core",), rebuild=True)),
        (
            "deploy core --module-name a.b --attribute defs --python-version 3.12",
            Deploy(
                ("core",),
                code=CodeOptions(module_name="a.b", attribute="defs", python_version="3.12"),
            ),
        ),
        (
            'deploy core --python-file "my defs.py" --working-directory=src',
            Deploy(("core",), code=CodeOptions(python_file="my defs.py", working_directory="src")),
        ),
        (
            "deploy --all --python-version 3.12",
            Deploy(all=True, code=CodeOptions(python_version="3.12")),
        ),
        (
            "deploy --package-name core",
            OpenDeployForm(code=CodeOptions(package_name="core")),
        ),
        ("deploy core --ref jane", Deploy(("core",), ref="jane")),
        ("deploy core --image=ghcr.io/a/b:1", Deploy(("core",), image="ghcr.io/a/b:1")),
        (
            "deploy core --image ghcr.io/a/b@sha256:0a",
            Deploy(("core",), image="ghcr.io/a/b@sha256:0a"),
        ),
        ('deploy core --why "new table"', Deploy(("core",), why="new table")),
        ("deploy core --why “new table”", Deploy(("core",), why="new table")),
        ("deploy core --why „new table“", Deploy(("core",), why="new table")),
        ("deploy core --why=“it’s new”", Deploy(("core",), why="it’s new")),  # noqa: RUF001
        ("deploy core --why 'it's new'", Deploy(("core",), why="it's new")),
        ("deploy core --why it's new --image x", Deploy(("core",), why="it's new", image="x")),
        ('deploy core --why "a"@b', Deploy(("core",), why="a@b")),
        (r'deploy core --why "say \"hi\" \\ bye"', Deploy(("core",), why='say "hi" \\ bye')),
        ("deploy core —why=fix, at last", Deploy(("core",), why="fix, at last")),
        (
            "add-location shop --module a.b",
            AddLocation({"location_name": "shop", "code_source": {"module_name": "a.b"}}),
        ),
        (
            "add-location shop to prod --python-file defs.py --agent-queue=gpu --image a:1 --why x",
            AddLocation(
                {
                    "location_name": "shop",
                    "image": "a:1",
                    "agent_queue": "gpu",
                    "code_source": {"python_file": "defs.py"},
                },
                "prod",
                "x",
            ),
        ),
        (
            'add-location shop --module a --container-context "{k8s: {env_vars: [A, B=1]}}" to x',
            AddLocation(
                {
                    "location_name": "shop",
                    "code_source": {"module_name": "a"},
                    "container_context": {"k8s": {"env_vars": ["A", "B=1"]}},
                },
                "x",
            ),
        ),
        ("add-location", OpenAddForm()),
        ("add-location to prod", OpenAddForm(deployment="prod")),
        (
            "add-location shop --queue gpu --why x",
            OpenAddForm({"location_name": "shop", "agent_queue": "gpu"}, None, "x"),
        ),
        (
            "add-location --module shop",
            OpenAddForm({"code_source": {"module_name": "shop"}}),
        ),
        (
            "add-location shop --in mono --new --package store --registry r/a",
            AddLocation(
                {
                    "location_name": "shop",
                    "code_source": {"package_name": "store"},
                    "build": {"registry": "r/a"},
                },
                project="mono",
                new=True,
            ),
        ),
        ("add-location --in mono —new", OpenAddForm({}, None, None, "mono", new=True)),
        ("edit-location shop in prod", EditLocation("shop", "prod")),
        ("remove-location shop from prod", RemoveLocation("shop", "prod")),
        ('remove-location "from" from "from"', RemoveLocation("from", "from")),
        ("restore-location shop to prod --why x", RestoreLocation("shop", "prod", "x")),
        ("adopt shop to monorepo", Adopt("shop", "monorepo")),
        (
            "adopt shop to monorepo in prod --update --why x",
            Adopt("shop", "monorepo", "prod", update=True, why="x"),
        ),
        ("adopt shop on prod to <http://mono.repo|mono.repo>", Adopt("shop", "mono.repo", "prod")),
        ('adopt "to" TO "in"', Adopt("to", "in")),
        ("new-project", OpenProjectForm()),
        ("new-project to prod", OpenProjectForm("prod")),
        ("new-project shop", NewProject("shop")),
        (
            (
                "new-project shop to prod --agent-type Hybrid --image ghcr.io/a/b --ci GitLab"
                " --registry ecr --python-version=3.12 --package-name store --agent-queue 'gpu 1'"
                " --push <https://github.com/acme/shop.git>"
            ),
            NewProject(
                "shop",
                "prod",
                package="store",
                agent="hybrid",
                ci="gitlab",
                image="ghcr.io/a/b",
                registry="ecr",
                python="3.12",
                queue="gpu 1",
                push="https://github.com/acme/shop.git",
            ),
        ),
        ("redeploy core in prod", Redeploy(("core",), deployment="prod")),
        ("redeploy --all --why secrets", Redeploy(all=True, why="secrets")),
        ("rollback", Rollback()),
        ("rollback 12", Rollback(deploy=12)),
        ("rollback core dbt in prod", Rollback(("core", "dbt"), deployment="prod")),
        ("rollback core to prod", Rollback(("core",), deployment="prod")),
        ("cancel", Cancel()),
        ("cancel #12", Cancel(deploy=12)),
        ('cancel "12"', Cancel(location="12")),
        ("cancel core in prod", Cancel(location="core", deployment="prod")),
        ("logs 7", Logs(deploy=7)),
        ("logs core", Logs(location="core")),
        ("deploys", Deploys()),
        ("deploys core in prod", Deploys("core", "prod")),
        ("status", Status()),
        ("status in prod", Status(None, "prod")),
    ],
)
def test_text_is_read(text: str, command: Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("deploy <mailto:core@x.dev|core@x.dev>", Deploy(("core",), ref="x.dev")),
        ("deploy <http://core.dev|core.dev>", Deploy(("core.dev",))),
        (
            "deploy core --image <http://ghcr.io/a/b:1|ghcr.io/a/b:1>",
            Deploy(("core",), image="ghcr.io/a/b:1"),
        ),
        ("deploy core --image <https://ghcr.io/a>", Deploy(("core",), image="https://ghcr.io/a")),
        (
            "deploy core --why <https://evil.example|https://good.example>",
            Deploy(("core",), why="https://evil.example"),
        ),
        ("deploy core@<@U012ABCDE|jane>", Deploy(("core",), ref="jane")),
        ("deploy core --why for <#C012ABC|team-data>", Deploy(("core",), why="for #team-data")),
        (
            "deploy core --why for <!subteam^S1|@data> &amp; &lt;all&gt;",
            Deploy(("core",), why="for @data & <all>"),
        ),
        ("deploy core --why &amp;lt;", Deploy(("core",), why="&lt;")),
        ("<@U012ABCDE> deploy core", Deploy(("core",))),
        ("<@U012ABCDE|bot>: deploy core", Deploy(("core",))),
        ("deploy\u00a0co\u200bre\nto\tprod", Deploy(("core",), deployment="prod")),
    ],
)
def test_what_slack_makes_of_typed_text_is_undone(text: str, command: Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "summary", "choices"),
    [
        ("deplyo core", "There is no command “deplyo”.", ("deploy", "deploys")),
        ("ship core", "There is no command “ship”.", ("deploy",)),
        ("undo", "There is no command “undo”.", ("rollback",)),
        ("core@main", "There is no command “core@main”.", ("deploy core@main",)),
        ("help xyzzy", "There is no command “xyzzy”.", ()),
        ("deploy core --al", "deploy has no option --al.", ("--all",)),
        ("deploy core -all", "deploy has no option --all.", ("--all",)),
        ("deploy core --reason x", "deploy has no option --reason.", ("--why",)),
        ("deploy core --xyzzy", "deploy has no option --xyzzy.", ()),
        ("status --all", "status has no option --all.", ()),
        ("deploy core --", "“--” has no place here.", ()),
        ("deploy core --all", "Both locations and --all are given; say one of them.", ()),
        ("deploy --all=yes", "--all takes no value.", ()),
        ("deploy core --rebuild=no", "--rebuild takes no value.", ()),
        ("redeploy core --rebuild", "redeploy has no option --rebuild.", ()),
        ("deploy a b --image x", "One --image can't be for several locations.", ()),
        ("deploy a b --module-name x", "One --module-name can't be for several locations.", ()),
        ("deploy --all --attribute x", "One --attribute can't be for several locations.", ()),
        (
            "deploy a --module-name x --package-name y",
            "Say a Python file, a package or a module, not two of them.",
            (),
        ),
        ("edit-location", "edit-location takes the name of one code location.", ()),
        ("add-location a b --module x", "add-location takes the name of one code location.", ()),
        ("add-location a@main --module x", "add-location takes no @REF.", ("deploy",)),
        (
            "add-location a --modul x",
            "add-location has no option --modul.",
            ("--module",),
        ),
        ("add-location a --module x --module-name y", "--module is given twice.", ()),
        (
            "add-location a --module x --package y",
            "Two places are said for the definitions: module_name and package_name.",
            (),
        ),
        ("remove-location", "remove-location takes the name of one code location.", ()),
        ("remove-location a --why x", "remove-location has no option --why.", ()),
        ("restore-location a b", "restore-location takes the name of one code location.", ()),
        ("adopt shop", "Say the project that shop is adopted to.", ()),
        ("adopt shop to", "After “to” a project is missing.", ()),
        ("adopt shop to a to b", "Two projects are named; a location is adopted to one.", ()),
        ("adopt to a", "adopt takes the name of one code location.", ()),
        ("adopt shop@main to a", "adopt takes no @REF.", ("deploy",)),
        ("add b", "There is no command “add”.", ("add-location",)),
        ("new-project a b", "new-project takes the name of one code location.", ()),
        ("new-project --ci github", "The name of the new code location is missing.", ()),
        ("new-project a --ci githb", "--ci can't be “githb”.", ("--ci github",)),
        ("new-project a@main", "new-project takes no @REF.", ("deploy",)),
        ("scaffold a", "There is no command “scaffold”.", ("new-project",)),
        ("delete b", "There is no command “delete”.", ("remove-location",)),
        ("deploy a --image x --image y", "--image is given twice.", ()),
        ("deploy a --image", "After --image its value is missing.", ()),
        ("deploy a --why", "After --why its value is missing.", ()),
        ('deploy a --why ""', "After --why its value is missing.", ()),
        ("deploy a --why " + "x" * 501, "The value of --why is longer than 500 characters.", ()),
        ("deploy a to", "After “to” a deployment is missing.", ()),
        ("deploy a to --all", "After “to” a deployment is missing.", ()),
        ("deploy a to p in q", "Two deployments are named; one deploy goes to one of them.", ()),
        ("deploy a to p b", "“b” stands after the deployment; locations come before it.", ()),
        ("deploy a@m b@n", "Two different refs are given; one deploy has one ref.", ()),
        ("deploy a@m @n", "Two different refs are given; one deploy has one ref.", ()),
        (
            "deploy a@m b",
            "The @REF counts for all locations and stands after the last one.",
            ("deploy a b@m",),
        ),
        ("deploy a@", "After @ a branch, tag or commit is missing.", ()),
        ("deploy a@-x", "“-x” can't be the name of a branch, tag or commit.", ()),
        ("deploy a@<@U012ABCDE>", "Slack read the name after @ as a person.", ("--ref NAME",)),
        ('deploy ""', "The name of a location is empty.", ()),
        ("deploy " + "x" * 201, "The name of a location is longer than 200 characters.", ()),
    ],
)
def test_what_cant_be_read_is_said(text: str, summary: str, choices: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert (caught.value.summary, caught.value.choices) == (summary, choices)
    if text.startswith("deploy "):
        assert caught.value.next_step == DEPLOY_FORM


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        (
            "deploy co\u202ere",
            "The text has a hidden character (U+202E) that changes how it reads.",
        ),
        ("deploy core\x00", "The text has a hidden character (U+0000) that changes how it reads."),
        (
            "deploy <#C1|\u2066>",
            "The text has a hidden character (U+2066) that changes how it reads.",
        ),
        ('deploy "a"b', "A quotation mark isn't closed."),
        ('deploy core --why "abc', "A quotation mark isn't closed."),
        ("deploy " + "x " * 2_000, "The text has 4,007 characters; 4,000 are the most."),
        ("redeploy", "Say which locations to deploy again, or --all."),
        ("redeploy core@main", "redeploy takes no @REF."),
        ("cancel 1 2", "cancel takes one of them at a time."),
        ("status a b", "status takes one location, or none for all."),
        ("help deploy now", "There is more than one word after help: deploy and others."),
    ],
)
def test_other_refusals(text: str, summary: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.summary == summary
    assert caught.value.next_step


def test_three_hundred_and_one_locations_are_too_many() -> None:
    names = ",".join(f"loc_{number}" for number in range(301))
    with pytest.raises(UsageError, match="More than 300 locations"):
        parse(f"deploy {names}")


def test_text_after_a_mention() -> None:
    assert after_mention("hey <@UBOT>, deploy core", "UBOT") == "deploy core"
    assert after_mention("<@UBOT|bot> status", "UBOT") == "status"
    assert after_mention("deploy core", "UBOT") == "deploy core"


def test_bare_cancel_outside_a_thread_says_its_form() -> None:
    error = needs_target("cancel")
    assert error.summary == "Say which deploy or location to use with cancel."
    assert error.next_step == f"Write it as `/dagster {FORMS['cancel']}`."


def test_adding_becomes_a_request_with_its_document() -> None:
    ada = Actor(kind="slack", id="U1")
    command = AddLocation(said_document("shop", {"file": "defs.py"}), "prod", "because")
    wanted = request(command, ada)
    assert (wanted.kind, wanted.locations, wanted.why) == (DeployKind.ADD, ("shop",), "because")
    assert wanted.document == {"location_name": "shop", "code_source": {"python_file": "defs.py"}}
    assert command_of(wanted) == command


def test_command_becomes_a_request() -> None:
    ada = Actor(kind="slack", id="U1")
    command = Deploy(("core",), ref="main", deployment="prod", image="x:1", why="because")
    assert request(command, ada) == DeployRequest(
        kind=DeployKind.DEPLOY,
        actor=ada,
        locations=("core",),
        ref="main",
        deployment="prod",
        image="x:1",
        why="because",
    )
    assert request(Redeploy(all=True, deployment="prod"), ada) == DeployRequest(
        kind=DeployKind.REDEPLOY, actor=ada, all_locations=True, deployment="prod"
    )


PIECES = st.sampled_from(
    [
        "deploy",
        "to",
        "in",
        "@",
        "--",
        "—",
        "all",
        "why",
        "=",
        '"',
        "'",
        "“",
        "”",
        "\\",
        ",",
        " ",
        "<",
        ">",
        "|",
        "&amp;",
        "<@U012ABCDE>",
        "<mailto:a@b|a@b>",
        "#12",
        "12",
        "core",
        ":",
        "\u200b",
        "cancel",
        "rollback",
        "help",
        "--image",
        "--ref",
        "\u202e",
        "\n",
    ]
)


@given(st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=3))).map("".join)))
def test_any_text_is_a_command_or_a_usage_error(text: str) -> None:
    outcome: Command | UsageError
    try:
        outcome = parse(text)
    except UsageError as error:
        outcome = error
    assert isinstance(outcome, Command) or (outcome.summary and outcome.next_step)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


TYPED = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="\ufe0f"),
    min_size=1,
    max_size=30,
)
NAMES = st.one_of(TYPED, st.sampled_from(["to", "in", "core", "my loc", "a@b", "12", "--all"]))
WHYS = st.lists(TYPED, min_size=1, max_size=4).map(" ".join)
REFS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,40}", fullmatch=True).filter(
    lambda ref: not (ref[0] in "UW" and len(ref) > 6 and ref.isalnum() and ref.upper() == ref)
)
LOCATIONS = st.lists(NAMES, min_size=1, max_size=4, unique=True).map(tuple)


def maybe(values: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.none() | values


SOURCES = st.sampled_from(["module", "package", "file", "autoload-module"])
SAID = st.dictionaries(
    st.sampled_from([name for name, key in ADD_OPTIONS.items() if key not in CODE_SOURCES]), TYPED
)
CONTEXTS: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.just({}),
    TYPED.map(lambda text: {CONTEXT: json.dumps({"k8s": {"namespace": text}}, ensure_ascii=False)}),
)
ADDED = st.builds(
    lambda name, source, value, *said: said_document(name, {source: value, **said[0], **said[1]}),
    NAMES,
    SOURCES,
    TYPED,
    SAID,
    CONTEXTS,
)

CHANNELS = maybe(st.from_regex(r"[CDG][A-Z0-9]{8,12}", fullmatch=True))
EVENTS = st.lists(st.sampled_from([each.value for each in Event]), unique=True).map(tuple)
ONLY = st.lists(NAMES.map(str.strip), max_size=3, unique=True).map(tuple)
QUIET_HOURS = st.sampled_from(["22:00-07:00", "09:30-17:00 Europe/Berlin", "00:00-23:59 UTC"])
DIGEST_TIMES = st.sampled_from(["daily 09:00", "weekdays 17:30 Europe/Berlin", "weekly mon 08:00"])

COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.sampled_from([Help(), *(Help(verb) for verb in FORMS)]),
    st.builds(OpenDeployForm, maybe(REFS), maybe(NAMES), maybe(TYPED), maybe(WHYS)),
    st.builds(Deploy, LOCATIONS, st.just(False), maybe(REFS), maybe(NAMES), st.none(), maybe(WHYS)),
    st.builds(Deploy, st.tuples(NAMES), st.just(False), maybe(REFS), maybe(NAMES), maybe(TYPED)),
    st.builds(Deploy, st.just(()), st.just(True), maybe(REFS), maybe(NAMES)),
    st.builds(AddLocation, ADDED, maybe(NAMES), maybe(WHYS), maybe(NAMES)),
    st.builds(OpenAddForm, st.builds(said_document, st.just("") | NAMES, SAID), maybe(NAMES)),
    st.builds(EditLocation, NAMES, maybe(NAMES)),
    st.builds(RemoveLocation, NAMES, maybe(NAMES)),
    st.builds(RestoreLocation, NAMES, maybe(NAMES), maybe(WHYS)),
    st.builds(Adopt, NAMES, NAMES, maybe(NAMES), st.booleans(), maybe(WHYS)),
    st.builds(OpenProjectForm, maybe(NAMES)),
    st.builds(
        NewProject,
        NAMES,
        maybe(NAMES),
        maybe(TYPED),
        st.sampled_from([None, "hybrid", "serverless"]),
        st.sampled_from([None, "github", "gitlab"]),
        maybe(TYPED),
        st.sampled_from([None, "gcr", "ecr"]),
        maybe(TYPED),
        maybe(TYPED),
        maybe(TYPED),
    ),
    st.builds(Redeploy, LOCATIONS, st.just(False), maybe(NAMES), maybe(WHYS)),
    st.builds(Rollback, LOCATIONS, st.none(), maybe(NAMES), maybe(WHYS)),
    st.builds(Rollback, st.just(()), st.integers(0, 10**9), maybe(NAMES)),
    st.builds(Cancel, st.integers(0, 10**9), st.none(), maybe(NAMES)),
    st.builds(Logs, st.none(), maybe(NAMES), maybe(NAMES)),
    st.builds(Deploys, maybe(NAMES), maybe(NAMES)),
    st.builds(Status, maybe(NAMES), maybe(NAMES)),
    st.builds(
        Subscribe, CHANNELS, EVENTS, ONLY, maybe(NAMES), maybe(QUIET_HOURS), maybe(DIGEST_TIMES)
    ).filter(lambda command: command != Subscribe()),  # without a word a form opens
    st.just(OpenSubscribeForm()),
    st.builds(Unsubscribe, st.none() | st.integers(0, 10**9), CHANNELS, st.booleans()),
    st.builds(Subscriptions, CHANNELS, st.booleans()),
    st.builds(MuteChannel, st.integers(0, 20_160), CHANNELS, EVENTS, ONLY, maybe(NAMES)),
)


@given(COMMANDS)
def test_rendered_command_reads_back_as_itself(command: Command) -> None:
    assert parse(escaped(render(command))) == command


def test_a_container_context_is_checked_where_it_is_typed() -> None:
    def said(context: str) -> str:
        with pytest.raises(UsageError) as refused:
            parse(f"add-location shop --module a --container-context {context}")
        return refused.value.summary

    assert "has no key k8; did you mean k8s?" in said('"{k8: {}}"')
    assert "This must be a mapping" in said('"[k8s]"')
    many = ", ".join("A" * 400)
    assert "is longer than 1,500 characters" in said(f"'{{k8s: {{env_vars: [{many}]}}}}'")
    assert "value is missing" in said("")


def test_a_context_that_no_option_can_hold_is_in_no_command() -> None:
    long: Document = {"k8s": {"labels": {f"label{number}": "x" * 50 for number in range(40)}}}
    document: Document = {"location_name": "shop", "code_source": {"module_name": "a"}}
    wanted = DeployRequest(
        kind=DeployKind.ADD,
        actor=Actor(kind="slack", id="U1"),
        document={**document, "container_context": long},
    )
    assert command_of(wanted) is None
    short: Document = {**document, "container_context": {"k8s": {"namespace": "a"}}}
    assert command_of(wanted.model_copy(update={"document": short})) == AddLocation(short)


@pytest.mark.parametrize("name", ["shop", ""])
def test_a_location_of_a_repository_is_read_and_written_back(name: str) -> None:
    text = f"add-location {name} --module a.b --build-directory a --registry r/a to prod --in mono"
    document: Document = {
        "code_source": {"module_name": "a.b"},
        "build": {"directory": "a", "registry": "r/a"},
    }
    if name:
        document = {"location_name": name, **document}
    kind = AddLocation if name else OpenAddForm
    wanted = kind(document, "prod", None, "mono")
    assert parse(text) == wanted
    assert parse(render(wanted)) == wanted
    with pytest.raises(UsageError, match="say which one with --in"):
        parse("add-location shop --module a --registry r/a")
    with pytest.raises(UsageError, match="say which one with --in"):
        parse("add-location shop --new")
