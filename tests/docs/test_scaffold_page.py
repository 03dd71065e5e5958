"""docs/scaffold.md says what new projects are made from."""

import re
from pathlib import Path

from deploy_core.scaffold.options import GITLAB_PEX_PYTHONS, PYTHONS, Ci
from deploy_core.scaffold.registries import Registry
from deploy_core.scaffold.render import ACTION, variables
from deploy_core.scaffold.templates_folder import LAYERS, SHARED
from handlers.project_commands import PROJECT_OPTIONS
from tests.scaffold.projects import every_repository, files_of, hybrid

PAGE = (Path(__file__).parents[2] / "docs" / "scaffold.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"`([^`\n]+)`", PAGE))


def test_every_option_registry_and_version_is_there() -> None:
    assert {f"--{option}" for option in PROJECT_OPTIONS} <= WORDS
    assert {*map(str, Registry), *map(str, Ci)} <= WORDS
    assert f"{PYTHONS[0]} to {PYTHONS[-1]}" in PAGE
    assert f"up to {GITLAB_PEX_PYTHONS[-1]}" in PAGE
    assert f"`dagster-cloud-action` {ACTION}," in PAGE


def test_every_folder_and_every_variable_of_templates_is_there() -> None:
    assert {*LAYERS, SHARED} <= WORDS
    assert set(variables(hybrid())) <= WORDS


def test_every_secret_and_every_file_is_there() -> None:
    for options in every_repository().values():
        assert {each["name"] for each in variables(options)["secrets"]} <= WORDS
    for path in (each for each in files_of(hybrid()) if "__init__" not in each):
        known = path.replace("shop/", "PACKAGE/")
        assert any(known == word or known.startswith(word) for word in WORDS), path
