"""docs/errors.md, made from the tree of errors: `python -m tests.docs.errors_page` writes it."""

import importlib
import pkgutil
from pathlib import Path

from deploy_core.model.errors import DeployError, all_errors

PACKAGES = ("deploy_core", "handlers", "bot")
PAGE = Path(__file__).parents[2] / "docs" / "errors.md"

HEAD = """\
# Reason codes

Every refusal and every failure has a reason code: the message in Slack ends with it, the terminal
shows it in brackets, and the log has it as `reason`. A message also says in its own words what
happened, and what to do next. “Passing” means that the same request may well succeed later.

| Code | What it means | Next step | Passing |
| --- | --- | --- | --- |
"""


def errors_page() -> str:
    """Return the page, a row for each reason code, in the order of the tree."""
    rows = [
        f"| `{error.reason}` | {_meaning(error)} | {_cell(error.default_next_step)} | "
        f"{'yes' if error.retryable else ''} |"
        for error in _with_reason()
    ]
    return HEAD + "\n".join(rows) + "\n"


def _with_reason() -> list[type[DeployError]]:
    _import_all()
    found: dict[str, type[DeployError]] = {}
    ours = [error for error in all_errors() if _package(error) in PACKAGES]
    for error in sorted(ours, key=lambda error: PACKAGES.index(_package(error))):
        if error.reason:
            found.setdefault(error.reason, error)
    return list(found.values())


def _package(error: type[DeployError]) -> str:
    return error.__module__.partition(".")[0]


def _import_all() -> None:
    """An error is in the tree only when its module was imported."""
    for package in PACKAGES:
        found = importlib.import_module(package)
        for module in pkgutil.walk_packages(found.__path__, f"{package}."):
            if not module.name.endswith("__main__") and ".migrations" not in module.name:
                importlib.import_module(module.name)


def _meaning(error: type[DeployError]) -> str:
    return _cell((error.__doc__ or "").strip().partition("\n\n")[0])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(errors_page(), encoding="utf-8")
