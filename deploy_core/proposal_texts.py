"""What stands in the commit and in the pull request of a proposal."""

from typing import Final

from deploy_core.model.proposals import Proposal

BY_HAND: Final = "Still to be added by hand, on this branch:"


def title_of(found: Proposal) -> str:
    """Return the title: one line."""
    verb = "Update" if found.updates else "Add"
    return f"{verb} the code location {found.request.location}"


def message_of(found: Proposal) -> str:
    """Return the commit's message. It is the same for the same request."""
    request = found.request
    lines = [f"Set up the code location {request.location}", ""]
    if request.why:
        lines += [request.why, ""]
    lines.append(f"Asked for by {request.actor.key} through dagster-chatops.")
    return "\n".join(lines) + "\n"


def body_of(found: Proposal, *, ci_deploys: bool) -> str:
    """Return the text of the pull request, in Markdown."""
    request = found.request
    who = "this repository's CI deploys it" if ci_deploys else "dagster-chatops deploys it"
    where = "in Slack" if request.actor.kind == "slack" else "at a terminal"
    lines = [
        f"The code location `{request.location}`, asked for by `{request.actor.key}` {where}.",
        "",
        f"When this is merged, {who} to `{request.deployment}`.",
    ]
    if request.leaves is not None:
        lines += ["", f"The change makes the file say what is live on `{request.deployment}`."]
        lines += [f"- {note}" for note in request.notes]
    if request.why:
        lines += ["", f"> {' '.join(request.why.split())}"]
    if found.by_hand:
        lines += ["", BY_HAND, ""]
        lines += [f"- [ ] {line}" for line in found.by_hand]
    return "\n".join(lines)


def add_to_matrix(path: str, location: str) -> str:
    """Return what is to be done in a CI file whose matrix lists the locations."""
    return f"`{path}` lists the code locations in a matrix: add `{location}` to it."


def add_a_build(path: str, location: str) -> str:
    """Return what is to be done in a CI file whose commands name each location."""
    return (
        f"`{path}` has commands for each code location: add a build of `{location}` as the others"
        f" have it, with `--location-name={location}`."
    )
