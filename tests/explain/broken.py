"""Broken modules, loaded by the installed Dagster as its code server does it."""

import sys
from pathlib import Path
from typing import Any

from dagster import DagsterInstance
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._grpc.server import LoadedRepositories
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster_shared.error import SerializableErrorInfo

from deploy_core.model.python_error import ChainedError, PythonError


def load(folder: Path, name: str, source: str) -> PythonError:
    """Load `source` as a Python file; return the error as Dagster+ would report it."""
    file = folder / f"{name}.py"
    file.write_text(source, encoding="utf-8")
    return _load(python_file=str(file), working_directory=str(folder))


def load_module(name: str, working_folder: Path) -> PythonError:
    """Load a module by its name, found from `working_folder`; return the error."""
    return _load(module_name=name, working_directory=str(working_folder))


def _load(**origin: Any) -> PythonError:
    target = LoadableTargetOrigin(executable_path=sys.executable, **origin)
    with DagsterInstance.ephemeral():
        try:
            LoadedRepositories(
                target, entry_point=["dagster"], container_image=None, container_context=None
            )
        except Exception:  # noqa: BLE001 - whatever the code raises is what we want to look at
            return reported(serializable_error_info_from_exc_info(sys.exc_info()))
    raise AssertionError("the module loaded")


def reported(info: SerializableErrorInfo) -> PythonError:
    """Turn Dagster's form of an error into ours, as its GraphQL's `errorChain` does."""
    chain: list[ChainedError] = []
    above, below = info, info.cause or info.context
    while below is not None:
        explicit = above.cause is not None
        chain.append(
            ChainedError(message=below.message, stack=tuple(below.stack), is_explicit=explicit)
        )
        above, below = below, below.cause or below.context
    return PythonError(message=info.message, stack=tuple(info.stack), chain=tuple(chain))
