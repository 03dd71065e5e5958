"""The plan of a protected deployment, as the author reads it before Confirm."""

import json
import re

from pydantic import JsonValue

from deploy_core.model.explain import without_credentials
from deploy_core.model.plan import Commit, FieldChange, TargetPlan
from handlers.mrkdwn import code, words
from handlers.text import deploys as text
from handlers.text import names

MOST_COMMITS = 5
MOST_CHANGES = 8
_HIDDEN = re.compile(r"(^|[._])(env|secret|password|token|credential|key)", re.IGNORECASE)


def plan_text(plan: TargetPlan, *, commits: int = MOST_COMMITS, changes: int = MOST_CHANGES) -> str:
    """Return what will change for one location, below 3,000 characters."""
    lines = [f"*{names.name(plan.location)}*: {text.change_line(plan)}"]
    lines += [_commit(commit) for commit in plan.commits[:commits]]
    more = max(plan.commits_total, len(plan.commits)) - len(plan.commits[:commits])
    if more > 0 and commits:
        lines.append(f"• and {more} more commits")
    shown = plan.changes[:changes]
    lines += [change_line(change) for change in shown]
    if len(plan.changes) > len(shown):
        lines.append(f"• and {len(plan.changes) - len(shown)} more fields change")
    if not plan.changes and plan.live is not None:
        lines.append("• no field of the document changes")
    lines += [f":warning: Risk: {words(risk, 150)}" for risk in plan.risks[:3]]
    return "\n".join(lines)


def _commit(commit: Commit) -> str:
    return f"• {code(commit.short, 20)} {words(commit.subject, 100)} ({words(commit.author, 40)})"


def change_line(change: FieldChange) -> str:
    """Return what changes of a field, without values that may be secret."""
    before, after = field_value(change.path, change.before), field_value(change.path, change.after)
    path = code(change.path, 80)
    if change.before is None:
        return f"• {path} is added: {code(after, 100)}"
    if change.after is None:
        return f"• {path} is removed, it was {code(before, 100)}"
    if before == after:
        return f"• {path}: a value changes that isn't shown ({code(before, 100)})"
    return f"• {path}: from {code(before, 100)} to {code(after, 100)}"


def field_value(path: str, value: JsonValue) -> str:
    """Return a field's value for people; of what may be secret only the names are shown."""
    if _HIDDEN.search(path):
        if isinstance(value, list):
            names = [_variable(entry) for entry in value]
            return ", ".join(names)
        return "(hidden)"
    if isinstance(value, str):
        return without_credentials(value)
    return without_credentials(json.dumps(value, ensure_ascii=False))


def _variable(entry: JsonValue) -> str:
    if isinstance(entry, dict):
        entry = entry.get("name")
    if not isinstance(entry, str):
        return "(hidden)"
    return f"{entry.partition('=')[0]}=…" if "=" in entry else entry
