"""What the installed Dagster reports for broken code, explained."""

from pathlib import Path

import pytest

from deploy_core.model.explain import explain, full_trace
from tests.explain.broken import load, load_module

DAG = "import dagster as dg\n"
TWO_ASSETS = "@dg.asset(name='a')\ndef a(): ...\n@dg.asset(name='a')\ndef b(): ...\n"
CASES = {
    "package_missing": (
        "import boto4\n",
        "ModuleNotFoundError: No module named 'boto4'",
        "package_missing.py:1",
        "module_missing",
        "The package that provides “boto4” isn't installed where the code runs.",
    ),
    "variable_absent": (
        "import os\n\nTOKEN = os.environ['WAREHOUSE_TOKEN']\n",
        "KeyError: 'WAREHOUSE_TOKEN'",
        "variable_absent.py:3",
        "environment_variable",
        "The environment variable WAREHOUSE_TOKEN isn't set where the code runs.",
    ),
    "variable_read_by_dagster": (
        "from dagster._config.source import _ensure_env_variable as ensure\nensure('TOKEN_X')\n",
        (
            'PostProcessingError: You have attempted to fetch the environment variable "TOKEN_X"'
            " which is not set. In order for this execution to succeed it must be set in this"
            " environment."
        ),
        "variable_read_by_dagster.py:2",
        "environment_variable",
        "The environment variable TOKEN_X isn't set where the code runs.",
    ),
    "settings": (
        (
            "from pydantic_settings import BaseSettings\n"
            "class Warehouse(BaseSettings):\n    wh_token: str\nWarehouse()\n"
        ),
        (
            "ValidationError: 1 validation error for Warehouse wh_token Field required"
            " [type=missing, input_value={}, input_type=dict]"
        ),
        "settings.py:4",
        "environment_variable",
        (
            "The settings class finds no value for “wh_token”: its environment variable isn't set"
            " where the code runs."
        ),
    ),
    "duplicate_asset": (
        DAG + TWO_ASSETS + "defs = dg.Definitions(assets=[a, b])\n",
        "DagsterInvalidDefinitionError: Duplicate asset key: AssetKey(['a'])",
        None,
        "duplicate_definition",
        "Two definitions have the same name or key.",
    ),
    "duplicate_job": (
        DAG + "@dg.op\ndef o(): ...\n@dg.op\ndef p(): ...\n"
        "@dg.job(name='j')\ndef j(): o()\n@dg.job(name='j')\ndef k(): p()\n"
        "defs = dg.Definitions(jobs=[j, k])\n",
        "DagsterInvalidDefinitionError: Duplicate job definition found for job 'j'",
        None,
        "duplicate_definition",
        "Two definitions have the same name or key.",
    ),
    "no_definitions": (
        "x = 1\n",
        (
            "DagsterInvariantViolationError: No Definitions, RepositoryDefinition, Job, Pipeline,"
            ' Graph, or AssetsDefinition found in "no_definitions".'
        ),
        None,
        "definitions_missing",
        "The module has no `Definitions`.",
    ),
    "two_definitions": (
        DAG + "a = dg.Definitions()\nb = dg.Definitions()\n",
        (
            "DagsterInvariantViolationError: Cannot have more than one Definitions object defined"
            " at module scope. Found Definitions objects: two_definitions.a, two_definitions.b"
        ),
        None,
        "definitions_many",
        "The module has more than one object that could be the location's definitions.",
    ),
    "syntax": (
        "x = 1\ndef f(:\n    pass\n",
        "SyntaxError: invalid syntax",
        "syntax.py:2",
        "syntax",
        "The file isn't valid Python for the version that runs it.",
    ),
    "no_network": (
        "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9/', timeout=1)\n",
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "no_network.py:2",
        "network",
        "The code calls a service while it is imported, and can't reach it from there.",
    ),
    "no_file": (
        "open('/nowhere/query.sql')\n",
        "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/query.sql'",
        "no_file.py:1",
        "file_missing",
        "A file that the code reads while it is imported isn't there.",
    ),
    "no_permission": (
        "raise PermissionError(13, 'Permission denied', '/secrets/x')\n",
        "PermissionError: [Errno 13] Permission denied: '/secrets/x'",
        "no_permission.py:1",
        "permission",
        "The code server's user may not read or write a file that the code needs at import.",
    ),
    "newer_dagster": (
        DAG + "@dg.asset(brand_new=1)\ndef a(): ...\n",
        "TypeError: asset got an unexpected keyword argument 'brand_new'",
        "newer_dagster.py:2",
        "dagster_version",
        (
            "The installed Dagster doesn't know the argument “brand_new”: it is older or newer than"
            " the code was written for."
        ),
    ),
    "newer_name": (
        "from dagster import brand_new\n",
        None,
        "newer_name.py:1",
        "dagster_version",
        (
            "The installed Dagster has no “brand_new”: the name is misspelt, or the code was"
            " written for another version."
        ),
    ),
    "resource_absent": (
        DAG + "@dg.asset(required_resource_keys={'wh'})\ndef a(): ...\n"
        "defs = dg.Definitions(assets=[a])\n",
        None,
        None,
        "resource_missing",
        "The definitions need a resource “wh”, and `Definitions` has none of that name.",
    ),
    "bad_argument": (
        DAG + "@dg.asset(deps=[1])\ndef a(): ...\n",
        None,
        "bad_argument.py:2",
        "definition",
        "Dagster refuses a definition; its message says which.",
    ),
    "own_error": (
        "def f():\n    raise RuntimeError('größer ≠ 表')\nf()\n",
        "RuntimeError: größer ≠ 表",
        "own_error.py:2",
        "other",
        "The code raised RuntimeError, and nothing caught it while the code was being loaded.",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_load_error_is_explained(name: str, tmp_path: Path) -> None:
    source, headline, place, rule, cause = CASES[name]
    found = explain(load(tmp_path, name, str(source)))
    assert (found.rule, found.cause) == (rule, cause)
    if headline is not None:
        assert found.headline == headline
    if name not in {"no_definitions", "resource_absent"} or found.frame is not None:
        assert (found.frame.place if found.frame else None) == place
    assert found.next_step


def test_chain_is_read_from_the_bottom(tmp_path: Path) -> None:
    source = (
        "def g():\n    raise KeyError('tüï')\n"
        "def f():\n    try:\n        g()\n"
        "    except KeyError:\n        raise ValueError('middle')\n"
        "try:\n    f()\nexcept ValueError as e:\n    raise RuntimeError('outer') from e\n"
    )
    error = load(tmp_path, "chain", source)
    found = explain(error)
    assert found.headline == "KeyError: 'tüï'"
    assert found.frame is not None
    assert (found.frame.place, found.frame.function) == ("chain.py:2", "g")
    assert found.frame.code == "raise KeyError('tüï')"
    assert found.led_to == ("ValueError: middle", "RuntimeError: outer")
    assert found.folded > 5
    trace = full_trace(error)
    order = [trace.index(part) for part in ("KeyError: 'tüï'", "During handling", "ValueError: m",
                                            "direct cause", "RuntimeError: outer")]  # fmt: skip
    assert order == sorted(order)


def test_error_that_was_only_handled_is_not_the_cause(tmp_path: Path) -> None:
    source = (
        "def connect():\n    raise RuntimeError('the warehouse is closed')\n"
        "try:\n    {}['cached']\nexcept KeyError:\n    connect()\n"
    )
    found = explain(load(tmp_path, "handled", source))
    assert found.headline == "RuntimeError: the warehouse is closed"
    assert found.frame is not None
    assert found.frame.place == "handled.py:2"


def test_missing_module_of_the_location_itself_is_own_code(tmp_path: Path) -> None:
    found = explain(load_module("marts_that_is_not_there.definitions", tmp_path))
    assert found.headline == "ModuleNotFoundError: No module named 'marts_that_is_not_there'"
    assert found.rule == "module_missing_own"
    assert found.frame is None


def test_code_that_the_image_installed_is_own_code(tmp_path: Path) -> None:
    package = tmp_path / "lib" / "python3.11" / "site-packages" / "marts_wheel"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "definitions.py").write_text("import json\njson.loads('{')\n")
    found = explain(load_module("marts_wheel.definitions", package.parent))
    assert found.exception == "JSONDecodeError"
    assert found.frame is not None
    assert found.frame.place == "marts_wheel/definitions.py:2"
