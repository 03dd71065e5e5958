"""The documents say what the code does: every key, verb, button, exit code and reason."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from pydantic import BaseModel
from typer.main import get_command

from bot.cli.app import app
from bot.cli.exit_codes import ExitCode
from bot.metrics import Metrics
from bot.settings import SECRETS, STATE_VARIABLE, FileSettings, load_settings
from handlers.text.deploys import BUTTONS
from handlers.text.failed_runs import BUTTONS as RUN_BUTTONS
from handlers.text.home import BUTTONS as HOME_BUTTONS
from handlers.text.proposals import BUTTONS as PROPOSAL_BUTTONS
from handlers.text.status import BUTTONS as STATUS_BUTTONS
from handlers.text.subscribe_form import BUTTONS as SUBSCRIBE_BUTTONS
from handlers.text.subscriptions import BUTTONS as SUBSCRIPTION_BUTTONS
from handlers.usage import FORMS
from tests.docs.errors_page import PAGE, errors_page

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *sorted(DOCS.glob("*.md")),
    *(ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY")),
]


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def keys_of(model: type[BaseModel], before: str = "") -> Iterator[str]:
    """Yield every key of the configuration file, with NAME for a name that a person chooses."""
    for name, field in model.model_fields.items():
        key = f"{before}{name}"
        yield key
        is_map = "dict[" in str(field.annotation)
        inside = f"{key}.NAME." if is_map else f"{key}."
        for inner in models_in(field.annotation):
            if inner.__name__ != "SecretSource":
                yield from keys_of(inner, inside)


def documented_keys() -> set[str]:
    return set(
        re.findall(r"^\| `([a-zA-Z_.]+)` \|", text_of("docs/configuration.md"), re.MULTILINE)
    )


def as_documented(key: str) -> str:
    """`build` and `pex` have tables of their own, for a project and for locations alike."""
    return re.sub(r"^projects\.NAME\.(build|pex)(_for\.NAME)?\.", r"\1.", key)


def test_every_key_of_the_configuration_is_documented_and_no_other() -> None:
    keys = {as_documented(key) for key in keys_of(FileSettings)}
    variables = {*SECRETS, "DAGSTER_CLOUD_ORGANIZATION", "DAGSTER_CLOUD_URL", "SLACK_API_URL"}
    assert documented_keys() == keys | variables | {"DAGSTER_CHATOPS_CONFIG", STATE_VARIABLE}


def test_defaults_are_documented_as_they_are() -> None:
    rows = re.findall(
        r"^\| `([a-zA-Z_.]+)` \| `([^`]+)` \|", text_of("docs/configuration.md"), re.MULTILINE
    )
    said = dict(rows)
    checked = 0
    for name, field in FileSettings.model_fields.items():
        if isinstance(field.default, int | float | str) and name in said:
            assert said[name] == str(field.default).removesuffix(".0"), name
            checked += 1
    assert checked >= 6


def test_the_example_is_a_configuration_that_loads() -> None:
    path = ROOT / "dagster-chatops.example.yaml"
    settings = load_settings(path, {"DAGSTER_CLOUD_API_TOKEN": "user:acme:0123"})
    assert settings.organization == "acme"
    assert settings.core.default_deployment == "staging"
    assert settings.core.deployments["prod"].protected
    assert settings.core.projects["data-platform"].image_tag == "{short_sha}"
    text = path.read_text(encoding="utf-8")
    for key in FileSettings.model_fields:
        assert re.search(rf"^(# )?{key}:", text, re.MULTILINE), f"{key} isn't in the example"


@pytest.mark.parametrize("verb", FORMS)
def test_every_command_is_documented_in_its_form(verb: str) -> None:
    page = text_of("docs/commands.md")
    assert f"\n## {verb}\n\n`/dagster {FORMS[verb]}`\n" in page
    assert f"`{verb}" in text_of("README.md"), "and named in the README"


def test_every_button_is_documented() -> None:
    page = text_of("docs/commands.md")
    documented = set(re.findall(r"^\| ([A-Z][^|`]*?) \|", page, re.MULTILINE)) - {"Button"}
    labels = (
        BUTTONS,
        STATUS_BUTTONS,
        RUN_BUTTONS,
        SUBSCRIPTION_BUTTONS,
        HOME_BUTTONS,
        PROPOSAL_BUTTONS,
        SUBSCRIBE_BUTTONS,
    )
    assert documented == {label for each in labels for label in each.values()}


def test_every_reason_code_is_documented() -> None:
    assert PAGE.read_text(encoding="utf-8") == errors_page(), (
        "docs/errors.md is old: python -m tests.docs.errors_page"
    )


def test_exit_codes_and_commands_of_the_terminal_are_documented() -> None:
    page = text_of("docs/cli.md")
    codes = {
        name: int(code)
        for code, name in re.findall(r"^\| (\d) \| `([A-Z_]+)` \|", page, re.MULTILINE)
    }
    assert codes == {code.name: code.value for code in ExitCode}
    commands: dict[str, Any] = getattr(get_command(app), "commands", {})
    assert set(re.findall(r"^\| `dagster-chatops ([\w-]+)", page, re.MULTILINE)) == set(commands)
    for name, command in commands.items():
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--") and option != "--help":
                    assert option in page, f"{name} {option}"
    readme = text_of("README.md")
    for name in commands:
        assert f"`dagster-chatops {name}" in readme


def test_every_metric_is_documented_and_no_other() -> None:
    page = text_of("docs/metrics.md")
    row = r"^\| `(dagster_chatops_\w+)` \| (\w+)[^|]*\| ([^|]*)\|"
    documented = {
        name: (kind, set(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in re.findall(row, page, re.MULTILINE)
    }
    made = {}
    for name, collector in _collectors(Metrics().registry):
        suffix = "_total" if collector._type == "counter" else ""
        made[f"{name}{suffix}"] = (collector._type, set(collector._labelnames))
    assert documented == made
    assert set(re.findall(r"dagster_chatops_[a-z_]+?(?=_count|_bucket|\b)", page)) == set(made)


def _collectors(registry: CollectorRegistry) -> Iterator[tuple[str, MetricWrapperBase]]:
    for collector in list(registry._collector_to_names):
        if isinstance(collector, MetricWrapperBase):
            yield collector._name, collector


def test_every_example_branch_is_in_the_sandbox_page() -> None:
    page = text_of("docs/sandbox.md")
    for branch in ("broken", "needs-env", "duplicate-asset", "slow-import", "marts-broken"):
        assert f"@{branch}`" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not target.startswith(("https://", "mailto:")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_that_are_named_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)) | set(
        re.findall(r"`make ([a-z-]+)", text)
    )
    assert named <= targets


def test_pictures_are_small_and_shown() -> None:
    pictures = sorted((DOCS / "images").glob("*.png"))
    assert pictures
    shown = set(re.findall(r"docs/images/[\w.-]+", text_of("README.md")))
    for page in DOCS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        shown |= {f"docs/images/{name}" for name in re.findall(r"\(images/([\w.-]+)\)", text)}
    for picture in pictures:
        assert picture.stat().st_size <= 300_000, picture.name
        assert f"docs/images/{picture.name}" in shown


def test_every_test_that_the_page_of_reliability_names_exists() -> None:
    page = text_of("docs/reliability.md")
    named = re.findall(r"`(tests/[a-z_/]+\.py)(?:::(\w+))?`", page)
    assert len(named) > 50
    for path, name in named:
        assert name, f"{path}: name the test"
        source = text_of(path)
        assert re.search(rf"^(async )?def {name}\(", source, re.MULTILINE), f"{path}::{name}"


def test_every_fault_of_the_list_has_its_row() -> None:
    rows = set(re.findall(r"^\| (\d+) \|", text_of("docs/reliability.md"), re.MULTILINE))
    wanted = {*range(1, 28), 29}
    assert {int(row) for row in rows} == wanted


def test_every_promise_is_held_by_the_simulation() -> None:
    held = text_of("tests/simulation/invariants.py") + text_of("tests/simulation/world.py")
    for number in re.findall(r"^(\d+)\. \*\*", text_of("docs/reliability.md"), re.MULTILINE):
        assert re.search(rf"^    def i{number}_\w+\(", held, re.MULTILINE), f"I{number}"
