"""Refs as a person types them: what may be one, what git takes it for, what was meant."""

import difflib
import re
from typing import Literal

from deploy_core.model.errors import UnknownRef
from deploy_core.model.plan import Commit

RefKind = Literal["branch", "tag", "commit"]

_NOT_IN_A_REF = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|(^|/)\.|\.lock(/|$)|^[-/]|[/.]$|^@$"
)
FULL_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
SHORT_SHA = re.compile(r"[0-9a-f]{7,64}")
_TOO_SHORT = re.compile(r"[0-9a-f]{4,6}")


class Resolved(Commit):
    """A commit and what the ref was; `note` is a sentence where the ref was ambiguous."""

    ref: str
    kind: RefKind
    note: str | None = None


def candidates(ref: str) -> list[tuple[str, RefKind]]:
    """Return the full names that a ref may stand for, in the order of git's own rule.

    See gitrevisions(7): a full sha is always a commit, a tag comes before a branch of the same
    name, and an abbreviated sha comes last. Expressions such as `main~2` aren't refs. `HEAD` is
    none either: the mirror has no branch of its own.
    """
    sha = ref.lower()
    if FULL_SHA.fullmatch(sha):
        return [(sha, "commit")]
    if len(ref) > 250 or ref == "HEAD" or _NOT_IN_A_REF.search(ref):
        return []
    found: list[tuple[str, RefKind]] = []
    for full in (ref, f"refs/{ref}"):
        if full.startswith("refs/tags/"):
            found.append((full, "tag"))
        elif full.startswith("refs/heads/"):
            found.append((full, "branch"))
    found += [(f"refs/tags/{ref}", "tag"), (f"refs/heads/{ref}", "branch")]
    if SHORT_SHA.fullmatch(sha):
        found.append((sha, "commit"))
    return found


def unknown_ref(ref: str, project: str, known: tuple[str, ...]) -> UnknownRef:
    """Return the error for a ref that isn't there, with the names that come closest."""
    shown = ref if len(ref) <= 100 else ref[:99] + "…"
    choices = close_names(ref, known)
    if _TOO_SHORT.fullmatch(ref.lower()):
        step = "A commit needs at least its first seven digits."
    elif re.search(r"[~^]|\.\.|@\{", ref):
        step = "Give a branch, a tag or a commit; expressions of git aren't understood."
    elif not known:
        step = "The repository has no branches at all: check the project's git address."
    else:
        step = None
    return UnknownRef(
        f"`{project}` has no branch, tag or commit `{shown}`.", next_step=step, choices=choices
    )


def close_names(ref: str, known: tuple[str, ...], most: int = 5) -> tuple[str, ...]:
    """Return known names like `ref`, the closest first; the newest if none is like it."""
    lower = {name.lower(): name for name in reversed(known)}
    close = [lower[name] for name in difflib.get_close_matches(ref.lower(), lower, n=most)]
    close += [n for n in known if ref and ref.lower() in n.lower() and n not in close]
    return tuple(close[:most] or known[:most])
